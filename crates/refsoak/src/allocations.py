"""Names the lines that allocate, by tracemalloc, and the types of the objects."""

import gc
import linecache
import tracemalloc

from _refsoak_names import amount, hidden_files, place


def trace():
    """Begin to trace allocations."""
    global snapshot, kinds_before, was_tracing
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    snapshot = tracemalloc.take_snapshot()
    gc.collect()
    kinds_before = count_types()
    return []


def traced(made):
    """Stop the trace, and return the lines and the types of the leak. `made` has the calls and the rates per call.

    Objects that a store replaces look like growth too. If the lines add more than twice the leaked blocks, the line
    whose growth is closest to the leak comes first.
    """
    calls, rate, blocks = made
    least = max(calls * rate / 2, 1)
    gc.collect()
    grown = [(number - kinds_before.get(kind, 0), kind.__qualname__) for kind, number in count_types().items()]
    after = tracemalloc.take_snapshot()
    if not was_tracing:
        tracemalloc.stop()
    # Leave out the soak's own lines, and allocations without a line.
    others = [tracemalloc.Filter(False, name) for name in (
        *(name + "*" for name in hidden_files), "<unknown>", tracemalloc.__file__, linecache.__file__)]
    growth = after.filter_traces(others).compare_to(snapshot.filter_traces(others), "lineno")
    growth = [line for line in growth if line.count_diff >= least]
    if sum(line.count_diff for line in growth) > 2 * blocks * calls:
        growth.sort(key=lambda line: abs(line.count_diff - blocks * calls))
    lines = [
        place(line.traceback[0].filename, line.traceback[0].lineno, ("block", "blocks"), line.count_diff / calls)
        for line in growth
    ]
    most = sorted((pair for pair in grown if pair[0] >= least), reverse=True)
    return lines[:5] + [
        amount(number / calls, ("object of type " + kind, "objects of type " + kind)) + " per call"
        for number, kind in most[:3]
    ]


def count_types():
    counts = {}
    for thing in gc.get_objects():
        counts[type(thing)] = counts.get(type(thing), 0) + 1
    return counts
