"""refsoak.soak(child=True), and native=True."""

import ctypes
import os
import shutil

import pytest

import refsoak

kept, marked = [], object()


def test_a_clean_function_is_clean():
    assert refsoak.soak(int, "1", child=True).verdict == "clean"


def test_a_leak_has_its_line_and_leaves_this_process_alone():
    report = refsoak.soak(lambda: kept.append(1), child=True)
    assert report.verdict == "leak" and "test_child.kept, a list" in str(report)
    assert kept == []


@pytest.mark.parametrize("allow, verdict", [("module.CACHE*", "leak"), ("*marked*", "clean"), (["*marked*"], "clean")])
def test_one_allowed_pattern_may_be_a_string(allow, verdict):
    def leak():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(marked))

    assert refsoak.soak(leak, calls=160, allow=allow).verdict == verdict


def test_a_death_is_a_verdict():
    report = refsoak.soak(os._exit, 3, child=True)
    assert (report.verdict, report.record["signal"]) == ("died", None)
    assert str(report).startswith("died: the process ended with exit status: 3 at about call 1\n")
    report = refsoak.soak(ctypes.string_at, 0, child=True)
    assert (report.verdict, report.record["signal"]) == ("died", 11)


def test_a_function_that_closes_all_files_gets_a_report():
    report = refsoak.soak(os.closerange, 3, 1000, child=True)
    assert report.verdict == "died"
    assert str(report) == "died: the function has closed the socket to its parent\n"


def test_an_exception_is_raised_with_its_traceback():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        refsoak.soak(lambda: 1 / 0, child=True)


@pytest.mark.skipif(shutil.which("gdb") is None, reason="needs gdb")
@pytest.mark.parametrize("child", [False, True])
def test_native_names_the_c_function(child):
    take = ctypes.pythonapi.Py_IncRef
    take.argtypes, take.restype = [ctypes.py_object], None
    report = refsoak.soak(take, marked, native=True, child=child)
    assert report.verdict == "leak"
    line = report.record["native"][0]
    assert line.startswith("+1 per call in ") or "may not attach" in line
