"""Planted faults: leaks and over-releases. Many of them take no memory."""

import ctypes
import itertools
import mmap
import os
import threading
import time

import numpy as np

take = ctypes.pythonapi.Py_IncRef
release = ctypes.pythonapi.Py_DecRef
take.argtypes = release.argtypes = [ctypes.py_object]
take.restype = release.restype = None
malloc, free = ctypes.CDLL(None).malloc, ctypes.CDLL(None).free
malloc.restype = ctypes.c_void_p
free.argtypes = [ctypes.c_void_p]


class Thing:
    def __repr__(self): return "<planted>"


THING = Thing()


class Odd:
    """Its `__module__` is not a string in its type, as with Cython's functions."""

    __module__ = property(lambda self: "odd")


NESTED = [{"key": Odd()}]
DTYPE = np.dtype([("planted", "f8")])
VALUES = np.zeros(3, dtype=[("an array's", "f8")])
calls = 0


def is_due(every):
    global calls
    calls += 1
    return calls % every == 0


def leaks(thing, every):
    if is_due(every):
        take(thing)
    return []


def leaks_a_things_reference(data): return leaks(THING, 1000)
def leaks_a_nested_objects_reference(data): return leaks(NESTED[0]["key"], 1000)
def leaks_a_types_reference(data): return leaks(Thing, 1000)
def leaks_a_dtypes_reference(data): return leaks(DTYPE, 1000)
def leaks_an_arrays_dtypes_reference(data): return leaks(VALUES.dtype, 1000)
def leaks_a_reference_each_time(data): return leaks(THING, 1)


LOUD = [Thing(), Thing(), Thing()]


def leaks_more_to_three_others(data):
    for other in LOUD * 2:
        take(other)
    return leaks(THING, 1)


class Fresh:
    pass


def leaks_a_types_reference_and_bytes(data):
    """Leak a reference to the type at each call, which takes no memory, and bytes at every thousandth call."""
    take(Fresh)
    if is_due(1000):
        take(b"%d" % calls)
    return []


VALUE = 10**40


def leaks_a_plain_value(data):
    take(VALUE)
    return []


def releases(thing, every):
    if is_due(every):
        release(thing)
    return []


def releases_a_thing_each_time(data): return releases(THING, 1)
def releases_a_thing_now_and_then(data): return releases(THING, 1000)
def releases_its_argument(data): return releases(data, 1)
def releases_an_item(data): return releases(data[1], 1)


def returns_a_borrowed_argument(data):
    release(data)
    return data


STORE = [Thing()] * 100_000


def takes_from_a_store(data):
    STORE.pop()
    return []


def counts_for_ever(data): return itertools.count()


KEPT = []


def keeps_its_argument(data):
    KEPT.append(data)
    return []


def keeps_floats(data):
    KEPT.append(len(data) + 1e9)
    return []


CACHE = {}


def fills_a_cache_slowly(data):
    time.sleep(0.01)
    CACHE[len(CACHE) % 600] = len(data) + 1e9
    return []


RESERVED = mmap.mmap(-1, 1 << 30)


def leaks_by_c_code(data):
    block = malloc(500)
    free(block)
    leaked = malloc(500)
    return []


def keeps_pages(data):
    """Use 64 KiB more of the reserved memory at every hundredth call. No allocator sees it."""
    if is_due(100):
        start = calls // 100 * 65536
        RESERVED[start : start + 65536] = b"x" * 65536
    return []


def leaks_a_reference_and_pages(data):
    take(THING)
    return keeps_pages(data)


STOCK = []


def grows_the_heap():
    return malloc(40)


def calls_a_leaking_function(data):
    """Free 32 bytes and call a function that leaks 48 bytes, on one line."""
    if not STOCK:
        STOCK.extend(malloc(24) for _ in range(40_000))
    is_due(1)
    leaked = grows_the_heap(), free(STOCK[calls])
    return []


class Endless:
    def __repr__(self):
        while True:
            pass


ENDLESS = Endless()
def leaks_an_object_with_an_endless_repr(data): return leaks(ENDLESS, 1)


def prints(data):
    print("words")
    os.write(1, b"and bytes")
    return []


def closes_all_descriptors(data):
    if is_due(100):
        os.closerange(3, 1000)
    return []


def dies(data):
    if is_due(300):
        ctypes.string_at(0)
    return []


def ends_python(data):
    if is_due(300):
        os._exit(0)
    return []


def takes_all_memory(data):
    KEPT.append(bytearray(8 << 10))
    return []


# Leaks that the soak cannot see in full, and code that it disturbs.

take_at = ctypes.PyDLL(None).Py_IncRef
take_at.argtypes, take_at.restype = [ctypes.c_void_p], None


def held_only_by_c_code():
    """Return the address of an object to which only C code refers."""
    thing = object()
    take(thing)
    return id(thing)


HIDDEN = held_only_by_c_code()


def leaks_an_object_that_only_c_code_holds(data):
    take_at(HIDDEN)
    return []


def leaks_nones_reference(data): return leaks(None, 1)


def leaks_a_constant_of_code(data):
    def inner():
        return leaks(2345.5, 1)
    return inner()


def leaks_in_another_thread(data):
    thread = threading.Thread(target=leaks_a_reference_each_time, args=(data,))
    thread.start()
    thread.join()
    return []


ARRAY = np.zeros(3)


def resizes_an_array(data):
    ARRAY.resize(7 - len(ARRAY))
    return []


KEPT_OBJECTS = []


def keeps_an_object_and_returns_an_item(data):
    KEPT_OBJECTS.append(object())
    return [0]
