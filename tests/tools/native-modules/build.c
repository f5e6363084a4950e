/* "N" in Py_BuildValue steals, but the item is borrowed. */
#include "module.h"

static PyObject *pair(PyObject *self, PyObject *list)
{
    PyObject *first = PyList_GetItem(list, 0);
    if (first == NULL) {
        return NULL;
    }
    return Py_BuildValue("(nN)", PyList_Size(list), first); /* fault */
}

static PyMethodDef methods[] = {{"pair", pair, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(build)
