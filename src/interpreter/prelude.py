"""What the program adds to the Python that it starts."""

import io
import sys
from importlib.machinery import ModuleSpec


class CompiledIn:
    """Finds and loads a package whose source is compiled into the program."""

    def __init__(self, name, source):
        self.name = name
        self.source = source
        # No such file can be, so that no line of a stray one is shown.
        self.file = "<outliers>/" + name + "/__init__.py"

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
    sys.meta_path.insert(0, CompiledIn(name, source))


def leave_ctrl_c_alone():
    """Undo what the first import of `signal`, anybody's, does: it makes Ctrl-C a KeyboardInterrupt.

    That would be lost, or an error of whoever is being called. A handler of the program's own is
    not Python's, and stays.
    """
    import _signal

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


# What `flush` need not be called for: these very streams, while nothing was written to them.
sys_dict = sys.__dict__
STDOUT, STDERR = (next((key for key in sys_dict if key == name), name) for name in ("stdout", "stderr"))
stdout = stderr = object()
written = []


class Output(io.BufferedWriter):
    """Notes that something was written."""

    # The defaults, here and below: anybody can empty this module, of its builtins too.
    def write(self, data, written=written, write=io.BufferedWriter.write):
        if not written:
            written.append(self)
        return write(self, data)


def prepare_output():
    """Put streams in the place of Python's own that note that something was written."""
    global stdout, stderr
    stdout = sys.stdout = sys.__stdout__ = noting(sys.stdout)
    stderr = sys.stderr = sys.__stderr__ = noting(sys.stderr)


def noting(stream):
    buffer = getattr(stream, "buffer", None)
    if type(buffer) is not io.BufferedWriter:
        return stream  # None, or unbuffered
    noting = io.TextIOWrapper(
        Output(buffer.raw),
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=True,
    )
    noting.mode = stream.mode
    noting.replaced = stream  # which would close the file if it went away
    return noting


def flush(sys_dict=sys_dict, written=written):
    """Write out what was printed: this Python is never ended, which would have done it."""
    written.clear()
    for name in ("stdout", "stderr"):
        try:
            sys_dict[name].flush()
        except:
            # None, closed, a pipe without a reader, or anything at all that was put in its place.
            pass
