"""The Python half of the leak meter. It allocates the same at every reading."""

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

# Caches keep names and types alive for longer than a window.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
total_references = getattr(sys, "gettotalrefcount", None)


class Sentinel:
    """A type of which nobody else knows."""


# References to these are planted, and released too often; an item is put into the deque, which has room.
sentinel = object()
store = collections.deque([None])


def read():
    """Return the blocks in use, the objects that the collector tracks, and all references.

    The last is -1 where this Python does not count them.
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
    """Count the tracked objects without a list of them, which would stir C's heap."""
    if gc.get_freeze_count():
        return len(gc.get_objects())
    gc.freeze()
    count = gc.get_freeze_count()
    gc.unfreeze()
    return count


# All objects that can be found: see graph.rs.

def roots():
    """Return what the collector tracks, and the types of NumPy's items."""
    gc.collect()
    found = [thing for thing in gc.get_objects() if type(thing) is not types.FrameType]
    numpy = sys.modules.get("numpy")
    if hasattr(numpy, "typecodes"):
        found += [numpy.dtype(code) for code in numpy.typecodes["All"]]
    return found


def referents(things):
    """Return what things refer to, once for each reference; what NumPy's arrays hold too."""
    found = gc.get_referents(*things)
    if types.FrameType in set(map(type, found)):
        found = [thing for thing in found if type(thing) is not types.FrameType]
    array_type = getattr(sys.modules.get("numpy"), "ndarray", None)
    if isinstance(array_type, type):
        # The collector knows neither arrays nor what they hold.
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


# What has a length, by a C function; and what tells it otherwise.
SIZED = (list, dict, set, bytearray, array.array, collections.deque)
LENGTHS = {kind.__len__ for kind in (*SIZED, collections.OrderedDict)}


def end(stream, seek=io.BytesIO.seek, tell=io.BytesIO.tell):
    """Return how long a stream in memory is."""
    try:
        position = tell(stream)
        length = seek(stream, 0, 2)
        seek(stream, position)
    except ValueError:  # it is closed
        return 0
    return length


def end_of_text(stream):
    return end(stream, io.StringIO.seek, io.StringIO.tell)


# What holds no objects is not read by `len`, which tells the soak so.
READERS = {bytearray: bytearray.__len__, array.array: array.array.__len__, io.BytesIO: end, io.StringIO: end_of_text}
if hasattr(queue, "SimpleQueue"):
    READERS[queue.SimpleQueue] = queue.SimpleQueue.qsize


if sys.version_info < (3, 11):
    # These make a cache at a function's call 1,024: now, and not between two readings.
    for _ in range(1100):
        referents([])
        end(io.BytesIO())
        end_of_text(io.StringIO())


def kinds(things):
    """Return of each thing what tells its length, if anything; True for a type, otherwise None."""
    known = {kind: len for kind in SIZED}
    known.update(READERS)
    found = [known[kind] if kind in known else known.setdefault(kind, kind_of(kind)) for kind in map(type, things)]
    reader = READERS[array.array]
    if reader in found:
        # Numbers of eight bytes are entries, as objects are; smaller ones may be parts of a record.
        found = [len if told is reader and thing.itemsize == 8 else told for thing, told in zip(things, found)]
    return found


def kind_of(kind):
    if issubclass(kind, type):
        return True
    try:
        return len if issubclass(kind, SIZED) and kind.__len__ in LENGTHS else None
    except Exception:  # whatever a metaclass does
        return None


# What is planted: see meter.rs.

def plant():
    """Return seven blocks, one of them tracked: five objects, and a list with its slots."""
    return [object(), object(), object(), object(), object()]


def plant_item():
    store.append(sentinel)


def remove_item():
    store.pop()


def plant_pages():
    """Return 2 MiB of memory that no allocator knows of, in use."""
    pages = mmap.mmap(-1, 2 << 20)
    for start in range(0, len(pages), 4096):
        pages[start] = 1
    return pages


def plant_mapping():
    """Return a file in memory."""
    with open(os.__file__, "rb") as file:
        return mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ)


def disturbers():
    """Return what may be the reason that counters move by themselves."""
    found = []
    if sys.gettrace():
        found.append("a tracer is set, see sys.gettrace(): run without coverage or debugger")
    if sys.getprofile():
        found.append("a profiler is set, see sys.getprofile()")
    threads = threading.active_count() - 1
    if threads > 0:
        found.append("%d other thread%s of Python's may work in between" % (threads, "" if threads == 1 else "s"))
    if os.environ.get("PYTHONMALLOC"):
        found.append("with PYTHONMALLOC, Python does not count its blocks, or counts others too: unset PYTHONMALLOC")
    return found


def raise_file_limit():
    """Let the process open as many files as it may; return how many that are, or -1."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # More than a million, and what closes all there can be takes its time.
        most = 1 << 20 if hard == resource.RLIM_INFINITY else min(hard, 1 << 20)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return [max(soft, most)]
    except (ImportError, OSError, ValueError):
        return [-1]
