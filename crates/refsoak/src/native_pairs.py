"""Pairs each reference that is taken with the release that undoes it. What remains names the function at fault."""

import collections
import operator
import os
import re
import sys

# The most functions that are named, and the most places in a function.
MOST, MOST_PLACES = 3, 6
# Functions that only change counts.
COUNTING = re.compile(r"_?Py_X?(INC|DEC|NEW|SET)_?REF(_\w+)?$|_?Py_X?(Inc|Dec|New)Ref(_\w+)?$|Py_CLEAR$|_Py_Dealloc$")
# Code that others wrote for the extension.
SUPPORT = re.compile(r"<?(pyo3|pyo3_ffi|core|alloc|std|pybind11|nanobind)::|__Pyx_")
# Calls that take a reference for the container that they fill.
FILLING = re.compile("Set|Add|Append|Insert|Pack|Build")
# Python's libraries; the program, and whether it contains Python.
LIBRARIES = ("libpython", "libffi", "libc.", "libc-", "libstdc++", "ld-linux")
PROGRAM = os.path.realpath("/proc/self/exe")
with open("/proc/self/maps") as maps:
    IS_PYTHON = re.search(r"/libpython[^/]*\.so[^/]*$", maps.read(), re.M) is None
# The meter: a library of its own, or functions of the program, which may have lost their names.
METER = getattr(sys.modules.get("refsoak._native"), "__file__", None)
OURS = re.compile(r"<?(refsoak|pyoutliers|pyoutliers_cli|core|alloc|std)::|0x")
BY_NUMBER = operator.attrgetter("number")


class Change:
    """A reference that is taken (`sign` 1) or released (-1)."""

    def __init__(self, number, sign, stack, line):
        self.number, self.sign, self.line = number, sign, line
        # The outermost frame is the first.
        self.frames = [frame for frame in reversed(stack) if not COUNTING.search(frame["function"])] or stack[::-1]
        self.path = [(frame["function"], frame["library"]) for frame in self.frames]
        # The change that it was paired off with, and the depth of the frame in which it was.
        self.partner = self.paired = None
        # Whether the count changed. It does not when a reference passes to a container.
        self.is_seen = True
        # Frames of Python from here on: not the meter's, an extension's or the interpreter loop.
        own = len(self.frames)
        while own and is_python(self.frames[own - 1]) and not self.path[own - 1][0].startswith("_PyEval"):
            own -= 1
        # Whether the reference belongs to a container.
        self.is_held = own < len(self.path) and (sign < 0 or FILLING.search(self.path[own][0]) is not None)
        self.blamed = self.site(min(own, len(self.path) - 1))

    def site(self, otherwise):
        """Return the index of the innermost frame of an extension."""
        extension = [index for index, frame in enumerate(self.frames) if not (is_python(frame) or is_ours(frame))]
        # An extension that calls Python may forget what Python returns, but what Python releases is not its own.
        loop = max((index for index, (name, _) in enumerate(self.path) if name.startswith("_PyEval")), default=-1)
        if self.sign < 0:
            extension = [index for index in extension if index > loop]
        written = [index for index in extension if not SUPPORT.match(self.path[index][0])]
        return (written or extension or [otherwise])[-1]

    def call(self, index):
        """Return the name of the function of Python that was called from a frame, or nothing."""
        below = range(index + 1, len(self.frames))
        return next((self.path[index][0] for index in below if is_python(self.frames[index])), "")

    def within(self, function, serving):
        """Return the index of a function's frame if it is the one that took or released this reference."""
        if not self.is_seen:
            return None
        if self.path[self.blamed] == function and (self.paired is None or self.paired <= self.blamed + 1):
            return self.blamed
        # A helper took what the function itself released.
        outer = (self.paired or 0) - 1
        is_helped = self.path[self.blamed] in serving and self.partner and self.partner.blamed == outer
        return outer if is_helped and self.path[outer] == function else None

    def is_in_extension(self):
        return not is_python(self.frames[self.blamed])

    def caller(self):
        """Return the index of the frame of the same library that called the blamed one."""
        for index in reversed(range(self.blamed)):
            if not (SUPPORT.match(self.path[index][0]) or is_ours(self.frames[index])):
                return index if self.path[index][1] == self.path[self.blamed][1] else None
        return None


def is_ours(frame):
    """Return whether a frame is the meter's, which changes no count. The closure that it calls may be a part of it."""
    return frame["library"] == METER or frame["library"] == PROGRAM and OURS.match(frame["function"]) is not None


def is_python(frame):
    if frame["library"] == PROGRAM:
        return IS_PYTHON and not is_ours(frame)
    return os.path.basename(frame["library"]).startswith(LIBRARIES)


def changes(stacks, watched, lines):
    """Return the changes, each of one reference. A stolen reference passes from the caller to a container."""
    found = []
    for index, amount, is_stolen in watched:
        line = lines[index] if index < len(lines) else None
        stack = stacks[index]
        for _ in range(abs(amount)):
            found.append(Change(len(found), 1 if amount > 0 else -1, stack, line))
        if is_stolen:
            found[-1].is_held = False
            found.append(Change(len(found), 1, stack, line))
            found[-1].is_held, found[-1].is_seen = True, False
    return found


