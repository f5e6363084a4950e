/* lock: the length of the first value as a string

   It lets other threads run while it sleeps. */
#include <Python.h>
#include <time.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    if (PyList_GET_SIZE(data) == 0)
        return PyList_New(0);
    PyObject *first = PyList_GET_ITEM(data, 0);
    Py_INCREF(first);
    Py_BEGIN_ALLOW_THREADS
    struct timespec wait = {0, 2000000};
    nanosleep(&wait, NULL);
    Py_END_ALLOW_THREADS
    PyObject *text = PyObject_Str(first);
    Py_DECREF(first);
    if (text == NULL)
        return NULL;
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    Py_DECREF(text);
    return Py_BuildValue("[n]", length);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "lock", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_lock(void)
{
    return PyModule_Create(&module);
}
