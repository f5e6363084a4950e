"""What is printed at the end, and what is written to files."""

import json
import os
import time

import pytest

from refsoak import _native

from . import option
from .groups import groups

# How often a line says how far the run is, in seconds.
PERIOD = 30


class Summary:
    """Collects the verdicts of a run."""

    def __init__(self, config):
        self.config = config
        self.total = 0
        self.begun = self.said = None
        self.done = 0
        self.found = []
        # Why a file could not be written: then the run fails, but the tests go on.
        self.lost = []
        self.json = open_for_writing(option(config, "json"), config)
        self.baseline = open_baseline(option(config, "baseline"))

    def judge(self, test, found):
        """None if there is no baseline yet, "" if it has what was found, or what is new or worse."""
        if not self.baseline or found["verdict"] not in ("leak", "over-release"):
            return None
        name, reason = _native.judge([self.baseline, [outcome(test, found)]])
        if name:
            found["baseline"] = name
        return reason if name else None

    def progress(self, left):
        """Say from time to time how far the run is."""
        self.done += 1
        now = time.monotonic()
        if self.begun is None:
            self.begun = self.said = now
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if now - self.said < PERIOD or reporter is None or left <= 0:
            return
        self.said = now
        minutes = (now - self.begun) / self.done * left / 60
        reporter.ensure_newline()
        reporter.write_line("soak: %d of %d tests left, about %.1f minutes" % (left, self.total, minutes))

    def add(self, test, found):
        self.found.append((test, found))
        if self.json is not None:
            row = {"test": test, **found}
            try:
                self.json.write(json.dumps(row, sort_keys=True) + "\n")
                self.json.flush()
            except OSError as error:
                self.lost.append("--soak-json: %s: %s" % (self.json.name, error.strerror))
                self.close()

    def write(self, terminal):
        if not self.found:
            return
        by_verdict = {}
        for _, found in self.found:
            by_verdict.setdefault(found["verdict"], []).append(found)
        terminal.section("soak", "=")
        for group in groups(self.found):
            is_known = all(found.get("baseline") == "known" for _, found in group.results)
            terminal.write_line("%s%s" % (group, " (in the baseline)" if is_known else ""), red=not is_known)
            for test, _ in group.results[:5]:
                terminal.write_line("    " + test)
            if len(group.results) > 5:
                terminal.write_line("    and %d more tests" % (len(group.results) - 5))
        counts = ["%d %s" % (len(by_verdict[verdict]), words) for verdict, words in WORDS if verdict in by_verdict]
        terminal.write_line(", ".join(counts))
        screened = [found["window"] for found in by_verdict.get("screened", [])]
        if screened:
            least, most = min(screened), max(screened)
            terminal.write_line("the screening sees what grows in 1 of %s calls; --soak-calls 1600 sees 1 of 80" % (
                least if least == most else "%d to %d" % (least, most)))
        if any(is_fault(found) for _, found in self.found):
            terminal.write_line(NEXT)
        if self.baseline and not hasattr(self.config, "workerinput"):  # the controller of xdist writes it
            try:
                for line in _native.end([self.baseline, [outcome(*row) for row in self.found]]):
                    terminal.write_line(line)
            except RuntimeError as error:
                self.lost.append("--soak-baseline: %s" % error)
        for line in self.lost:
            terminal.write_line(line, red=True)

    def close(self):
        file, self.json = self.json, None
        try:
            if file is not None:
                file.close()
        except OSError:
            pass  # what could not be written is still in its buffer


WORDS = [
    ("clean", "clean"), ("screened", "screened without a finding"), ("leak", "leak"),
    ("over-release", "release too often"), ("died", "died"), ("none", "without a verdict"),
    ("unsoaked", "not even screened, because the budget was spent"),
]


# Options of the command that the plugin does not have.
NEXT = """for one call: python -m refsoak soak 'module.f()' --setup 'import module'
    --native names the C function that keeps a reference; --reproducer FILE.py writes a script for an issue"""


def is_fault(found):
    return found["verdict"] in ("leak", "over-release", "died") and found.get("baseline") != "known"


def outcome(test, found):
    """What was found in a test, as the baseline takes it."""
    return json.dumps({"name": test, "verdict": found["verdict"], "record": found.get("record")})


def open_for_writing(path, config):
    if not path or config.option.collectonly or hasattr(config, "workerinput"):
        return None  # no test runs, or the controller of xdist writes it
    try:
        return open(path, "w")
    except OSError as error:
        raise pytest.UsageError("--soak-json: %s" % error) from None


def open_baseline(path):
    """Check the file of known findings, which refsoak reads and writes."""
    try:
        if path:
            _native.judge([path, []])
    except RuntimeError as error:
        raise pytest.UsageError("--soak-baseline: %s" % error) from None
    return path
