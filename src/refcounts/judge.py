"""The judge of exercises: calls `detect` of an extension module, and counts.

Runs in a child process, under PYTHONMALLOC=debug. What is tried is told before, with the rule that a
crash would speak of; what is found ends the run.
"""

import gc
import importlib.machinery
import importlib.util
import math
import sys
import threading
import time
import weakref

CALLS = 100
SPARE = 8
# Python keeps the ints up to that number.
CACHED = 1024 if sys.version_info >= (3, 15) else 256


class Found(Exception):
    """A rule that was broken, and the evidence."""


class Number(float):
    """A float that is freed when it ends: plain ones are kept for reuse."""


class Planted(Exception):
    """Raised on purpose."""


class Raises:
    def __float__(self):
        raise Planted

    __index__ = __int__ = __float__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = lambda self, other: self.__float__()
    __hash__ = None


class Meddler:
    """Empties the list that it is in, or fills it anew, when it is converted or compared."""

    def __init__(self, data, anew, answer):
        self.data = data
        self.anew = anew
        self.answer = answer

    def meddle(self, other=None):
        self.data[:] = values(len(self.data), Number) if self.anew else []
        return self.answer

    def __float__(self):
        return float(self.meddle())

    def __index__(self):
        return int(self.meddle())

    __int__ = __index__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = meddle
    __hash__ = None


class Collects:
    """Runs the collector of cycles when it ends."""

    def __del__(self):
        gc.collect()


class Data(list):
    """A list that can be watched."""


def say(*words):
    sys.stdout.write("\t".join(words).replace("\n", " ") + "\n")
    sys.stdout.flush()


tried = None
FREED = "What is freed is not used: nothing is given back twice, nothing borrowed outlives its owner."


def trying(what, lesson="borrowed-reference", rule=FREED, used="an object that was gone"):
    """Says what is tried, and of what a crash would speak."""
    global tried
    tried = what
    say("trying", lesson, rule, what, used)


def many(count, noun):
    return "%d %s%s" % (round(count), noun, "" if round(count) == 1 else "s")


def found(lesson, rule, evidence):
    say("found", lesson, rule, evidence)
    raise Found


def answers(part):
    """A part of the judge that returns [1] if it found something, otherwise [0]."""

    def answer(*arguments):
        try:
            part(*arguments)
        except Found:
            return [1]
        return [0]

    return answer


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


def values(length, kind=float):
    """Fresh objects, near 10, of which every 40th stands out: of many, those whose indices are not cached."""
    first = 1024 if length > 1024 else 0
    return [kind(1000 + i if i % 40 == 7 and i >= first else 10 + i % 3) for i in range(length)]


CASES = [
    ("an empty list", lambda: []),
    ("a list of one item", lambda: [float("1.5")]),
    ("1,500 floats", lambda: values(1500)),
    ("20 floats", lambda: values(20)),
    ("a list that holds -1.0", lambda: [float("-1"), float("5"), float("-1")] * 7),
    ("1,000 ints", lambda: [1 << 40 | v for v in values(1000, int)]),
    ("a list whose item 300 raises", lambda: values(300) + [Raises()] + values(9)),
    ("a list whose item 1 raises", lambda: [float("1.5"), Raises(), float("2.5")]),
    ("a list whose item 300 is a text", lambda: values(300) + ["n/a" + str(gc.isenabled())] + values(9)),
]


def above(data):
    return [i for i, value in enumerate(data) if value > 100]


def at_most_eight(data):
    if len(data) > 8:
        raise IndexError
    return data[:]


# What each exercise has to do, as Python says it.
TASKS = {
    "append": above,
    "build_value": lambda data: [len(data)],
    "dictionary": lambda data: dict(enumerate(data)),
    "iterator": lambda data: [sum(value > 100 for value in data)],
    "stolen": lambda data: data[:],
    "returned": lambda data: [len(data)] if data else data,
    "double_release": at_most_eight,
    "minus_one": lambda data: [sum(value < 0 for value in data)],
    "error_path": lambda data: [int(math.ldexp(value, 1)) for value in data],
    "half_way": above,
    "null": lambda data: [len(data), 2 * len(data)],
    "thin_ice": lambda data: [max(range(len(data)), key=data.__getitem__)] if data else [],
    "lock": lambda data: [len(str(data[0]))] if data else [],
    "cycle": lambda data: range(len(data)),
}


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


