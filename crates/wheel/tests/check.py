"""Tries the installed package in the Python that runs this. Prints a line of JSON.

    python check.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOLUTIONS = os.path.join(HERE, "../../lessons/exercises/.solutions")
PLANTED = os.path.join(HERE, "planted.py")
# For each function of planted.py: the verdict, and a text that the report must contain.
EXPECTED = {
    "appended": ("leak", "HISTORY"),
    "object_lost": ("leak", "object"),
    "type_reference": ("leak", "Point"),
    "malloc": ("leak", "malloc"),
    "file": ("leak", "/dev/null"),
    "thread": ("leak", "thread"),
    "released_too_often": ("over-release", "CONFIG"),
}
TIMES = 20


def run(*arguments, **options):
    """Run this Python. Return its exit status, its output and the seconds that it took."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **options)
    return done.returncode, done.stdout, time.perf_counter() - begun


def refsoak(*arguments, **options):
    return run("-m", "refsoak", *arguments, **options)


def importing():
    script = "import time; t = time.perf_counter(); import refsoak; print(time.perf_counter() - t)"
    times = [float(run("-c", script)[1]) for _ in range(5)]
    return True, "", min(times)


def functions():
    """This Python has each C function that the extension looks up."""
    import ctypes

    import refsoak
    from functions import EITHER, names

    with open(refsoak._native.__file__, "rb") as file:
        looked_up = names(file.read())
    missing = {name for name in looked_up if not hasattr(ctypes.pythonapi, name)}
    if not EITHER <= missing:
        missing -= EITHER
    return len(looked_up) > 50 and not missing, "missing: %s" % sorted(missing), 0.0


def empty():
    import refsoak

    verdicts, times = [], []
    for _ in range(TIMES):
        begun = time.perf_counter()
        report = refsoak.soak(lambda: None)
        times.append(time.perf_counter() - begun)
        verdicts.append(report.verdict)
        if report.verdict != "clean":
            return False, str(report), times[-1]
    return True, "", sorted(times)[TIMES // 2]


def planted(name):
    verdict, text = EXPECTED[name]
    status, output, seconds = refsoak("soak", "--function", PLANTED + ":" + name, "--calls", "1600", "--json")
    found = status == 1 and json.loads(output)["verdict"] == verdict and text in output
    return found, output, seconds


def refcounts():
    status, output, seconds = refsoak("refcounts", "--all")
    return status == 0, output, seconds


def exercise():
    """An exercise breaks its rule, and its solution keeps it."""
    with tempfile.TemporaryDirectory() as directory:
        status, output, seconds = refsoak("exercise", "append", cwd=directory)
        if status != 1 or "breaks a rule" not in output:
            return False, output, seconds
        shutil.copy(os.path.join(SOLUTIONS, "append.c"), os.path.join(directory, "exercises"))
        status, output, more = refsoak("exercise", "append", cwd=directory)
        return status == 0 and "keeps the rules" in output, output, seconds + more


def doctor():
    status, output, seconds = refsoak("doctor")
    return status == 0, output, seconds


def pytest_():
    """The plugin fails a test that leaks, and passes one that does not."""
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "test_it.py"), "w") as file:
            file.write("LOST = []\ndef test_clean(): sorted([2, 1])\ndef test_leak(): LOST.append(object())\n")
        status, output, seconds = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--soak", cwd=directory)
        return status == 1 and "1 failed, 1 passed" in output and "test_it.LOST" in output, output, seconds


def main():
    checks = {"import": importing, "functions": functions, "empty": empty}
    checks.update((name, lambda name=name: planted(name)) for name in EXPECTED)
    checks.update({"refcounts": refcounts, "exercise": exercise, "doctor": doctor})
    try:
        import pytest  # noqa: F401
    except ImportError:
        pass
    else:
        checks["pytest"] = pytest_
    for name, check in checks.items():
        try:
            passed, output, seconds = check()
        except Exception as error:
            passed, output, seconds = False, repr(error), 0.0
        row = {"check": name, "passed": passed, "seconds": seconds, "output": "" if passed else output}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
