/* A `continue` in a loop skips the release of a temporary. */
#include "module.h"

static PyObject *count(PyObject *self, PyObject *sequence)
{
    Py_ssize_t length = PySequence_Size(sequence), numbers = 0;
    for (Py_ssize_t index = 0; index < length; index++) {
        PyObject *item = PySequence_GetItem(sequence, index); /* fault */
        if (item == NULL) {
            return NULL;
        }
        if (!PyNumber_Check(item)) {
            continue;
        }
        numbers++;
        Py_DECREF(item);
    }
    return PyLong_FromSsize_t(numbers);
}

static PyMethodDef methods[] = {{"count", count, METH_O, NULL}, {NULL, NULL, 0, NULL}};
MODULE(loop)
