/* A helper returns a new reference. One of its two callers forgets to release it. All are inlined with -O2. */
#include "module.h"

static PyObject *fetch(PyObject *dict, const char *key)
{
    PyObject *value = PyDict_GetItemString(dict, key);
    Py_XINCREF(value);
    return value;
}

static int is_callable(PyObject *dict)
{
    PyObject *value = fetch(dict, "value");
    int is = value != NULL && PyCallable_Check(value);
    Py_XDECREF(value);
    return is;
}

static int is_true(PyObject *dict)
{
    PyObject *value = fetch(dict, "value"); /* fault */
    return value != NULL && PyObject_IsTrue(value);
}

static PyObject *measure(PyObject *self, PyObject *dict)
{
    return PyLong_FromLong(is_callable(dict) + is_true(dict));
}

static PyMethodDef methods[] = {{"measure", measure, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(inlined)
