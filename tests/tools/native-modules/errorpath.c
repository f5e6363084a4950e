/* The error path forgets a reference. */
#include "module.h"

static PyObject *check(PyObject *self, PyObject *config)
{
    PyObject *limit = PyObject_GetAttrString(config, "limit"); /* fault */
    if (limit == NULL) {
        return NULL;
    }
    if (!PyLong_Check(limit)) {
        PyErr_SetString(PyExc_TypeError, "limit is not an int");
        return NULL;
    }
    Py_DECREF(limit);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"check", check, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(errorpath)
