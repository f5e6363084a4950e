"""A child process for each test: it may leak, hang, close files or die, and the run goes on."""

import faulthandler
import functools
import json
import os
import socket
import sys
import time
import traceback
import warnings

import pytest
from _pytest.reports import TestReport
from _pytest.runner import CallInfo, runtestprotocol

import refsoak
from refsoak import _native
from refsoak._child import CUT_OFF, death, end, listen, messages, send

from . import option, settings_of
from .calls import HIDDEN, Calls, failure_of
from .others import (
    Recorder, adopt_coverage, cancel_timeout, end_timeout, flush, make_base_directory, may_rerun, own_fixtures_only,
    pause_coverage, resume_coverage, silence, start_timeout,
)

# How many tests with the same cause are soaked to certainty.
CERTAIN = 3


class Child:
    """The child process of a test."""

    def __init__(self, soak, item):
        self.soak, self.item, self.config = soak, item, soak.config
        self.settings = settings_of(self.config, item)
        mark = item.get_closest_marker("soak")
        self.screens = not (option(self.config, "calls") or mark and mark.kwargs.get("calls"))
        self.may_soak = soak.may_soak()

    def reports(self):
        """Run the test in a child, and return its reports for setup, call and teardown.

        None means that pytest must run the test as without the soak, because it may run it again.
        """
        prepare(self.config)
        # The thread that dumps a traceback later does not exist in the child, which would wait for it.
        faulthandler.cancel_dump_traceback_later()
        cancel_timeout(self.item)
        flush(self.config)
        ours, theirs = socket.socketpair()
        begun, spent = time.monotonic(), cpu()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 and newer warn of a fork beside threads
            process = os.fork()
        if process == 0:
            status = CUT_OFF
            try:
                ours.close()
                self.run(theirs)
                status = 0
            finally:
                os._exit(status)
        try:
            os.setpgid(process, process)  # the child does this too, and either may be first
        except OSError:
            pass
        theirs.close()
        try:
            lines, hangs = listen(ours, process)
        finally:
            ours.close()
            status = end(process)
        self.spent = cpu() - spent
        return self.hear(lines, status, hangs, time.monotonic() - begun)

    # In the child.

    def run(self, parent):
        os.setpgid(0, 0)
        item, found = self.item, {}
        own_fixtures_only(item.session)
        adopt_coverage(self.config)
        recorder = Recorder(self.config)
        # Until the first run has ended, this replaces the method of the class.
        item.runtest = functools.partial(self.soaked, recorder, found, parent)
        try:
            start_timeout(item)
            reports = runtestprotocol(item, log=False, nextitem=None)
            end_timeout(item)
            pause_coverage(self.config)
            flush(self.config)
        except KeyboardInterrupt:
            send(parent, {"type": "exit", "text": None})
            return
        except pytest.exit.Exception as error:
            send(parent, {"type": "exit", "text": error.msg, "status": error.returncode})
            return
        except BaseException:
            send(parent, {"type": "error", "text": traceback.format_exc()})
            return
        for report in [*recorder.reports, *reports]:
            data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
            send(parent, {"type": "pytest", "report": data})
        send(parent, {"type": "soak", **found})

    def soaked(self, recorder, found, parent):
        """Run the test once, as pytest would. If it passes, measure more calls of it."""
        item = self.item
        del item.runtest
        begun = time.monotonic()
        item.runtest()
        recorder.ends()
        if failure_of(item) or recorder.has_failed():
            return
        end_timeout(item)
        flush(self.config)
        calls = Calls(item, recorder, parent)
        try:
            item.session._setupstate.teardown_exact(item.parent)
        except BaseException as error:
            raise_in_teardown(item, error)
            return
        flush(self.config)
        pause_coverage(self.config)
        silence(self.config)
        send(parent, {"type": "first", "seconds": time.monotonic() - begun})
        calls.forget()
        try:
            found.update(self.measure(calls, parent))
        except RuntimeError as error:
            raised = calls.raised
            text = "%s: %s" % (type(raised).__name__, raised) if raised else str(error)
            found.update(verdict="none", text="none: the test passes once, but not when it is repeated: " + text)
        calls.end()
        resume_coverage(self.config)

    def measure(self, calls, parent):
        found = {}
        if self.screens:
            begun = time.monotonic()
            found = json.loads(_native.screen([calls])[0])
            if found["suspect"] and not found["cause"] and sys.version_info < (3, 11):
                calls.warm_up()
                found = json.loads(_native.screen([calls])[0])
            found["screening"] = time.monotonic() - begun
            if not found["suspect"]:
                found["verdict"] = "screened"
                return found
            known = self.soak.causes.get(found["cause"], [])
            if len(known) >= CERTAIN:
                return {**found, **known[0]}
            if not self.may_soak:
                text = "none: something grows, but the budget has no time to soak this test"
                return {**found, "verdict": "none", "text": text}
        os.dup2(parent.fileno(), 0)
        try:
            report = refsoak.run(calls, **self.settings, sends=True, hidden=HIDDEN)
        except BaseException as error:
            raise RuntimeError(str(error)) from error  # pytest must not take it for the test's own
        return {**found, "verdict": report.verdict, "text": str(report), "record": report.record}

    # In the parent.

    def hear(self, lines, status, hangs, taken):
        """Turn what the child sent into reports."""
        reports, others, found = [], [], None
        for kind, message, line in messages(lines):
            if kind == "pytest":
                report = self.config.hook.pytest_report_from_serializable(config=self.config, data=message["report"])
                if isinstance(report.longrepr, list):
                    report.longrepr = tuple(report.longrepr)  # the place and the reason of a skipped test
                reports.append(report)
            elif kind == "soak":
                found = message
            elif kind == "exit":
                if message["text"] is None:
                    raise KeyboardInterrupt
                pytest.exit(message["text"], message["status"])
            elif kind == "error":
                reports = [self.passed(when, taken) for when in ("setup", "call", "teardown")]
                reports[1].outcome, reports[1].longrepr = "failed", "soak: " + message["text"]
                return reports
            else:
                others.append(line)
        if found is None:
            reports = [self.passed(when, taken) for when in ("setup", "call", "teardown")]
            report = death(others, status, hangs, taken, "the test")
            found = {"verdict": report.verdict, "text": str(report), "record": report.record}
        elif may_rerun(self.item, reports):
            return None
        for report in reports:
            is_subtest = type(report) is not TestReport
            if report.when == "call" and not is_subtest and "verdict" in found and report.passed:
                self.judge(report, found)
                # JUnit's file takes the properties of the last report.
                reports[-1].user_properties = report.user_properties
        return reports

    def passed(self, when, taken):
        item = self.item
        keywords = {name: 1 for name in item.keywords}
        return TestReport(item.nodeid, item.location, keywords, "passed", None, when,
                          duration=taken if when == "call" else 0)

    def judge(self, report, found):
        """Add the verdict to the report of a test that passes."""
        found.pop("type", None)
        found["cpu"] = round(self.spent, 3)
        verdict = found["verdict"]
        cause = found.get("cause")
        if cause and "record" in found and verdict in ("leak", "over-release"):
            self.soak.causes.setdefault(cause, []).append({
                "verdict": verdict, "record": found["record"],
                "text": "%s: the same as in %s\n%s" % (verdict, report.nodeid, found["text"])})
        report.soak = found
        report.user_properties = [*report.user_properties, ("soak", verdict)]
        known = self.soak.summary.judge(report.nodeid, found)
        if known is None:
            if verdict in ("leak", "over-release", "died"):
                report.outcome, report.longrepr = "failed", "soak: " + found["text"]
        elif known:
            report.outcome, report.longrepr = "failed", "soak: %s\n%s" % (known, found["text"])
        if verdict == "none":
            if option(self.config, "no-verdict") == "fail":
                report.outcome, report.longrepr = "failed", "soak: " + found["text"]
            else:
                path, line, _ = report.location
                report.outcome = "skipped"
                report.longrepr = (path, (line or 0) + 1, "soak: " + found["text"].partition("\n")[0])


def raise_in_teardown(item, error):
    """Raise an error when pytest tears the test down, which it has already done."""
    def finalizer():
        raise error

    item.session._setupstate.addfinalizer(finalizer, item.parent)


def end_fixtures(item, nextitem):
    """Tear down what tests without a soak have set up, and the next test does not need. Return reports of errors."""
    state = item.session._setupstate
    if not state.stack:
        return []
    call = CallInfo.from_call(lambda: state.teardown_exact(nextitem), "teardown")
    return [item.ihook.pytest_runtest_makereport(item=item, call=call)] if call.excinfo else []


def prepare(config):
    """Find all objects, once in the parent: all children then have them."""
    if not prepare.done:
        make_base_directory(config)
        _native.prepare([])
        prepare.done = True


prepare.done = False


def cpu():
    """The seconds of processor time that this process and its children have used."""
    return sum(os.times()[:4])
