"""Names the lines that keep something or call C code that leaks: the follower records how much each line adds."""

import array
import collections
import functools
import gc
import os
import sys

from _refsoak_names import amount, hidden_files, place, source, step, type_name, variables, with_article

MOST = 3
HEAP = ("byte of C's heap", "bytes of C's heap")
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
    "files": (entries("/proc/self/fd"), ("open file", "open files")),
    "threads": (entries("/proc/self/task"), ("thread", "threads")),
    "shared_memory": (entries("/dev/shm"), ("segment", "segments")),
    "mappings": (mappings, ("mapped file", "mapped files")),
    "children": (children, ("child process", "child processes")),
}


def is_standard(file):
    """Return whether a file belongs to the standard library."""
    directory = os.path.dirname(os.__file__) + os.sep
    return file.startswith((directory, "<frozen ")) and "-packages" + os.sep not in file


class Follower:
    """Records what each line adds to references, containers, resources and C's heap."""

    def __init__(self, things, containers, heap, resources):
        names = variables(containers)
        counters = [(functools.partial(sys.getrefcount, thing), ("reference", "references")) for thing in things]
        for thing in containers:
            of = " of " + (names[id(thing)] or "(no variable)")
            counters.append((lambda thing=thing: size(thing), ("item" + of, "items" + of)))
        counters += [RESOURCES[name] for name in resources]
        if heap:
            counters.append((heap, HEAP))
        self.counters, self.units = zip(*counters) if counters else ((), ())
        # For each line: what it added itself, what it added including its calls, and its depth.
        self.own = {}
        self.whole = {}
        self.depth = {}
        # The frames that called the soak: their lines are not named.
        self.callers = set()
        frame = sys._getframe(1)
        while frame is not None:
            self.callers.add(id(frame))
            frame = frame.f_back
        # The current line, and the lines that called it.
        self.lines = []
        self.last = self.read()

    def read(self):
        return array.array("q", [counter() for counter in self.counters])

    def charge(self):
        # Growth before the first line belongs to the follower itself.
        for index, (now, before) in enumerate(zip(self.read(), self.last) if self.lines else ()):
            if now != before:
                add(self.own, self.lines[0], index, now - before)
                for line in set(self.lines):
                    add(self.whole, line, index, now - before)

    def __call__(self, frame, what, argument):
        self.charge()
        when = ""
        if what == "return" and frame.f_back is not None:
            # From here on, growth belongs to the line of the call.
            frame = frame.f_back
        elif what == "return":
            when = ", after it has returned"
        # The innermost line comes first, without the soak's own files.
        lines = []
        while frame is not None and id(frame) not in self.callers and len(lines) < DEEP:
            if not frame.f_code.co_filename.startswith(tuple(hidden_files)):
                lines.append((frame.f_code.co_filename, frame.f_lineno, when))
            else:
                # What a hidden module calls in the standard library is its own business.
                while lines and is_standard(lines[-1][0]):
                    lines.pop()
            frame = frame.f_back
        # After the function has returned, our own code may run before its result is freed.
        self.lines = lines or self.lines
        self.depth.update((line, len(lines) - place) for place, line in enumerate(lines))
        self.last = self.read()
        return self

    def guilty(self, index, least):
        """Return the lines that explain the growth. Growth that is undone later cancels out in the sum."""
        own = {line: row[index] for line, row in self.own.items() if index in row}
        total = sum(own.values())
        if total < least:
            return []

        def explains(added):
            return abs(added - total) <= total / 10

        rows = [(line, added) for line, added in own.items() if 2 * added >= total]
        if not any(explains(added) for _, added in rows):
            # A call may add something that its line partly removes: take the innermost line that explains the sum.
            whole = [(line, row[index]) for line, row in self.whole.items() if explains(row[index])]
            rows = sorted(whole, key=lambda row: self.depth[row[0]])[-1:] or rows
        if not rows:
            # Several lines add their share.
            shares = sorted(own.items(), key=lambda row: -row[1])
            return [(line, added) for line, added in shares if 8 * added >= total][:MOST]
        # Take the closest lines: the growth of the others is undone elsewhere.
        farthest = min((abs(added - total) for _, added in rows), default=0) + total / 10
        rows = sorted(rows, key=lambda row: abs(row[1] - total))
        return [(line, added) for line, added in rows if abs(added - total) <= farthest][:MOST]


def add(charged, line, index, count):
    row = charged.setdefault(line, collections.Counter())
    row[index] += count


def size(thing):
    try:
        return len(thing)
    except TypeError:
        return thing.qsize() if hasattr(thing, "qsize") else len(thing.getvalue())


def values():
    """Return the lengths of immutable values and arrays, by variable: a longer value may replace them."""
    lengths = {}
    kinds = (str, bytes, tuple, frozenset, getattr(sys.modules.get("numpy"), "ndarray", str))
    for holder in gc.get_objects():
        if isinstance(holder, dict):
            for name, value in list(holder.items()):
                if isinstance(value, kinds) and isinstance(name, str):
                    lengths[id(holder), name] = (value.size if hasattr(value, "strides") else len(value)), holder
    return lengths


def longer(calls):
    """Return the variables whose values became longer in most calls since `follow`."""
    modules = {id(getattr(module, "__dict__", None)): name for name, module in sys.modules.copy().items()}
    found = []
    for key, (now, holder) in values().items() if values.before else ():
        before, _ = values.before.get(key, (now, None))
        if 2 * (now - before) >= calls:
            value = dict.get(holder, key[1])
            name = modules.get(id(holder)) or variables([holder])[id(holder)]
            found.append("%s, %s: %s per call" % (
                source(name) + step(holder, value, id(holder) in modules), with_article(type_name(value)),
                amount((now - before) / calls, ("item", "items"))))
    values.before = {}
    return found[:MOST]


def follow(what):
    """Begin to follow the lines: record references to things, items of containers, C's heap and resources.

    `heap` is the address of a C function that returns how much of C's heap is in use, or 0.
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
    """Stop following, and return the lines that explain the growth."""
    sys.settrace(others_trace)
    calls, rate = made
    return [
        place(file, line, unit, added / calls, when)
        for index, unit in enumerate(follower.units)
        for (file, line, when), added in follower.guilty(index, calls * rate / 2 if unit is HEAP else 1)
    ]
