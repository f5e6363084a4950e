/* null: the length of the list, and twice the length

   It returns two new ints in a new list. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *lengths = PyList_New(2);
    if (lengths == NULL)
        return NULL;
    PyObject *once = PyLong_FromSsize_t(PyList_GET_SIZE(data));
    if (once == NULL) {
        Py_DECREF(lengths);
        return NULL;
    }
    PyObject *twice = PyNumber_Add(once, once);
    if (twice == NULL) {
        Py_DECREF(once);
        Py_DECREF(lengths);
        return NULL;
    }
    PyList_SET_ITEM(lengths, 0, once);
    PyList_SET_ITEM(lengths, 1, twice);
    return lengths;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "null", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_null(void)
{
    return PyModule_Create(&module);
}
