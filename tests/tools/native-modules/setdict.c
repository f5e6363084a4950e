/* PyDict_SetItemString does not steal. */
#include "module.h"

static PyObject *snapshot(PyObject *self, PyObject *thing)
{
    PyObject *dict = PyDict_New();
    PyObject *value = PyObject_GetAttrString(thing, "value"); /* fault */
    if (dict == NULL || value == NULL || PyDict_SetItemString(dict, "value", value) < 0) {
        Py_XDECREF(dict);
        return NULL;
    }
    return dict;
}

static PyMethodDef methods[] = {{"snapshot", snapshot, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(setdict)
