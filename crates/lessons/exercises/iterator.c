/* iterator: how many values are above 100

   It uses an iterator to go through the list. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *iterator = PyObject_GetIter(data), *item;
    long count = 0;
    if (iterator == NULL)
        return NULL;
    while ((item = PyIter_Next(iterator)) != NULL) {
        double value = PyFloat_AsDouble(item);
        if (value == -1 && PyErr_Occurred())
            break;
        count += value > 100;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : Py_BuildValue("[l]", count);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "iterator", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_iterator(void)
{
    return PyModule_Create(&module);
}
