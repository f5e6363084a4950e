"""The Python side of the lessons."""

import gc
import weakref


class Node:
    """Something that can refer to itself, and be watched."""


watched = None


def tie(node):
    """Make a cycle: the node refers to itself."""
    node.me = node


def watch(node):
    global watched
    watched = weakref.ref(node)


def alive():
    return [int(watched() is not None)]


def collect():
    gc.collect()


def same(data):
    return data


def change(data):
    data[0] = 7.0


def raises(data):
    raise ValueError("no outliers today")


def keeps_exception(data):
    """Return the exception itself: its traceback has this frame, and the frame has `data`."""
    try:
        raises(data)
    except ValueError as error:
        return error
