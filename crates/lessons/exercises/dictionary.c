/* dictionary: each index, with its value

   It returns a dictionary. Iterating over it gives the indices. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *found = PyDict_New();
    if (found == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        PyObject *index = PyLong_FromSsize_t(i);
        PyObject *item = PyList_GET_ITEM(data, i);
        Py_INCREF(item);
        if (index == NULL || PyDict_SetItem(found, index, item) < 0) {
            Py_XDECREF(index);
            Py_DECREF(item);
            Py_DECREF(found);
            return NULL;
        }
        Py_DECREF(index);
    }
    return found;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "dictionary", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_dictionary(void)
{
    return PyModule_Create(&module);
}
