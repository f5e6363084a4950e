/* stolen: a copy of the list

   It puts each value into a new list, with PyList_SetItem. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    Py_ssize_t length = PyList_GET_SIZE(data);
    PyObject *copy = PyList_New(length);
    if (copy == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *item = PyList_GetItem(data, i);
        if (item == NULL || PyList_SetItem(copy, i, item) < 0) {
            Py_DECREF(copy);
            return NULL;
        }
    }
    return copy;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "stolen", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_stolen(void)
{
    return PyModule_Create(&module);
}
