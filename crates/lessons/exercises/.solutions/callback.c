/* callback: absolute values, by a function that C calls back

   for_each stands for a library that knows nothing of Python. It calls visit for each
   index, and passes on a pointer to what visit needs. */
#include <Python.h>

static void for_each(Py_ssize_t size, void (*visit)(Py_ssize_t, void *), void *context)
{
    for (Py_ssize_t i = 0; i < size; i++)
        visit(i, context);
}

typedef struct {
    PyObject *data, *function, *results;
    int failed;
} Context;

static void visit(Py_ssize_t index, void *context)
{
    Context *call = context;
    if (call->failed)
        return;
    PyObject *item = PySequence_GetItem(call->data, index);
    if (item == NULL) {
        call->failed = 1;
        return;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(call->function, item, NULL);
    Py_DECREF(item);
    if (result == NULL || PyList_Append(call->results, result) < 0)
        call->failed = 1;
    Py_XDECREF(result);
}

static PyObject *detect(PyObject *self, PyObject *data)
{
    PyObject *builtins = PyImport_ImportModule("builtins");
    if (builtins == NULL)
        return NULL;
    PyObject *function = PyObject_GetAttrString(builtins, "abs");
    Py_DECREF(builtins);
    if (function == NULL)
        return NULL;
    Context context = {data, function, PyList_New(0), 0};
    if (context.results != NULL)
        for_each(PyList_GET_SIZE(data), visit, &context);
    Py_DECREF(function);
    if (context.failed)
        Py_CLEAR(context.results);
    return context.results;
}

static PyMethodDef methods[] = {{"detect", detect, METH_O, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "callback", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_callback(void)
{
    return PyModule_Create(&module);
}
