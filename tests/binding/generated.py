"""Callees for generated input: they build the result that the bits of the values describe."""

import collections
import struct

import numpy as np


def words(data):
    """The bits of each value, as an int of 64 bits."""
    return struct.unpack(f"{len(data)}q", struct.pack(f"{len(data)}d", *data))


def bits(data): return list(words(data))


class Subclass(int):
    def __index__(self): return 5


class Index:
    def __init__(self, value): self.value = value
    def __index__(self): return self.value


class Raises:
    def __init__(self, value): self.value = value
    def __index__(self): raise ValueError(self.value)


class GetsItem:
    def __init__(self, items): self.items = items
    def __getitem__(self, index): return self.items[index]


def objects(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


ITEMS = [
    int, Subclass, Index, lambda value: value << 64 + abs(value) % 5000,
    lambda value: np.int64(value % 2**64 - 2**63), lambda value: np.uint64(value % 2**64),
    float, bool, lambda value: None, str, Raises,
]
RESULTS = [list, tuple, iter, collections.deque, GetsItem, objects, lambda items: (i for i in items)]


def builds(data):
    """The first word is the kind of result. Each item has three words: its kind, and an int of 128 bits."""
    result, *items = words(data)
    threes = zip(items[0::3], items[1::3], items[2::3])
    return RESULTS[result]([ITEMS[kind]((high << 64) + low % 2**64) for kind, high, low in threes])


def counts(data):
    """Ints, with one None: the first word is their number, the second the index of the None."""
    count, wrong, *_ = words(data)
    return [None if place == wrong else place for place in range(count)]