def unpaired(found, depth=0):
    """Return the changes that do not pair off below the frame at this depth.

    A reference and its release pair off in the innermost frame that they have in common.
    """
    own, below = [], {}
    for change in found:
        if depth < len(change.path):
            below.setdefault(change.path[depth], []).append(change)
        else:
            own.append(change)
    # A function pairs off its own changes first, and so does Python. What a container took, it releases; but some
    # references are moved into a container, or out of one.
    same, moved_in, moved_out = {False: False, True: True}, {True: False}, {False: True}
    own = pair(own, depth, same)
    rest = sum((unpaired(group, depth + 1) for group in below.values()), own)
    python = pair([change for change in rest if not change.is_in_extension()], depth, same, moved_in, moved_out)
    rest = python + [change for change in rest if change.is_in_extension()]
    return pair(rest, depth, same, moved_in, {} if depth else moved_out)


def pair(found, depth, *released_to_taken):
    """Remove each release with the last reference that was taken before it: kinds of them, one after the other."""
    for kinds in released_to_taken:
        taken, rest = {False: [], True: []}, []
        for change in sorted(found, key=BY_NUMBER):
            partners = taken.get(kinds.get(change.is_held))
            if change.sign > 0:
                taken[change.is_held].append(change)
            elif partners:
                change.partner = partners.pop()
                change.partner.partner = change
                change.paired = change.partner.paired = depth
            else:
                rest.append(change)
        found = taken[False] + taken[True] + rest
    return found


def named(found, calls):
    """Return a line for each function that does not release what it takes, the most likely one first."""
    total = sum(change.sign for change in found)
    if total == 0:
        return ["none, because the count was the same after %d calls" % calls]
    sign = 1 if total > 0 else -1
    rest = [change for change in unpaired(found) if change.sign == sign]
    # Functions that return a new reference, or release one for their caller: elsewhere, the caller pairs it off.
    serving = {change.path[change.blamed] for change in found if change.sign == sign and change.paired is not None
               and change.caller() is not None and change.caller() < change.paired <= change.blamed}
    for change in rest:
        while change.path[change.blamed] in serving and change.caller() is not None:
            change.blamed = change.caller()
    functions = {}
    for change in rest:
        functions.setdefault(change.path[change.blamed], []).append(change)
    most = max(map(len, functions.values()))
    rows = [row for row in functions.values() if len(row) * 2 > most]
    rows.sort(key=lambda row: (not row[0].is_in_extension(), -len(row)))
    return [text(row, found, serving, calls) for row in rows[:MOST]]


def text(row, found, serving, calls):
    """Return the line for the unpaired changes of a function."""
    function, first = row[0].path[row[0].blamed], most_common(row, key=lambda change: place(change, change.blamed))
    same = [(change, change.within(function, serving)) for change in found]
    same = [(change, index) for change, index in same if index is not None]
    counts = collections.Counter(change.sign for change, _ in same)
    line = "%s per call in %s (%s)" % (
        " ".join("%+.4g" % (sign * counts[sign] / calls) for sign in (1, -1) if counts[sign]),
        *readable(first, first.blamed))
    places = collections.Counter((change.sign, change.call(index), number(change, index)) for change, index in same)
    places = ["%+.4g" % (sign * count / calls) + (" by " + call if call else "") + (" on line %d" % at if at else "")
              for (sign, call, at), count in places.most_common(MOST_PLACES)]
    if len(places) > 1:
        line += ": " + ", ".join(places)
    elif first.call(first.blamed) and first.is_in_extension():
        line += ", by " + first.call(first.blamed)
    caller, python = first.caller(), most_common(row, key=lambda change: change.line).line
    called = []
    if caller is not None and first.is_in_extension():
        called.append("by %s (%s)" % readable(first, caller))
    if python:
        called.append("from %s" % python)
    if called:
        line += "; called " + " ".join(called)
    if not first.is_in_extension() and first.sign < 0:
        line += "; C code returned the object, or put it into a container, without a reference of its own"
    return line


def most_common(row, key):
    common = collections.Counter(map(key, row)).most_common(1)[0][0]
    return next(change for change in row if key(change) == common)


def place(change, index):
    frame = change.frames[index]
    return "%s:%d" % (os.path.basename(frame["file"]), frame["line"]) if frame["file"] \
        else os.path.basename(frame["library"])


def number(change, index):
    return change.frames[index]["line"] if change.frames[index]["file"] else 0


def readable(change, index):
    """Return the name of a function, without the hash that Rust adds, and its place."""
    frame = change.frames[index]
    if is_ours(frame):
        return "the closure", os.path.basename(frame["library"])
    return re.sub(r"::h[0-9a-f]{16}$", "", frame["function"]), place(change, index)
