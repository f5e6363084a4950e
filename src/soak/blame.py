"""Names what grows: the objects, the variables that hold them, and the lines that allocate them."""

import array
import collections
import functools
import gc
import linecache
import reprlib
import sys
import tracemalloc

from _outliers_meter import containers

before = array.array("q")
# The containers that have grown, with their names.
grown = []


# Containers that grow hold what leaks; or they are caches that fill.

def begin():
    """Note how long the containers are."""
    before[:] = array.array("q", map(len, containers))
    return []


def held():
    """Return the containers that have grown since, the most first."""
    most = [(items, thing) for items, thing in changed()[:-4:-1] if items >= 8]
    names = variables([thing for _, thing in most])
    grown[:] = [(thing, names.get(id(thing), "one without a variable")) for _, thing in most]
    return ["%s, a %s: %+d items" % (name, type(thing).__qualname__, items)
            for (items, _), (thing, name) in zip(most, grown)]


def emptied(fallen):
    """Return a container that has shrunk since by about as much as references have fallen."""
    items, thing = changed()[0]
    if 2 * items > -fallen[0]:
        return []
    return ["%s, a %s" % (variables([thing]).get(id(thing), "one"), type(thing).__qualname__)]


def changed():
    """Return by how many items each container has grown, the most last."""
    growth = sorted((len(thing) - length, index) for index, (thing, length) in enumerate(zip(containers, before)))
    return [(items, containers[index]) for items, index in growth]


# Objects and their variables.

def identify(things):
    """Return what each object is, and the variable that holds it, or nothing; in turns."""
    names = variables(things)
    return [text for thing in things for text in (describe(thing), names.get(id(thing), ""))]


def describe(thing):
    """`numpy.dtype[int64] dtype('int64')`: its type and its `repr`, cut."""
    # Whatever it makes of `__module__` or `__name__`.
    name = type.__repr__(type(thing)).split("'")[1]
    brief = reprlib.Repr()
    brief.maxother = brief.maxstring = 60
    return "%s %s" % (name, " ".join(brief.repr(thing).split()))


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
    # A FILE.py is the module FILE-py.
    roots = {id(module.__dict__): name.replace("-py", ".py") for name, module in modules}
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

def trace(*_):
    """Begin to trace allocations."""
    global snapshot, types, was_tracing
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    snapshot = tracemalloc.take_snapshot()
    gc.collect()
    types = count_types()
    return []


def traced(made):
    """End it, after so many calls; return the lines and the types of what leaks so often per call."""
    calls, rate = made
    least = max(calls * rate / 2, 1)
    gc.collect()
    grown = [(number - types.get(kind, 0), kind.__qualname__) for kind, number in count_types().items()]
    after = tracemalloc.take_snapshot()
    if not was_tracing:
        tracemalloc.stop()
    # Our own, and what has no line.
    others = [tracemalloc.Filter(False, name) for name in ("<*", tracemalloc.__file__, linecache.__file__)]
    growth = after.filter_traces(others).compare_to(snapshot.filter_traces(others), "lineno")
    lines = [
        place(line.traceback[0].filename, line.traceback[0].lineno, "blocks", line.count_diff / calls)
        for line in growth
        if line.count_diff >= least
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


class Follower:
    """Books what each line adds: to C's heap, to the references to objects, to containers."""

    def __init__(self, things, heap):
        counters = [(functools.partial(sys.getrefcount, thing), "references") for thing in things]
        counters += [(functools.partial(len, thing), "items of " + name) for thing, name in grown]
        if heap:
            counters.append((heap, HEAP))
        self.counters, self.units = zip(*counters) if counters else ((), ())
        self.last = array.array("q", [counter() for counter in self.counters])
        self.booked = {}
        self.row = self.row_of(None)

    def row_of(self, place):
        row = self.booked.get(place)
        if row is None:
            row = self.booked[place] = array.array("q", [0] * len(self.counters))
        return row

    def __call__(self, frame, what, argument):
        for index, counter in enumerate(self.counters):
            self.row[index] += counter() - self.last[index]
        when = ""
        if what == "return" and frame.f_back is not None:
            # What comes now belongs to the line of the call.
            frame = frame.f_back
        elif what == "return":
            when = ", after it has returned"
        self.row = self.row_of((frame.f_code.co_filename, frame.f_lineno, when))
        for index, counter in enumerate(self.counters):
            self.last[index] = counter()
        return self


def follow(things, heap):
    """Begin to follow the lines; C's heap too, if there is the address of a C function that tells it."""
    global follower, others_trace
    try:
        from ctypes import CFUNCTYPE, c_longlong
    except ImportError:
        heap = None
    if heap:
        heap = CFUNCTYPE(c_longlong)(heap)
    gc.collect()
    others_trace = sys.gettrace()
    follower = Follower(things, heap)
    sys.settrace(follower)
    return []


def followed(made):
    """End it; return the lines that added what stayed. What comes and goes cancels out in the sum."""
    sys.settrace(others_trace)
    calls, rate = made
    lines = []
    for index, unit in enumerate(follower.units):
        total = sum(row[index] for row in follower.booked.values())
        if total >= (calls * rate / 2 if unit is HEAP else 1):
            rows = [(abs(row[index] - total), where, row[index]) for where, row in follower.booked.items() if where]
            # Those nearest to it: what others add is taken back elsewhere.
            farthest = min(rows)[0] + total / 10
            rows = sorted(row for row in rows if row[2] * 2 >= total and row[0] <= farthest)[:3]
            lines.extend(place(file, line, unit, grown / calls, when) for _, (file, line, when), grown in rows)
    return lines
