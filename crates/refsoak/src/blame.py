"""Names what grows: the objects, the variables that lead to them, and the lines that allocate them."""

import array
import collections
import functools
import gc
import linecache
import os
import reprlib
import sys
import time
import tracemalloc

MOST = 3


# Objects and their variables.

def identify(things):
    """Return what each object is, its type, and the variable that leads to it, or nothing; in turns."""
    names = variables(things)
    return [text for thing in things for text in (
        describe(thing), type_name(thing), "" if type(thing) in PLAIN else names.get(id(thing), ""))]


# Values that many may share: any variable that has one would be named by chance.
PLAIN = {int, float, bool, str, bytes, type(None), tuple, frozenset, complex}


def type_name(thing):
    # Whatever it makes of `__module__` or `__name__`.
    return type.__repr__(type(thing)).split("'")[1]


def describe(thing):
    """`numpy.dtype[int64] dtype('int64')`: its type and its `repr`, cut."""
    brief = reprlib.Repr()
    brief.maxother = brief.maxstring = 60
    return "%s %s" % (type_name(thing), " ".join(bounded(brief.repr, thing).split()))


class Endless(BaseException):
    """Raised in a `__repr__` that takes too long."""


def bounded(function, thing):
    """Return what a function makes of a thing, unless code of the thing's own takes more than a second."""
    end = time.monotonic() + 1

    def look(frame, what, argument):
        if time.monotonic() > end:
            raise Endless
        return look

    tracer = sys.gettrace()
    sys.settrace(look)
    try:
        return function(thing)
    except (Exception, Endless):
        return "(its repr does not end)"
    finally:
        sys.settrace(tracer)


def variables(things):
    """Find how objects are reached from the variables of modules: `module.name['key'][...]`, by id."""
    wanted = {id(thing) for thing in things}
    modules = [
        (name, module)
        for name, module in sys.modules.copy().items()
        if isinstance(getattr(module, "__dict__", None), dict)
    ]
    # They end here, and where the soak's own modules begin.
    holders = {id(thing): None for _, module in modules for thing in (module, module.__dict__)}
    modules = [(name, module) for name, module in modules if not name.startswith("_outliers")]
    roots = {id(module.__dict__): source(name) for name, module in modules}
    # Those imported last are the nearest to what is soaked.
    level = [module.__dict__ for _, module in reversed(modules)]
    keep = [level]
    while level and not wanted <= holders.keys():
        deeper = []
        for holder in level:
            for thing in gc.get_referents(holder):
                if id(thing) not in holders:
                    holders[id(thing)] = holder
                    deeper.append(thing)
        keep.append(deeper)
        level = deeper
    return {id(thing): path(thing, holders, roots) for thing in things if holders.get(id(thing)) is not None}


def source(name):
    """What a module is called: a FILE.py is the module FILE-py."""
    return name[:-3] + ".py" if name.endswith("-py") else name


def path(thing, holders, roots):
    steps = []
    while holders[id(thing)] is not None:
        holder = holders[id(thing)]
        steps.append(step(holder, thing, id(holder) in roots))
        thing = holder
    return roots.get(id(thing), "") + "".join(reversed(steps))


def step(holder, thing, is_module):
    """How an object is reached from the one that refers to it, as in Python; `[...]` in short."""
    if isinstance(holder, dict):
        for key, value in holder.items():
            if value is thing:
                return "." + key if is_module and isinstance(key, str) else "[%s]" % reprlib.repr(key)
        return "(a key)"
    if isinstance(holder, (list, tuple, set, frozenset, collections.deque)):
        return "[...]"
    try:
        names = [name for name, value in vars(holder).items() if value is thing]
    except Exception:  # whatever an object's own code raises
        names = []
    if names:
        return "." + names[0]
    return "" if isinstance(thing, dict) else "..."


# Lines that allocate, by tracemalloc; and types.

