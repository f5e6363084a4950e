"""A statement to soak, with a setup that runs once, as the module timeit takes them."""

import linecache
import sys
from types import FunctionType


def prepared(texts):
    """Run the setup, and return a function that runs the statement in the setup's namespace.

    If the third text is not empty, the statement must raise an exception.
    """
    setup, statement, raises = texts
    # The namespace belongs to a module, so that the report can name its variables.
    module = type(sys)("__soak__")
    namespace = module.__dict__
    sys.modules["__soak__"] = module
    exec(compiled(setup, "<setup>"), namespace)
    # Called as a function, the code still assigns to the namespace.
    function = FunctionType(compiled(statement, "<statement>"), namespace)
    if not raises:
        return function

    def raising():
        try:
            function()
        except Exception:
            return
        raise AssertionError("the statement raises no exception")

    return raising


def compiled(source, file):
    # So that a report shows the line.
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    return compile(source, file, "exec", dont_inherit=True)
