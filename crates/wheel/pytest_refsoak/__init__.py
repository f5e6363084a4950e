"""The pytest plugin: `pytest --soak` calls every test many times, and fails those that leak.

Each test is soaked in a child process, so it may also die. What one call of a test is: calls.py. How a child is
started, and what it may do to its parent: child.py. What is printed at the end: summary.py.
"""

import re
import time

import pytest

# The options: name, default, kind, help. Each is an ini key too: soak_calls and so on.
OPTIONS = [
    ("calls", None, int, "soak each test with at least N calls, without screening it first [%d]"),
    ("seconds", 30.0, float, "soak each test for at most SECONDS"),
    ("budget", None, str, "soak the suite for TIME, such as 90s or 10m: when it gets short, tests are only screened"),
    ("json", None, str, "write a JSON object for each test to FILE, one per line"),
    ("baseline", None, str, "fail only for leaks that are not in FILE or are worse than there; if FILE does not exist, fail and write it"),
    ("no-verdict", "skip", str, "what a test without a verdict counts as: skip or fail"),
]
CALLS = 1600
# The largest number of calls, or of seconds.
MOST = 1_000_000_000
# The property of a test for which the budget had no time.
UNSOAKED = ("soak", "unsoaked")


def pytest_addoption(parser):
    group = parser.getgroup("soak", "finding leaks (refsoak)")
    group.addoption("--soak", action="store_true", help="call each test many times, and fail it if it leaks")
    for name, default, kind, text in OPTIONS:
        text = text % CALLS if "%d" in text else text
        group.addoption("--soak-" + name, type=kind, default=None, help=text)
        parser.addini("soak_" + name.replace("-", "_"), text, default=default)
    parser.addini("soak_allow", "patterns of growth that is allowed, such as module.CACHE*", "linelist", default=[])


def pytest_configure(config):
    config.addinivalue_line("markers", "soak(calls, seconds, allow): soak this test, also without --soak")
    config.addinivalue_line("markers", "no_soak(reason): do not soak this test")
    refusal = unsupported()
    if config.option.soak and refusal:
        raise pytest.UsageError("--soak: " + refusal)
    if config.option.soak and getattr(config.option, "memray", False):
        raise pytest.UsageError("--soak and --memray disturb each other: use one at a time")
    if config.option.soak and getattr(config.option, "usepdb", False):
        raise pytest.UsageError("--soak runs tests in child processes, where --pdb cannot read from the terminal")
    if refusal is None:
        config.pluginmanager.register(Soak(config), "refsoak-soak")


def unsupported():
    """Return why this Python cannot be used, or None."""
    try:
        import refsoak  # noqa: F401
    except ImportError as error:
        return str(error)
    return None


@pytest.fixture
def soak(request):
    """Soak a function: soak(function, *arguments) fails the test if it leaks, and returns the report."""
    if unsupported():
        pytest.skip(unsupported())
    import refsoak

    from .calls import HIDDEN

    settings = settings_of(request.config, request.node)

    def soak(function, *args, **kwargs):
        report = refsoak.run(lambda: function(*args, **kwargs), **settings, hidden=HIDDEN)
        if report.verdict != "clean":
            pytest.fail(str(report), pytrace=False)
        return report

    return soak


def option(config, name):
    """The value of an option, or of its ini key."""
    value = getattr(config.option, "soak_" + name.replace("-", "_"))
    if value is None:
        value = config.getini("soak_" + name.replace("-", "_"))
    kind = next(kind for other, _, kind, _ in OPTIONS if other == name)
    try:
        return None if value in (None, "") else kind(value)
    except ValueError:
        raise pytest.UsageError("soak_%s: %r is not a number" % (name, value)) from None


