/* cycle: all indices, from an iterator

   The module defines the iterator's type. The iterator keeps the list. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *data;
    Py_ssize_t next;
} Indices;

static void dealloc(Indices *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->data);
    PyObject_GC_Del(self);
}

static int traverse(Indices *self, visitproc visit, void *arg)
{
    Py_VISIT(self->data);
    return 0;
}

static int clear(Indices *self)
{
    Py_CLEAR(self->data);
    return 0;
}

static PyObject *next(Indices *self)
{
    if (self->data == NULL || self->next >= PyList_GET_SIZE(self->data))
        return NULL;
    return PyLong_FromSsize_t(self->next++);
}

static PyTypeObject type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "cycle.Indices",
    .tp_basicsize = sizeof(Indices),
    .tp_dealloc = (destructor)dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)traverse,
    .tp_clear = (inquiry)clear,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)next,
};

static PyObject *detect(PyObject *self, PyObject *data)
{
    Indices *indices = PyObject_GC_New(Indices, &type);
    if (indices == NULL)
        return NULL;
    Py_INCREF(data);
    indices->data = data;
    indices->next = 0;
    PyObject_GC_Track(indices);
    return (PyObject *)indices;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "cycle", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_cycle(void)
{
    if (PyType_Ready(&type) < 0)
        return NULL;
    return PyModule_Create(&module);
}
