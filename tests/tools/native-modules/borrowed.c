/* Releases a borrowed reference, after another function kept one of its own. */
#include "module.h"

static PyObject *collect(PyObject *self, PyObject *dict)
{
    PyObject *list = PyList_New(0);
    PyObject *value = PyDict_GetItemString(dict, "value");
    if (list == NULL || value == NULL || PyList_Append(list, value) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    Py_DECREF(value); /* fault */
    return list;
}

static PyMethodDef methods[] = {{"collect", collect, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(borrowed)
