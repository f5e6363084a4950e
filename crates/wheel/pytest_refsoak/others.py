"""What pytest and other plugins do around a test, and what of it has to be different in a child process."""

import os
import sys

from _pytest.reports import TestReport


class Recorder:
    """Takes the reports of subtests, in place of everybody else in this process."""

    def __init__(self, config):
        self.reports, self.has_ended, self.failure = [], False, None
        # The terminal's reporter would count the subtests, and a worker of xdist would send them.
        hook = config.hook.pytest_runtest_logreport
        for implementation in list(hook.get_hookimpls()):
            hook._remove_plugin(implementation.plugin)
        config.pluginmanager.register(self)

    def pytest_runtest_logreport(self, report):
        if not self.has_ended:
            self.reports.append(report)
        elif report.failed and self.failure is None:
            self.failure = AssertionError("a subtest fails: %s" % report.longreprtext[-200:])

    def ends(self):
        self.has_ended = True

    def has_failed(self):
        return any(report.failed for report in self.reports)


def module(config, name):
    """The module of a plugin, which has another name after `-p pytest_name`."""
    plugins = config.pluginmanager
    return plugins.getplugin(name) or plugins.getplugin("pytest_" + name)


def own_fixtures_only(session):
    """Leave the fixtures that the parent has set up to the parent: it may still use them."""
    for finalizers, _ in session._setupstate.stack.values():
        del finalizers[:]


def make_base_directory(config):
    """Make the directory for all `tmp_path`. Otherwise each child would make one, and none would remove it."""
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        factory.getbasetemp()


def flush(config):
    """Write what is printed, which the child would lose, or write once more."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for stream in sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, getattr(reporter, "_tw", None):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # None, or closed


def silence(config):
    """Print nothing more, because the test was already run once."""
    null = os.open(os.devnull, os.O_WRONLY)
    capture = config.pluginmanager.getplugin("capturemanager")
    streams = getattr(capture, "_global_capturing", None)
    # Where capsys.disabled() prints to.
    saved = [getattr(getattr(streams, name, None), "targetfd_save", None) for name in ("out", "err")]
    is_captured = all(fd is not None for fd in saved)
    for fd in saved if is_captured else (1, 2):
        os.dup2(null, fd)
    os.close(null)
    logging = config.pluginmanager.getplugin("logging-plugin")
    for name in "log_cli_handler", "log_file_handler":
        if hasattr(logging, name):
            getattr(logging, name).setLevel(1 << 20)


def coverage_of(config):
    plugin = config.pluginmanager.getplugin("_cov")
    return getattr(getattr(plugin, "cov_controller", None), "cov", None)


def adopt_coverage(config):
    """Make this process the one that coverage measures: pytest-cov 6 and older would start a second one for it."""
    plugin = config.pluginmanager.getplugin("_cov")
    if hasattr(plugin, "pid"):
        plugin.pid = os.getpid()


def pause_coverage(config):
    """Save what coverage has measured: its tracer would disturb the soak."""
    coverage = coverage_of(config)
    if coverage is not None:
        coverage.stop()
        coverage.save()


def resume_coverage(config):
    """Measure the teardown of the wider fixtures. Pause once more at the end."""
    coverage = coverage_of(config)
    if coverage is not None:
        coverage.start()


# pytest-timeout: the time is for the first run. It is measured in the child, because the soak takes longer.

def cancel_timeout(item):
    if hasattr(item.config.hook, "pytest_timeout_cancel_timer"):
        item.config.hook.pytest_timeout_cancel_timer(item=item)


def start_timeout(item):
    plugin = module(item.config, "timeout")
    if not hasattr(plugin, "_get_item_settings") or not hasattr(item.config.hook, "pytest_timeout_set_timer"):
        return
    settings = plugin._get_item_settings(item)
    if settings.timeout and not settings.func_only:
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)


end_timeout = cancel_timeout


def may_rerun(item, reports):
    """Whether pytest must run a failed test again, for pytest-rerunfailures or because its subtests failed."""
    failed = [report for report in reports if report.failed]
    if any(type(report) is not TestReport for report in failed):
        return True
    plugin = module(item.config, "rerunfailures")
    count = getattr(plugin, "get_reruns_count", None)
    return bool(failed and count is not None and count(item))
