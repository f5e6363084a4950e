"""The judge of exercises: calls `detect` of an extension module, and looks at what comes of it.

Runs in a child process. What is tried is said before, with the rule that a crash would speak of; what is
found ends the run. What grows is counted by the soak, in soaking.rs.
"""

import collections
import gc
import importlib.machinery
import importlib.util
import itertools
import sys
import threading
import time
import weakref

from _outliers_inputs import CASES, ODD, TASKS, Data, Ends, Meddler, Number, raised, values
from _outliers_telling import (  # noqa: F401
    answer_to, brief, check, found, found_in, is_over, lost, refuse, say, trying)

detect = None


def load(name, path):
    global detect
    trying("While it was imported")
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    # Its name may be that of a module of Python's, whose place it takes when it is initialized.
    before = sys.modules.get(name)
    is_taken = before is not None or importlib.util.find_spec(name) is not None
    try:
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
        loader.exec_module(module)
        detect = module.detect
    except AttributeError:
        refuse('%s.c has no function detect: PyMethodDef needs {"detect", ...}' % name)
    except ImportError as error:
        wrong = "%s.c needs PyInit_%s: the module is named after the file" % (name, name)
        refuse(wrong if "PyInit_" in str(error) else str(error).replace(path, name + ".c"))
    except Exception as error:
        refuse("%s.c cannot be imported: %r" % (name, error))
    finally:
        if before is not None:
            sys.modules[name] = before
        elif is_taken:
            sys.modules.pop(name, None)
    if not is_taken:
        sys.modules[name] = module
    return detect


def called(data):
    # By map, which checks that there is either a result or an exception; a plain call may not.
    for result in map(detect, [data]):
        return result


def guarded(function, *arguments):
    """Returns None if it fails as one may."""
    try:
        return function(*arguments)
    except Exception as error:
        check(error)


def drain(result):
    guarded(lambda: [None for _ in result])


def use(data):
    """Calls, drains and releases the result."""
    guarded(lambda: [None for _ in called(data)])


OWNED = "Whatever stores or returns an object needs a reference to it of its own."


def fresh():
    """Objects of many sizes, which take the place of those that were freed last."""
    objects = [kind(1 << 40 | i) for i in range(64) for kind in (float, int, Number)]
    for size in range(1, 48):
        objects += [bytes(10 * size), bytes(10 * size), (None,) * size, [None] * size, {size: None}]
    return objects


def referred(*results):
    """Finds an object in a result that has fewer references than the result holds."""
    taken = fresh()
    places = set(map(id, taken))
    for own in [object()]:
        others = sys.getrefcount(own) - 1
    results = list({id(result): result for result in results}.values())
    times = collections.Counter(map(id, itertools.chain.from_iterable(map(held, results))))
    for item in itertools.chain.from_iterable(map(held, results)):
        if id(item) in places or sys.getrefcount(item) - others < times[id(item)]:
            found("storing", OWNED, "the result holds an object without a reference of its own: one was "
                  "released too often, or never added.")


def held(result):
    """What a result holds."""
    return result.values() if type(result) is dict else result if type(result) in (list, tuple) else ()


def look(data):
    """Calls, looks at the result, drains it and releases it."""
    result = guarded(called, data)
    if result is not data:
        referred(result)
    drain(result)


# Lists whose references are watched: see lending.rs.

LENT = CASES + ODD[:1]


def lists():
    return [len(LENT)]


def lend(number):
    name, make = LENT[number]
    trying("Called with " + name)
    return make()


def once(data):
    """Returns the result of a call, alone in a tuple that is empty if it fails."""
    raised[0] = 0
    result = guarded(called, data)
    if result is not None and raised[0]:
        found("exceptions", "A failure has to be passed on as it is.", "detect swallowed the exception.")
    referred(result)
    return () if result is None else (result,)


def unowned(what, before, now):
    found("called-by-python", OWNED, "the result holds %s by a reference that nobody added: %d before, %d now."
          % (what, before, now))


# What the soak calls: see soaking.rs.

def again(data):
    use([Ends(lambda: use(values(3)))])


CLEAR_FIRST = "clear-first", "Clear first: what is released may run code that comes here again."
soaked = [(name, use, make, ()) for name, make in CASES + ODD]
soaked.append(("a list whose item calls detect when it ends", again, list, CLEAR_FIRST))
MANY = "Called with many lists in turn, again and again"


def prepare():
    """Makes a few calls of each kind, so that a crash says of which; returns how many kinds there are."""
    for place, (name, function, make, about) in enumerate(soaked):
        trying("Called with %s again and again" % name, *about)
        data = make()
        soaked[place] = name, function, data, about
        for _ in range(5):
            function(data)
    return [len(soaked)]


def sweep(first, end):
    """Makes a call of each kind from the first on."""
    for _, function, data, _ in soaked[first:end]:
        function(data)


def sweeping(first, end):
    """Says what is tried."""
    name, _, _, about = soaked[first]
    if end - first == 1:
        trying("Called with %s again and again" % name, *about)
    else:
        trying(MANY)


def doubt(reason):
    refuse("it cannot be said whether detect leaks: " + reason)


# What else there is to try.

