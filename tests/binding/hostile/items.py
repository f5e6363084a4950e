"""Callees whose result is wrong at an item."""

import datetime
import decimal
import enum
import fractions
import sys

import numpy as np


# Items of other types, and ints that do not fit in 64 bits.

#> Item: item 0 of the result should be an int, but is float
def the_data(data): return data

#> Item: item 1 of the result should be an int, but is float
def has_float(data): return [0, 1.0]

#> Item: item 1 of the result should be an int, but is numpy.float64
def has_numpy_float(data): return [0, np.float64(1)]

#> Item: item 0 of the result should be an int, but is numpy.float64
def an_array_of_floats(data): return np.array(data)

#> Item: item 1 of the result should be an int, but is complex
def has_complex(data): return [0, 1 + 0j]

#> Item: item 1 of the result should be an int, but is decimal.Decimal
def has_decimal(data): return [0, decimal.Decimal(1)]

#> Item: item 1 of the result should be an int, but is fractions.Fraction
def has_fraction(data): return [0, fractions.Fraction(1)]

#> Item: item 1 of the result should be an int, but is datetime.date
def has_date(data): return [0, datetime.date(2000, 1, 1)]

#> Item: item 0 of the result should be an int, but is numpy.datetime64
def has_numpy_date(data): return np.array(["2000-01-01"], dtype="datetime64[D]")

#> Item: item 1 of the result should be an int, but is bool
def has_bool(data): return [0, True]

#> Item: item 1 of the result should be an int, but is numpy.bool...
def has_numpy_bool(data): return [0, np.bool_(True)]

#> Item: item 0 of the result should be an int, but is numpy.bool...
def a_mask(data): return np.array(data) > 1

#> Item: item 1 of the result should be an int, but is str
def has_str(data): return [0, "1"]

#> Item: item 1 of the result should be an int, but is bytes
def has_bytes(data): return [0, b"1"]

#> Item: item 1 of the result should be an int, but is NoneType
def has_none(data): return [0, None]

#> Item: item 1 of the result should be an int, but is list
def has_list(data): return [0, [1]]

#> Item: item 0 of the result should be an int, but is tuple
def pairs(data): return enumerate(data)

#> Item: item 0 of the result should be an int, but is str
def a_dict_of_names(data): return {"two": 2}

#> Item: item 0 of the result should be an int, but is numpy.ndarray
def all_of_where(data): return np.where(np.array(data) > 1)

#> Item: item 0 of the result should be an int, but is numpy.ndarray
def a_column(data): return np.array([[0], [2]])

#> Item: item 1 of the result should be an int, but is numpy.ma...
def a_masked_array(data): return np.ma.array([0, 1], mask=[False, True])

#> Item: item 1 of the result should be an int that fits in 64 bits, but is a larger one
def has_large(data): return [0, 2**63]

#> Item: item 1 of the result should be an int that fits in 64 bits, but is a larger one
def has_small(data): return [0, -2**63 - 1]

#> Item: item 1 of the result should be an int that fits in 64 bits, but is a larger one
def has_huge(data): return [0, 1 << 1_000_000]

#> Item: item 1 of the result should be an int that fits in 64 bits, but is a larger one
def has_large_numpy(data): return np.array([0, 2**63], dtype=np.uint64)


# Items whose own methods lie, or fail.

class Index:
    """An item whose `__index__` calls a function."""

    def __init__(self, does): self.does = does
    def __index__(self): return self.does()


class LyingInt(int):
    def __index__(self): return 5
    __int__ = __trunc__ = __hash__ = __index__


class Colour(enum.IntEnum):
    RED = 2


class OnlyInt:
    def __int__(self): return 1
    __trunc__ = __int__


class IndexIsInt:
    __index__ = 5


class IndexIsGone:
    def __getattr__(self, name): return lambda: 1


def recurses(): return int(Index(recurses))
def exits(): sys.exit(8)
def interrupts(): raise KeyboardInterrupt
def raises(): raise RuntimeError("no index")
def overflows(): raise OverflowError("by hand")
def starves(): raise MemoryError
def is_mistaken(): return len(5)


#> Ok: [0, 2]
def index_of_an_int_is_not_asked(data): return [LyingInt(0), Colour.RED]

#> Item: item 1 of the result should be an int, but is items.OnlyInt
def has_only_int(data): return [0, OnlyInt()]

#> Item: item 1 of the result should be an int, but is items.IndexIsInt
def index_is_no_method(data): return [0, IndexIsInt()]

#> Item: item 1 of the result should be an int, but is items.IndexIsGone
def index_is_not_of_the_type(data): return [0, IndexIsGone()]

#> Item: item 1 of the result should be an int, but is items.Index
def index_is_a_str(data): return [0, Index(lambda: "1")]

#> Item: item 1 of the result should be an int, but is items.Index
def index_is_none(data): return [0, Index(lambda: None)]

#> Item: item 1 of the result should be an int, but is items.Index
def index_is_another_index(data): return [0, Index(lambda: Index(lambda: 1))]

#> Item: item 1 of the result should be an int that fits in 64 bits, but is a larger one
def index_is_large(data): return [0, Index(lambda: 2**63)]

#> Iteration: item 1 of the result: RuntimeError: no index
def index_raises(data): return [0, Index(raises)]

#> Iteration: item 1 of the result: OverflowError: by hand
def index_overflows_by_hand(data): return [0, Index(overflows)]

#> Iteration: item 1 of the result: TypeError: object of type 'int' has no len()
def index_is_mistaken(data): return [0, Index(is_mistaken)]

#> Iteration: item 1 of the result: SystemExit: 8
def index_exits(data): return [0, Index(exits)]

#> Iteration: item 1 of the result: KeyboardInterrupt
def index_interrupts(data): return [0, Index(interrupts)]

#> Iteration: item 1 of the result: RecursionError: maximum recursion depth exceeded...
def index_recurses(data): return [0, Index(recurses)]

#> OutOfMemory: out of memory
def index_starves(data): return [0, Index(starves)]
