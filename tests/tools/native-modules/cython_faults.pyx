# cython: language_level=3
"""References counted by hand in Cython."""
from cpython.ref cimport PyObject, Py_INCREF, Py_XDECREF


cdef class Cell:
    cdef public object value

    def share(self):
        """Take a reference for C code that never gets it."""
        value = self.value
        Py_INCREF(value)  # fault: share
        return value is not None


def peek(Cell cell):
    """Release a borrowed reference."""
    cdef PyObject *value = <PyObject *>cell.value
    found = value != NULL
    Py_XDECREF(value)  # fault: peek
    return found