def outliving():
    trying("With a result that outlives its list", "called-by-python",
           "What is kept beyond the call needs a reference of its own.")
    for _ in range(3):
        data = values(1000, Number)
        result = guarded(called, data)
        del data[:]
        data = None
        gc.collect()
        referred(result)
        drain(result)


def collecting():
    trying("Called with a list whose item runs the collector when it ends", "cycles",
           "Untrack first: the collector must not look at what is being taken apart.")
    for _ in range(20):
        guarded(called, [Ends(gc.collect)])


def meddling():
    trying("Called with a list that an item changes when it is asked for anything", "thin-ice",
           "Any call that runs code can end what you borrowed.")
    for place, length, answer in itertools.product((0, 1, 7, 8, 20), (0, 40, 4000), (0, 1000)):
        data = values(40, Number)
        data.insert(place, Meddler(data, length, answer))
        look(data)
        data.clear()


def threading_():
    trying("Called with a list that another thread fills anew, whenever the lock is free",
           "released-lock", "While the lock is released, all that is borrowed may go.")
    # Made before, so that nothing new takes the place of what is freed.
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
        end = time.monotonic() + 0.5
        for _ in range(100):
            if not stock or time.monotonic() > end:
                break
            # Without a step of Python's between the calls, at which it would let the other in.
            results = guarded(lambda: list(map(detect, [data] * calls)))
            referred(*(result for result in results or () if result is not data))
    finally:
        stock.clear()
        thread.join()
        sys.setswitchinterval(interval)


HOLDS = "What can hold others tells the collector of cycles what it holds."


def until_tracking():
    """Keeps the collector away: it writes in front of what it meets, even if there is no room for that."""
    gc.disable()


def tracking():
    trying("Called with an empty list")
    result = guarded(called, [])
    has_traverse = type(result).__flags__ & 1 << 14 and type(result) not in (dict, tuple)
    holds = any(gc.is_tracked(thing) for thing in gc.get_referents(result) if thing is not type(result))
    # Not by `is_tracked`, which reads there.
    if has_traverse and holds and not any(known is result for known in gc.get_objects()):
        found("cycles", HOLDS, "the result's type has tp_traverse, but the result is not tracked: "
              "PyObject_GC_New, then PyObject_GC_Track.")
    gc.enable()


def cycling():
    trying("Called with a list that holds the result")
    for make in (lambda: values(20), list):
        data = Data(make())
        data.append(guarded(called, data))
        gone = weakref.ref(data)
        del data
        # It may keep its last list.
        for _ in range(2):
            use(make())
        gc.collect()
        if gone() is not None:
            found("cycles", HOLDS, "which the result holds, both stay: the collector cannot free them.")


def probe():
    for one in (outliving, collecting, meddling, threading_, cycling):
        one()


def outcome(function, data):
    """Whether it fails; and what it returns or raises, as a text."""
    try:
        result = function(data)
        if result is data:
            return False, "the list itself"
        return False, repr(list(result.items() if isinstance(result, dict) else result))
    except Exception as error:
        return True, type(error).__name__


def end(task):
    """Looks whether it still does what it is for."""
    for name, make in CASES if task in TASKS else ():
        trying("Called with " + name)
        data = make()
        failed, came = outcome(called, data)
        fails, right = outcome(TASKS[task], data)
        if fails and not failed:
            found("exceptions", "A failure has to be passed on as it is.",
                  "detect swallowed the exception, and returned %s." % brief(came))
        if came != right:
            lost("it %s %s, not %s." % ("raised" if failed else "returned", brief(came), brief(right)))


def clean():
    say("clean")


# While memory runs out: see starving.rs.

# Python keeps the ints up to that number.
CACHED = 1024 if sys.version_info >= (3, 15) else 256
# What is made of the starved list, if that is plain and the same each time.
usual = None


def plain(result):
    text = repr(result) if type(result) in (list, tuple, dict) else None
    return None if text is None or " at 0x" in text else text


def starved():
    """Returns the list that is passed while memory runs out.

    What stands out in it has an index that no cache has; and past those a dictionary of all of it grows
    once more.
    """
    global usual
    trying("Called with %d floats" % (CACHED * 11 // 8))
    data = [float(i % 3 + 1000 * (i >= CACHED * 11 // 8 - 94)) for i in range(CACHED * 11 // 8)]
    made = {plain(guarded(called, data)) for _ in range(3)}
    usual = made.pop() if len(made) == 1 else None
    return data


HALF_WAY = "half-way", "A call that fails returns NULL: that is asked before it is used."


def starve(number):
    """Before a call whose allocation of that number fails."""
    trying("When allocation %d of the call fails" % number, *HALF_WAY)


def starving(first, end):
    """Before many calls, of each of which another allocation fails."""
    if end - first == 1:
        starve(first)
    else:
        trying("When one of the allocations %d to %d of the call fails" % (first, end - 1), *HALF_WAY)


def recovered(result):
    """Finds a call that goes on after the failure as if nothing was, with something else."""
    if usual is not None and plain(result) != usual:
        found("exceptions", "A failure has to be passed on as it is.", "detect swallowed the MemoryError.")


def wrong_failure(text):
    """Finds a failure that Python itself complained about, by its text."""
    if text.startswith("SystemError: "):
        check(SystemError(text[len("SystemError: "):]))
