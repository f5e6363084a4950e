/* build_value: the length of the list, in a list

   Py_BuildValue puts an int into a new list. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *length = PyLong_FromSsize_t(PyList_GET_SIZE(data));
    if (length == NULL)
        return NULL;
    return Py_BuildValue("[N]", length);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "build_value", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_build_value(void)
{
    return PyModule_Create(&module);
}
