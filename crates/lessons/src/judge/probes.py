"""Calls under unusual conditions: items that act when they are used or freed, other threads, cycles."""

import gc
import itertools
import sys
import threading
import time
import weakref

import _outliers_calls as calls
from _outliers_calls import called, check_owned, drain, function, guarded, look, use
from _outliers_inputs import Data, Ends, Meddler, Number, values
from _outliers_messages import found, trying

REPORTED = "A type whose objects hold others must report them to the garbage collector."


def keep_collector_away():
    """Disable the collector: it writes to the header in front of an object even if there is no header."""
    gc.disable()


def tracking():
    trying("With an empty list")
    result = guarded(called, [])
    has_traverse = type(result).__flags__ & 1 << 14 and type(result) not in (dict, tuple)
    holds = any(gc.is_tracked(thing) for thing in gc.get_referents(result) if thing is not type(result))
    # `gc.is_tracked(result)` would read the header, which may be missing.
    if has_traverse and holds and not any(known is result for known in gc.get_objects()):
        found("cycles", REPORTED, "the result's type has tp_traverse, but the result is not tracked: "
              "use PyObject_GC_New, then PyObject_GC_Track.")
    gc.enable()


def outliving():
    trying("With a result that outlives its list", "called-by-python",
           "Own a reference to each object that you keep after the call.")
    for _ in range(3):
        data = values(1000, Number)
        result = guarded(called, data)
        del data[:]
        data = None
        gc.collect()
        check_owned(result)
        drain(result)


def typing():
    trying("With many results")
    # More than a store of freed objects, which may keep their references to the type.
    calls_made = 200
    first = guarded(called, [])
    kind = type(first)
    if not kind.__flags__ & 1 << 9:  # Py_TPFLAGS_HEAPTYPE
        return
    before = sys.getrefcount(kind)
    results = [guarded(called, []) for _ in range(calls_made)]
    are_new = len({id(result) for result in [first, *results]}) > calls_made
    if are_new and all(type(result) is kind for result in results) and sys.getrefcount(kind) <= before:
        found("new-reference", "An object whose type was made on the heap owns a reference to its type.",
              "the results own no references to %r." % kind)


def collecting():
    trying("With a list whose item runs the collector when it is freed", "cycles",
           "Untrack first: the collector must not visit an object that is being freed.")

    def visit():
        gc.collect()
        # Refers to every tracked object for a moment. One that is being freed is freed again then.
        gc.get_objects()

    for _ in range(20):
        guarded(called, [Ends(visit)])


def meddling():
    trying("With a list that an item changes whenever it is used", "thin-ice",
           "Any call that runs Python code can free what you borrowed.")
    for place, length, answer in itertools.product((0, 1, 7, 8, 20), (0, 40, 4000), (0, 1000)):
        data = values(40, Number)
        data.insert(place, Meddler(data, length, answer))
        look(data)
        data.clear()


def threading_():
    trying("With a list whose items another thread replaces whenever it gets the lock",
           "released-lock", "While the lock is released, other threads can free what you borrowed.")
    # Made in advance, so that no new object reuses the memory of a freed one.
    stock = [values(length, Number) for length in (60, 60, 1, 200) * 500]
    data = stock.pop()

    def change():
        while stock:
            data[:] = stock.pop()
            time.sleep(0)

    start = time.monotonic()
    use(data)
    calls = max(10, min(500, int(0.1 / max(1e-6, time.monotonic() - start))))
    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        # Of processor time, because a busy machine leaves little of half a second.
        end = time.process_time() + 0.5
        for _ in range(100):
            if not stock or time.process_time() > end:
                break
            # `map` runs no bytecode between the calls, so Python itself does not let the other thread in.
            results = guarded(lambda: list(map(function(), [data] * calls)))
            check_owned(*(result for result in results or () if result is not data))
    finally:
        stock.clear()
        thread.join()
        sys.setswitchinterval(interval)


def cycling():
    trying("With a list that then holds the result")
    for make in (lambda: values(20), list):
        data = Data(make())
        data.append(guarded(called, data))
        gone = weakref.ref(data)
        del data
        # `detect` may keep its last list.
        for _ in range(2):
            use(make())
        gc.collect()
        if gone() is not None:
            found("cycles", REPORTED, "the collector cannot free the list and the result, which hold each other.")


def copying():
    if calls.copy is None:
        return
    trying("With a list that holds a second object of the module, as another interpreter has")
    module = guarded(calls.copy)
    data = Data(values(20) if module else ())
    gone = weakref.ref(data)
    if module is not None:
        data.append(module)
        guarded(module.detect, data)
    del module, data
    gc.collect()
    if gone() is not None:
        found("cycles", "A module whose state holds objects must report them to the garbage collector.",
              "the collector cannot free the module and the list, which hold each other.")


def probe():
    for one in (outliving, typing, collecting, meddling, threading_, cycling, copying):
        one()
