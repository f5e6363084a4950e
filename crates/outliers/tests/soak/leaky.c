/* Functions that leak or over-release a reference. */
#include <Python.h>

static PyObject *kept;

static PyObject *takes(PyObject *self, PyObject *argument)
{
    Py_INCREF(kept);
    Py_RETURN_NONE;
}

/* Takes two references to the module json, and releases one. */
static PyObject *imports(PyObject *self, PyObject *argument)
{
    PyObject *module = PyImport_ImportModule("json");
    Py_XINCREF(module);
    Py_XDECREF(module);
    Py_RETURN_NONE;
}

static PyObject *releases(PyObject *self, PyObject *argument)
{
    Py_DECREF(kept);
    Py_RETURN_NONE;
}

/* Balanced. */
static PyObject *borrows(PyObject *self, PyObject *argument)
{
    Py_INCREF(kept);
    Py_DECREF(kept);
    Py_RETURN_NONE;
}

static PyObject *borrows_and_takes(PyObject *self, PyObject *argument)
{
    Py_XDECREF(borrows(self, argument));
    return takes(self, argument);
}

static PyObject *new_reference(void)
{
    Py_INCREF(kept);
    return kept;
}

/* Returns a new reference, and leaks another. */
static PyObject *doubles(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);
    Py_INCREF(argument);
    return argument;
}

/* The first of two results is not released. */
static PyObject *forgets(PyObject *self, PyObject *argument)
{
    PyObject *forgotten = new_reference();
    Py_DECREF(new_reference());
    return PyBool_FromLong(forgotten != NULL);
}

/* PyList_Append takes a reference, so the one that is released is not ours. */
static PyObject *appends(PyObject *self, PyObject *argument)
{
    PyObject *list = PyList_New(0);
    PyList_Append(list, kept);
    Py_DECREF(kept); /* borrowed */
    return list;
}

/* PyList_SetItem steals. */
static PyObject *gives(PyObject *self, PyObject *argument)
{
    PyObject *list = PyList_New(1);
    PyList_SetItem(list, 0, kept);
    return list;
}

static PyObject *builds(PyObject *self, PyObject *argument)
{
    return Py_BuildValue("(dnN)", 1.0, (Py_ssize_t)1, kept);
}

static PyObject *returns(PyObject *self, PyObject *argument)
{
    return kept;
}

static PyMethodDef methods[] = {
    {"takes", takes, METH_NOARGS, NULL},
    {"imports", imports, METH_NOARGS, NULL},
    {"releases", releases, METH_NOARGS, NULL},
    {"doubles", doubles, METH_O, NULL},
    {"forgets", forgets, METH_NOARGS, NULL},
    {"appends", appends, METH_NOARGS, NULL},
    {"gives", gives, METH_NOARGS, NULL},
    {"builds", builds, METH_NOARGS, NULL},
    {"returns", returns, METH_NOARGS, NULL},
    {"borrows_and_takes", borrows_and_takes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "leaky", NULL, -1, methods};

PyMODINIT_FUNC PyInit_leaky(void)
{
    PyObject *module = PyModule_Create(&definition);
    kept = PyObject_CallObject((PyObject *)&PyBaseObject_Type, NULL);
    if (module == NULL || kept == NULL) {
        return NULL;
    }
    Py_INCREF(kept);
    PyModule_AddObject(module, "KEPT", kept);
    return module;
}