def check(error):
    if not isinstance(error, SystemError):
        return
    text = str(error)
    if "without setting" in text:
        found("dropped-minus-one", "NULL means failure, and an exception says which.",
              tried + ", detect returned NULL without an exception.")
    if "with an error set" in text or "with an exception set" in text:
        found("dropped-minus-one", "-1 or NULL may mean failure: ask for the exception, and pass it on.",
              "%s, detect returned a result although an exception was set: %r." % (tried, error.__cause__))
    found("exceptions", "A failure has to be passed on as it is.",
          "%s, detect raised SystemError: %s" % (tried, text))


# The cache of look-ups keeps names that were made for one look-up.
clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def counted_blocks():
    clear()
    return sys.getallocatedblocks()


class Lent:
    """A list whose objects have references to spare, so that one given back too often shows."""

    def __init__(self, items):
        self.data = items
        self.watched = [(self.data, "the list")]
        self.watched += [(item, "item %d" % i) for i, item in enumerate(items)]
        self.spare = [item for item, _ in self.watched] * SPARE
        self.before = None

    def counts(self):
        return [sys.getrefcount(item) for item, _ in self.watched]

    def judge(self, failed=""):
        """Finds what has more or fewer references than before."""
        changed = [(what, was, now) for (_, what), was, now
                   in zip(self.watched, self.before, self.counts()) if was != now]
        if not changed:
            return
        # One given back too often, if there is one.
        what, was, now = min(changed, key=lambda change: change[2] > change[1])
        count = many(abs(now - was), "reference") + (" more" if now > was else " fewer")
        others = "; so had " + many(len(changed) - 1, "other") if changed[1:] else ""
        evidence = ("%s, %s%s had %s after the call than before (%d, %d; the judge holds most of them)%s."
                    % (tried, failed, what, count, was, now, others))
        if now > was:
            found("new-reference", "What is yours has to be given back, once.", evidence)
        found("stolen-on-failure" if failed else "borrowed-reference",
              "What was stolen from you, or is borrowed, is not yours to give back.", evidence)