def trace():
    """Begin to trace allocations."""
    global snapshot, types, was_tracing
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    snapshot = tracemalloc.take_snapshot()
    gc.collect()
    types = count_types()
    return []


def traced(made):
    """End it, after so many calls; return the lines and the types of what leaks so often per call.

    What stores replace looks like growth too: where there is more than leaks, what is nearest to it is first.
    """
    calls, rate, blocks = made
    least = max(calls * rate / 2, 1)
    gc.collect()
    grown = [(number - types.get(kind, 0), kind.__qualname__) for kind, number in count_types().items()]
    after = tracemalloc.take_snapshot()
    if not was_tracing:
        tracemalloc.stop()
    # Our own, and what has no line.
    others = [tracemalloc.Filter(False, name) for name in (OURS + "*", "<unknown>", tracemalloc.__file__, linecache.__file__)]
    growth = after.filter_traces(others).compare_to(snapshot.filter_traces(others), "lineno")
    growth = [line for line in growth if line.count_diff >= least]
    if sum(line.count_diff for line in growth) > 2 * blocks * calls:
        growth.sort(key=lambda line: abs(line.count_diff - blocks * calls))
    lines = [
        place(line.traceback[0].filename, line.traceback[0].lineno, "blocks", line.count_diff / calls)
        for line in growth
    ]
    most = sorted((pair for pair in grown if pair[0] >= least), reverse=True)
    return lines[:5] + ["%+.4g objects of type %s per call" % (number / calls, kind) for number, kind in most[:3]]


def place(file, line, unit, growth, when=""):
    code = linecache.getline(file, line).strip()
    return "%s:%d: %+.4g %s per call%s: %s" % (file, line, growth, unit, when, code)


def count_types():
    counts = {}
    for thing in gc.get_objects():
        counts[type(thing)] = counts.get(type(thing), 0) + 1
    return counts


# Lines that keep something, or call C code that leaks, by what each adds.

HEAP = "bytes of C's heap"
# Our own files are named so.
OURS = "<outliers>"
DEEP = 30


def entries(directory):
    return lambda: len(os.listdir(directory))


def mappings():
    with open("/proc/self/maps") as maps:
        return sum(line.split(None, 5)[4] != "0" for line in maps)


def children():
    count = 0
    for thread in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/children" % thread) as file:
            count += len(file.read().split())
    return count


RESOURCES = {
    "files": (entries("/proc/self/fd"), "open files"),
    "threads": (entries("/proc/self/task"), "threads"),
    "shared_memory": (entries("/dev/shm"), "segments"),
    "mappings": (mappings, "mapped files"),
    "children": (children, "child processes"),
}


