"""Names what grows: the lines that allocate it, the types that it is of, and what holds it."""

import collections
import gc
import linecache
import sys
import tracemalloc

snapshot = None
known = None


def trace():
    """Begin to trace allocations."""
    global snapshot
    gc.collect()
    tracemalloc.start()
    snapshot = tracemalloc.take_snapshot()
    return []


def traced():
    """End it; return the lines whose allocations grew, the most first."""
    global snapshot
    gc.collect()
    before, snapshot = snapshot, None
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    # Our own, and what has no line.
    others = [tracemalloc.Filter(False, name) for name in ("<*", tracemalloc.__file__, linecache.__file__)]
    growth = after.filter_traces(others).compare_to(before.filter_traces(others), "lineno")
    most = max((grown.size_diff for grown in growth), default=0)
    return [line(grown) for grown in growth if grown.size_diff > most / 10][:5]


def line(grown):
    where = grown.traceback[0]
    source = linecache.getline(where.filename, where.lineno).strip()
    return "%s:%d: %+d bytes: %s" % (where.filename, where.lineno, grown.size_diff, source)


def count():
    """Begin to count objects by type, those that the collector tracks."""
    global known
    gc.collect()
    things = gc.get_objects()
    known = (collections.Counter(map(type, things)), set(map(id, things)))
    return []


def counted():
    """End it; return the types that grew, the most first, and what holds their objects."""
    global known
    gc.collect()
    things = gc.get_objects()
    (types, ids), known = known, None
    growth = collections.Counter(map(type, things)) - types
    found = []
    for kind, grown in growth.most_common(3):
        # A few come with the counting itself.
        if grown >= 10:
            new = [thing for thing in things if type(thing) is kind and id(thing) not in ids][-20:]
            found.append("%s: %+d objects%s" % (kind.__qualname__, grown, held_by(new, things)))
    return found


def held_by(new, things):
    """Name the variable of a module that holds most of them, itself or through a container."""
    variables = {
        id(value): "%s.%s" % (name, key)
        for name, module in list(sys.modules.items())
        for key, value in list(getattr(module, "__dict__", {}).items())
        if gc.is_tracked(value) and name != __name__
    }
    ours = {id(new), id(things)}
    holders = collections.Counter()
    for thing in new:
        level = [thing]
        for _ in range(3):
            ours.add(id(level))
            level = [held for held in gc.get_referrers(*level) if id(held) not in ours][:50]
            names = [variables[id(held)] for held in level if id(held) in variables]
            if names:
                holders[names[0]] += 1
                break
    return "".join(", held by " + name for name, _ in holders.most_common(1))
