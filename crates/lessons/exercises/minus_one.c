/* minus_one: how many values are below 0

   It converts each value. If that fails, the caller gets the exception. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    long count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        double value = PyFloat_AsDouble(PyList_GET_ITEM(data, i));
        count += value < 0;
    }
    return Py_BuildValue("[l]", count);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "minus_one", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_minus_one(void)
{
    return PyModule_Create(&module);
}
