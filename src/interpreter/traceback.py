"""The text of an exception, by Python's own `traceback`, imported before anybody could replace it.

An exception may be a trap, so all that is looked at has a bound. The caller takes whatever is raised
here as "no traceback".
"""

import builtins
import os
import stat
import sys
from traceback import FrameSummary, TracebackException

ENDS = 8192  # characters of a text that are kept at each end
EXCEPTIONS = 32  # in a text
FRAMES = 1000  # of an exception, the innermost: as many as Python prints by itself
LINES = 100  # of source for a frame
SOURCE = 4 << 20  # bytes of a file

# As C reads them: an exception's class can make them anything.
cause = BaseException.__cause__.__get__
context = BaseException.__context__.__get__
traceback_of = BaseException.__traceback__.__get__
Group = getattr(builtins, "BaseExceptionGroup", None)  # from 3.11 on


class All:
    """Has seen all exceptions, so that `traceback` follows none by itself: `summary` does."""

    def add(self, item): pass
    def __contains__(self, item): return True


def text(error, traceback):
    """What Python prints of an exception, the middle left out if that is long."""
    head, tail, left_out = "", "", 0
    for part in summary(error, traceback, []).format():
        tail += part
        missing = ENDS - len(head)
        head, tail = head + tail[:missing], tail[missing:]
        left_out += max(len(tail) - ENDS, 0)
        tail = tail[-ENDS:]
    return head + (f"\n[{left_out} characters left out]\n" if left_out else "") + tail


def summary(error, traceback, seen):
    """An exception with those that led to it or are in it, each told once."""
    def follow(other):
        if other is None or id(other) in seen or len(seen) == EXCEPTIONS:
            return None
        return summary(other, traceback_of(other), seen)

    seen.append(id(error))
    told = TracebackException(
        type(error), error, traceback, limit=-FRAMES, lookup_lines=False, _seen=All())
    told.stack[:] = map(harmless, told.stack)
    if getattr(told, "end_offset", None):
        told.end_offset = min(told.end_offset, ENDS)  # of a SyntaxError: so many carets
    told.__cause__ = follow(cause(error))
    told.__context__ = told.exceptions = None
    if told.__cause__ is None and not told.__suppress_context__:
        told.__context__ = follow(context(error))
    if Group and issubclass(type(error), Group):
        members = Group.exceptions.__get__(error)
        told.exceptions = list(filter(None, map(follow, members[:told.max_group_width])))
        told.max_group_width = len(told.exceptions)
        told.exceptions += [None] * (len(members) - len(told.exceptions))  # only counted
    return told


def harmless(frame):
    """The frame, without its source where reading that could take for ever, or all memory."""
    lines = (getattr(frame, "end_lineno", None) or 0) - (frame.lineno or 0)
    if lines < LINES and is_small_file(frame.filename):
        return frame
    return FrameSummary(frame.filename, frame.lineno, frame.name, line="")


def is_small_file(name):
    """Whether the file that `linecache` would read, if there is one, is no device, pipe or such."""
    for directory in ["", *sys.path]:
        try:
            status = os.stat(os.path.join(directory, name))
        except (OSError, ValueError):
            continue
        return stat.S_ISREG(status.st_mode) and 0 < status.st_size < SOURCE
    return True
