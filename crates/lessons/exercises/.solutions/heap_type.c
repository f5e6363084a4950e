/* heap_type: all indices, from an iterator of a heap type

   PyType_FromSpec makes the type. Each iterator keeps two numbers, and no objects. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    Py_ssize_t next, size;
} Indices;

static PyTypeObject *indices_type;

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *next(PyObject *self)
{
    Indices *indices = (Indices *)self;
    if (indices->next >= indices->size)
        return NULL;
    return PyLong_FromSsize_t(indices->next++);
}

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, next},
    {0, NULL},
};
static PyType_Spec spec = {"heap_type.Indices", sizeof(Indices), 0, Py_TPFLAGS_DEFAULT, slots};

static PyObject *detect(PyObject *self, PyObject *data)
{
    Indices *indices = PyObject_New(Indices, indices_type);
    if (indices == NULL)
        return NULL;
    indices->next = 0;
    indices->size = PyList_GET_SIZE(data);
    return (PyObject *)indices;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "heap_type", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_heap_type(void)
{
    indices_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (indices_type == NULL)
        return NULL;
    return PyModule_Create(&module);
}
