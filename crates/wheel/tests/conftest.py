"""Runs pytest with the plugin in a process of its own.

    python -m pytest crates/wheel/tests

The plugin comes from this checkout, with a built `refsoak/_native.abi3.so`. REFSOAK_INSTALLED=1 takes the installed one.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

WHEEL = Path(__file__).resolve().parent.parent
HUNG = 300  # seconds; longer than anything takes on a busy machine


def environment(**changes):
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", **changes}
    for name in [name for name in env if name.startswith(("PYTEST_ADDOPTS", "PYTEST_XDIST", "COV_", "COVERAGE_"))]:
        del env[name]
    if not os.environ.get("REFSOAK_INSTALLED"):
        env["PYTHONPATH"] = str(WHEEL)
    return env


class Run:
    """A finished run of pytest."""

    def __init__(self, directory, status, out, err):
        self.directory, self.status, self.out, self.err = directory, status, out, err
        path = directory / "soak.json"
        self.rows = {}
        self.lines = path.read_text().splitlines() if path.exists() else []
        for row in map(json.loads, self.lines):
            self.rows[row["test"].partition("::")[2]] = row
        self.verdicts = {name: row["verdict"] for name, row in self.rows.items()}
        # Such as {"passed": 3, "failed": 1}.
        self.outcomes = {}
        for line in out.splitlines():
            if re.search(r" in [0-9.]+s", line):
                self.outcomes = {word.rstrip("s") if word != "passed" else word: int(number)
                                 for number, word in re.findall(r"(\d+) ([a-z]+)", line.partition(" in ")[0])}

    def __str__(self):
        return "exit status %s\n%s\n%s" % (self.status, self.out, self.err)


class Runner:
    """Writes files into an empty directory, and runs pytest there."""

    def __init__(self, directory):
        self.directory = directory
        self.report = ["-rA", "--tb=short"]

    def write(self, **files):
        for name, text in files.items():
            (self.directory / (name + ".py")).write_text("import pytest\n" + textwrap.dedent(text))

    def command(self, *arguments):
        return [sys.executable, "-m", "pytest", "-p", "pytest_refsoak", "--soak-json", "soak.json", *self.report, *arguments]

    def start(self, *arguments, env=None, **options):
        return subprocess.Popen(self.command(*arguments), cwd=str(self.directory), env=environment(**(env or {})),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                universal_newlines=True, **options)

    def __call__(self, *arguments, env=None, timeout=HUNG, **options):
        process = self.start(*arguments, env=env, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Run(self.directory, process.returncode, out, err)


@pytest.fixture
def run(tmp_path):
    return Runner(tmp_path)


@pytest.fixture(scope="module")
def new_runner(tmp_path_factory):
    return lambda: Runner(tmp_path_factory.mktemp("run"))
