/* state: the number of values, from a module with state

   The function last returns the list of the last call. Each interpreter that imports
   the module gets a module object and a state of its own. */
#include <Python.h>

typedef struct {
    PyObject *last;
} State;

static PyObject *detect(PyObject *self, PyObject *data)
{
    State *state = PyModule_GetState(self);
    PyObject *before = state->last;
    Py_INCREF(data);
    state->last = data;
    Py_XDECREF(before);
    return Py_BuildValue("[n]", PyList_GET_SIZE(data));
}

static PyObject *last(PyObject *self, PyObject *unused)
{
    State *state = PyModule_GetState(self);
    PyObject *last = state->last ? state->last : Py_None;
    Py_INCREF(last);
    return last;
}

static int exec(PyObject *self)
{
    State *state = PyModule_GetState(self);
    state->last = PyList_New(0);
    return state->last == NULL ? -1 : 0;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(self);
    Py_VISIT(state->last);
    return 0;
}

static int clear(PyObject *self)
{
    State *state = PyModule_GetState(self);
    Py_CLEAR(state->last);
    return 0;
}

static void free_module(void *self)
{
    clear(self);
}

static PyMethodDef methods[] = {
    {"detect", detect, METH_O, NULL},
    {"last", last, METH_NOARGS, NULL},
    {NULL},
};
static PyModuleDef_Slot slots[] = {{Py_mod_exec, exec}, {0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "state",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC
PyInit_state(void)
{
    return PyModuleDef_Init(&module);
}
