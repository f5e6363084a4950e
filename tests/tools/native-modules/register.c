/* PyModule_AddObject steals, but the argument is borrowed. */
#include "module.h"

static PyObject *add(PyObject *self, PyObject *thing)
{
    if (PyModule_AddObject(self, "default", thing) < 0) { /* fault */
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"add", add, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(register)
