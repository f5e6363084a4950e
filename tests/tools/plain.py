"""The functions that the tools call. They use no NumPy: its own memory would hide ours."""

import gc
import sys


def ints(data):
    """Return new ints. They are too large for Python to keep."""
    return [2**40 + index for index in range(len(data) // 10)]


def generator(data):
    """Return a generator, which makes its ints while it is drained."""
    return (2**40 + index for index in range(len(data) // 10))


def raises(data):
    """Raise an exception that keeps a frame, which keeps the data."""
    raise ValueError("%d values" % len(data))


def wrong(data):
    """Return a wrong item after good ones."""
    return [2**40, 2**41, "three"]


def settle():
    """Collect garbage, and clear the caches that speed up attributes."""
    (getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache)()
    gc.collect()


def released_too_often(data):
    """Release two references to an object to which we own one."""
    import ctypes

    item = ctypes.py_object(object())
    for _ in range(2):
        ctypes.pythonapi.Py_DecRef(item)
    return []
