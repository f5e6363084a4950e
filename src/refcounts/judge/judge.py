"""The judge of exercises: calls `detect` of an extension module, and counts.

Runs in a child process, under PYTHONMALLOC=debug. What is tried is told before, with the rule that a
crash would speak of; what is found ends the run, and so does what does not return.
"""

import functools
import gc
import importlib.machinery
import importlib.util
import itertools
import sys
import threading
import time
import weakref

from _outliers_inputs import CASES, ODD, TASKS, Data, Ends, Meddler, Number, Raises, values
from _outliers_telling import answers, brief, check, found, lost, many, say, trying

CALLS = 100
SPARE = 8


def load(name, path):
    trying("While it was imported")
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    try:
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
        loader.exec_module(module)
        return module.detect
    except AttributeError:
        say("error", '%s.c has no function detect: PyMethodDef needs {"detect", ...}' % name)
        raise
    except ImportError as error:
        wrong = "%s.c needs PyInit_%s: the module is named after the file" % (name, name)
        say("error", wrong if "PyInit_" in str(error) else str(error).replace(path, name + ".c"))
        raise
    except Exception as error:
        say("error", "%s.c cannot be imported: %r" % (name, error))
        raise


def called(detect, data):
    # By map, which checks that there is either a result or an exception; a plain call may not.
    for result in map(detect, [data]):
        return result


def guarded(function, *arguments):
    """Returns None if it fails as one may."""
    try:
        return function(*arguments)
    except Exception as error:
        check(error)


def use(detect, data):
    """Calls, drains and gives back the result."""
    guarded(lambda: [None for _ in called(detect, data)])


# The cache of look-ups keeps names that were made for one look-up.
clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def counted_blocks():
    clear()
    return sys.getallocatedblocks()


OWNED = "Whatever stores or returns an object needs a reference to it of its own."


def fresh():
    """Objects of many sizes, which take the place of those that were freed last."""
    objects = [kind(1 << 40 | i) for i in range(64) for kind in (float, int, Number)]
    for size in range(1, 48):
        objects += [bytes(10 * size), bytes(10 * size), (None,) * size, [None] * size, {size: None}]
    return objects


def referred(*results):
    """Finds an object in a result that has no reference of the result's own."""
    taken = fresh()
    places = set(map(id, taken))
    for own in [object()]:
        others = sys.getrefcount(own) - 1
    for item in itertools.chain.from_iterable(map(held, results)):
        if id(item) in places or sys.getrefcount(item) <= others:
            found("storing", OWNED, "the result holds an object without a reference of its own: one was given "
                  "back too often, or never added.")


def held(result):
    """What a result holds."""
    return result.values() if type(result) is dict else result if type(result) in (list, tuple) else ()


def look(detect, data):
    """Calls, looks at the result, drains it and gives it back."""
    result = guarded(called, detect, data)
    if result is not data:
        referred(result)
    guarded(lambda: [None for _ in result])


class Lent:
    """A list whose objects have references to spare, so that one given back too often shows."""

    def __init__(self, items):
        self.data = items
        self.pardoned = None
        self.watched = [(self.data, "the list")]
        self.watched += [(item, "item %d" % i) for i, item in enumerate(items)]
        self.spare = [item for item, _ in self.watched] * SPARE
        self.before = None

    def counts(self):
        return [sys.getrefcount(item) for item, _ in self.watched]

    def changed(self):
        return [(what, was, now) for (_, what), was, now
                in zip(self.watched, self.before, self.counts())
                if was != now and not (what == self.pardoned and was < now)]

    def judge(self, failed=""):
        """Finds what has more or fewer references than before."""
        changed = self.changed()
        if changed:
            # What is in a cycle goes only so.
            gc.collect()
            changed = self.changed()
        if not changed:
            return
        # One given back too often, if there is one.
        what, was, now = min(changed, key=lambda change: change[2] > change[1])
        count = many(abs(now - was), "reference") + (" more" if now > was else " fewer")
        others = "; so had " + many(len(changed) - 1, "other") if changed[1:] else ""
        evidence = ("%s%s had %s after the call than before (%d, %d; the judge holds most of them)%s."
                    % (failed, what, count, was, now, others))
        if now > was:
            found("new-reference", "What is yours has to be given back, once.", evidence)
        found("stolen-on-failure" if failed else "borrowed-reference",
              "What was stolen from you, or is borrowed, is not yours to give back.", evidence)


