"""The Python that several lessons share. The file of each lesson has the rest."""

import gc

# Lessons look these names up in this module.
int, object = int, object


class Node:
    """Can refer to itself, and can have weak references."""


def same(data):
    return data


def value(object):
    """The value of a number or text, for its picture."""
    return repr(object) if type(object) in (float, int, str) else ""


def collect():
    gc.collect()


def referents(holder):
    """The objects that an object refers to. Its dictionary of attributes counts as part of it."""
    found = gc.get_referents(holder)
    own = getattr(holder, "__dict__", None)
    return [r for f in found for r in (gc.get_referents(f) if f is own else [f])]
