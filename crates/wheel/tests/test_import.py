"""A Python that cannot be used is refused at import, in one sentence."""

import subprocess
import sys

import pytest

from conftest import environment

VERSION = "%d.%d" % sys.version_info[:2]
REFUSED = {
    "sys.version_info = (3, 7, 17)": "refsoak supports CPython 3.8 to 3.15, and this is 3.7",
    "sys.version_info = (3, 16, 0)": "refsoak supports CPython 3.8 to 3.15, and this is 3.16",
    "sys.implementation.name = 'pypy'": "refsoak needs CPython on Linux, and this is pypy on linux",
    "sys.platform = 'darwin'": "refsoak needs CPython on Linux, and this is cpython on darwin",
    "sys.abiflags = 't'":
        "refsoak does not support free-threaded builds of Python: use the build of %s with the GIL" % VERSION,
    "sys.gettotalrefcount = lambda: 0":
        "refsoak does not support debug builds of Python: use a release build of " + VERSION,
}


def run(script):
    # Not in the current directory, which may hold another refsoak.
    return subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, cwd="/", env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD=""))


@pytest.mark.parametrize("fake", REFUSED)
def test_another_python_is_refused_at_import(fake):
    done = run("import sys; %s; import refsoak" % fake)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ImportError: " + REFUSED[fake]


@pytest.mark.parametrize("fake", ["sys.abiflags = 't'"])
def test_pytest_soak_on_another_python_is_a_usage_error(fake, tmp_path):
    done = run("import sys, pytest; %s; sys.exit(pytest.main(['--soak', %r]))" % (fake, str(tmp_path)))
    assert done.returncode == 4, done.stderr
    assert "--soak: " + REFUSED[fake] in done.stderr


def test_the_import_changes_nothing_of_the_host():
    script = """
import signal, sys
before = sys.meta_path[:], sys.path_hooks[:], sys.stdout, sys.excepthook, [signal.getsignal(n) for n in range(1, 65)]
import refsoak
refsoak.soak(lambda: None, calls=100)
after = sys.meta_path[:], sys.path_hooks[:], sys.stdout, sys.excepthook, [signal.getsignal(n) for n in range(1, 65)]
assert before == after, (before, after)
"""
    done = run(script)
    assert done.returncode == 0, done.stderr
