"""The Python half of the leak meter. It allocates the same at every reading."""

import gc
import sys

# Caches keep names and types alive for longer than a window.
clear_caches = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
total_references = getattr(sys, "gettotalrefcount", None)

# Nobody else refers to it, so its count shows what the meter itself does.
sentinel = object()


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


def plant():
    """Return seven blocks, one of them tracked: five objects, and a list with its slots."""
    return [object(), object(), object(), object(), object()]
