"""Callees whose result as a whole is not an iterable of ints."""

import array
import sys
import types

import numpy as np


# Text is iterable, but never meant as numbers.

#> NotIterable: returned NoneType, not an iterable of numbers
def none(data): return None

#> NotIterable: returned int, not an iterable of numbers
def an_int(data): return 7

#> NotIterable: returned float, not an iterable of numbers
def a_float(data): return 7.5

#> NotIterable: returned ellipsis, not an iterable of numbers
def an_ellipsis(data): return ...

#> NotIterable: returned NotImplementedType, not an iterable of numbers
def not_implemented(data): return NotImplemented

#> NotIterable: returned str, not an iterable of numbers
def a_str(data): return "02"

#> NotIterable: returned str, not an iterable of numbers
def an_empty_str(data): return ""

#> NotIterable: returned bytes, not an iterable of numbers
def some_bytes(data): return b"\0\2"

#> NotIterable: returned bytearray, not an iterable of numbers
def a_bytearray(data): return bytearray(2)

#> NotIterable: returned numpy.str_, not an iterable of numbers
def a_numpy_str(data): return np.str_("02")

#> NotIterable: returned numpy.ndarray, not an iterable of numbers
def an_array_without_dimensions(data): return np.array(7)

#> NotIterable: returned numpy.int64, not an iterable of numbers
def a_numpy_int(data): return np.int64(7)

#> NotIterable: returned type, not an iterable of numbers
def a_type(data): return int

#> NotIterable: returned module, not an iterable of numbers
def a_module(data): return sys

#> NotIterable: returned function, not an iterable of numbers
def itself(data): return itself

#> NotIterable: returned ValueError, not an iterable of numbers
def an_exception(data): return ValueError("returned, not raised")

#> NotIterable: returned SystemExit, not an iterable of numbers
def an_exit(data): return SystemExit(3)

#> NotIterable: returned async_generator, not an iterable of numbers
async def an_async_generator(data): yield 0

#> NotIterable: returned coroutine, not an iterable of numbers
async def a_coroutine(data): return [0]

#> Ok: [0]
@types.coroutine
def a_coroutine_that_is_a_generator(data): yield 0


class IterIsNone:
    __iter__ = None
    def __getitem__(self, index): return 0


class IterReturnsInt:
    def __iter__(self): return 5


class IterReturnsItself:
    def __iter__(self): return self


class IterTakesNone:
    def __iter__(): pass


class Unnamed(type):
    def __getattribute__(cls, name): raise ValueError("no " + name)


class Nameless(metaclass=Unnamed): pass


class IterRaises:
    def __iter__(self): raise LookupError("no items today")


class IterIsMistaken:
    def __iter__(self): return 1 + "1"


class IterExits:
    def __iter__(self): sys.exit(7)


class IterStarves:
    def __iter__(self): raise MemoryError


class ClassLies:
    __class__ = list


#> NotIterable: returned results.IterIsNone, not an iterable of numbers
def iter_is_none(data): return IterIsNone()

#> NotIterable: returned results.IterReturnsInt, not an iterable of numbers
def iter_returns_an_int(data): return IterReturnsInt()

#> NotIterable: returned results.IterReturnsItself, not an iterable of numbers
def iter_returns_no_iterator(data): return IterReturnsItself()

#> NotIterable: returned results.IterTakesNone, not an iterable of numbers
def iter_takes_nothing(data): return IterTakesNone()

#> NotIterable: returned a type without a name, not an iterable of numbers
def has_no_name(data): return Nameless()

#> NotIterable: returned results.ClassLies, not an iterable of numbers
def lies_to_be_a_list(data): return ClassLies()

#> Call: LookupError: no items today
def iter_raises(data): return IterRaises()

#> Call: TypeError: unsupported operand type(s) for +: 'int' and 'str'
def iter_is_mistaken(data): return IterIsMistaken()

#> Call: SystemExit: 7
def iter_exits(data): return IterExits()

#> OutOfMemory: out of memory
def iter_starves(data): return IterStarves()


# Results that are iterables of ints, but do not look like it.

#> Ok: [97, 98]
def a_view_of_bytes(data): return memoryview(b"ab")

#> Ok: [0, 2]
def an_array_of_bytes(data): return array.array("b", [0, 2])
