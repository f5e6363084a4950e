/* What every module here needs: MODULE(name) after `methods` makes the module. */
#include <Python.h>

#define MODULE(name)                                                                                                  \
    static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, #name, NULL, -1, methods};                         \
    PyMODINIT_FUNC PyInit_##name(void) { return PyModule_Create(&definition); }
