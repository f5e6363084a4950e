"""Functions that leak in one way each, and one that releases too often."""

import ctypes
import os
import threading

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
take = ctypes.pythonapi.Py_IncRef
release = ctypes.pythonapi.Py_DecRef
for call in (take, release):
    call.argtypes, call.restype = [ctypes.py_object], None

HISTORY = []
CONFIG = {"name": "value"}
never = threading.Event()


class Point:
    pass


def empty(data):
    return []


def appended(data):
    HISTORY.append(object())
    return []


def object_lost(data):
    take(object())
    return []


def type_reference(data):
    take(Point)
    return []


def malloc(data):
    libc.malloc(1000)
    return []


def file(data):
    os.open("/dev/null", os.O_RDONLY)
    return []


def thread(data):
    threading.Thread(target=never.wait, daemon=True).start()
    return []


def released_too_often(data):
    release(CONFIG)
    return []
