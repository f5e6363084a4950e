"""The judge of exercises: calls `detect` of an extension module, and counts.

Runs in a child process, under PYTHONMALLOC=debug. Each probe is named before it runs, so that the
parent knows where a crash came from; a probe that finds something ends the run.
"""

import gc
import importlib.machinery
import importlib.util
import sys
import threading
import time
import weakref

CALLS = 100
SPARE = 8


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

    def __init__(self, data, anew):
        self.data = data
        self.anew = anew

    def meddle(self, answer):
        self.data[:] = values(len(self.data), Number) if self.anew else []
        return answer

    def __float__(self):
        return self.meddle(1.5)

    def __index__(self):
        return self.meddle(1)

    def __lt__(self, other):
        return self.meddle(False)

    __int__ = __index__
    __le__ = __gt__ = __ge__ = __eq__ = __lt__
    __hash__ = None


class Data(list):
    """A list that can be watched."""


def say(kind, text):
    sys.stdout.write("%s\t%s\n" % (kind, text))
    sys.stdout.flush()


def found(rule, evidence):
    say("found", rule + "\t" + evidence)
    raise Found


def load(name, path):
    say("probe", "import")
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module.detect


def values(length, kind=float):
    """Fresh objects, near 10, of which every 40th stands out."""
    return [kind(1000 + i if i % 40 == 7 else 10 + i % 3) for i in range(length)]


def small_ints(length):
    return [1 << 40 | v for v in values(length, int)]


CASES = [
    ("an empty list", lambda: []),
    ("a list of one", lambda: [float("1.5")]),
    ("1,000 floats", lambda: values(1000)),
    ("20 floats", lambda: values(20)),
    ("floats, -1.0 among them", lambda: [float("-1"), float("5"), float("-1")] * 7),
    ("1,000 ints", lambda: small_ints(1000)),
    ("a list whose item 300 raises when it is converted or compared",
     lambda: values(300) + [Raises()] + values(9)),
    ("a list whose item 1 raises when it is converted or compared",
     lambda: [float("1.5"), Raises(), float("2.5")]),
    ("a list whose item 300 is a text", lambda: values(300) + ["n/a" + str(gc.isenabled())] + values(9)),
]


def use(detect, data):
    """Calls, drains and gives back the result."""
    try:
        for _ in called(detect, data):
            pass
    except Exception as error:
        check(error)


def called(detect, data):
    # By map, which checks that there is either a result or an exception; a plain call may not.
    for result in map(detect, [data]):
        return result


def check(error):
    text = str(error)
    if isinstance(error, SystemError) and "without setting" in text:
        found("NULL means failure, and an exception says which.",
              "detect returned NULL, and no exception is set.")
    if isinstance(error, SystemError) and ("with an error set" in text or "with an exception set" in text):
        found("-1 or NULL may mean failure: ask for the exception, and pass it on.",
              "detect returned a result while an exception was set: " + repr(error.__cause__) + ".")
    if isinstance(error, SystemError):
        found("A failure has to be passed on as it is.", "detect raised SystemError: " + text)


# The cache of look-ups keeps names that were made for one look-up.
clear = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache


def counted_blocks():
    clear()
    return sys.getallocatedblocks()


class Lent:
    """A list whose objects have references to spare, so that one given back too often shows."""

    def __init__(self, items):
        self.data = items
        self.watched = [(None, "None"), (self.data, "the list")]
        self.watched += [(item, "item %d" % i) for i, item in enumerate(items)]
        self.spare = [item for item, _ in self.watched[1:]] * SPARE
        self.watched[:1] = []

    def counts(self):
        return [sys.getrefcount(item) for item, _ in self.watched]


