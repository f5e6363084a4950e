/* thin_ice: the index of the largest value

   It compares each item with the largest so far. */
#include <Python.h>

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *largest = NULL;
    Py_ssize_t found = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(data); i++) {
        PyObject *item = PyList_GET_ITEM(data, i);
        int larger = largest == NULL ? 1
            : PyObject_RichCompareBool(item, largest, Py_GT);
        if (larger < 0)
            return NULL;
        if (larger) {
            largest = item;
            found = i;
        }
    }
    return largest == NULL ? PyList_New(0) : Py_BuildValue("[n]", found);
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "thin_ice", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_thin_ice(void)
{
    return PyModule_Create(&module);
}
