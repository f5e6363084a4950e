/* An extension as a newcomer writes it. shares leaks a float for each word. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *shares(PyObject *self, PyObject *words)
{
    Py_ssize_t length = PyList_Size(words);
    PyObject *shares = PyDict_New();
    if (shares == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *word = PyList_GetItem(words, i);
        PyObject *known = PyDict_GetItem(shares, word);
        PyObject *share = PyFloat_FromDouble((known ? PyFloat_AsDouble(known) : 0.0) + 1.0 / length);
        if (share == NULL || PyDict_SetItem(shares, word, share) < 0) {
            Py_XDECREF(share);
            Py_DECREF(shares);
            return NULL;
        }
        /* PyDict_SetItem does not steal, so Py_DECREF(share) is missing. */
    }
    return shares;
}

static PyObject *longest(PyObject *self, PyObject *words)
{
    PyObject *found = Py_None;
    for (Py_ssize_t i = 0; i < PyList_Size(words); i++) {
        PyObject *word = PyList_GetItem(words, i);
        if (found == Py_None || PyUnicode_GetLength(word) > PyUnicode_GetLength(found))
            found = word;
    }
    Py_INCREF(found);
    return found;
}

static PyMethodDef methods[] = {
    {"shares", shares, METH_O, "Return the share of each word of a list."},
    {"longest", longest, METH_O, "Return the longest word of a list."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "wordcount", NULL, -1, methods};

PyMODINIT_FUNC PyInit_wordcount(void)
{
    return PyModule_Create(&module);
}