def lending(detect):
    for name, make in CASES:
        say("probe", name)
        lent = Lent(make())
        use(detect, lent.data)
        before = lent.counts()
        result = None
        try:
            result = called(detect, lent.data)
        except Exception as error:
            check(error)
            del error
        during = lent.counts()
        holds = {}
        if type(result) in (list, tuple):
            for item in result:
                holds[id(item)] = holds.get(id(item), 0) + 1
            item = None
        if result is lent.data:
            holds[id(result)] = holds.get(id(result), 0) + 1
        for (item, what), was, now in zip(lent.watched, before, during):
            if now - was < holds.get(id(item), 0):
                found("Who stores or returns something needs a reference for it that is theirs.",
                      "Called with %s, the result holds %s by a reference that nobody added: "
                      "%d before, %d now." % (name, what, was, now))
        item = result = None
        use_counts(lent, before, name)
        for _ in range(SPARE // 4):
            use(detect, lent.data)
        use_counts(lent, before, name)


def use_counts(lent, before, name):
    after = lent.counts()
    changed = [(what, was, now) for (_, what), was, now in zip(lent.watched, before, after) if was != now]
    for what, was, now in changed:
        if now < was:
            found("What is borrowed, or was stolen from you, is not yours to give back.",
                  "Called with %s, %s had %d references before, and %d after."
                  % (name, what, was, now))
        found("What is yours has to be given back, once.",
              "Called with %s, %s had %d references before, and %d after%s."
              % (name, what, was, now, many(len(changed))))


def stays(blocks):
    blocks = round(blocks)
    return "1 block of memory stays" if blocks == 1 else "%d blocks of memory stay" % blocks


def many(count):
    return "; so have %d others" % (count - 1) if count > 1 else ""


def soaking(detect):
    shared = [(None, "None"), (True, "True"), ((), "()"), (detect, "detect itself")]
    for name, make in CASES:
        say("probe", name + ", again and again")
        data = make()
        for _ in range(CALLS):
            use(detect, data)
        blocks, references = [0, 0, 0], [[], [], []]
        for window in range(3):
            if window:
                for _ in range(CALLS):
                    use(detect, data)
            gc.collect()
            references[window] = [sys.getrefcount(o) for o, _ in shared]
            blocks[window] = counted_blocks()
        first, second = blocks[1] - blocks[0], blocks[2] - blocks[1]
        if min(first, second) >= CALLS // 2:
            found("What is new is yours: give it back, once, on each way out.",
                  "Called with %s, each time %s behind."
                  % (name, stays(second / CALLS)))
        for i, (_, what) in enumerate(shared):
            first, second = (references[w + 1][i] - references[w][i] for w in (0, 1))
            if max(first, second) <= -CALLS // 2:
                found("What is borrowed is not yours to give back.",
                      "Each call takes a reference from %s." % what)
            if min(first, second) >= CALLS // 2:
                found("What is yours has to be given back, once.",
                      "Each call leaves a reference to %s behind." % what)


def outliving(detect):
    say("probe", "a result that outlives its list")
    for _ in range(3):
        data = values(1000, Number)
        result = ()
        try:
            result = iter(called(detect, data))
            del data[:]
            del data
            gc.collect()
            values(1000, Number)
            for _ in result:
                pass
        except Exception as error:
            check(error)


def meddling(detect):
    say("probe", "a list that an item changes when it is converted or compared")
    for anew in (True, False):
        for place in (0, 1, 7, 8, 20):
            data = values(40, Number)
            data.insert(place, Meddler(data, anew))
            use(detect, data)
            data.clear()


def threading_(detect):
    say("probe", "a list that another thread fills anew, whenever the lock is free")
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


def cycling(detect):
    say("probe", "a cycle: the list holds the result")
    for make in (lambda: values(20), list):
        data = Data(make())
        try:
            result = called(detect, data)
        except Exception as error:
            check(error)
            continue
        data.append(result)
        gone = weakref.ref(data)
        del result, data
        gc.collect()
        if gone() is not None:
            found("What can hold others tells the collector of cycles what it holds.",
                  "The result holds the list, the list holds the result, and the collector cannot "
                  "free them.")


def run(detect):
    try:
        for probe in (lending, soaking, outliving, meddling, threading_, cycling):
            probe(detect)
        say("probe", "memory that runs out")
    except Found:
        return [1]
    return [0]


starved = None


def lend():
    """The list that is passed while memory runs out."""
    global starved
    starved = Lent(values(300))
    return starved.data


def lent():
    starved.before = starved.counts()
    return []


def blocks():
    return [counted_blocks()]


def after_failure(allocation, grown):
    """What a call has changed whose allocation of that number failed."""
    try:
        use_counts(starved, starved.before, "memory for all but allocation %d" % allocation)
        if grown > 0:
            found("What was made before the step that failed has to be given back.",
                  "When allocation %d of the call fails, %s behind." % (allocation, stays(grown)))
    except Found:
        return [1]
    return [0]


def wrong_failure(text):
    """Whether that is the text of a failure that Python itself complained about."""
    try:
        if text.startswith("SystemError: "):
            check(SystemError(text[len("SystemError: "):]))
    except Found:
        return [1]
    return [0]
