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
        self.baseline = Baseline(option(config, "baseline"))

    def judge(self, found):
        """None if the baseline does not have what was found, "" if it has, or how it is worse."""
        if found["verdict"] not in ("leak", "over-release"):
            return None
        known = self.baseline.judge(finding(found), rate(found))
        if known is not None:
            found["baseline"] = "worse" if known else "known"
        return known

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
            terminal.write_line(
                "the screening sees what grows in 1 of %d to %d calls; --soak-calls %d sees 1 of 80"
                % (min(screened), max(screened), 1600))
        for line in self.baseline.end(self.found):
            terminal.write_line(line)

    def close(self):
        if self.json is not None:
            self.json.close()
            self.json = None


class Baseline:
    """The leaks that are known, in a file."""

    def __init__(self, path):
        self.path = path
        # By finding: how much grows per call, at most, and in which tests. None if there is no file yet.
        self.known = read_baseline(path)

    def judge(self, what, now):
        """None if the finding is not known, "" if it is, or how it is worse."""
        if not self.known or what not in self.known:
            return None
        known = self.known[what]["per_call"]
        # Leaks that depend on chance are not measured exactly.
        if now > 1.25 * known + 0.01:
            return "worse than in the baseline, %.4g per call instead of %.4g" % (now, known)
        return ""

    def end(self, results):
        """Write a baseline that does not exist. Return what there is to say."""
        if not self.path:
            return []
        leaks, tests = {}, set()
        for test, found in results:
            if found["verdict"] not in ("none", "unsoaked"):
                tests.add(test)
            if found["verdict"] in ("leak", "over-release"):
                row = leaks.setdefault(finding(found), {"per_call": 0.0, "tests": []})
                row["per_call"] = max(row["per_call"], round(rate(found), 4))
                row["tests"].append(test)
        if self.known is None:
            with open(self.path, "w") as file:
                json.dump({"schema": 1, "findings": leaks}, file, indent=1, sort_keys=True)
                file.write("\n")
            return ["wrote %d findings to %s; from the next run on, they do not fail" % (len(leaks), self.path)]
        # A part of the suite cannot show that a leak is gone.
        gone = [what for what, row in self.known.items() if what not in leaks and tests.issuperset(row["tests"])]
        return ["no longer found, remove it from %s: %s" % (self.path, what) for what in sorted(gone)]


WORDS = [
    ("clean", "clean"), ("screened", "screened without a finding"), ("leak", "leak"),
    ("over-release", "release too often"), ("died", "died"), ("none", "without a verdict"),
    ("unsoaked", "not even screened, because the budget was spent"),
]


def rate(found):
    """How much of what is found grows per call, or falls."""
    record = found.get("record") or {}
    references = [abs(row.get("per_call") or 0.0) for row in record.get("references", [])]
    counters = [abs(row["per_call"]) for row in record.get("counters", []) if row["finding"] in ("leak", "over-release")]
    # The other counters have other units.
    return max(references or counters[:1], default=0.0)


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
            findings = json.load(file)["findings"]
        return {what: {"per_call": float(row["per_call"]), "tests": list(row["tests"])}
                for what, row in findings.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise pytest.UsageError("--soak-baseline: %s is not a baseline: %r" % (path, error)) from None
