"""Callees whose exception is a trap for the code that makes its text. Captions as in `raised.py`."""

import ast
import builtins
import ctypes
import os
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


#> Call: ValueError: 9999
def has_10_000_causes(data):
    error = None
    for number in range(10_000):
        cause, error = error, ValueError(number)
        error.__cause__ = cause
    raise error


Group = getattr(builtins, "ExceptionGroup", None)


#> before 3.11: Call: TypeError: 'NoneType' object is not callable
#> Call: ExceptionGroup: wide (10000 sub-exceptions)
def raises_a_wide_group(data): raise Group("wide", [ValueError(number) for number in range(10_000)])


#> before 3.11: Call: TypeError: 'NoneType' object is not callable
#> Call: ExceptionGroup: deep (15 sub-exceptions)
def raises_a_tree_of_groups(data):
    group = ValueError("a leaf")
    for _ in range(15):
        group = Group("deep", [group] * 15)
    raise group


# Looking for the source line would never end, or take all memory.

def raises_in(file, tree=None): exec(compile(tree or "1 / 0", file, "exec"))


def of_a_file(*parts):
    """The path of an unnamed file that holds these bytes, each part at its offset."""
    file = os.memfd_create("source")
    for place, content in parts: os.pwrite(file, content, place)
    return "/dev/fd/%d" % file


pipe = os.pipe()
huge = of_a_file((1 << 40, b"1"))
deep = of_a_file((0, b"-" * 100_000 + b"1\n"))


#> Call: ZeroDivisionError: division by zero
def is_in_a_device(data): raises_in("/dev/zero")

#> Call: ZeroDivisionError: division by zero
def is_in_a_pipe(data): raises_in("/dev/fd/%d" % pipe[0])

#> Call: ZeroDivisionError: division by zero
def is_in_a_huge_file(data): raises_in(huge)

#> Call: ZeroDivisionError: division by zero
def is_in_a_file_that_hides_its_size(data): raises_in("/proc/self/pagemap")


#> Call: ZeroDivisionError: division by zero
def goes_on_for_a_billion_lines(data):
    tree = ast.parse("1 / 0")
    for node in ast.walk(tree): node.end_lineno = 1_000_000_000
    raises_in(__file__, tree)


#> Call: ZeroDivisionError: division by zero
def is_deep_at_the_place(data):
    tree = ast.parse("1 / 0")
    for node in ast.walk(tree): node.end_col_offset = 100_001
    raises_in(deep, tree)


# Objects that are not exceptions, but are reported as one.

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
