/* PyList_SetItem steals, so the release after it is one too many. */
#include "module.h"

static PyObject *wrap(PyObject *self, PyObject *thing)
{
    PyObject *list = PyList_New(1);
    PyObject *value = PyObject_GetAttrString(thing, "value");
    if (list == NULL || value == NULL || PyList_SetItem(list, 0, value) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    Py_DECREF(value); /* fault */
    return list;
}

static PyMethodDef methods[] = {{"wrap", wrap, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(setlist)
