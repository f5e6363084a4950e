"""Callees whose exception is a trap for whoever tells of it. A caption as in `raised.py`."""

import ctypes
import sys


# Exceptions whose types, attributes and causes are traps.

class Unnamed(type):
    def __getattribute__(cls, name): raise ValueError("no " + name)


class Nameless(Exception, metaclass=Unnamed): pass


class Placeless(type):
    def __getattribute__(cls, name):
        return sys.exit(5) if name == "__module__" else super().__getattribute__(name)


class Homeless(Exception, metaclass=Placeless): pass


class Guarded(Exception):
    def __getattribute__(self, name): raise SystemExit(6)


class Endless(Exception):
    @property
    def __cause__(self): return Endless()


class RaisesWhenMade(Exception):
    def __init__(self): raise KeyError("not made")


class IsNoneWhenMade(Exception):
    def __new__(cls): return 5


class Survives(Exception):
    def __del__(self): survivors[:] = [self]


survivors = []
set_none = ctypes.pythonapi.PyErr_SetNone
set_none.argtypes = [ctypes.py_object]


#> Call: a type without a name: traps
def name_raises(data): raise Nameless("traps")

#> Call: Homeless: traps
def module_exits(data): raise Homeless("traps")

#> Call: Odd: traps
def module_is_a_number(data): raise type("Odd", (Exception,), {"__module__": 5})("traps")

#> Call: a b.two lines: traps
def name_has_two_lines(data): raise type("two\nlines", (Exception,), {"__module__": "a\nb"})("traps")

#> Call: traps.NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN...
def name_has_a_megabyte(data): raise type("N" * 1_000_000, (Exception,), {})

#> Call: traps.Guarded: traps
def attributes_exit(data): raise Guarded("traps")

#> Call: traps.Endless
def cause_has_a_cause_for_ever(data): raise Endless()

#> Call: KeyError: 'not made'
def cannot_be_made(data): set_none(RaisesWhenMade)

#> Call: TypeError: calling <class 'traps.IsNoneWhenMade'> should have returned an instance of BaseException, not <class 'int'>
def is_an_int_when_made(data): raise IsNoneWhenMade

#> Call: traps.Survives
def outlives_itself(data): raise Survives()

#> Call: SyntaxError: five...
def says_wrongly_where(data): raise SyntaxError("five", (5, "5", b"5", 5))


#> Call: ValueError: two
def causes_are_a_circle(data):
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    raise two


#> Call: ValueError: me
def is_its_own_context(data):
    me = ValueError("me")
    me.__context__ = me.__cause__ = me
    raise me


#> Call: ValueError: 499
def has_500_causes(data):
    error = None
    for number in range(500):
        cause, error = error, ValueError(number)
        error.__cause__ = cause
    raise error


# What is no exception, and is told of as one.

class NoException(Exception):
    def __new__(cls, *arguments): return 42


#> before 3.13: Call: ValueError: v
#> Call: TypeError: calling <class 'traps.NoException'> should have returned an instance of BaseException, not <class 'int'>
def comes_from_a_number(data): raise ValueError("v") from NoException


def waits():
    yield


#> before 3.9: Call: traps.NoException: 42
#> Call: TypeError: calling <class 'traps.NoException'> should have returned an instance of BaseException, not int
def throws_a_number(data):
    generator = waits()
    next(generator)
    generator.throw(NoException)
