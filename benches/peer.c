/* The copying call in plain C: the same calls as ours, without its checks of what comes back. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct indices {
    long long *items; /* from malloc; NULL if there are none */
    size_t length;
};

static PyObject *list_from(const double *data, Py_ssize_t n)
{
    PyObject *list = PyList_New(n);
    if (list == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PyFloat_FromDouble(data[i]);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

/* Grows as a Rust vector does. */
static int push(struct indices *out, size_t *capacity, long long value)
{
    if (out->length == *capacity) {
        size_t more = *capacity == 0 ? 4 : *capacity * 2;
        long long *items = realloc(out->items, more * sizeof *items);
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        out->items = items;
        *capacity = more;
    }
    out->items[out->length++] = value;
    return 0;
}

static int drain(PyObject *result, struct indices *out)
{
    PyObject *iterator = PyObject_GetIter(result), *item;
    size_t capacity = 0;
    if (iterator == NULL)
        return -1;
    while ((item = PyIter_Next(iterator)) != NULL) {
        long long value = PyLong_AsLongLong(item);
        Py_DECREF(item);
        if ((value == -1 && PyErr_Occurred()) || push(out, &capacity, value) != 0)
            break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? -1 : 0;
}

static int call(PyObject *function, const double *data, Py_ssize_t n, struct indices *out)
{
    PyObject *list = list_from(data, n);
    if (list == NULL)
        return -1;
    PyObject *result = PyObject_CallFunctionObjArgs(function, list, NULL);
    Py_DECREF(list);
    if (result == NULL)
        return -1;
    int status = drain(result, out);
    Py_DECREF(result);
    return status;
}

/* Calls function with a list of the n values, takes the lock for it, and stores the ints that come
 * back. Returns 0, or -1 after printing the exception; frees nothing that was stored. */
int peer_detect(PyObject *function, const double *data, Py_ssize_t n, struct indices *out)
{
    PyGILState_STATE state = PyGILState_Ensure();
    int status = call(function, data, n, out);
    if (status != 0)
        PyErr_Print();
    PyGILState_Release(state);
    return status;
}

/* Frees what peer_detect stored. */
void peer_free(struct indices *out)
{
    free(out->items);
}
