"""Callees that raise. The caption, `#>`, is the kind and text of the error."""

import asyncio
import builtins
import sys
import warnings

import numpy as np


# Exceptions that may end a program, or that mean something to Python itself.

#> Call: SystemExit: 3
def exits(data): sys.exit(3)

#> Call: SystemExit: a reason
def exits_with_text(data): sys.exit("a reason")

#> Call: KeyboardInterrupt
def interrupts(data): raise KeyboardInterrupt

#> Call: GeneratorExit
def closes_a_generator(data): raise GeneratorExit

#> Call: StopIteration: 7
def stops(data): raise StopIteration(7)

#> Call: StopAsyncIteration
def stops_later(data): raise StopAsyncIteration

#> Call: asyncio.exceptions.CancelledError
def cancels(data): raise asyncio.CancelledError

#> Call: BaseException: the base
def raises_the_base(data): raise BaseException("the base")

#> OutOfMemory: out of memory: not really
def has_no_memory(data): raise MemoryError("not really")

#> OutOfMemory: out of memory
def has_none_of_its_own(data): raise type("Mine", (MemoryError,), {})()


# The ordinary ones.

#> Call: KeyError
def has_nothing_to_say(data): raise KeyError

#> Call: ValueError: one two three
def says_it_on_three_lines(data): raise ValueError("one\r\n\ttwo\nthree\n")

#> Call: FileNotFoundError: [Errno 2] No such file or directory: '\udc80'
def misses_a_file(data): open("\udc80")

#> Call: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte
def decodes(data): b"\xff".decode()

#> Call: SyntaxError: invalid syntax (<string>, line 1)
def compiles(data): eval("1 +* 2")

#> Call: numpy.linalg.LinAlgError: singular
def is_singular(data): raise np.linalg.LinAlgError("singular")

#> Call: TypeError: exceptions must derive from BaseException
def raises_no_exception(data): raise 5

#> Call: TypeError: takes_nothing() takes 0 positional arguments but 1 was given
def takes_nothing(): pass

#> Call: ValueError: then
def hides_the_cause(data):
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("then") from None


#> Call: UserWarning: careful
def warns_where_warnings_are_errors(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("careful")


#> Call: FloatingPointError: divide by zero encountered in...
def divides_where_numpy_raises(data):
    with np.errstate(all="raise"):
        np.array(data) / 0


Group = getattr(builtins, "ExceptionGroup", None)


#> before 3.11: Call: TypeError: 'NoneType' object is not callable
#> Call: ExceptionGroup: many (2 sub-exceptions)
def raises_a_group(data): raise Group("many", [ValueError("one"), KeyError("two")])


#> before 3.11: Call: TypeError: 'NoneType' object is not callable
#> Call: ExceptionGroup: deep (1 sub-exception)
def raises_a_deep_group(data):
    group = ValueError("innermost")
    for _ in range(2_000):
        group = Group("deep", [group])
    raise group


# Exceptions whose text is hard to make.

class Raises(Exception):
    def __str__(self): raise Raises()


class Exits(Exception):
    def __str__(self): sys.exit(4)


class Recurses(Exception):
    def __str__(self): return str(self)


class ReturnsInt(Exception):
    def __str__(self): return 5


class Starves(Exception):
    def __str__(self): raise MemoryError


class Text(str):
    def __str__(self): raise ValueError("no text")
    def __len__(self): return -5
    encode = __getitem__ = __str__


class ReturnsText(Exception):
    def __str__(self): return Text("half a str")


class Argument:
    def __repr__(self): raise ValueError("no repr")


#> Call: raised.Raises: str() failed
def text_raises(data): raise Raises()

#> Call: raised.Exits: str() failed
def text_exits(data): raise Exits()

#> Call: raised.Recurses: str() failed
def text_recurses(data): raise Recurses()

#> Call: raised.ReturnsInt: str() failed
def text_is_an_int(data): raise ReturnsInt()

#> Call: raised.Starves: str() failed
def text_starves(data): raise Starves()

#> Call: raised.ReturnsText: half a str
def text_is_half_a_str(data): raise ReturnsText()

#> Call: KeyError: str() failed
def argument_has_no_repr(data): raise KeyError(Argument())

#> Call: ValueError: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
def text_has_50_megabytes(data): raise ValueError("x" * 50_000_000)

#> Call: ValueError: a\udc80\0b
def text_has_surrogate_and_nul(data): raise ValueError("a\udc80\0b")


# Recursion to the limit: plain, through C, and reached again while unwinding.

#> Call: RecursionError: maximum recursion depth exceeded...
def recurses(data): return recurses(data)

#> Call: RecursionError: maximum recursion depth exceeded...
def recurses_through_c(data): return list(map(recurses_through_c, [data]))

#> Call: RecursionError: maximum recursion depth exceeded...
def sorts_by_itself(data): return sorted(data, key=lambda value: sorts_by_itself(data))


#> Call: raised.Raises: str() failed
def raises_at_the_limit(data):
    try:
        return raises_at_the_limit(data)
    except RecursionError:
        raise Raises() from None
