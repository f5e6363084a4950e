"""Read and restore the state of the process between the callees of the gallery."""

import builtins
import gc
import io
import os
import sys
import threading
import traceback
import warnings

clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
watched = []
kept = []


def ignore(*_): pass


def settle(data):
    """Set what many callees change, and remember the state."""
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.unraisablehook = threading.excepthook = ignore
    for name in "raised", "traps", "results", "items", "drained", "world", "settings":
        watched.extend(value for value in vars(sys.modules[name]).values() if callable(value))
    # Then a collection only has to look at new objects.
    gc.collect()
    gc.freeze()
    saved.update(
        modules=dict(sys.modules), builtins=dict(vars(builtins)), environment=dict(os.environ),
        directory=os.getcwd(), filters=list(warnings.filters), meta_path=list(sys.meta_path),
        paths=(sys.meta_path, sys.path, sys.path_hooks), threshold=gc.get_threshold(),
        interval=sys.getswitchinterval(), limit=sys.getrecursionlimit(),
        format=traceback.format_exception, excepthook=sys.excepthook, string=io.StringIO,
    )
    return []


saved = {}


def restore(data):
    """Restore everything."""
    sys.settrace(None)
    sys.setprofile(None)
    vars(builtins).update(saved["builtins"])
    sys.modules.update(saved["modules"])
    sys.meta_path, sys.path, sys.path_hooks = saved["paths"]
    sys.meta_path[:] = saved["meta_path"]
    os.environ.update(saved["environment"])
    os.chdir(saved["directory"])
    warnings.filters[:] = saved["filters"]
    traceback.format_exception = saved["format"]
    io.StringIO = saved["string"]
    sys.excepthook = saved["excepthook"]
    sys.unraisablehook = threading.excepthook = ignore
    gc.set_threshold(*saved["threshold"])
    gc.enable()
    gc.set_debug(0)
    gc.garbage.clear()
    sys.setswitchinterval(saved["interval"])
    sys.setrecursionlimit(saved["limit"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name, None)
        if stream is None or stream is not getattr(sys, "__" + name + "__") or stream.closed:
            stream = open(number, "r" if number == 0 else "w", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, "__" + name + "__", stream)
    return []


def reading(data):
    """Blocks of memory in use; references to the gallery's functions and classes; open files."""
    clear_caches()
    gc.collect()
    counts = [0, 0, 0]
    # A free-threaded Python adds 2 ** 60 to the count of each function and class.
    counts[1] = sum(sys.getrefcount(thing) & 0xFFFFFFFF for thing in watched)
    counts[2] = len(os.listdir("/dev/fd"))
    counts[0] = sys.getallocatedblocks()
    return counts


# Leaks that must be noticed: of blocks, of only a reference, of a file.

def leaks_the_list(data):
    kept.append(data)
    return []


def leaks_a_reference(data):
    room[next(free)] = leaks_a_reference
    return []


def leaks_a_file(data):
    os.dup(0)
    return []


room = [None] * 1000
free = iter(range(1000))
watched.append(leaks_a_reference)
