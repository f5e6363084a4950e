"""Loads the module, calls its function `detect`, and checks its results and failures."""

import collections
import functools
import importlib.machinery
import importlib.util
import itertools
import sys

import _outliers_inputs as inputs
from _outliers_inputs import Number
from _outliers_messages import found, refuse, trying

UNCHANGED = "Pass each exception on unchanged."
OWNED = "Own a reference to each object that you store or return."
detect = None
# Returns another object of the module, as another interpreter gets it; or None if there is only one in a process.
copy = None


def load(name, path):
    global detect, copy
    trying("While it was imported")
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    # If Python has a module of the same name, importing this one replaces it in sys.modules.
    before = sys.modules.get(name)
    is_taken = before is not None or importlib.util.find_spec(name) is not None
    try:
        spec = importlib.util.spec_from_loader(name, loader)
        module = importlib.util.module_from_spec(spec)
        # Python enters only a module without slots in sys.modules so early, and copies no such module.
        has_slots = sys.modules.get(name) is not module
        loader.exec_module(module)
        detect = module.detect
        if has_slots:
            copy = functools.partial(copied, spec)
    except AttributeError:
        refuse('%s.c has no function detect: PyMethodDef needs {"detect", ...}' % name)
    except ImportError as error:
        wrong = "%s.c needs PyInit_%s: a module has the name of its file" % (name, name)
        refuse(wrong if "PyInit_" in str(error) else str(error).replace(path, name + ".c"))
    except Exception as error:
        refuse("%s.c cannot be imported: %r" % (name, error))
    finally:
        if before is not None:
            sys.modules[name] = before
        elif is_taken:
            sys.modules.pop(name, None)
    if not is_taken:
        sys.modules[name] = module


def copied(spec):
    """Make another object. Making a specification for it would leave a list, whose memory the module could reuse."""
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reimport(_):
    """Make another object of the module, and free it as an interpreter does when it ends: without the collector."""
    if copy is not None:
        copy().__dict__.clear()


def function():
    return detect


def called(data):
    # With map, because a plain call may not check that there is either a result or an exception.
    for result in map(detect, [data]):
        return result


def guarded(function, *arguments):
    """Return None if the call fails in a way that is allowed."""
    try:
        return function(*arguments)
    except Exception as error:
        check(error)


def check(error):
    """Report a SystemError: usually NULL was returned without an exception, or a result with one."""
    if not isinstance(error, SystemError):
        return
    text = str(error)
    if "without setting" in text:
        found("dropped-minus-one", "NULL means failure: set an exception before you return it.",
              "detect returned NULL without an exception.")
    if "with an error set" in text or "with an exception set" in text:
        # Python names the function that it called: detect, or one that detect called.
        is_own = text.startswith(repr(detect))
        did = "returned a result" if is_own else "made another call"
        found("dropped-minus-one", "-1 or NULL can mean failure: check for an exception, and pass it on.",
              "detect %s although an exception was set%s." % (did, cause(error.__cause__)))
    found("exceptions", UNCHANGED, "detect raised SystemError: %s" % text)


def cause(error):
    """Describe an exception, with its place if an item raised it. Of a starved call, only the text is known."""
    # A call with an exception set may raise another one.
    while isinstance(error, SystemError) and error.__cause__ is not None:
        error = error.__cause__
    if error is None:
        return ""
    if type(error) is not inputs.Planted:
        return ": a " + type(error).__name__
    return ": the one that an item raised" + raised_in()


def raised_in():
    places = inputs.raised or [""]
    return places[0] and " in " + places[0]


def drain(result):
    guarded(lambda: [None for _ in result])


def use(data):
    """Call, and drain and release the result."""
    guarded(lambda: [None for _ in called(data)])


def look(data):
    """Call, and check, drain and release the result."""
    result = guarded(called, data)
    if result is not data:
        check_owned(result)
    drain(result)


def check_owned(*results):
    """Report an object that has fewer references than the results hold."""
    taken = fresh()
    places = set(map(id, taken))
    for own in [object()]:
        others = sys.getrefcount(own) - 1
    results = list({id(result): result for result in results}.values())
    times = collections.Counter(map(id, itertools.chain.from_iterable(map(held, results))))
    for item in itertools.chain.from_iterable(map(held, results)):
        if id(item) in places or sys.getrefcount(item) - others < times[id(item)]:
            found("storing", OWNED, "the result holds an object but owns no reference to it: one was "
                  "released too often, or never added.")


def fresh():
    """Objects of many sizes, which take the memory of recently freed ones."""
    objects = [kind(1 << 40 | i) for i in range(64) for kind in (float, int, Number)]
    for size in range(1, 48):
        objects += [bytes(10 * size), bytes(10 * size), (None,) * size, [None] * size, {size: None}]
    return objects


def held(result):
    """The objects that a result holds."""
    return result.values() if type(result) is dict else result if type(result) in (list, tuple) else ()
