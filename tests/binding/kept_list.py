"""Functions that attack the list that is kept between calls."""

import ctypes
import gc
import sys

others = []


def which(data):
    """Return the address of the list, and its items."""
    return [id(data), *map(int, data)][: len(data)]


def raises(data):
    raise ValueError(id(data))


def keeps(data):
    others.append(data)
    return [id(data)]


def kept(data):
    """Return the first item of each list that was kept."""
    return [int(kept[0]) for kept in others]


def references(data):
    """Return the number of references to the list that was kept last."""
    gc.collect()
    return [sys.getrefcount(others[-1]) - 1]


def finds(data):
    """Find another list that begins with these values, and keep it."""
    found = [thing for thing in gc.get_objects() if type(thing) is list and thing[:2] == data[:2] and thing is not data]
    others.extend(found[:1])
    return [len(found)]


def lengthens(data):
    data.append(1.5)
    return [id(data)]


def empties(data):
    data.clear()
    return [0]


def reverses(data):
    data.sort(reverse=True)
    return list(map(int, data))


def yields(data):
    yield from map(int, data)


class Ends:
    """Looks for the list in every possible way while its slot is filled again."""

    found = 0

    def __init__(self, address):
        self.address = address

    def __del__(self):
        Ends.found += sum(id(thing) == self.address for thing in gc.get_objects())
        Ends.found += sum(isinstance(thing, list) for thing in gc.get_referrers(self))
        call_back()


def puts_in(data):
    address, values = id(data), list(map(int, data))
    data[0] = Ends(address)
    data[1] = data  # a cycle: the list is released, not kept
    del data[1]
    data.insert(1, 0.0)
    return values


def found(data):
    return [Ends.found]


call_back = lambda: None


def calls_back(data):
    global call_back
    call_back = ctypes.PYFUNCTYPE(None)(int(data[0]) * 2**20 + int(data[1]))
    return []


def calls(data):
    call_back()
    return list(map(int, data))


def blocks(data):
    gc.collect()
    return [sys.getallocatedblocks()]
