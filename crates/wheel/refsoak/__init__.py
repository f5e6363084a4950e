"""Finds reference leaks in Python functions and C extensions, on a release Python.

    import refsoak

    report = refsoak.soak(function, argument)
    report.assert_clean()

`pytest --soak` soaks every test of a suite. `python -m refsoak --help` lists the commands.
"""

import sys as _sys

__all__ = ["Report", "soak"]
__version__ = "0.1.0"


def _refusal():
    """Return why this Python cannot be used, or None."""
    version = "%d.%d" % _sys.version_info[:2]
    if _sys.implementation.name != "cpython" or not _sys.platform.startswith("linux"):
        return "refsoak needs CPython on Linux, and this is %s on %s" % (_sys.implementation.name, _sys.platform)
    if not (3, 8) <= _sys.version_info[:2] <= (3, 15):
        return "refsoak supports CPython 3.8 to 3.15, and this is " + version
    if "t" in _sys.abiflags:
        return "refsoak does not support free-threaded builds of Python: use the build of %s with the GIL" % version
    if hasattr(_sys, "gettotalrefcount"):
        return "refsoak does not support debug builds of Python: use a release build of " + version
    return None


if _refusal():
    raise ImportError(_refusal())

from refsoak import _native  # noqa: E402


class Report:
    """The result of a soak.

    verdict: "clean", "leak", "over-release", "died" or "none" (no verdict)
    record: everything as a dict, with the keys of `outliers soak --json`
    """

    def __init__(self, text, json):
        from json import loads  # not at the top: it takes most of the time of an import

        self._text, self._json = text, json
        self.record = loads(json)

    @property
    def verdict(self):
        return self.record["verdict"]

    def __str__(self):
        return self._text

    def __repr__(self):
        return "<refsoak.Report: %s>" % self._text.partition("\n")[0]

    def json(self):
        """Return the report as one JSON object."""
        return self._json

    def assert_clean(self):
        """Raise AssertionError, with the report, unless the verdict is "clean"."""
        if self.verdict != "clean":
            raise AssertionError(self._text)


def soak(function, *args, calls=1600, seconds=30.0, allow=(), native=False, child=False, **kwargs):
    """Call function(*args, **kwargs) many times, and report what grows with the calls.

    calls: how many calls are judged, at least; the warm-up comes on top
    seconds: the time limit. Time in which this process waits for a processor does not count
    allow: a pattern of growth that you know, such as "module.CACHE*", or several; "types" allows references to types
    native: also name the C functions that take and release leaked references, by gdb
    child: make the calls in a child process (a fork of this one), so that a crash is a verdict too

    An exception of the function ends the soak, and is raised: from a child as a RuntimeError with its traceback.
    """
    allow = [allow] if isinstance(allow, str) else allow  # its letters would be patterns, and "*" allows everything
    settings = {"calls": calls, "seconds": seconds, "allow": allow, "native": native}

    def call():
        function(*args, **kwargs)

    if child:
        from refsoak._child import soak_in_child

        return soak_in_child(call, settings)
    return run(call, **settings)


def run(call, calls=1600, seconds=30.0, allow=(), native=False, sends=False, hidden=("refsoak",)):
    """What `soak` does, for a function without arguments.

    sends: send the progress to the socket that is this process's stdin, and make stdin empty
    hidden: modules whose lines and variables the report does not name
    """
    watched = _Watched(call)
    try:
        settings = [calls, float(seconds), list(allow), int(sends), list(hidden), int(native)]
        return Report(*_native.soak([watched, *settings]))
    except RuntimeError:
        if watched.raised is not None:
            raise watched.raised from None
        raise


class _Watched:
    """A function that keeps the exception which ends the soak."""

    def __init__(self, call):
        self.call, self.raised = call, None

    def __call__(self):
        try:
            self.call()
        except BaseException as error:
            self.raised = error
            raise
