/* The slot for __next__ returns a borrowed reference. */
#include "module.h"

typedef struct {
    PyObject_HEAD
    PyObject *thing;
    int left;
} Repeat;

static PyObject *next(PyObject *self)
{
    Repeat *repeat = (Repeat *)self;
    return repeat->left-- > 0 ? repeat->thing : NULL; /* fault */
}

static void dealloc(PyObject *self)
{
    Py_XDECREF(((Repeat *)self)->thing);
    PyObject_Free(self);
}

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "next.Repeat",
    .tp_basicsize = sizeof(Repeat),
    .tp_dealloc = dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = next,
};

static PyObject *repeat(PyObject *module, PyObject *thing)
{
    Repeat *repeat = PyObject_New(Repeat, &Type);
    if (repeat != NULL) {
        Py_INCREF(thing);
        repeat->thing = thing;
        repeat->left = 1;
    }
    return (PyObject *)repeat;
}

static PyMethodDef methods[] = {{"repeat", repeat, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "next", NULL, -1, methods};

PyMODINIT_FUNC PyInit_next(void)
{
    return PyType_Ready(&Type) < 0 ? NULL : PyModule_Create(&definition);
}
