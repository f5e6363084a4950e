"""What the tests call: each takes a list of floats and does one thing right or wrong."""

import array
import ctypes
import itertools
import os
import signal
import struct
import sys
import threading

import numpy as np


# Right: the results are ints, however they come.

def minus_ones(data): return [-1] * len(data)
def as_list(data): return [0, 2]
def as_tuple(data): return (0, 2)
def as_set(data): return {2}
def as_dict(data): return {2: "two"}
def as_range(data): return range(0, 3, 2)
def as_array(data): return array.array("q", [0, 2])
def as_numpy(data): return np.array([0, 2])
def as_small_numpy(data): return np.array([0, 2], dtype=np.uint8)
def as_numpy_ints(data): return [np.int64(0), np.int32(2)]
def as_nothing(data): return []
def as_extremes(data): return [-2**63, 2**63 - 1]


def as_generator(data):
    yield 0
    yield 2


class Index:
    def __index__(self): return 2


def as_index(data): return [0, Index()]


# Wrong, as a whole.

def returns_none(data): return None
def returns_int(data): return 7
def returns_float(data): return 7.5
def returns_str(data): return "02"
def returns_empty_str(data): return ""
def returns_bytes(data): return b"\0\2"
def returns_bytearray(data): return bytearray(2)
def returns_scalar_array(data): return np.array(7)
def counts_for_ever(data): return itertools.count()
def returns_one_too_many(data): return range(len(data) + 1)


class Uniterable:
    def __iter__(self): raise LookupError("no items today")


class IterableWithMistake:
    def __iter__(self): return 1 + "1"


def returns_uniterable(data): return Uniterable()
def returns_iterable_with_mistake(data): return IterableWithMistake()


# Wrong, at item 1.

def has_float(data): return [0, 1.0]
def has_numpy_float(data): return [0, np.float64(1)]
def has_bool(data): return [0, True]
def has_numpy_bool(data): return [0, np.bool_(True)]
def returns_mask(data): return np.array(data) > 1
def has_str(data): return [0, "1"]
def has_bytes(data): return [0, b"1"]
def has_none(data): return [0, None]
def has_list(data): return [0, [1]]
def has_large(data): return [0, 2**63]
def has_small(data): return [0, -2**63 - 1]
def has_large_numpy(data): return np.array([0, 2**63], dtype=np.uint64)


class IndexRaises:
    def __index__(self): raise RuntimeError("no index")


class IndexMistaken:
    def __index__(self): return len(5)


class IndexOverflows:
    def __index__(self): raise OverflowError("by hand")


def has_overflowing_index(data): return [0, IndexOverflows()]
def has_raising_index(data): return [0, IndexRaises()]
def has_mistaken_index(data): return [0, IndexMistaken()]


def raises_half_way(data):
    yield 0
    raise ValueError("half-way")


# What came in.

def bits(data):
    """The bits of each value, as an int of 64 bits."""
    return [struct.unpack("q", struct.pack("d", value))[0] for value in data]


kept = []


def keeps(data):
    kept.append(data)
    return []


def changes(data):
    data[:] = [0.0]
    return []


# Raised.

class Hostile(Exception):
    def __str__(self): raise Hostile()


class Unnamed(type):
    __module__ = 5


class Odd(Exception, metaclass=Unnamed):
    __module__ = 5


def raises_value_error(data): raise ValueError("the message")
def raises_two_lines(data): raise ValueError("one\ntwo")
def raises_nothing_to_say(data): raise KeyError
def raises_system_exit(data): sys.exit(3)
def raises_keyboard_interrupt(data): raise KeyboardInterrupt
def raises_generator_exit(data): raise GeneratorExit
def raises_stop_iteration(data): raise StopIteration
def raises_memory_error(data): raise MemoryError("not really")
def raises_hostile(data): raise Hostile()
def raises_odd(data): raise Odd("odd")
def raises_long(data): raise ValueError("x" * 50_000_000)
def raises_surrogates(data): raise ValueError("a\udc80\0b")
def raises_numpy(data): raise np.linalg.LinAlgError("singular")
def recurses(data): return recurses(data)


def raises_from(data):
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("then") from error


def closes_stdout(data):
    sys.stdout.close()
    return [1]


class Waiting:
    """Counts the threads that have come in, and lets none out before `size` have."""
    barrier = None


def set_barrier(data):
    Waiting.barrier = threading.Barrier(len(data))
    return []


def waits_for_the_others(data):
    Waiting.barrier.wait(60)
    return [len(data)]


local = threading.local()


def counts_calls_of_this_thread(data):
    local.calls = getattr(local, "calls", 0) + 1
    return [local.calls]


def calls_back_on_a_thread(data):
    """Calls the C function at an address, on a thread that Python makes and ends."""
    function = ctypes.CFUNCTYPE(None)(int(data[0]))
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    return []


def ignores_sigxfsz(data):
    """Whether SIGXFSZ is ignored: Python does that where it installs its signal handlers."""
    with open("/proc/self/status") as status:
        ignored = next(line for line in status if line.startswith("SigIgn:"))
    return [int(ignored.split()[1], 16) >> (signal.SIGXFSZ - 1) & 1]


def knows_lc_ctype(data): return [int("LC_CTYPE" in os.environ)]


def spins(data):
    while True:
        pass


# Leaks.

def keeps_every_500th(data):
    keeps_every_500th.calls += 1
    if keeps_every_500th.calls % 500 == 0:
        kept.append(data)
    return []


keeps_every_500th.calls = 0


def fills_a_cache(data):
    """Keeps something at each of the first 5,000 calls."""
    if len(cache) < 5000:
        cache.append(float(len(cache)) + 0.5)
    return []


cache = []


def interrupts_itself(data):
    """Presses Ctrl-C at a call: as many thousands as there are values."""
    interrupts_itself.calls += 1
    if interrupts_itself.calls == 1000 * len(data):
        os.kill(os.getpid(), signal.SIGINT)
    return []


interrupts_itself.calls = 0


def presses_ctrl_c(data): os.kill(os.getpid(), signal.SIGINT)


def is_released_too_often(data):
    """Gives back a reference to itself that nobody took."""
    release(is_released_too_often)
    return []


release = ctypes.pythonapi.Py_DecRef
release.argtypes = [ctypes.py_object]
release.restype = None


# At every place of the result.

def wrong_first(data): return [None] + [0] * (len(data) - 1)
def wrong_in_the_middle(data): return [0] * (len(data) // 2) + [None]
def wrong_last(data): return [0] * (len(data) - 1) + [None]
