"""Callees with an exception whose text would take all memory, or would never be complete. With one value they
prepare the exception, with two they raise it."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence

LARGE = 256 << 20


class Endless(Sequence):
    def __len__(self): return 5
    def __getitem__(self, index): return "note"


def for_ever(*arguments, **named):
    time.sleep(1000)


def trap(prepare):
    """A callee that raises the exception that `prepare` has made."""
    prepared = []

    def callee(data):
        if len(data) == 1:
            prepared.append(prepare())
            return []
        prepared[0]()

    return callee


def raises(error):
    def function(): raise error
    return function


def noted(notes):
    error = ValueError("the message")
    error.__notes__ = notes
    return raises(error)


@trap
def endless_notes(): return noted(Endless())

@trap
def many_notes(): return noted(["x" * (1 << 20)] * 2000)

@trap
def notes_of_lines(): return noted(["\n" * (1 << 16)] * 10_000)

@trap
def notes_without_end():
    error = type("Noted", (ValueError,), {"__notes__": property(for_ever)})
    return raises(error("the message"))

@trap
def slow_directory():
    missing = type("Slow", (), {"__dir__": for_ever})()
    return lambda: missing.attribute

@trap
def slow_module():
    module = type(sys)("slow")
    module.__dir__ = for_ever
    return lambda: module.attribute

@trap
def slow_attributes():
    def method(self): return attribut
    slow = type("Slow", (), {"__getattr__": for_ever, "method": method})()
    return slow.method

@trap
def slow_locals():
    class Slow(dict):
        __iter__ = for_ever
    return lambda: exec("name_that_is_not_there", {}, Slow())

@trap
def long_path():
    def function(): raise ValueError("the message")
    return with_code(function, co_filename="x" * LARGE)

@trap
def long_name():
    def function(): raise ValueError("the message")
    return with_code(function, co_name="x" * LARGE)

@trap
def long_type(): return raises(type("x" * LARGE, (ValueError,), {})("the message"))

@trap
def long_text(): return raises(ValueError("x" * LARGE))

@trap
def long_syntax_error(): return raises(SyntaxError("the message", ("own.py", 1, 10**9, "x" * LARGE)))

def with_code(function, **changes):
    function.__code__ = function.__code__.replace(**changes)
    return function


def loaded(loader):
    variables = {"__name__": "loaded", "__loader__": loader}
    exec(compile("def function(): raise ValueError('the message')", "loaded.py", "exec"), variables)
    return variables["function"]

@trap
def large_source():
    class Loader:
        def get_source(self, name): return "x\n" * LARGE
    return loaded(Loader())

@trap
def source_without_end():
    class Loader:
        get_source = for_ever
    return loaded(Loader())

@trap
def loader_without_end():
    class Loader:
        def __getattribute__(self, name): for_ever()
    return loaded(Loader())

@trap
def long_lines():
    """Two functions on a line of 4 MB, which call each other."""
    line = "def f(n): g(n - 1) if n else 1 / 0\ndef g(n): f(n)  # " + "x" * (4 << 20)
    file = os.path.join(tempfile.mkdtemp(), "long.py")
    with open(file, "w") as written:
        written.write(line[:(4 << 20) - 100])
    variables = {}
    exec(compile(line[:(4 << 20) - 100], file, "exec"), variables)
    return lambda: variables["f"](400)

@trap
def many_large_files():
    function, directory = (lambda: 1 / 0), tempfile.mkdtemp()
    for number in range(100):
        file = os.path.join(directory, f"{number}.py")
        with open(file, "w") as written:
            written.write(" \n" * (1 << 20) + "def then(): function()")
        variables = {"function": function}
        exec(compile("\n" * 10 + "def then(): function()", file, "exec"), variables)
        function = variables["then"]
    return function

@trap
def late_in_the_code():
    """A function of two million instructions, which calls itself."""
    source = "def f(n):\n" + " n\n" * 300_000 + " g(n - 1) if n else 1 / 0\n"
    variables = {"g": lambda n: variables["f"](n)}
    exec(source, variables)
    return lambda: variables["f"](400)

@trap
def slow_texts():
    class Slow(Exception):
        def __str__(self):
            time.sleep(0.4)
            return "slow"
    error = KeyError("the first")
    for _ in range(100):
        cause, error = error, Slow()
        error.__cause__ = cause
    return raises(error)

@trap
def many_members():
    if sys.version_info < (3, 11):
        return raises(ValueError("the message"))
    return raises(ExceptionGroup("the message", [ValueError(1)] * (LARGE // 8)))
