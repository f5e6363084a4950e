"""Makes the text of an exception with Python's own `traceback`, imported before other code can replace it.

An exception may be hostile, so `traceback` gets a copy of it: plain values, each with a limit. Making the
copy runs no code of the exception except `str(exception)`, and no code of a module's loader. When the time
is up, the text ends. If this code raises anything, the exception has no traceback.
"""

import builtins
import linecache
import os
import stat
import sys
from collections import deque
from itertools import islice
from time import monotonic
from traceback import FrameSummary, TracebackException
from types import ModuleType

from _outliers_prelude import CompiledIn

SECONDS = 1  # for copying, for writing, and for `str` of all exceptions that led to this one
ENDS = 8192  # characters that are kept at each end of the whole text, and of a text in it
EXCEPTIONS = 32  # in a text
NOTES = 100  # of an exception
FRAMES = 1000  # the innermost of an exception: as many as Python prints
LINES = 100  # of source for a frame
SHOWN = 1 << 18  # characters of source lines in a text
FILES = 4 << 20  # bytes of all files that are read for a text
NAMES = 750  # names that Python searches for a similar one

# Reads the attributes as C does, because the class of an exception can override them.
cause = BaseException.__cause__.__get__
context = BaseException.__context__.__get__
suppresses_context = BaseException.__suppress_context__.__get__
traceback_of = BaseException.__traceback__.__get__
attributes = BaseException.__dict__["__dict__"].__get__
qualname_of = type.__dict__["__qualname__"].__get__
module_of = type.__dict__["__module__"].__get__
Group = getattr(builtins, "BaseExceptionGroup", None)  # from 3.11 on
OF_SYNTAX = [name for name in ("filename", "lineno", "end_lineno", "text", "offset", "end_offset", "msg")
             if hasattr(SyntaxError, name)]
# Types whose attributes can be listed without running their code; and the types of `frame.f_locals`.
PLAIN = (list, tuple, dict, set, str, bytes, int, float, bool, ModuleType)
LOCALS = (dict, (lambda: type(sys._getframe().f_locals))())


class Shown:
    """The copy that `traceback` gets in place of an exception."""
    __cause__ = __context__ = __notes__ = None
    __suppress_context__ = False

    def __str__(self): return self.message


class ShownName(Shown, NameError):
    """A copy for which Python suggests another name."""


class ShownAttribute(Shown, AttributeError):
    """A copy for which Python suggests another attribute."""


class Members(list):
    """The members of a group that are shown, with the number of all members as its length."""
    def __len__(self): return self.count


def text(error, traceback, message=None):
    """The text that Python prints for an exception with that message; a long text loses its middle."""
    writer = Writer()
    copy = writer.summary(error, traceback, message)
    writer.end = monotonic() + SECONDS
    head, tail, late = "", "", ""
    for part in copy.format():
        tail += part
        missing = ENDS - len(head)
        head, tail = head + tail[:missing], tail[missing:]
        writer.left_out += max(len(tail) - ENDS, 0)
        tail = tail[-ENDS:]
        if writer.is_late():
            late = "\n[this took too long: the rest is left out]\n"
            break
    left_out = f"\n[{writer.left_out} characters left out]\n" if writer.left_out else ""
    return head + left_out + tail + late