def lending(detect):
    for name, make in CASES:
        trying("Called with " + name)
        lent = Lent(make())
        use(detect, lent.data)
        lent.before = lent.counts()
        result = guarded(called, detect, lent.data)
        during = lent.counts()
        held = [id(item) for item in result] if type(result) in (list, tuple) else []
        if result is lent.data:
            held.append(id(result))
        for (item, what), was, now in zip(lent.watched, lent.before, during):
            if held.count(id(item)) > max(0, now - was):
                found("called-by-python",
                      "Who stores or returns something needs a reference for it that is theirs.",
                      "%s, the result holds %s by a reference that nobody added: %d before, %d now."
                      % (tried, what, was, now))
        failed = "it failed, and " if result is None else ""
        item = result = None
        lent.judge(failed)
        for _ in range(SPARE // 4):
            use(detect, lent.data)
        lent.judge(failed)


def soaking(detect):
    shared = {"None": None, "True": True, "()": (), "detect itself": detect}
    for name, make in CASES:
        trying("Called with %s again and again" % name)
        data, windows = make(), []
        for _ in range(3):
            for _ in range(CALLS):
                use(detect, data)
            gc.collect()
            windows.append([counted_blocks()] + [sys.getrefcount(thing) for thing in shared.values()])
        blocks, *references = [(after - before, last - after) for before, after, last in zip(*windows)]
        if min(blocks) >= CALLS // 2:
            found("new-reference", "What is new is yours: give it back, once, on each way out.",
                  "%s, each call leaves %s of memory behind." % (tried, many(blocks[1] / CALLS, "block")))
        for what, growth in zip(shared, references):
            if max(growth) <= -CALLS // 2:
                found("called-by-python", "What is borrowed is not yours to give back.",
                      "%s, each call takes a reference from %s." % (tried, what))
            if min(growth) >= CALLS // 2:
                found("new-reference", "What is yours has to be given back, once.",
                      "%s, each call leaves a reference to %s behind." % (tried, what))


def outliving(detect):
    trying("With a result that outlives its list", "called-by-python",
           "What is kept beyond the call needs a reference of its own.")
    for _ in range(3):
        data = values(1000, Number)
        result = guarded(called, detect, data)
        del data[:]
        data = None
        gc.collect()
        values(1000, Number)
        guarded(lambda: [None for _ in result])


def collecting(detect):
    trying("Called with a list whose item runs the collector when it ends", "cycles",
           "Untrack first: the collector must not look at what is being taken apart.")
    for _ in range(20):
        guarded(called, detect, [Collects()])


def meddling(detect):
    trying("Called with a list that an item changes when it is converted or compared", "thin-ice",
           "Any call that runs code can end what you borrowed.")
    for number in range(20):
        data = values(40, Number)
        place = (0, 1, 7, 8, 20)[number // 4]
        data.insert(place, Meddler(data, number % 2 == 0, number % 4 > 1))
        use(detect, data)
        data.clear()


def threading_(detect):
    trying("Called with a list that another thread fills anew, whenever the lock is free",
           "released-lock", "While the lock is released, all that is borrowed may go.")
    data = values(60, Number)
    over = []

    def change():
        while not over:
            data[:] = values(60, Number)
            time.sleep(0)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            use(detect, data)
    finally:
        over.append(True)
        thread.join()


HOLDS = "What can hold others tells the collector of cycles what it holds."


def tracking(detect):
    trying("Called with an empty list")
    result = guarded(called, detect, [])
    has_traverse = type(result).__flags__ & 1 << 14 and type(result) not in (dict, tuple)
    if has_traverse and not any(known is result for known in gc.get_objects()):
        found("cycles", HOLDS, "The type has tp_traverse, but the result is not tracked: "
              "PyObject_GC_New, then PyObject_GC_Track.")


def cycling(detect):
    trying("Called with a list that holds the result")
    for make in (lambda: values(20), list):
        data = Data(make())
        data.append(guarded(called, detect, data))
        gone = weakref.ref(data)
        del data
        gc.collect()
        if gone() is not None:
            found("cycles", HOLDS, "The result holds the list, the list holds the result, and the "
                  "collector cannot free them.")


@answers
def run(detect):
    for probe in (lending, tracking, soaking, outliving, collecting, meddling, threading_, cycling):
        probe(detect)


# The list that is passed while memory runs out. What stands out in it has an index that no cache has; and
# past those a dictionary of all of it grows once more.
starved = None
# The allocations at whose failure memory was left behind.
leaking = []


def lend():
    global starved
    length = CACHED * 11 // 8
    starved = Lent([float(i % 3 + 1000 * (i >= length - 94)) for i in range(length)])
    return starved.data


def starve(number):
    """Before calls whose allocation of that number fails."""
    trying("When allocation %d of the call fails" % number, "half-way",
           "A call that fails returns NULL: that is asked before it is used.",
           "NULL, or an object that was gone")
    starved.before = starved.counts()
    return []


def blocks():
    return [counted_blocks()]


@answers
def starved_by(number, grown):
    """After them."""
    starved.judge()
    if grown > 0:
        leaking.append("%d (%s)" % (number, many(grown, "block")))
    if len(leaking) > 3:
        leaks()


def leaks():
    if leaking:
        found("half-way", "What was made before the step that failed has to be given back.",
              "Memory stays behind when one of these allocations of the call fails: number %s."
              % ", ".join(leaking))


@answers
def wrong_failure(text):
    """Whether that is the text of a failure that Python itself complained about."""
    if text.startswith("SystemError: "):
        check(SystemError(text[len("SystemError: "):]))


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
    leaks()
    for name, make in CASES if task in TASKS else ():
        trying("Called with " + name)
        data = make()
        failed, told = outcome(detect, data)
        fails, right = outcome(TASKS[task], data)
        if fails and not failed:
            found("exceptions", "A failure has to be passed on as it is.",
                  "%s, detect swallowed the exception, and returned %.40s." % (tried, told))
        if told != right:
            say("lost", "%s, it %s %.40s, not %.40s."
                % (tried, "raised" if failed else "returned", told, right))
            raise Found
