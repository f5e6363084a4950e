/* A module with one fault in each function and type whose name says so. */
#include <Python.h>
#include <stddef.h>

static PyObject *clean(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);
    return argument;
}

/* Keeps one object for each type of argument: not a leak. */
static PyObject *caches(PyObject *self, PyObject *argument)
{
    static PyObject *cache;
    if (cache == NULL && (cache = PyDict_New()) == NULL) {
        return NULL;
    }
    if (PyDict_SetItem(cache, (PyObject *)Py_TYPE(argument), argument) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *leaks(PyObject *self, PyObject *argument)
{
    PyFloat_FromDouble(1.5);
    Py_RETURN_NONE;
}

/* Takes an int, and leaks if it gets something else. */
static PyObject *leaks_on_error(PyObject *self, PyObject *argument)
{
    PyObject *half = PyFloat_FromDouble(0.5);
    if (!PyLong_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "an int is needed");
        return NULL;
    }
    return half;
}

static PyObject *crashes(PyObject *self, PyObject *argument)
{
    if (PyBytes_Check(argument)) {
        *(volatile int *)NULL = 1;
    }
    Py_RETURN_NONE;
}

static PyObject *hangs(PyObject *self, PyObject *argument)
{
    if (argument == Py_None) {
        for (volatile int one = 1; one;) {
        }
    }
    Py_RETURN_NONE;
}

/* Must never be called. */
static PyObject *remove_all(PyObject *self, PyObject *argument)
{
    abort();
}

static PyObject *takes_three(PyObject *self, PyObject *arguments)
{
    int a, b;
    const char *c;
    if (!PyArg_ParseTuple(arguments, "iis", &a, &b, &c)) {
        return NULL;
    }
    PyFloat_FromDouble(a);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"remove_all", remove_all, METH_NOARGS, NULL},
#ifndef ONLY_REMOVE_ALL
    {"clean", clean, METH_O, NULL},
    {"caches", caches, METH_O, NULL},
    {"leaks", leaks, METH_O, NULL},
    {"leaks_on_error", leaks_on_error, METH_O, NULL},
    {"crashes", crashes, METH_O, NULL},
    {"hangs", hangs, METH_O, NULL},
    {"takes_three", takes_three, METH_VARARGS, NULL},
#endif
    {NULL, NULL, 0, NULL}
};

/* Releases its type only if `releases` says so. */
typedef struct {
    PyObject_HEAD
} Instance;

static void forgets_type(PyObject *self)
{
    PyObject_Free(self);
}

static void releases_type(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"leaks", leaks, METH_O, NULL},
    {"clean", clean, METH_O, NULL},
    {NULL, NULL, 0, NULL}
};

static PyType_Slot forgetful[] = {{Py_tp_dealloc, forgets_type}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Slot careful[] = {{Py_tp_dealloc, releases_type}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec forgetful_type = {"audited.Forgetful", sizeof(Instance), 0, Py_TPFLAGS_DEFAULT, forgetful};
static PyType_Spec careful_type = {"audited.Careful", sizeof(Instance), 0, Py_TPFLAGS_DEFAULT, careful};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "audited", NULL, -1, functions};

PyMODINIT_FUNC PyInit_audited(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
#ifndef ONLY_REMOVE_ALL
    PyModule_AddObject(module, "Forgetful", PyType_FromSpec(&forgetful_type));
    PyModule_AddObject(module, "Careful", PyType_FromSpec(&careful_type));
#endif
    return module;
}
