"""A child process for each test: it may leak, hang, close files or die, and the run goes on."""

import faulthandler
import functools
import json
import os
import signal
import socket
import time
import warnings

from _pytest.reports import TestReport
from _pytest.runner import runtestprotocol

import refsoak
from refsoak import Report, _native

from . import option, settings_of
from .calls import HIDDEN, Calls

# How long a call may take before the child is killed, in seconds; or this many times as long as the first one.
LONGEST, TIMES = 60, 20


class Child:
    """The child process of a test."""

    def __init__(self, soak, item):
        self.soak, self.item, self.config = soak, item, soak.config
        self.settings = settings_of(self.config, item)
        mark = item.get_closest_marker("soak")
        self.screens = not (option(self.config, "calls") or mark and mark.kwargs.get("calls"))
        self.may_soak = soak.may_soak()

    def reports(self):
        """Run the test in a child, and return its reports for setup, call and teardown."""
        prepare()
        # The thread that dumps a traceback later does not exist in the child, which would wait for it.
        faulthandler.cancel_dump_traceback_later()
        ours, theirs = socket.socketpair()
        begun, spent = time.monotonic(), cpu()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 3.12 and newer warn of a fork beside threads
            process = os.fork()
        if process == 0:
            try:
                ours.close()
                self.run(theirs)
            finally:
                os._exit(0)
        theirs.close()
        try:
            lines, status, hangs = listen(ours, process)
        finally:
            ours.close()
            kill(process)
        self.spent = cpu() - spent
        return self.hear(lines, status, hangs, time.monotonic() - begun)

    # In the child.

    def run(self, parent):
        os.setpgid(0, 0)
        plugins, item = self.config.pluginmanager, self.item
        # Subtests add to its statistics, but failing assertions need it.
        plugins.register(Silent(plugins.unregister(name="terminalreporter")), "terminalreporter")
        recorder = Recorder()
        plugins.register(recorder)
        found = {}
        # Until the first run has ended, this replaces the method of the class.
        item.runtest = functools.partial(self.soaked, recorder, found, parent)
        reports = runtestprotocol(item, log=False, nextitem=None)
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
        end_coverage(self.config)
        if self.config.option.capture == "no":
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
        send(parent, {"type": "first", "seconds": time.monotonic() - begun})
        item.session._setupstate.teardown_exact(item.parent)
        calls = Calls(item)
        calls.forget()
        try:
            found.update(self.measure(calls, parent))
        except RuntimeError as error:
            raised = calls.raised
            text = "%s: %s" % (type(raised).__name__, raised) if raised else str(error)
            found.update(verdict="none", text="none: the test passes once, but not when it is repeated: " + text)

    def measure(self, calls, parent):
        found = {}
        if self.screens:
            begun = time.monotonic()
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
        report = refsoak.run(calls, **self.settings, sends=True, hidden=HIDDEN)
        return {**found, "verdict": report.verdict, "text": str(report), "record": report.record}

    # In the parent.

    def hear(self, lines, status, hangs, taken):
        """Turn what the child sent into reports."""
        reports, messages, found = [], [], None
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # the test wrote to the socket
            if message.get("type") == "pytest":
                report = self.config.hook.pytest_report_from_serializable(config=self.config, data=message["report"])
                reports.append(report)
            elif message.get("type") == "soak":
                found = message
            else:
                messages.append(line)
        if found is None:
            report = Report(*_native.death([messages, status, taken]))
            text = str(report)
            if hangs:
                text = "died: a call did not end within %d seconds, so its process was killed" % hangs
            found = {"verdict": report.verdict, "text": text, "record": report.record}
            reports = [self.passed(when, taken) for when in ("setup", "call", "teardown")]
        for report in reports:
            is_subtest = type(report) is not TestReport
            if report.when == "call" and not is_subtest and "verdict" in found and report.passed:
                self.judge(report, found)
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
        if "screening" in found:
            self.soak.screening[0] += found["screening"]
            self.soak.screening[1] += 1
        verdict = found["verdict"]
        cause = found.get("cause")
        if cause and "record" in found and verdict in ("leak", "over-release"):
            self.soak.causes.setdefault(cause, []).append({
                "verdict": verdict, "record": found["record"],
                "text": "%s: the same as in %s\n%s" % (verdict, report.nodeid, found["text"])})
        report.soak = found
        report.user_properties = [*report.user_properties, ("soak", verdict)]
        if self.soak.summary.is_known(found):
            found["known"] = True
        elif verdict in ("leak", "over-release", "died"):
            report.outcome, report.longrepr = "failed", "soak: " + found["text"]
        elif verdict == "none":
            if option(self.config, "no-verdict") == "fail":
                report.outcome, report.longrepr = "failed", "soak: " + found["text"]
            else:
                path, line, _ = report.location
                report.outcome = "skipped"
                report.longrepr = (path, (line or 0) + 1, "soak: " + found["text"].partition("\n")[0])


# How many tests with the same cause are soaked to certainty.
CERTAIN = 3


class Silent:
    """The terminal reporter without its hooks."""

    def __init__(self, reporter):
        self._reporter = reporter

    def __getattr__(self, name):
        return getattr(self._reporter, name)


class Recorder:
    """Keeps the reports of subtests of the first run."""

    def __init__(self):
        self.reports, self.has_ended = [], False

    def pytest_runtest_logreport(self, report):
        if not self.has_ended:
            self.reports.append(report)

    def ends(self):
        self.has_ended = True


def prepare():
    """Find all objects, once in the parent: all children then have them."""
    if not prepare.done:
        _native.prepare([])
        prepare.done = True


prepare.done = False


def cpu():
    """The seconds of processor time that this process and its children have used."""
    return sum(os.times()[:4])


def end_coverage(config):
    """Save what coverage has measured: its tracer would disturb the soak."""
    plugin = config.pluginmanager.getplugin("_cov")
    coverage = getattr(getattr(plugin, "cov_controller", None), "cov", None)
    if coverage is not None:
        coverage.stop()
        coverage.save()


def send(socket, message):
    data = json.dumps(message, default=str).encode() + b"\n"
    socket.sendall(data)


def listen(ours, process):
    """Return the lines that the child sends, its exit status, and after how many seconds it was killed, if it was."""
    data, status, hangs = bytearray(), None, 0
    limit, last = None, time.monotonic()
    ours.settimeout(0.05)
    while True:
        try:
            received = ours.recv(1 << 16)
        except socket.timeout:
            received = None
        if received:
            last = time.monotonic()
            data += received
            if limit is None and b'"first"' in data:
                first = next(json.loads(line) for line in data.splitlines() if b'"first"' in line)
                limit = max(LONGEST, TIMES * first["seconds"])
            continue
        if status is not None:
            break  # it has ended, and everything that it sent was received
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            status = code
        elif limit is not None and time.monotonic() - last > limit:
            hangs = limit
            os.kill(process, signal.SIGKILL)
            last = float("inf")
        elif received == b"":
            time.sleep(0.001)  # the socket is closed, but the process goes on
    return data.decode(errors="replace").splitlines(), status, hangs


def kill(process):
    """End what the child has started, and the child itself after Ctrl-C."""
    try:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except OSError:
        pass  # there is nothing left
