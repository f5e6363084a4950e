/* A comparison does not release the key of the other object. */
#include "module.h"

static PyObject *compare(PyObject *self, PyObject *other, int operation)
{
    PyObject *left = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "key");
    PyObject *right = PyObject_GetAttrString(other, "key"); /* fault */
    PyObject *result = left && right ? PyObject_RichCompare(left, right, operation) : NULL;
    Py_XDECREF(left);
    return result;
}

static PyTypeObject Keyed = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "compare.Keyed",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_richcompare = compare,
    .tp_new = PyType_GenericNew,
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "compare", NULL, -1, NULL};

PyMODINIT_FUNC PyInit_compare(void)
{
    PyObject *module = PyType_Ready(&Keyed) < 0 ? NULL : PyModule_Create(&definition);
    if (module != NULL) {
        Py_INCREF(&Keyed);
        PyModule_AddObject(module, "Keyed", (PyObject *)&Keyed);
    }
    return module;
}
