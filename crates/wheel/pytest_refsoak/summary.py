"""What is printed at the end, and what is written to files."""

import json
import os
import time

import pytest

from . import option
from .groups import finding, groups

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
        self.json = open_for_writing(option(config, "json"), config)
        self.baseline = option(config, "baseline")
        self.known = read_baseline(self.baseline)

    def is_known(self, found):
        return found["verdict"] in ("leak", "over-release") and finding(found) in (self.known or {})

    def progress(self, left, _):
        """Say from time to time how far the run is."""
        self.done += 1
        now = time.monotonic()
        if self.begun is None:
            self.begun = self.said = now
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if now - self.said < PERIOD or reporter is None or not left:
            return
        self.said = now
        minutes = (now - self.begun) / self.done * left / 60
        reporter.ensure_newline()
        reporter.write_line("soak: %d of %d tests left, about %.1f minutes" % (left, self.total, minutes))

    def add(self, report):
        self.found.append((report.nodeid, report.soak))
        if self.json is not None:
            row = {"test": report.nodeid, **report.soak}
            self.json.write(json.dumps(row, sort_keys=True) + "\n")
            self.json.flush()

    def write(self, terminal):
        if not self.found:
            return
        by_verdict = {}
        for _, found in self.found:
            by_verdict.setdefault(found["verdict"], []).append(found)
        terminal.section("soak", "=")
        for group in groups(self.found):
            is_known = all(found.get("known") for _, found in group.results)
            terminal.write_line("%s%s" % (group, " (in the baseline)" if is_known else ""), red=not is_known)
            for test, _ in group.results[:5]:
                terminal.write_line("    " + test)
            if len(group.results) > 5:
                terminal.write_line("    and %d more tests" % (len(group.results) - 5))
        counts = ["%d %s" % (len(by_verdict[verdict]), words) for verdict, words in WORDS if verdict in by_verdict]
        terminal.write_line(", ".join(counts))
        screened = [found["window"] for found in by_verdict.get("screened", [])]
        if screened:
            terminal.write_line(
                "the screening sees what grows in 1 of %d to %d calls; --soak-calls %d sees 1 of 80"
                % (min(screened), max(screened), 1600))
        if self.baseline:
            leaks = [found for _, found in self.found if found["verdict"] in ("leak", "over-release")]
            self.write_baseline(terminal, set(map(finding, leaks)))

    def write_baseline(self, terminal, now):
        if self.known is None:
            with open(self.baseline, "w") as file:
                json.dump({"schema": 1, "findings": sorted(now)}, file, indent=1)
                file.write("\n")
            terminal.write_line("wrote %d findings to %s" % (len(now), self.baseline))
            return
        for gone in sorted(set(self.known) - now):
            terminal.write_line("no longer found, remove it from %s: %s" % (self.baseline, gone))

    def close(self):
        if self.json is not None:
            self.json.close()
            self.json = None


WORDS = [
    ("clean", "clean"), ("screened", "screened without a finding"), ("leak", "leak"),
    ("over-release", "release too often"), ("died", "died"), ("none", "without a verdict"),
]


def open_for_writing(path, config):
    if not path or hasattr(config, "workerinput"):
        return None  # the controller of xdist writes it
    try:
        return open(path, "w")
    except OSError as error:
        raise pytest.UsageError("--soak-json: %s" % error) from None


def read_baseline(path):
    """The findings of a baseline, or None if there is no file yet."""
    if not path or not os.path.exists(path):
        return None
    try:
        with open(path) as file:
            return dict.fromkeys(json.load(file)["findings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise pytest.UsageError("--soak-baseline: %s is not a baseline: %r" % (path, error)) from None
