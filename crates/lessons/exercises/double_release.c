/* double_release: the first eight values, or an error

   If there are more than eight, PyList_SetItem fails. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *first = PyList_New(8);
    if (first == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        PyObject *item = PyList_GET_ITEM(data, i);
        Py_INCREF(item);
        if (PyList_SetItem(first, i, item) < 0) {
            Py_DECREF(item);
            Py_DECREF(first);
            return NULL;
        }
    }
    if (PyList_SetSlice(first, PyList_GET_SIZE(data), 8, NULL) < 0)
        Py_CLEAR(first);
    return first;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "double_release", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_double_release(void)
{
    return PyModule_Create(&module);
}