def lending(detect, cases):
    for name, make in cases:
        trying("Called with " + name)
        lent = Lent(make())
        look(detect, lent.data)
        gc.collect()
        lent.before = lent.counts()
        Raises.raised = 0
        result = guarded(called, detect, lent.data)
        if result is not None and Raises.raised:
            found("exceptions", "A failure has to be passed on as it is.",
                  "detect swallowed the exception.")
        referred(result)
        during = lent.counts()
        places = [id(item) for item in held(result)]
        if result is lent.data:
            places = [id(result)]
        for (item, what), was, now in zip(lent.watched, lent.before, during):
            if places.count(id(item)) > max(0, now - was):
                found("called-by-python", OWNED,
                      "the result holds %s by a reference that nobody added: %d before, %d now."
                      % (what, was, now))
        failed = "it failed, and " if result is None else ""
        item = result = None
        lent.judge(failed)
        for _ in range(SPARE // 4):
            use(detect, lent.data)
        lent.judge(failed)


def windows(detect, data, counters):
    """By how much each counter grows in 100 calls, and in 100 more."""
    counts = []
    for _ in range(3):
        for _ in range(CALLS):
            use(detect, data)
        gc.collect()
        counts.append([counter() for counter in counters])
    return [(between - before, after - between) for before, between, after in zip(*counts)]


def soaking(detect, heap):
    for name, make in CASES + ODD:
        trying("Called with %s again and again" % name)
        data = make()
        shared = {"None": None, "True": True, "()": (), "detect itself": detect, "the list": data}
        kind = type(guarded(called, detect, data))
        if kind.__flags__ & 1 << 9:
            shared["the type of the result, " + kind.__name__] = kind
        counters = [counted_blocks, heap, lambda: sum(map(sys.getrefcount, data))]
        counters += [functools.partial(sys.getrefcount, thing) for thing in shared.values()]
        grown = windows(detect, data, counters)
        if any(min(growth) >= CALLS // 2 for growth in grown) or min(grown[2]) > 0:
            # It may be a cache that fills.
            end = time.monotonic() + 1
            for _ in range(50 * CALLS):
                if time.monotonic() < end:
                    use(detect, data)
            grown = windows(detect, data, counters)
        blocks, heaped, items, *references = grown
        if min(blocks) >= CALLS // 2:
            found("new-reference", "What is new is yours: give it back, once, on each way out.",
                  "each call leaves %s of memory behind." % many(blocks[1] / CALLS, "block"))
        if min(heaped) >= 16 * CALLS:
            found("half-way", "What malloc gives is yours: free it, once, on each way out.",
                  "each call leaves %s of C's heap behind." % many(heaped[1] / CALLS, "byte"))
        # Of what is odd, others have references too.
        if min(items) > 0 and make in dict(CASES).values():
            found("new-reference", "What is yours has to be given back, once.",
                  "some of the calls leave references to items behind: %s in %s."
                  % (many(items[1], "reference"), many(CALLS, "call")))
        for what, growth in zip(shared, references):
            if max(growth) <= -CALLS // 2:
                found("called-by-python", "What is borrowed is not yours to give back.",
                      "each call takes a reference from %s." % what)
            if min(growth) >= CALLS // 2:
                found("new-reference", "What is yours has to be given back, once.",
                      "each call leaves a reference to %s behind." % what)


def outliving(detect):
    trying("With a result that outlives its list", "called-by-python",
           "What is kept beyond the call needs a reference of its own.")
    for _ in range(3):
        data = values(1000, Number)
        result = guarded(called, detect, data)
        del data[:]
        data = None
        gc.collect()
        referred(result)
        guarded(lambda: [None for _ in result])


def collecting(detect):
    trying("Called with a list whose item runs the collector when it ends", "cycles",
           "Untrack first: the collector must not look at what is being taken apart.")
    for _ in range(20):
        guarded(called, detect, [Ends(gc.collect)])
    trying("Called with a list whose item calls detect when it ends", "clear-first",
           "Clear first: what is given back may run code that comes here again.")

    def again(data):
        return called(detect, [Ends(lambda: use(detect, values(3)))])

    if min(windows(again, None, [counted_blocks])[0]) >= CALLS // 2:
        found("clear-first", "Clear first: what is given back may run code that comes here again.",
              "memory stays behind.")


def meddling(detect):
    trying("Called with a list that an item changes when it is asked for anything", "thin-ice",
           "Any call that runs code can end what you borrowed.")
    for place, length, answer in itertools.product((0, 1, 7, 8, 20), (0, 40, 4000), (0, 1000)):
        data = values(40, Number)
        data.insert(place, Meddler(data, length, answer))
        look(detect, data)
        data.clear()


def threading_(detect):
    trying("Called with a list that another thread fills anew, whenever the lock is free",
           "released-lock", "While the lock is released, all that is borrowed may go.")
    # Made before, so that nothing new takes the place of what is freed.
    stock = [values(length, Number) for length in (60, 60, 1, 200) * 500]
    data = stock.pop()

    def change():
        while stock:
            data[:] = stock.pop()
            time.sleep(0)

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        end = time.monotonic() + 0.5
        while stock and time.monotonic() < end:
            # Without a step of Python's between the calls, at which it would let the other in.
            results = guarded(lambda: list(map(detect, [data] * 500)))
            referred(*(result for result in results or () if result is not data))
    finally:
        stock.clear()
        thread.join()
        sys.setswitchinterval(interval)


HOLDS = "What can hold others tells the collector of cycles what it holds."


def tracking(detect):
    trying("Called with an empty list")
    result = guarded(called, detect, [])
    has_traverse = type(result).__flags__ & 1 << 14 and type(result) not in (dict, tuple)
    holds = any(gc.is_tracked(thing) for thing in gc.get_referents(result) if thing is not type(result))
    # Not by `is_tracked`: it may have been made without room for that.
    if has_traverse and holds and not any(known is result for known in gc.get_objects()):
        found("cycles", HOLDS, "the result's type has tp_traverse, but the result is not tracked: "
              "PyObject_GC_New, then PyObject_GC_Track.")


def cycling(detect):
    trying("Called with a list that holds the result")
    for make in (lambda: values(20), list):
        data = Data(make())
        data.append(guarded(called, detect, data))
        gone = weakref.ref(data)
        del data
        # It may keep its last list.
        for _ in range(2):
            use(detect, make())
        gc.collect()
        if gone() is not None:
            found("cycles", HOLDS, "which the result holds, both stay: the collector cannot free them.")


@answers
def run(detect, heap):
    """Tries all; `heap` is the address of a C function that tells the bytes of C's heap in use."""
    try:
        from ctypes import CFUNCTYPE, c_longlong
        heap = CFUNCTYPE(c_longlong)(heap)
    except ImportError:
        heap = int
    lending(detect, CASES[:1])
    # Soon: the collector may crash over what is not as it should be.
    tracking(detect)
    lending(detect, CASES[1:] + ODD[:1])
    soaking(detect, heap)
    for probe in (outliving, collecting, meddling, threading_, cycling):
        probe(detect)


def outcome(function, data):
    """Whether it fails; and what it returns or raises, as a text."""
    try:
        result = called(function, data)
        if result is data:
            return False, "the list itself"
        return False, repr(list(result.items() if isinstance(result, dict) else result))
    except Exception as error:
        return True, type(error).__name__


@answers
def end(detect, task):
    """Whether it still does what it is for."""
    for name, make in CASES if task in TASKS else ():
        trying("Called with " + name)
        data = make()
        failed, told = outcome(detect, data)
        fails, right = outcome(TASKS[task], data)
        if fails and not failed:
            found("exceptions", "A failure has to be passed on as it is.",
                  "detect swallowed the exception, and returned %s." % brief(told))
        if told != right:
            lost("it %s %s, not %s." % ("raised" if failed else "returned", brief(told), brief(right)))
    say("clean")
