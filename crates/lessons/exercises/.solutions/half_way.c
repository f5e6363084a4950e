/* half_way: the indices of the values above 100, with checks

   It checks each result, and returns if one is NULL. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *indices = PyList_New(0);
    if (indices == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        double value = PyFloat_AsDouble(PyList_GET_ITEM(data, i));
        if (value == -1 && PyErr_Occurred()) {
            Py_DECREF(indices);
            return NULL;
        }
        if (value <= 100)
            continue;
        PyObject *index = PyLong_FromSsize_t(i);
        if (index == NULL) {
            Py_DECREF(indices);
            return NULL;
        }
        int status = PyList_Append(indices, index);
        Py_DECREF(index);
        if (status < 0) {
            Py_DECREF(indices);
            return NULL;
        }
    }
    return indices;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "half_way", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_half_way(void)
{
    return PyModule_Create(&module);
}