class Writer:
    """Copies exceptions for a text, within the limits."""

    def __init__(self):
        self.end, self.asking = monotonic() + SECONDS, SECONDS
        self.seen = []
        self.files, self.shown, self.left_out = FILES, SHOWN, 0

    def is_late(self):
        return monotonic() > self.end

    def summary(self, error, traceback, message):
        """A copy of an exception, with those that led to it or are in it; each is copied once."""
        self.seen.append(id(error))
        kind = self.type_of(error)
        copy = TracebackException(kind, self.shown_for(error, kind, traceback, message), traceback, limit=0)
        copy.stack.extend(self.frames(traceback))
        copy.__cause__ = self.follow(cause(error))
        copy.__suppress_context__ = suppresses_context(error)
        if copy.__cause__ is None and not copy.__suppress_context__:
            copy.__context__ = self.follow(context(error))
        if Group and issubclass(type(error), Group):
            members = Group.exceptions.__get__(error)
            copy.exceptions = Members(filter(None, map(self.follow, members[:copy.max_group_width])))
            copy.max_group_width = list.__len__(copy.exceptions)
            copy.exceptions.count = len(members)
        return copy

    def follow(self, error):
        if error is None or id(error) in self.seen or len(self.seen) == EXCEPTIONS:
            return None
        if self.asking < 0 or self.is_late():
            return None
        begun = monotonic()
        try:
            message = str(error)
        except:
            message = None
        took = monotonic() - begun
        self.asking -= took
        self.end += took
        return self.summary(error, traceback_of(error), message)

    def type_of(self, error):
        """Its type; or a plain type of the same name, if reading the name could run code or the name is long."""
        kind = type(error)
        name, module = qualname_of(kind), module_of(kind)
        if type(kind) is type and self.is_short(name) and self.is_short(module):
            return kind
        base = next(base for base in (SyntaxError, NameError, AttributeError, object) if issubclass(kind, base))
        module = self.cut(module) if isinstance(module, str) else "<unknown>"
        return type("Shown", (base,), {"__qualname__": self.cut(name), "__module__": module})

    def shown_for(self, error, kind, traceback, message):
        shown = Shown()
        if issubclass(kind, SyntaxError):
            vars(shown).update((name, self.value_of(error, name)) for name in OF_SYNTAX)
        elif sys.version_info >= (3, 12) and issubclass(kind, NameError) and suggests_names(traceback):
            shown = ShownName(name=self.name_of(NameError.name.__get__(error)))
        elif sys.version_info >= (3, 12) and issubclass(kind, AttributeError):
            of = AttributeError.obj.__get__(error)
            if type(of) in PLAIN and (type(of) is not ModuleType or is_plain(vars(of))):
                shown = ShownAttribute(name=self.name_of(AttributeError.name.__get__(error)), obj=of)
        shown.message = "<exception str() failed>" if message is None else self.cut(message)
        notes = dict.get(attributes(error), "__notes__")
        if type(notes) in (list, tuple):
            shown.__notes__ = [self.cut(note) for note in notes[:NOTES] if isinstance(note, str)]
        return shown

    def value_of(self, error, name):
        """An attribute of a SyntaxError, if it has the right type."""
        value = getattr(SyntaxError, name).__get__(error)
        if type(value) is int:
            return min(max(value, -1), ENDS if name == "end_offset" else 10**9)  # Python prints this many carets
        return self.cut(value) if isinstance(value, str) else None

    def name_of(self, name):
        return name if self.is_short(name) else None

    def is_short(self, name):
        return type(name) is str and len(name) <= ENDS

    def cut(self, text):
        """A plain string; a long one loses its middle, which the text would lose anyway."""
        length = str.__len__(text)
        if length <= 2 * ENDS:
            return str.__getitem__(text, slice(None))
        self.left_out += length - 2 * ENDS
        return str.__getitem__(text, slice(ENDS)) + str.__getitem__(text, slice(-ENDS, None))

    def frames(self, traceback):
        """The innermost frames, as many as there is time for."""
        innermost = deque(maxlen=FRAMES)
        while traceback is not None:
            innermost.append(traceback)
            traceback = traceback.tb_next
        summaries = deque()
        while innermost and not self.is_late():
            summaries.appendleft(self.frame(innermost.pop()))
        return summaries

    def frame(self, traceback):
        code = traceback.tb_frame.f_code
        line, positions = traceback.tb_lineno, {}
        last = line
        if hasattr(code, "co_positions") and traceback.tb_lasti >= 0:  # from 3.11 on
            first, end, column, end_column = next(islice(code.co_positions(), traceback.tb_lasti // 2, None))
            line = traceback.tb_lineno if first is None else first
            last = line if end is None else end
            positions = {"end_lineno": end, "colno": column, "end_colno": end_column}
        file, name = self.cut(code.co_filename), self.cut(code.co_name)
        if self.shows(traceback.tb_frame.f_globals, code.co_filename, line, last):
            return FrameSummary(file, line, name, lookup_line=False, **positions)
        return FrameSummary(file, line, name, line="")

    def shows(self, variables, file, line, last):
        """Whether there is room for the source lines of a frame; reads them into `linecache`."""
        if not self.is_short(file) or line is None or last - line >= LINES:
            return False
        size = sum(map(len, self.lines_of(variables, file)[line - 1:last]))
        if not 0 < size <= min(ENDS, self.shown):
            return False
        self.shown -= size
        return True

    def lines_of(self, variables, file):
        linecache.checkcache(file)
        if len(linecache.cache.get(file, "?")) == 1:  # missing, or `linecache` would ask a loader
            linecache.cache.pop(file, None)
            loader = dict.get(variables, "__loader__")
            source = loader.source if type(loader) is CompiledIn else None
            if type(source) is str and len(source) < FILES:
                lines = [line + "\n" for line in source.splitlines()]
                linecache.cache[file] = len(source), None, lines, file
            elif not self.may_read(file):
                return []
        return linecache.getlines(file)

    def may_read(self, name):
        """Whether `linecache` would find a regular file of that name, and it is not too large."""
        path = sys.path if type(sys.path) is list else []
        for directory in ["", *path]:
            try:
                status = os.stat(os.path.join(directory, name))
            except (OSError, ValueError, TypeError, AttributeError):
                continue
            if status.st_size > self.files:
                return False
            self.files -= status.st_size
            return stat.S_ISREG(status.st_mode) and status.st_size > 0
        return False


def suggests_names(traceback):
    """Whether Python can look for a similar name without running the code of an object."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback and traceback.tb_frame
    return frame is not None and type(frame.f_locals) in LOCALS and "self" not in frame.f_locals and all(
        map(is_plain, (frame.f_globals, frame.f_builtins)))


def is_plain(names):
    return type(names) is dict and len(names) < NAMES and "__dir__" not in names and all(
        type(name) is str for name in names)
