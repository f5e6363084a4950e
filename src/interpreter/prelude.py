"""What the program adds to the Python that it starts."""

import sys
from _thread import RLock
from importlib.machinery import ModuleSpec

# One module of a file at a time.
LOADING = RLock()


class CompiledIn:
    """Finds and loads a package, or loads a module, whose source is compiled into the program."""

    # No such directory can be, so that no line of a stray file is shown.
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
        """For Python's own `traceback` and `inspect`, should the caller use them."""
        return self.source


def install(name, source):
    """Make `import name` mean the compiled-in source, before any file of that name."""
    sys.meta_path.insert(0, CompiledIn(name, source, CompiledIn.PLACE + name + "/__init__.py"))


def leave_ctrl_c_alone():
    """Undo what the first import of `signal`, anybody's, does: it makes Ctrl-C a KeyboardInterrupt.

    That would be lost, or an error of whoever is being called. A handler of the program's own is
    not Python's, and stays.
    """
    import _signal

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


# The default, because anybody can empty this module.
def flush(sys=sys):
    """Write out what was printed: this Python is never ended, which would have done it.

    What cannot be flushed is let go: None, closed, a pipe without a reader, or anything at all.
    """
    try:
        sys.stdout.flush()
    except:
        pass
    try:
        sys.stderr.flush()
    except:
        pass
