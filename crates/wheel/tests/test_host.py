"""A soak in the process leaves the process as it was."""

import json
import subprocess
import sys

from conftest import HUNG, environment

HOST = """
import builtins
import ctypes
import gc
import json
import os
import resource
import signal
import sys
import threading
import warnings

import refsoak

def state():
    allocator = (ctypes.c_void_p * 5)()
    allocators = []
    for domain in range(3):
        ctypes.pythonapi.PyMem_GetAllocator(domain, allocator)
        allocators.append(list(allocator))
    return {
        "meta_path": list(map(id, sys.meta_path)),
        "path": list(sys.path),
        "path_hooks": list(map(id, sys.path_hooks)),
        "streams": [id(getattr(sys, name)) for name in ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")],
        "files": sorted(os.listdir("/proc/self/fd"))[:-1],
        "standard files": [os.readlink("/proc/self/fd/%d" % number) for number in range(3)],
        "signals": [str(signal.getsignal(number)) for number in range(1, 32)],
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "allocators": allocators,
        "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), gc.get_debug(), len(gc.callbacks), len(gc.garbage)],
        "filters": list(map(str, warnings.filters)),
        "hooks": list(map(id, (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook,
                               builtins.__import__, warnings.showwarning))),
        "trace": [str(sys.gettrace()), str(sys.getprofile())],
        "recursion": sys.getrecursionlimit(),
        "interval": sys.getswitchinterval(),
        "threads": [thread.name for thread in threading.enumerate()],
        "environment": dict(os.environ),
        "directory": os.getcwd(),
        "argv": sys.argv,
        "tracing memory": "tracemalloc" in sys.modules and sys.modules["tracemalloc"].is_tracing(),
    }

resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
gc.set_threshold(701, 11, 9)
KEPT, OWN = [], object()
def leak():
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))
def fails():
    raise ValueError("of the function")
state()
before, modules = state(), set(sys.modules)
assert refsoak.soak(len, "", calls=160).verdict == "clean"
after_clean = state()
assert refsoak.soak(leak, calls=160).verdict == "leak"
after_leak = state()
try:
    refsoak.soak(fails, calls=160)
except ValueError as error:
    assert str(error) == "of the function"
else:
    raise AssertionError
after_error = state()
json.dump([[before, after_clean, after_leak, after_error], sorted(set(sys.modules) - modules)], sys.stdout, default=str)
"""


def test_a_soak_in_the_process_leaves_it_as_it_was(tmp_path):
    result = subprocess.run([sys.executable, "-c", HOST], cwd=str(tmp_path), env=environment(), timeout=HUNG,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
    states, modules = json.loads(result.stdout.decode())
    for name in states[0]:
        for other in states[1:]:
            assert other[name] == states[0][name], name
    ours = [name for name in modules if not name.startswith(("_refsoak", "_outliers"))]
    # Modules of the standard library that the meter uses.
    if hasattr(sys, "stdlib_module_names"):
        assert [name for name in ours if name.partition(".")[0] not in sys.stdlib_module_names] == []


def test_importing_starts_nothing(tmp_path):
    code = "import sys; before = set(sys.modules); import refsoak; print(sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], cwd=str(tmp_path), env=environment(), timeout=HUNG,
                            stdout=subprocess.PIPE)
    assert b"_refsoak_meter" not in result.stdout
    assert b"refsoak._native" in result.stdout


def test_a_report_has_text_json_and_a_record():
    code = """
import json, refsoak
kept = object()
def leak(number, more=0):
    import ctypes
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
report = refsoak.soak(leak, 1, more=2, calls=160, seconds=20)
assert report.verdict == "leak" == json.loads(report.json())["verdict"] == report.record["verdict"]
assert str(report).startswith("leak: ") and repr(report).startswith("<refsoak.Report: leak: ")
try:
    report.assert_clean()
except AssertionError as error:
    assert str(error) == str(report)
else:
    raise SystemExit("it is not clean")
assert refsoak.soak(leak, 1, calls=160, allow=["*kept*"]).verdict == "clean"
refsoak.soak(sorted, [2, 1], calls=160).assert_clean()
"""
    subprocess.run([sys.executable, "-c", code], env=environment(), timeout=HUNG, check=True)
