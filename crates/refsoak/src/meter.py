"""The Python half of the leak meter. Each reading allocates the same amount."""

import array
import collections
import gc
import io
import mmap
import os
import queue
import sys
import threading
import types

# Clears caches that keep names and types alive beyond the end of a window.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
total_references = getattr(sys, "gettotalrefcount", None)


class Sentinel:
    """A type that nobody else uses."""


# The soak plants references to these, and releases one too often. The deque has room for a planted item.
sentinel = object()
store = collections.deque([None])


def read():
    """Return the blocks in use, the number of tracked objects, and the number of all references.

    The last one is -1 if this Python does not count all references.
    """
    counts = [0, 0, -1]
    clear_caches()
    gc.collect()
    counts[0] = sys.getallocatedblocks()
    if total_references is not None:
        counts[2] = total_references()
    counts[1] = tracked()
    return counts


def tracked():
    """Count the tracked objects without a list of them: the list would change C's heap."""
    if gc.get_freeze_count():
        return gc.get_freeze_count() + len(gc.get_objects())
    gc.freeze()
    count = gc.get_freeze_count()
    gc.unfreeze()
    return count


# Finding all objects: see graph.rs.

def roots():
    """Return the objects that the collector tracks, and NumPy's dtypes."""
    gc.collect()
    found = [thing for thing in gc.get_objects() if type(thing) is not types.FrameType]
    numpy = sys.modules.get("numpy")
    if hasattr(numpy, "typecodes"):
        found += [numpy.dtype(code) for code in numpy.typecodes["All"]]
    return found


def referents(things):
    """Return the objects that things refer to, once for each reference, including the items of NumPy's arrays."""
    found = gc.get_referents(*things)
    if types.FrameType in set(map(type, found)):
        found = [thing for thing in found if type(thing) is not types.FrameType]
    # The collector does not look into code, whose constants are the literals that functions are called with.
    found += [code.co_consts for code in things if type(code) is types.CodeType]
    array_type = getattr(sys.modules.get("numpy"), "ndarray", None)
    if isinstance(array_type, type):
        # The collector sees neither arrays nor their items.
        array_types = {kind for kind in set(map(type, things)) if issubclass(kind, array_type)}
        base, dtype = array_type.base.__get__, array_type.dtype.__get__
        for array_ in things if array_types else ():
            if type(array_) not in array_types:
                continue
            found.append(dtype(array_))
            if base(array_) is not None:
                found.append(base(array_))
            elif dtype(array_).hasobject:
                found += array_type.ravel(array_).tolist()
    return found


# The types whose `len` is a C function, and those functions.
SIZED = (list, dict, set, bytearray, array.array, collections.deque)
LENGTHS = {kind.__len__ for kind in (*SIZED, collections.OrderedDict)}


def end(stream, seek=io.BytesIO.seek, tell=io.BytesIO.tell):
    """Return the length of a stream in memory."""
    try:
        position = tell(stream)
        length = seek(stream, 0, 2)
        seek(stream, position)
    except ValueError:  # the stream is closed
        return 0
    return length


def end_of_text(stream):
    return end(stream, io.StringIO.seek, io.StringIO.tell)


# Containers that hold no objects have a function other than `len`, so that the soak can tell them apart.
READERS = {bytearray: bytearray.__len__, array.array: array.array.__len__, io.BytesIO: end, io.StringIO: end_of_text}
if hasattr(queue, "SimpleQueue"):
    READERS[queue.SimpleQueue] = queue.SimpleQueue.qsize


if sys.version_info < (3, 11):
    # Python makes a cache at the 1,024th call of a function. This makes these caches now, not between two readings.
    for _ in range(1100):
        referents([])
        end(io.BytesIO())
        end_of_text(io.StringIO())


def kinds(things):
    """Return for each thing the function that returns its length, True for a type, otherwise None."""
    known = {kind: len for kind in SIZED}
    known.update(READERS)
    found = [known[kind] if kind in known else known.setdefault(kind, kind_of(kind)) for kind in map(type, things)]
    reader = READERS[array.array]
    if reader in found:
        # A number of eight bytes counts as an entry, like an object. Smaller ones may be parts of a record.
        found = [len if kind is reader and thing.itemsize == 8 else kind for thing, kind in zip(things, found)]
    return found


def kind_of(kind):
    if issubclass(kind, type):
        return True
    try:
        return len if issubclass(kind, SIZED) and kind.__len__ in LENGTHS else None
    except Exception:  # the code of a metaclass may raise anything
        return None


# Planting: see meter.rs.

def plant():
    """Return seven new blocks, one of them tracked: five objects, a list, and the slots of the list."""
    return [object(), object(), object(), object(), object()]


def plant_item():
    store.append(sentinel)


def remove_item():
    store.pop()


def plant_pages():
    """Return 2 MiB of memory in use that no allocator counts."""
    pages = mmap.mmap(-1, 2 << 20)
    for start in range(0, len(pages), 4096):
        pages[start] = 1
    return pages


def plant_mapping():
    """Return a mapped file."""
    with open(os.__file__, "rb") as file:
        return mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ)


def disturbers():
    """Return possible reasons why counters move without calls."""
    found = []
    if sys.gettrace():
        found.append("a tracer is set (sys.gettrace()): run without coverage or debugger")
    if sys.getprofile():
        found.append("a profiler is set (sys.getprofile())")
    threads = threading.active_count() - 1
    if threads > 0:
        found.append("%d other Python thread%s may be running" % (threads, "" if threads == 1 else "s"))
    if os.environ.get("PYTHONMALLOC"):
        found.append("with PYTHONMALLOC set, Python counts its blocks wrongly or not at all: unset PYTHONMALLOC")
    return found


# The limits of open files before they were raised.
limits = []


def raise_file_limit():
    """Raise the soft limit of open files to the hard limit; return the limit, or -1."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # With more than a million, a program that closes all possible descriptors would take too long.
        most = 1 << 20 if hard == resource.RLIM_INFINITY else min(hard, 1 << 20)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        limits.append((soft, hard))
        return [max(soft, most)]
    except (ImportError, OSError, ValueError):
        return [-1]


def restore_file_limit():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, limits.pop())
