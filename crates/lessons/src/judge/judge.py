"""The Python half of the judge: the functions that the Rust half calls, in order.

They run in a child process. They report what is tried, and which rule a crash would break. A finding ends
the run.
"""

import sys

import _outliers_inputs as inputs
from _outliers_calls import (  # noqa: F401
    UNCHANGED, called, check, check_owned, function, guarded, held, load, look, raised_in, reimport, use)
from _outliers_inputs import CASES, ODD, TASKS, Ends, values
from _outliers_messages import (  # noqa: F401
    clean, connect, failed, found, found_in, is_over, no_verdict, trying)
from _outliers_probes import keep_collector_away, probe, tracking  # noqa: F401

# Lists whose references are watched: see lending.rs.

LENT = CASES + ODD[:1]


def lists():
    return [len(LENT)]


def lend(number):
    inputs.raised = []
    name, make = LENT[number]
    trying("With " + name)
    return make()


def once(data):
    """Return a tuple of the result of a call, or an empty tuple if the call fails."""
    inputs.raised.clear()
    result = guarded(called, data)
    if result is not None and inputs.raised:
        found("exceptions", UNCHANGED, "detect swallowed the exception that an item raised%s." % raised_in())
    # Later calls are traced, and must leave no notes.
    inputs.raised = None
    check_owned(result)
    return () if result is None else (result,)


# Calls that are soaked: see soaking.rs.

def again(data):
    use([Ends(lambda: use(values(3)))])


CLEAR_FIRST = "clear-first", "Clear first: a release can run code that calls this function again."
# The Rust half knows the places of the last two.
soaked = [("In repeated calls with " + name, use, make, ()) for name, make in CASES + ODD]
soaked.append(("In repeated imports", reimport, list, ()))
soaked.append(("In repeated calls with a list whose item calls detect when it is freed", again, list, CLEAR_FIRST))


def prepare():
    """Make a few calls of each kind, so that a crash names the kind; return how many kinds there are."""
    for place, (name, function, make, about) in enumerate(soaked):
        trying(name, *about)
        data = make()
        soaked[place] = name, function, data, about
        for _ in range(5):
            function(data)
    return [len(soaked)]


def sweep(first, end):
    """Make a call of each kind in that range."""
    for _, function, data, _ in soaked[first:end]:
        function(data)


def sweeping(first, end):
    """Report what is tried."""
    name, _, _, about = soaked[first]
    if end - first == 1:
        trying(name, *about)
    else:
        trying("In repeated calls with many lists in turn")


# Calls while memory runs out: see starving.rs.

HALF_WAY = "half-way", "A call that fails returns NULL: check for it before you use the result."
# Python caches the ints up to this number.
CACHED = 1024 if sys.version_info >= (3, 15) else 256
# The text of the result for the starved list, if each call returns the same.
usual = None


def plain(result):
    text = repr(result) if type(result) in (list, tuple, dict) else None
    return None if text is None or " at 0x" in text else text


def starved():
    """Return the list that is passed while memory runs out.

    The indices of its large values are not cached, and there are enough of them to make a dictionary
    grow once more.
    """
    global usual
    trying("With %d floats" % (CACHED * 11 // 8))
    data = [float(i % 3 + 1000 * (i >= CACHED * 11 // 8 - 94)) for i in range(CACHED * 11 // 8)]
    made = {plain(guarded(called, data)) for _ in range(3)}
    usual = made.pop() if len(made) == 1 else None
    return data


def starve():
    """Report that an allocation of the next call will fail."""
    trying("When memory runs out", *HALF_WAY, starves=True)


def recovered(result):
    """Report a call that swallowed the MemoryError and returned another result."""
    if usual is not None and plain(result) != usual:
        found("exceptions", UNCHANGED, "detect swallowed the MemoryError.")


def wrong_failure(text):
    """Report a SystemError, given the text of the exception."""
    if text.startswith("SystemError: "):
        check(SystemError(text[len("SystemError: "):]))


# The task of an exercise.

def outcome(function, data):
    """Return whether a call fails, and its result or exception as text."""
    try:
        result = function(data)
        if result is data:
            return False, "the list itself"
        return False, repr(list(result.items() if isinstance(result, dict) else result))
    except Exception as error:
        return True, type(error).__name__


def brief(text):
    return text if len(text) <= 40 else text[:37] + "..."


def end(task):
    """Check that an exercise still does its task."""
    for name, make in CASES if task in TASKS else ():
        trying("With " + name)
        data = make()
        has_failed, came = outcome(called, data)
        fails, right = outcome(TASKS[task], data)
        if fails and not has_failed:
            found("exceptions", UNCHANGED, "detect swallowed the exception, and returned %s." % brief(came))
        if came != right:
            failed("it %s %s, not %s." % ("raised" if has_failed else "returned", brief(came), brief(right)))
