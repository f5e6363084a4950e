"""The Python half of the leak meter. It allocates the same at every reading."""

import collections
import gc
import mmap
import sys
import types

# Caches keep names and types alive for longer than a window.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
total_references = getattr(sys, "gettotalrefcount", None)

# Nobody else refers to it: references to it are planted, and given back too often.
sentinel = object()

# Those of the universe, whose lengths tell what holds what leaks.
containers = []
CONTAINERS = {list, dict, set, collections.deque, collections.defaultdict, collections.OrderedDict}


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


def universe():
    """Return all objects that can be found, whose references are to be counted.

    That is what the collector tracks, all that this refers to, and the types of NumPy's items:
    those nobody tracks, nor the arrays that refer to them.
    """
    containers.clear()
    gc.collect()
    level = gc.get_objects()
    found = {}
    find(level, found)
    numpy = sys.modules.get("numpy")
    if hasattr(numpy, "typecodes"):
        arrays = [thing for thing in found.values() if issubclass(type(thing), numpy.ndarray)]
        find([numpy.dtype(code) for code in numpy.typecodes["All"]] + [a.dtype for a in arrays], found)
    found = list(found.values())
    containers.extend(thing for thing in found if type(thing) in CONTAINERS and thing is not containers)
    return found


def find(level, found):
    """Add objects and all that they refer to, but for frames, which come and go."""
    while level:
        new = {
            id(thing): thing
            for thing in level
            if id(thing) not in found and type(thing) is not types.FrameType
        }
        found.update(new)
        level = gc.get_referents(*new.values())


def plant():
    """Return seven blocks, one of them tracked: five objects, and a list with its slots."""
    return [object(), object(), object(), object(), object()]


def plant_pages():
    """Return 2 MiB of memory that no allocator knows of, in use."""
    pages = mmap.mmap(-1, 2 << 20)
    pages.write(b"x" * len(pages))
    return pages
