"""The Python side of the lessons."""

import ctypes
import gc
import sys
import weakref


# For the lessons to find here.
int, object = int, object


class Node:
    """Something that can refer to itself, and be watched."""


class Trap:
    """Empties a slot of a list, when it ends: any object's end can do such things."""

    def __init__(self, list):
        self.list = list

    def __del__(self):
        self.list[0] = None


class Witness:
    """Looks into the slot of a list that it was stored in, when it ends."""

    def __init__(self, data):
        self.data = data

    def __del__(self):
        global seen
        seen = self.data[0]


watched = seen = None


def on_thin_ice(item):
    """A list of an item and of a trap that knows the list."""
    data = [item, None]
    data[1] = Trap(data)
    return data


def under_watch():
    """A list of a witness that knows the list."""
    data = [None]
    data[0] = Witness(data)
    return data


def saw_itself():
    return [int(isinstance(seen, Witness))]


def empty(data):
    data[0] = None


def tie(node):
    """Make a cycle: the node refers to itself."""
    node.me = node


def watch(node):
    global watched
    watched = weakref.ref(node)


def alive():
    return [int(watched() is not None)]


def collect():
    gc.collect()


def referents(held):
    """What an object refers to; a dictionary of attributes counts as the object itself."""
    found = gc.get_referents(held)
    own = getattr(held, "__dict__", None)
    return [r for f in found for r in (gc.get_referents(f) if f is own else [f])]


def added_by_get_item_ref(data):
    """How many references PyList_GetItemRef adds; -1 where there is none, before 3.13."""
    if not hasattr(ctypes.pythonapi, "PyList_GetItemRef"):
        return [-1]
    get = ctypes.pythonapi.PyList_GetItemRef
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_ssize_t], ctypes.c_void_p
    before = sys.getrefcount(data[0])
    get(data, 0)
    added = sys.getrefcount(data[0]) - before
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(data[0]))
    return [added]


def same(data):
    return data


def change(data):
    data[0] = 7.0


def raises(data):
    raise ValueError("no outliers today")


def keeps_exception(data):
    """Return the exception itself: its traceback has this frame, and the frame has `data`."""
    try:
        raises(data)
    except ValueError as error:
        return error


def given_back_twice():
    """What ends a process that did: a debug build of Python notices at once."""
    return "SIGABRT" if hasattr(sys, "gettotalrefcount") else "SIGSEGV"
