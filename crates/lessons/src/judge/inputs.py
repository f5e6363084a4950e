"""The lists that the judge passes to `detect`, and the task of each exercise."""

import gc
import math

import _outliers_messages as messages


def shown_as(name):
    """A class whose name the judge may print: it says what an object of the class does."""

    def rename(kind):
        kind.__name__ = kind.__qualname__ = name
        kind.__module__ = "builtins"
        return kind

    return rename


@shown_as("float_of_a_subclass")
class Number(float):
    """A float whose memory is really freed: Python keeps the memory of plain floats for reuse."""


@shown_as("ErrorOfAnItem")
class Planted(Exception):
    """Raised on purpose."""


def answering(act):
    """Methods for everything that C code can ask of an item. Each returns the result of `act`."""

    def method(kind):
        return lambda self, *others: kind(act(self))

    kinds = {"float": float, "int": int, "index": int, "bool": bool,
             "str": str, "repr": str, "format": str, "hash": int}
    others = "lt le eq ne gt ge add radd sub rsub mul rmul truediv rtruediv pow rpow neg pos abs"
    return {"__%s__" % name: method(kinds.get(name, lambda answer: answer)) for name in [*kinds, *others.split()]}


# The places that the items have raised exceptions in, or None while they are not noted.
raised = None


def plant(self):
    if raised is not None:
        raised.append(messages.place(self))
    raise Planted


Raises = shown_as("item_that_raises")(type("Raises", (), answering(plant)))
# Its methods succeed with -1, which many C calls return on failure.
Converts = shown_as("item_that_converts")(type("Converts", (), answering(lambda self: -1.0)))


class Meddles:
    """Replaces the items of its list, the first nine times it is used."""

    def __init__(self, data, length, answer):
        self.left = 9
        self.data = data
        self.length = length
        self.answer = answer

    def __getattr__(self, name):
        self.meddle()
        raise AttributeError(name)

    def meddle(self):
        if self.left > 0:
            self.left -= 1
            self.data[:] = values(self.length, Number)
        return self.answer


Meddler = shown_as("item_that_changes_its_list")(type("Meddler", (Meddles,), answering(Meddles.meddle)))


@shown_as("item_with_a_destructor")
class Ends:
    """Calls a function when it is freed."""

    def __init__(self, act):
        self.act = act

    def __del__(self):
        self.act()


@shown_as("list_of_a_subclass")
class Data(list):
    """A list that can have weak references."""


def values(length, kind=float):
    """Fresh numbers near 10. Every 40th is 1000 or more.

    In a long list, the large ones begin at index 1024, because Python may cache smaller ints.
    """
    first = 1024 if length > 1024 else 0
    return [kind(1000 + i if i % 40 == 7 and i >= first else 10 + i % 3) for i in range(length)]


CASES = [
    ("an empty list", lambda: []),
    ("a list of one item", lambda: [float("1.5")]),
    ("a list of two items", lambda: [float("1.5"), float("2.5")]),
    ("rising numbers", lambda: [float(i) for i in range(20)]),
    ("falling numbers", lambda: [float(-2 - i) for i in range(20)]),
    ("the same number nine times", lambda: [float("7")] * 9),
    ("floats of a subclass", lambda: values(20, Number)),
    ("large numbers", lambda: [float("1e308"), float("-1e308"), float("1e305")]),
    ("1,500 floats", lambda: values(1500)),
    ("20 floats", lambda: values(20)),
    ("a list that holds -1.0", lambda: [float("-1"), float("5"), float("-1")] * 7),
    ("1,000 ints", lambda: [1 << 40 | v for v in values(1000, int)]),
    ("a list whose item 1 raises", lambda: [float("1500.5"), Raises(), Converts()]),
    ("a list whose item 300 raises", lambda: values(300) + [Raises()] + values(9)),
    ("a list whose item 300 is a string", lambda: values(300) + ["n/a" + str(gc.isenabled())] + values(9)),
]


def itself():
    data = [float("1.5")]
    data.append(data)
    return data


# Unusual items, most of which are not numbers.
ODD = [
    ("NaN and infinities", lambda: [float(text) for text in ("nan", "inf", "-inf", "-0.0", "5e-324", "1e308")]),
    ("a list that holds itself", itself),
    ("None in a list", lambda: [None]),
    ("True in a list", lambda: [True]),
    ("an int of 400 digits in a list", lambda: [10**400]),
    ("a list with a string that UTF-8 cannot encode", lambda: ["\ud800"]),
]


def above(data):
    return [i for i, value in enumerate(data) if value > 100]


def at_most_eight(data):
    if len(data) > 8:
        raise IndexError
    return data[:]


# The task of each exercise, in Python.
TASKS = {
    "append": above,
    "build_value": lambda data: [len(data)],
    "dictionary": lambda data: dict(enumerate(data)),
    "iterator": lambda data: [sum(value > 100 for value in data)],
    "stolen": lambda data: data[:],
    "returned": lambda data: [len(data)] if data else data,
    "double_release": at_most_eight,
    "minus_one": lambda data: [sum(value < 0 for value in data)],
    "error_path": lambda data: [int(math.ldexp(value, 1)) for value in data],
    "half_way": above,
    "null": lambda data: [len(data), 2 * len(data)],
    "thin_ice": lambda data: [max(range(len(data)), key=data.__getitem__)] if data else [],
    "lock": lambda data: [len(str(data[0]))] if data else [],
    "heap_type": lambda data: range(len(data)),
    "callback": lambda data: [abs(value) for value in data],
    "cycle": lambda data: range(len(data)),
    "state": lambda data: [len(data)],
}
