"""Functions for the tests: each takes a list of floats and does one thing right or wrong."""

import array
import ctypes
import gc
import itertools
import os
import signal
import sys
import threading
import traceback
import tracemalloc

import numpy as np


# Right: the results are ints, in many forms.

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


# Wrong: many more are in hostile/.

def returns_none(data): return None
def counts_for_ever(data): return itertools.count()


def raises_half_way(data):
    yield 0
    raise ValueError("half-way")


# What came in.

kept = []


def keeps(data):
    kept.append(data)
    return []


def returns_what_was_kept(data): return [int(value) for value in kept[-1]]


# Raised: many more are in hostile/.

def raises_value_error(data): raise ValueError("the message")
def raises_system_exit(data): sys.exit(3)
def raises_long(data): raise ValueError("x" * 50_000_000)


def raises_memory_error(data):
    raise MemoryError("no room for three")


def raises_from(data):
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("the message") from error


def raises_while_handling(data):
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("the message")


def raises_from_none(data):
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("the message") from None


def raises_in_a_circle(data):
    error, other = ValueError("the message"), KeyError("other")
    error.__cause__, other.__cause__ = other, error
    raise error


def raises_at_the_end_of_many(data):
    error = KeyError("the first")
    for number in range(10_000):
        cause, error = error, ValueError("the message")
        error.__cause__ = cause
    raise error


def raises_far_off(data):
    error = SyntaxError("the message", ("own.py", 1, 1, "text"))
    error.end_offset = 10**12
    raise error


def raises_a_syntax_error(data): compile("x = (1 +* 2)", "own.py", "exec")


def raises_with_a_note(data):
    error = ValueError("the message")
    error.add_note("a note")
    raise error


def raises_a_group(data):
    group = ExceptionGroup("inner", [KeyError(number) for number in range(20)])
    raise ExceptionGroup("outer", [ValueError("the message"), group])


def misspells(data): return dta
def misspells_a_method(data): return data.apend(1)
def misspells_in_a_module(data): return signal.SIGIN


ways = [
    raises_value_error, raises_from, raises_while_handling, raises_from_none, raises_in_a_circle,
    raises_a_syntax_error, raises_with_a_note, raises_a_group, misspells, misspells_a_method, misspells_in_a_module,
]
printed = []


def raises_in_some_way(data):
    way = ways[int(data[0])]
    try:
        way(data)
    except BaseException:
        printed[:] = traceback.format_exc()
        raise


def was_printed(data): return map(ord, printed)


class Nameless(type):
    def __getattribute__(cls, name): raise ValueError("no " + name)


def raises_without_a_name(data): raise Nameless("Error", (Exception,), {})("the message")


def raises_deep_inside(data, depth=400):
    if depth == 0:
        raise ValueError("deep inside")
    return goes_deeper(data, depth - 1)


def goes_deeper(data, depth):
    return raises_deep_inside(data, depth)


class Waiting:
    """A barrier for the threads that call."""
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


class CallsBackWhenFlushed:
    def __init__(self, function): self.function = function
    def flush(self): self.function()


def puts_a_stream_that_calls_back(data):
    """Replaces stdout by a stream that calls the C function at an address when it is flushed."""
    sys.stdout = CallsBackWhenFlushed(ctypes.CFUNCTYPE(None)(int(data[0])))
    return []


def makes_a_subinterpreter(data):
    try:
        import _interpreters
    except ImportError:  # before 3.13
        import _xxsubinterpreters as _interpreters
    _interpreters.create()
    return []


frames = []


def calls_back(data):
    """Calls the C function at an address."""
    function = ctypes.CFUNCTYPE(None)(int(data[0]))
    frames.append(sys._getframe())
    function()
    return []


def looks_at_that_frame(data):
    assert "function" in frames[-1].f_locals
    return []


def calls_back_on_a_thread(data):
    """Calls the C function at an address, on a thread that Python makes and ends."""
    function = ctypes.CFUNCTYPE(None)(int(data[0]))
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    return []


def ignores_sigxfsz(data):
    """Whether SIGXFSZ is ignored, which Python does when it installs its signal handlers."""
    with open("/proc/self/status") as status:
        ignored = next(line for line in status if line.startswith("SigIgn:"))
    return [int(ignored.split()[1], 16) >> (signal.SIGXFSZ - 1) & 1]


def knows_lc_ctype(data): return [int("LC_CTYPE" in os.environ)]


def spins(data):
    print("begun", flush=True)
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
    """Keeps a new float in each of the first 5,000 calls."""
    if len(cache) < 5000:
        cache.append(float(len(cache)) + 0.5)
    return []


cache = []


def interrupts_itself(data):
    """Sends SIGINT to itself, at call 1000 * len(data)."""
    interrupts_itself.calls += 1
    if interrupts_itself.calls == 1000 * len(data):
        os.kill(os.getpid(), signal.SIGINT)
    return []


interrupts_itself.calls = 0


def presses_ctrl_c(data): os.kill(os.getpid(), signal.SIGINT)


def is_released_too_often(data):
    """Releases a reference to itself that it does not own."""
    release(is_released_too_often)
    return []


release = ctypes.pythonapi.Py_DecRef
release.argtypes = [ctypes.py_object]
release.restype = None


# Wrong items at the start, in the middle and at the end of the result.

def wrong_first(data): return [None] + [0] * (len(data) - 1)
def wrong_in_the_middle(data): return [0] * (len(data) // 2) + [None]
def wrong_last(data): return [0] * (len(data) - 1) + [None]


# For out_of_memory.rs. They use no closures, generators, classes or threads, because Python has bugs there when memory
# runs out.

clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def counts_blocks(data):
    clear_caches()
    gc.collect()
    gc.freeze()  # so the next collection has little to do
    return [sys.getallocatedblocks()]


def indices_of_largest(data):
    largest, indices = max(data), []
    for index in range(len(data)):
        if data[index] == largest:
            indices.append(index)
    return indices


class WithoutText(Exception):
    def __str__(self): raise ValueError("no text either")


def raises_without_text(data): raise WithoutText
def returns_bools(data): return [0, True]
def numpy_version(data): return [int(part) for part in np.__version__.split(".")[:2]]


def traces_memory(data):
    tracemalloc.start()
    return []


def stops_tracing_memory(data):
    tracemalloc.stop()
    return []


def keeps_a_quarter_mebibyte(data):
    kept.append(b"x" * (1 << 18))
    return []


def scaled(data, factor, mode=None):
    # out_of_memory.rs uses this too, and a comprehension would make a closure of `factor`.
    result = []
    for value in data:
        result.append(factor * value)
    return result


def scaled_to_ints(data, factor):
    return [factor * int(value) for value in data]


def parameters(data, **parameters):
    raise KeyError(" ".join(f"{name}={value!r}" for name, value in parameters.items()))


def reads_standard_input(data):
    return [len(sys.stdin.read())]
