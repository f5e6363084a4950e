/* returned: the list itself, if it is empty

   Otherwise it returns the length in a list. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    Py_ssize_t length = PyList_GET_SIZE(data);
    if (length == 0)
        return data;
    return Py_BuildValue("[n]", length);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "returned", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_returned(void)
{
    return PyModule_Create(&module);
}
