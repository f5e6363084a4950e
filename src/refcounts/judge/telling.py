"""How the judge tells what it tries and finds: lines of a word and texts, with tabs between."""

import faulthandler
import sys

# What is tried takes a second at most.
SECONDS = 30
THERE = "What is used has to be there: it is not NULL, and nobody has freed it."
tried = None


class Found(Exception):
    """A rule that was broken, and the evidence."""


def say(*words):
    sys.stdout.write("\t".join(words).replace("\n", " ") + "\n")
    sys.stdout.flush()


def trying(what, lesson="borrowed-reference", rule=THERE):
    """Says what is tried, and of what a crash would speak."""
    global tried
    tried = what
    say("trying", lesson, rule, what)
    faulthandler.dump_traceback_later(SECONDS, exit=True)


def found(lesson, rule, evidence):
    """Ends the run: that rule is broken, as what was tried shows."""
    say("found", lesson, rule, "%s, %s" % (tried, evidence))
    raise Found


def lost(evidence):
    """Ends the run: no rule is broken, but the task is not done."""
    say("lost", "%s, %s" % (tried, evidence))
    raise Found


def answers(part):
    """A part of the judge that returns [1] if it found something, otherwise [0]."""

    def answer(*arguments):
        try:
            part(*arguments)
        except Found:
            return [1]
        return [0]

    return answer


def many(count, noun):
    return "%d %s%s" % (round(count), noun, "" if round(count) == 1 else "s")


def brief(text):
    return text if len(text) <= 40 else text[:37] + "..."


def check(error):
    if not isinstance(error, SystemError):
        return
    text = str(error)
    if "without setting" in text:
        found("dropped-minus-one", "NULL means failure, and an exception says which.",
              "detect returned NULL without an exception.")
    if "with an error set" in text or "with an exception set" in text:
        found("dropped-minus-one", "-1 or NULL may mean failure: ask for the exception, and pass it on.",
              "detect returned a result although an exception was set: %r." % error.__cause__)
    found("exceptions", "A failure has to be passed on as it is.",
          "detect raised SystemError: %s" % text)
