/* error_path: twice each value, as ints

   A value that is not a number raises an exception. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *doubled = PyList_New(0);
    if (doubled == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        double value = PyFloat_AsDouble(PyList_GET_ITEM(data, i));
        if (value == -1 && PyErr_Occurred())
            return NULL;
        PyObject *twice = PyLong_FromDouble(2 * value);
        if (twice == NULL || PyList_Append(doubled, twice) < 0) {
            Py_XDECREF(twice);
            Py_DECREF(doubled);
            return NULL;
        }
        Py_DECREF(twice);
    }
    return doubled;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "error_path", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_error_path(void)
{
    return PyModule_Create(&module);
}
