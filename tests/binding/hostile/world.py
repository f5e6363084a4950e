"""Callees that change the process around them: streams and modules.

The change lasts while `pyoutliers.detect` and the callee itself are called again. Then `state.restore` undoes it.
"""

import builtins
import io
import sys
import traceback
import types


# Streams, which are flushed after every call.

class FlushExits(io.StringIO):
    def flush(self): sys.exit(10)


class FlushPrints(io.StringIO):
    def flush(self): print("flushed", file=sys.__stdout__)


class FlushRecurses(io.StringIO):
    def flush(self): self.flush()


class FlushSwaps(io.StringIO):
    def flush(self): sys.stdout, sys.stderr = sys.stderr, sys.stdout


class AttributesRaise:
    def __getattribute__(self, name): raise KeyboardInterrupt


#> Ok: [1]
def closes_stdout(data):
    sys.stdout.close()
    return [1]


#> Call: ValueError: I/O operation on closed file.
def prints_to_closed_stdout(data):
    sys.stdout.close()
    print("lost")


#> Ok: [1]
def closes_all_streams(data):
    for stream in sys.stdin, sys.stdout, sys.stderr:
        stream.close()
    return [1]


#> Ok: [1]
def takes_stdout_away(data):
    vars(sys).pop("stdout", None)
    return [1]


#> Ok: [1]
def has_no_streams(data):
    sys.stdin = sys.stdout = sys.stderr = None
    return [1]


#> Ok: [1]
def swaps_stdout(data):
    sys.stdout = io.StringIO()
    print("swallowed")
    return [1]


#> Ok: [1]
def stdout_exits(data):
    sys.stdout = FlushExits()
    return [1]


#> Ok: [1]
def stdout_prints(data):
    sys.stdout = FlushPrints()
    return [1]


#> Ok: [1]
def stdout_recurses(data):
    sys.stdout = FlushRecurses()
    return [1]


#> Ok: [1]
def stdout_swaps_itself(data):
    sys.stdout = sys.stderr = FlushSwaps()
    return [1]


#> Ok: [1]
def stdout_is_a_trap(data):
    sys.stdout = sys.stderr = AttributesRaise()
    return [1]


#> Ok: [1]
def prints_a_megabyte(data):
    print("x" * 1_000_000)
    return [1]


#> Ok: [1]
def leaves_a_line_unfinished(data):
    print("no end of line", end="")
    return [1]


# Modules.

class FindsNothing:
    def find_spec(self, name, path=None, target=None): raise SystemExit(11)


#> Ok: [1]
def finds_no_modules(data):
    sys.meta_path[:] = [FindsNothing()]
    sys.path_importer_cache.clear()
    return [1]


#> Ok: [1]
def has_no_meta_path(data):
    sys.meta_path = sys.path = sys.path_hooks = None
    return [1]


#> Ok: [1]
def takes_modules_away(data):
    for name in "pyoutliers", "math", "random", "struct", "io", "traceback", "linecache":
        sys.modules.pop(name, None)
    return [1]


#> Call: ValueError: without a traceback
def takes_traceback_away(data):
    sys.modules["traceback"] = None
    raise ValueError("without a traceback")


#> Call: ValueError: with a hostile one
def formats_tracebacks_by_exiting(data):
    traceback.format_exception = lambda *_: sys.exit(12)
    raise ValueError("with a hostile one")


#> Call: ValueError: with numbers
def formats_tracebacks_as_numbers(data):
    traceback.format_exception = lambda *_: [1, 2]
    raise ValueError("with numbers")


#> Call: ValueError: imports nothing
def replaces_import(data):
    builtins.__import__ = lambda *_: sys.exit(13)
    raise ValueError("imports nothing")


#> Ok: [1]
def takes_builtins_away(data):
    for name in "iter", "next", "float", "int", "list", "tuple":
        vars(builtins).pop(name, None)
    return [1]


#> Call: ImportError: cannot import
def fails_to_import(data): raise ImportError("cannot import", name="numpy")


def entry():
    """An entry of a traceback, with its own frame."""
    namespace = {}
    exec(compile("import sys\ndef f(): return sys._getframe()", "<x>", "exec"), namespace)
    return types.TracebackType(None, namespace["f"](), 0, 1)


class Swapper(io.StringIO):
    """Links an entry into the traceback that is being written to it, then frees and overwrites it."""

    def write(self, text):
        if "<x>" in text:
            Swapper.traceback.tb_next = None
            Swapper.junk = [b"A" * size for size in range(16, 128) for _ in range(200)]
        elif not Swapper.junk:
            Swapper.traceback.tb_next = entry()
        return super().write(text)


#> Call: ValueError: swapped
def swaps_its_traceback(data):
    try:
        raise ValueError("swapped")
    except ValueError as error:
        io.StringIO, Swapper.traceback, Swapper.junk = Swapper, error.__traceback__, []
        raise
