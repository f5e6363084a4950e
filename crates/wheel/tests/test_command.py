"""`python -m refsoak soak` in the current directory, with a script and a list of known leaks."""

import json
import subprocess
import sys

from conftest import HUNG, environment

OWN = """
import ctypes
take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None
CONFIG = {}

def takes():
    take(CONFIG)
"""
LEAK = ["own.takes()", "--setup", "import own"]


def python(directory, *arguments):
    return subprocess.run([sys.executable, *arguments], cwd=str(directory), env=environment(), timeout=HUNG,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def soak(directory, *arguments):
    (directory / "own.py").write_text(OWN)
    return python(directory, "-m", "refsoak", "soak", *arguments, "--calls", "160")


def test_only_lines_that_leak_are_named(tmp_path):
    (tmp_path / "grows.py").write_text("KEPT = []\n\n\ndef grows():\n    KEPT.append([1.5 + len(KEPT)])\n")
    done = python(tmp_path, "-m", "refsoak", "soak", "grows.grows()", "--setup", "import grows", "--calls", "160",
                  "--json")
    assert done.returncode == 1, done.stderr
    lines = [line for line in json.loads(done.stdout)["grown"] if ".py:" in line]
    assert lines and all("grows.py:5:" in line for line in lines), lines


def test_a_reproducer_is_run_by_this_python(tmp_path):
    done = soak(tmp_path, *LEAK, "--reproducer", "leak.py", "--json")
    assert (done.returncode, done.stderr) == (1, ""), done.stderr
    assert json.loads(done.stdout)["reproducer"] == "leak.py"
    script = (tmp_path / "leak.py").read_text()
    assert script.startswith("# Leak: references to own.CONFIG. This script printed:\n"), script
    printed = python(tmp_path, "leak.py").stdout.splitlines()
    assert printed[0].startswith("Python %s, " % sys.version.split()[0])
    counts = [int(line.split()[2]) for line in printed[1:]]
    assert [after - before for before, after in zip(counts, counts[1:])] == [1000] * 3, printed
    assert script.splitlines()[1:6] == ["#   " + line for line in printed]


def test_the_baseline_of_a_statement_is_one_of_pytest_too(run):
    wrote = soak(run.directory, *LEAK, "--baseline", "known.json")
    assert (wrote.returncode, wrote.stderr) == (
        1, "refsoak: wrote 1 finding to known.json; from the next run on, it does not fail\n")
    known = soak(run.directory, *LEAK, "--baseline", "known.json")
    assert known.returncode == 0 and known.stdout.endswith("\nknown, in known.json\n"), known.stdout
    run.write(test_own="""
        import own

        def test_takes():
            own.takes()
    """)
    result = run("--soak", "--soak-calls", "160", "--soak-baseline", "known.json")
    assert result.status == 0, str(result)
    assert result.rows["test_takes"]["baseline"] == "known"
