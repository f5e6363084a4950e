"""The judge while memory runs out: before and after calls of which one allocation fails."""

import gc
import sys

from _outliers_judge import Lent, called, counted_blocks, guarded
from _outliers_telling import Found, answers, check, found, many, say, trying

# Python keeps the ints up to that number.
CACHED = 1024 if sys.version_info >= (3, 15) else 256

# The list that is passed while memory runs out. What stands out in it has an index that no cache has; and
# past those a dictionary of all of it grows once more.
starved = None
# What is made of it, if that is plain and the same each time.
usual = None
# The allocations at whose failure memory was left behind.
leaking = []


def plain(result):
    text = repr(result) if type(result) in (list, tuple, dict) else None
    return None if text is None or " at 0x" in text else text


def lend(detect):
    global starved, usual
    length = CACHED * 11 // 8
    starved = Lent([float(i % 3 + 1000 * (i >= length - 94)) for i in range(length)])
    made = {plain(guarded(called, detect, starved.data)) for _ in range(3)}
    usual = made.pop() if len(made) == 1 else None
    return starved.data


def pardon():
    """What `list()` loses of the list itself, as on Python 3.10 to 3.12, is not the module's fault."""
    if starved.counts()[0] > starved.before[0]:
        starved.pardoned = "the list"
    return []


@answers
def recovered(result):
    """Whether it goes on after the failure as if nothing was, with something else."""
    if usual is not None and plain(result) != usual:
        found("exceptions", "A failure has to be passed on as it is.",
              "detect swallowed the MemoryError.")


def starve(number):
    """Before calls whose allocation of that number fails."""
    trying("When allocation %d of the call fails" % number, "half-way",
           "A call that fails returns NULL: that is asked before it is used.")
    gc.collect()
    starved.before = starved.counts()
    return []


def blocks():
    return [counted_blocks()]


@answers
def starved_by(number, grown):
    """After them."""
    starved.judge()
    if grown > 0:
        leaking.append("%d (%s)" % (number, many(grown, "block")))
    if len(leaking) > 3:
        tell()


@answers
def leaks():
    tell()


def tell():
    if leaking:
        say("found", "half-way", "What was made before the step that failed has to be given back.",
            "Memory stays behind when one of these allocations of the call fails: number %s." % ", ".join(leaking))
        raise Found


@answers
def wrong_failure(text):
    """Whether that is the text of a failure that Python itself complained about."""
    if text.startswith("SystemError: "):
        check(SystemError(text[len("SystemError: "):]))
