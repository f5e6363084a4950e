"""One call of a test: its function-scoped fixtures, its body, their teardown; and without what pytest keeps of it.

Fixtures of wider scopes are set up once. pytest was not written for a test that runs more than once, so some of what it
remembers grows with each call; `forget` removes that.
"""

import gc
import io
import shutil
import time
import warnings

from _pytest.fixtures import FixtureDef

# Their lines and variables are not named in a report.
HIDDEN = ["pytest_refsoak", "refsoak", "_pytest", "pluggy", "pytest", "unittest"]


class Calls:
    """Calls of a test, after its first run."""

    def __init__(self, item, recorder, parent):
        self.item, self.recorder, self.parent = item, recorder, parent
        self.sent = time.monotonic()
        self.state = item.session._setupstate
        self.capture = item.config.pluginmanager.getplugin("capturemanager")
        # All that are set up: a plugin may ask for fixtures that the test does not name. Where pytest keeps them
        # differs from version to version.
        self.wider = [thing for thing in gc.get_objects() if issubclass(type(thing), FixtureDef)
                      and thing.scope != "function" and getattr(thing, "cached_result", None) is not None]
        self.finalizers = None
        self.result_key = tmp_path_result_key()
        self.raised = None
        logging = item.config.pluginmanager.getplugin("logging-plugin")
        self.log_handlers = [getattr(logging, name) for name in ("caplog_handler", "report_handler")
                             if hasattr(logging, name)]
        # What the first run has left stays, for its reports.
        self.streams = [handler.stream for handler in self.log_handlers]
        if self.capture is not None and self.capture.is_globally_capturing():
            for name, text in zip(("stdout", "stderr"), self.capture.read_global_capture()):
                item.add_report_section("call", name, text)
        self.sections, self.properties = len(item._report_sections), len(item.user_properties)

    def __call__(self):
        item = self.item
        try:
            self.begin()
            self.state.setup(item)
            try:
                item.runtest()
            finally:
                self.state.teardown_exact(item.parent)
            failure = failure_of(item) or self.recorder.failure
            if failure is not None:
                raise failure
        except BaseException as error:
            self.raised = error
            raise
        finally:
            self.forget()
            # The soak does not always say how far it is, and the parent must not take this for a hang.
            if time.monotonic() > self.sent + 1:
                self.sent = time.monotonic()
                self.parent.send(b"\n")

    def warm_up(self):
        """Call the functions of pytest so often that Python 3.8 to 3.10 make no more caches for them."""
        begun = time.monotonic()
        for _ in range(1030):
            self()
            if time.monotonic() > begun + 2:
                break

    def begin(self):
        """Make the item as good as new."""
        item = self.item
        if hasattr(item, "_initrequest"):
            item._initrequest()
        if getattr(item, "cls", None) is not None:
            for name in "_instance", "_obj":
                item.__dict__.pop(name, None)
        if self.result_key is not None:
            item.stash[self.result_key] = {"setup": True, "call": True}

    def forget(self):
        """Remove what pytest keeps of a call."""
        item = self.item
        path = (getattr(item, "funcargs", None) or {}).get("tmp_path")
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)
        if hasattr(item, "funcargs"):
            item.funcargs = {}
        item.__dict__.pop("_excinfo", None)
        for handler in self.log_handlers:
            del handler.records[:]
            handler.stream = io.StringIO()
        log = getattr(getattr(warnings, "_showwarnmsg_impl", None), "__self__", None)
        if isinstance(log, list):
            log.clear()  # of warnings.catch_warnings(record=True)
        if self.capture is not None and self.capture.is_globally_capturing():
            self.capture.read_global_capture()
        del item._report_sections[self.sections:]
        del item.user_properties[self.properties:]
        kept = [finalizers(fixture) for fixture in self.wider]
        kept += [list_ for list_, _ in self.state.stack.values()]  # of pytest 7
        if self.finalizers is None:
            self.finalizers = list(map(len, kept))
        for list_, length in zip(kept, self.finalizers):
            del list_[length:]

    def end(self):
        """Let pytest see what the first run has logged."""
        for handler, stream in zip(self.log_handlers, self.streams):
            handler.stream = stream


def failure_of(item):
    """The exception of a unittest, which pytest keeps instead of raising it."""
    kept = getattr(item, "_excinfo", None)
    return kept[0].value if kept else None


def finalizers(fixture):
    found = getattr(fixture, "_finalizers", None)
    return found if isinstance(found, list) else []


def tmp_path_result_key():
    try:
        from _pytest.tmpdir import tmppath_result_key
    except ImportError:  # pytest 7.2 and older
        return None
    return tmppath_result_key
