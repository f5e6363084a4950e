"""Tests that do what ends or confuses a process: the run goes on, and says what happened."""

import os
import time

import pytest

from test_plugins import processes

HOSTILE = """
    import ctypes
    import faulthandler
    import os
    import signal
    import stat
    import subprocess
    import sys
    import time

    CALLS = []
    OWN = object()
    faulthandler.disable()

    def later():
        CALLS.append(1)
        return len(CALLS) > 8

    def test_fork_that_stays():
        if not CALLS:
            CALLS.append(1)
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)

    def test_process_that_stays():
        if not CALLS:
            CALLS.append(subprocess.Popen(["sleep", "600"]))

    def test_exit_at_first():
        os._exit(0)

    def test_exit_later():
        if later():
            os._exit(3)

    def test_sys_exit_later():
        if later():
            sys.exit(3)

    def test_segfault_at_first():
        ctypes.string_at(0)

    def test_segfault_later():
        if later():
            ctypes.string_at(0)

    def test_killed_later():
        if later():
            os.kill(os.getpid(), signal.SIGKILL)

    def test_over_release_of_own_object():
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(OWN))

    def test_over_release_of_a_type():
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(Type))

    class Type:
        pass

    KEPT = [Type() for _ in range(100000)]

    def test_hang_later():
        if later():
            time.sleep(600)

    def test_closes_the_standard_files():
        for descriptor in range(3):
            try:
                os.close(descriptor)
            except OSError:
                pass

    def test_closes_all_files():
        os.closerange(0, 4096)

    def test_changes_directory():
        os.chdir("/")

    def test_forgets_modules():
        for name in "json", "gc", "_refsoak_meter", "pytest_refsoak.calls", "refsoak":
            sys.modules.pop(name, None)

    def test_sets_a_tracer():
        sys.settrace(lambda *_: None)

    def test_sets_an_alarm():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    def test_alarm_that_kills():
        if later():
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            time.sleep(600)

    def test_writes_to_all_sockets():
        import socket
        for descriptor in range(3, 30):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    with socket.socket(fileno=os.dup(descriptor)) as other:
                        other.send(b'["type"]\\n{"type": 7}\\nnot json\\n\\xff\\n')
            except OSError:
                pass

    def test_last():
        pass
"""


@pytest.fixture(scope="module")
def hostile(new_runner):
    run = new_runner()
    run.write(test_hostile=HOSTILE)
    begun = time.monotonic()
    result = run("--soak", env={"REFSOAK_LONGEST_CALL": "6"})
    result.taken = time.monotonic() - begun
    return result


def test_a_call_that_waits_for_a_processor_does_not_hang(run):
    """One process is enough to keep a processor from another one, if that may use only idle time."""
    run.write(test_starved="""
        import os
        import time
        calls = 0

        def test_starved():
            global calls
            calls += 1
            if calls != 8:
                return
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            process = os.fork()
            if process == 0:
                end = time.monotonic() + 4
                while time.monotonic() < end:
                    pass
                os._exit(0)
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            while os.waitpid(process, os.WNOHANG)[0] == 0:
                pass
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    """)
    result = run("--soak", env={"REFSOAK_LONGEST_CALL": "1"})
    assert result.verdicts == {"test_starved": "screened"}, str(result)


def test_the_run_goes_on_and_leaves_no_process(hostile):
    assert hostile.verdicts["test_last"] == "screened", str(hostile)
    assert "INTERNALERROR" not in hostile.out
    assert hostile.err == "", hostile.err
    assert processes(hostile.directory) == []


@pytest.mark.parametrize("test, text", [
    ("exit_at_first", "died: the process ended with exit status: 0"),
    ("exit_later", "died: the process ended with exit status: 3"),
    ("segfault_at_first", "died: the process died by SIGSEGV"),
    ("segfault_later", "died: the process died by SIGSEGV"),
    ("killed_later", "died: the process died by SIGKILL"),
    ("alarm_that_kills", "died: the process died by SIGALRM"),
    ("hang_later", "died: a call did not end within 6 seconds, so its process was killed; the first call took "),
    ("closes_all_files", "died: the test has closed the socket to its parent"),
])
def test_a_death_is_a_verdict_with_its_reason(hostile, test, text):
    row = hostile.rows["test_" + test]
    assert row["verdict"] == "died", str(hostile)
    assert text in row["text"]
    assert "FAILED test_hostile.py::test_%s" % test in hostile.out


@pytest.mark.parametrize("test", ["own_object", "a_type"])
def test_an_over_release_is_found(hostile, test):
    row = hostile.rows["test_over_release_of_" + test]
    assert row["verdict"] == "over-release", row["text"]
    assert "OWN" in row["text"] or "Type" in row["text"]


@pytest.mark.parametrize("test", ["fork_that_stays", "process_that_stays", "closes_the_standard_files",
                                  "changes_directory", "forgets_modules", "sets_an_alarm", "writes_to_all_sockets"])
def test_what_only_confuses_a_process_is_quiet(hostile, test):
    assert hostile.verdicts["test_" + test] == "screened", hostile.rows["test_" + test].get("text")


def test_a_test_that_exits_when_repeated_has_no_verdict(hostile):
    assert "not when it is repeated: SystemExit: 3" in hostile.rows["test_sys_exit_later"]["text"]


def test_a_tracer_does_not_end_the_run(hostile):
    assert hostile.verdicts["test_sets_a_tracer"] in ("screened", "none"), hostile.rows["test_sets_a_tracer"]["text"]


def test_the_temporary_directory_is_the_parents(run):
    run.write(test_directories="""
        @pytest.mark.parametrize("number", range(5))
        def test_directory(number, tmp_path):
            print(tmp_path)
    """)
    base = run.directory / "base"
    base.mkdir()
    result = run("--soak", env={"PYTEST_DEBUG_TEMPROOT": str(base)})
    assert set(result.verdicts.values()) == {"screened"}
    assert len([name for name in os.listdir(str(next(base.iterdir()))) if name[-1].isdigit()]) == 1