def settings_of(config, item):
    """The calls, seconds and allowed growth for a test."""
    mark = item.get_closest_marker("soak")
    given = mark.kwargs if mark else {}
    unknown = set(given) - {"calls", "seconds", "allow"}
    if unknown or mark and mark.args:
        raise pytest.UsageError("%s: soak takes calls=, seconds= and allow=" % item.nodeid)
    calls = given.get("calls", option(config, "calls"))
    seconds = given.get("seconds", option(config, "seconds"))
    allow = given.get("allow", ())
    allow = [allow] if isinstance(allow, str) else allow
    # A soak that refuses its settings would be a test without a verdict, which does not fail the run.
    where = "%s: soak" % item.nodeid
    if calls is not None and not (isinstance(calls, int) and 1 <= calls <= MOST):
        raise pytest.UsageError("%s: calls must be an int from 1 to %d, not %r" % (where, MOST, calls))
    if not (isinstance(seconds, (int, float)) and 0 < seconds <= MOST):
        raise pytest.UsageError("%s: seconds must be a number above 0 and up to %d, not %r" % (where, MOST, seconds))
    if not (isinstance(allow, (list, tuple, set)) and all(isinstance(pattern, str) for pattern in allow)):
        raise pytest.UsageError("%s: allow must be a pattern or a list of patterns, not %r" % (where, allow))
    return {
        "calls": calls or CALLS,
        "seconds": float(seconds),
        "allow": [*config.getini("soak_allow"), *allow],
    }


class Soak:
    """The hooks of a run."""

    def __init__(self, config):
        from .summary import Summary

        self.config = config
        self.budget = seconds(option(config, "budget"))
        if option(config, "no-verdict") not in ("skip", "fail"):
            raise pytest.UsageError("soak_no_verdict: write skip or fail")
        self.summary = Summary(config)
        self.left = 0
        self.begun = None
        # The time that tests without a soak took, and how many there were.
        self.quick = [0.0, 0]
        # Causes that were soaked to certainty: the verdict, and how often.
        self.causes = {}

    def wants(self, item):
        """Whether a test is soaked."""
        if self.config.option.collectonly or getattr(self.config.option, "usepdb", False):
            return False
        if item.get_closest_marker("no_soak") or item.get_closest_marker("leaks_references"):
            return False
        if not (self.config.option.soak or item.get_closest_marker("soak")):
            return False
        # These soak by themselves, or repeat themselves.
        return "soak" not in getattr(item, "fixturenames", ()) and not hasattr(
            getattr(item, "obj", None), "hypothesis")

    def pytest_sessionstart(self, session):
        self.session = session

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        soaked = [item for item in session.items if self.wants(item)]
        for item in soaked:
            settings_of(self.config, item)  # this refuses a wrong marker before the first test runs
        # Each worker of xdist collects all tests, and runs its share.
        workers = getattr(self.config, "workerinput", {}).get("workercount", 1)
        self.left = self.summary.total = -(-len(soaked) // workers)

    def pytest_report_header(self):
        if self.config.option.soak:
            return "soak: each test in a child process; at most %g s each" % option(self.config, "seconds")
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        if not self.wants(item):
            return None
        from .child import Child, end_fixtures

        if self.begun is None:
            self.begun = time.monotonic()
        if self.budget is not None and time.monotonic() - self.begun >= self.budget:
            self.left -= 1
            item.user_properties.append(UNSOAKED)
            return None  # pytest runs it as without the soak
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        begun = time.monotonic()
        reports = Child(self, item).reports()
        self.left -= 1
        if reports is None:
            return None  # pytest runs it as without the soak
        for report in [*reports, *end_fixtures(item, nextitem)]:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if not any(report.soak.get("record") for report in reports if hasattr(report, "soak")):
            self.quick[0] += time.monotonic() - begun
            self.quick[1] += 1
        self.summary.progress(self.left)
        return True

    def may_soak(self):
        """Whether the budget has time for more than screening the tests that are left."""
        if self.budget is None:
            return True
        time_of_one = self.quick[0] / max(self.quick[1], 1)
        return time.monotonic() - self.begun + self.left * time_of_one < self.budget

    def pytest_runtest_logreport(self, report):
        if report.when != "call":
            return
        if getattr(report, "soak", None):
            self.summary.add(report.nodeid, report.soak)
        elif list(UNSOAKED) in map(list, report.user_properties):
            self.summary.add(report.nodeid, {"verdict": UNSOAKED[1]})

    def pytest_terminal_summary(self, terminalreporter):
        self.summary.write(terminalreporter)
        if self.summary.lost and self.session.exitstatus == pytest.ExitCode.OK:
            self.session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_sessionfinish(self):
        self.summary.close()


def seconds(text):
    """A time such as 90, 90s or 10m in seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9.]+) *([smh]?)", text.strip())
    try:
        return float(match.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600}[match.group(2)]
    except (AttributeError, ValueError):
        raise pytest.UsageError("--soak-budget: write a time such as 90s or 10m, not %r" % text) from None
