"""Code that the library adds to the Python that it starts."""

import sys
from _thread import RLock
from importlib.machinery import ModuleSpec

# Held while a module is made, so that only one thread makes one at a time.
LOADING = RLock()


class CompiledIn:
    """Finds and loads a package, or loads a module, whose source is compiled into the program."""

    # There is no such directory, so tracebacks cannot show lines of an unrelated file.
    PLACE = "<outliers>/"

    def __init__(self, name, source, file):
        self.name = name
        self.source = source
        self.file = file

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            return ModuleSpec(name, self, origin=self.file, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.source, self.file, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):
        """For Python's own `traceback` and `inspect`, if the caller uses them."""
        return self.source


def install(name, source):
    """Make `import name` find the compiled-in source before any file of that name."""
    sys.meta_path.insert(0, CompiledIn(name, source, CompiledIn.PLACE + name + "/__init__.py"))


def leave_ctrl_c_alone():
    """Undo what the first import of `signal` does: it turns Ctrl-C into a KeyboardInterrupt.

    The exception would get lost, or interrupt whichever function is running. A handler that the program has
    installed is not Python's, so it stays.
    """
    import _signal

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


# `sys` is a default argument, because other code can empty this module.
def flush(sys=sys):
    """Flush the output, which Python itself only does when it ends.

    Ignore all errors: the stream may be None, closed, a pipe without a reader, or any object.
    """
    try:
        sys.stdout.flush()
    except:
        pass
    try:
        sys.stderr.flush()
    except:
        pass
