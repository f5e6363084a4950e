"""Other plugins work beside the soak. Those that are not installed are skipped."""

import json
import os
import signal
import subprocess
import time

import pytest
from conftest import HUNG

SUITE = """
    import ctypes
    OWN = object()

    @pytest.mark.parametrize("number", range(6))
    def test_number(number):
        print("printed", number)
        assert number >= 0

    def test_leak():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))

    def test_fails():
        assert False
"""


def test_xdist_sends_each_verdict_to_the_controller_once(run):
    pytest.importorskip("xdist")
    run.write(test_suite=SUITE)
    result = run("--soak", "-p", "xdist.plugin", "-n", "2", "--junitxml", "junit.xml", "--soak-baseline", "known.json")
    assert result.status == 1
    assert result.outcomes == {"passed": 6, "failed": 2}, str(result)
    assert len(result.lines) == len(result.verdicts) == 7
    assert result.out.count("6 screened without a finding, 1 leak") == 1
    assert (run.directory / "junit.xml").read_text().count('<property name="soak"') == 7
    assert len(json.loads((run.directory / "known.json").read_text())["findings"]) == 1


def test_subtests_are_reported_once_under_xdist(run):
    pytest.importorskip("xdist")
    if int(pytest.__version__.split(".")[0]) < 9:
        pytest.skip("pytest 9 has subtests")
    run.write(test_subtests="""
        def test_subtests(subtests):
            for number in range(3):
                with subtests.test(number=number):
                    pass
    """)
    options = ["-p", "xdist.plugin", "-n", "1", "-vv"]
    plain, soaked = run(*options), run("--soak", *options)
    assert soaked.verdicts == {"test_subtests": "screened"}
    assert plain.out.count("SUBPASSED") == soaked.out.count("SUBPASSED") > 0, "%s\n%s" % (plain, soaked)


def test_xdist_shares_the_budget(run):
    pytest.importorskip("xdist")
    run.write(test_slow="""
        import ctypes
        import time
        OWN = object()

        @pytest.mark.parametrize("number", range(8))
        def test_slow(number):
            time.sleep(0.03)

        def test_leak():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(OWN))
    """)
    result = run("--soak", "-p", "xdist.plugin", "-n", "2", "--soak-budget", "1m")
    assert result.verdicts["test_leak"] == "leak", str(result)


def covered(run, *options):
    for path in run.directory.glob(".coverage*"):
        path.unlink()
    result = run("-p", "pytest_cov.plugin", "--cov=covered", "--cov-branch", "--cov-report=json", *options)
    file = json.loads((run.directory / "coverage.json").read_text())["files"]["covered.py"]
    return result, [file[key] for key in ("executed_lines", "missing_lines", "executed_branches")]


def test_coverage_is_that_without_the_soak(run):
    pytest.importorskip("pytest_cov")
    (run.directory / "covered.py").write_text(
        "def first(number):\n    if number:\n        return 1\n    return 2\n\n\ndef second():\n    return 3\n\n\n"
        "def never():\n    return 4\n\n\ndef in_setup():\n    return 5\n\n\ndef in_teardown():\n    return 6\n")
    run.write(test_covered="""
        import covered

        @pytest.fixture(scope="module", autouse=True)
        def fixture():
            covered.in_setup()
            yield
            covered.in_teardown()

        def test_first():
            assert covered.first(1) == 1

        def test_second():
            assert covered.second() == 3
    """)
    result, soaked = covered(run, "--soak")
    assert result.status == 0, str(result)
    assert set(result.verdicts.values()) == {"screened"}
    _, plain = covered(run)
    assert soaked == plain, str(result)


def test_rerunfailures_reruns_what_fails_without_the_soak(run):
    pytest.importorskip("pytest_rerunfailures")
    run.write(test_flaky="""
        import os

        def test_flaky():
            with open("tries", "a") as file:
                file.write("x")
            assert os.path.getsize("tries") > 2

        def test_passes():
            pass
    """)
    result = run("--soak", "-p", "pytest_rerunfailures", "--reruns", "3", "-p", "no:randomly")
    assert result.status == 0, str(result)
    assert result.outcomes["passed"] == 2, str(result)
    assert result.outcomes["rerun"] >= 1
    assert result.verdicts == {"test_passes": "screened"}


def test_randomly_shuffles_and_the_soak_goes_on(run):
    pytest.importorskip("pytest_randomly")
    run.write(test_random="""
        import random

        @pytest.mark.parametrize("number", range(5))
        def test_random(number):
            random.random()
    """)
    result = run("--soak", "-p", "pytest_randomly")
    assert result.status == 0, str(result)
    assert set(result.verdicts.values()) == {"screened"}
    assert len(result.verdicts) == 5


@pytest.mark.parametrize("options", [["--timeout-method=signal"], ["--timeout-method=thread"],
                                     ["-o", "timeout_func_only=true"]], ids=" ".join)
def test_timeout_counts_for_the_first_run(run, options):
    pytest.importorskip("pytest_timeout")
    run.write(test_slow="""
        import time

        @pytest.mark.timeout(0.6)
        def test_repeated_for_longer():
            time.sleep(0.1)

        @pytest.mark.timeout(0.6)
        def test_too_slow():
            time.sleep(60)

        def test_after():
            pass
    """)
    result = run("--soak", "-p", "pytest_timeout", *options)
    assert result.status == 1, str(result)
    assert result.verdicts["test_repeated_for_longer"] == "screened", str(result)
    assert "FAILED test_slow.py::test_too_slow" in result.out
    assert result.verdicts["test_after"] == "screened"


def processes(directory):
    """The processes whose current directory this is."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/cwd" % process) == str(directory):
                with open("/proc/%s/stat" % process) as file:
                    if file.read().rpartition(")")[2].split()[0] != "Z":
                        found.append(int(process))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("options", [[], ["-p", "xdist.plugin", "-n", "2"]], ids=["alone", "xdist"])
def test_an_interrupt_ends_the_run_at_once_and_leaves_no_process(run, options):
    if options:
        pytest.importorskip("xdist")
    run.write(test_slow="""
        import subprocess
        import time

        def test_slow():
            open("begun", "w").close()
            subprocess.Popen(["sleep", "1000"])
            time.sleep(1000)
    """)
    # A shell starts what runs in the background with this signal ignored.
    process = run.start("--soak", *options, start_new_session=True,
                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for _ in range(20 * HUNG):
        if (run.directory / "begun").exists():
            break
        time.sleep(0.05)
    time.sleep(0.3)
    # The terminal sends it to all processes of the foreground.
    os.killpg(process.pid, signal.SIGINT)
    try:
        # Long before the test would end.
        out, _ = process.communicate(timeout=HUNG)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 2, out
    assert "KeyboardInterrupt" in out
    assert processes(run.directory) == []
