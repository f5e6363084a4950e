/* append: the indices of the values above 100

   It returns the right list, but memory grows with each call. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *indices = PyList_New(0);
    if (indices == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        double value = PyFloat_AsDouble(PyList_GET_ITEM(data, i));
        if (value == -1 && PyErr_Occurred()) {
            Py_DECREF(indices);
            return NULL;
        }
        if (value <= 100)
            continue;
        PyObject *index = PyLong_FromSsize_t(i);
        if (index == NULL || PyList_Append(indices, index) < 0) {
            Py_XDECREF(index);
            Py_DECREF(indices);
            return NULL;
        }
    }
    return indices;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "append", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_append(void)
{
    return PyModule_Create(&module);
}
