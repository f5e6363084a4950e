"""What the tools call: plain Python, as NumPy's own memory would hide ours."""

import gc
import sys


def ints(data):
    """Return new ints: none of them is small or kept anywhere."""
    return [2**40 + index for index in range(len(data) // 10)]


def generator(data):
    """Return what makes its ints while they are drained."""
    return (2**40 + index for index in range(len(data) // 10))


def raises(data):
    """Raise what holds on to a frame that holds the data."""
    raise ValueError("%d values" % len(data))


def wrong(data):
    """Return a wrong item behind good ones."""
    return [2**40, 2**41, "three"]


def settle():
    """Free what waits for the collector, and what is kept to find attributes faster."""
    (getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache)()
    gc.collect()


def released_too_often(data):
    """Give back two references to an object of which we hold one."""
    import ctypes

    item = ctypes.py_object(object())
    for _ in range(2):
        ctypes.pythonapi.Py_DecRef(item)
    return []