class Follower:
    """Books what each line adds: to C's heap, to the references to objects, to containers, to resources."""

    def __init__(self, things, containers, heap, resources):
        names = variables(containers)
        counters = [(functools.partial(sys.getrefcount, thing), "references") for thing in things]
        counters += [(lambda thing=thing: size(thing), "items of " + names.get(id(thing), "one without a variable"))
                     for thing in containers]
        counters += [RESOURCES[name] for name in resources]
        if heap:
            counters.append((heap, HEAP))
        self.counters, self.units = zip(*counters) if counters else ((), ())
        # By line: what it added itself, what it added with all that it called, and how deep it is.
        self.own = {}
        self.whole = {}
        self.depth = {}
        # That of now, and those that called it.
        self.lines = []
        self.last = self.read()

    def read(self):
        return array.array("q", [counter() for counter in self.counters])

    def book(self):
        # Before the first line there is what following itself takes, once.
        for index, (now, before) in enumerate(zip(self.read(), self.last) if self.lines else ()):
            if now != before:
                add(self.own, self.lines[0], index, now - before)
                for line in set(self.lines):
                    add(self.whole, line, index, now - before)

    def __call__(self, frame, what, argument):
        self.book()
        when = ""
        if what == "return" and frame.f_back is not None:
            # What comes now belongs to the line of the call.
            frame = frame.f_back
        elif what == "return":
            when = ", after it has returned"
        # The innermost first; our own files call, but leak nothing.
        lines = []
        while frame is not None and len(lines) < DEEP:
            if not frame.f_code.co_filename.startswith(OURS):
                lines.append((frame.f_code.co_filename, frame.f_lineno, when))
            frame = frame.f_back
        self.lines = lines
        self.depth.update((line, len(lines) - place) for place, line in enumerate(lines))
        self.last = self.read()
        return self

    def guilty(self, index, least):
        """The lines to which a count owes what stayed: what comes and goes cancels out in the sum."""
        own = {line: row[index] for line, row in self.own.items() if index in row}
        total = sum(own.values())
        if total < least:
            return []

        def explains(added):
            return abs(added - total) <= total / 10

        rows = [(line, added) for line, added in own.items() if 2 * added >= total]
        if not any(explains(added) for _, added in rows):
            # What a line calls may add, and the line take away: the innermost line that makes it up.
            whole = [(line, row[index]) for line, row in self.whole.items() if explains(row[index])]
            rows = sorted(whole, key=lambda row: self.depth[row[0]])[-1:] or rows
        # Those nearest to it: what others add is taken back elsewhere.
        farthest = min((abs(added - total) for _, added in rows), default=0) + total / 10
        rows = sorted(rows, key=lambda row: abs(row[1] - total))
        return [(line, added) for line, added in rows if abs(added - total) <= farthest][:MOST]


def add(booked, line, index, count):
    row = booked.setdefault(line, collections.Counter())
    row[index] += count


def size(thing):
    try:
        return len(thing)
    except TypeError:
        return thing.qsize() if hasattr(thing, "qsize") else len(thing.getvalue())


def values():
    """Return how long the values are that variables hold and that cannot grow, but be replaced by longer ones."""
    lengths = {}
    kinds = (str, bytes, tuple, frozenset, getattr(sys.modules.get("numpy"), "ndarray", str))
    for holder in gc.get_objects():
        if isinstance(holder, dict):
            for name, value in list(holder.items()):
                if isinstance(value, kinds) and isinstance(name, str):
                    lengths[id(holder), name] = (value.size if hasattr(value, "strides") else len(value)), holder
    return lengths


def longer(calls):
    """Return the variables whose values have become longer with nearly each call, since `follow`."""
    modules = {id(getattr(module, "__dict__", None)): name for name, module in sys.modules.copy().items()}
    found = []
    for key, (now, holder) in values().items() if values.before else ():
        before, _ = values.before.get(key, (now, None))
        if 2 * (now - before) >= calls:
            value = dict.get(holder, key[1])
            name = modules.get(id(holder)) or variables([holder]).get(id(holder), "")
            found.append("%s, a %s: %+.4g items per call" % (
                source(name) + step(holder, value, id(holder) in modules), type_name(value), (now - before) / calls))
    values.before = {}
    return found[:MOST]


def follow(what):
    """Begin to follow the lines: by references to things, items of containers, C's heap, resources.

    The heap is the address of a C function that tells how much of it is in use, or 0.
    """
    global follower, others_trace
    things, containers, heap, resources = what
    try:
        from ctypes import CFUNCTYPE, c_longlong
    except ImportError:
        heap = None
    if heap:
        heap = CFUNCTYPE(c_longlong)(heap)
    gc.collect()
    values.before = values() if heap else {}
    others_trace = sys.gettrace()
    follower = Follower(things, containers, heap, resources.split())
    sys.settrace(follower)
    return []


def followed(made):
    """End it; return the lines that added what stayed."""
    sys.settrace(others_trace)
    calls, rate = made
    return [
        place(file, line, unit, added / calls, when)
        for index, unit in enumerate(follower.units)
        for (file, line, when), added in follower.guilty(index, calls * rate / 2 if unit is HEAP else 1)
    ]
