"""How the judge says what it tries and finds: a line of JSON each, to the process that watches."""

import json
import os

THERE = "What is used has to be there: it is not NULL, and nobody has freed it."
pipe = -1
tried = None
# Whether all is said.
over = False


class Found(Exception):
    """All is said."""


def answer_to(descriptor):
    global pipe
    pipe = descriptor


def say(*words):
    text = json.dumps([word.encode("utf-8", "backslashreplace").decode() for word in words])
    os.write(pipe, (text + "\n").encode())


def trying(what, lesson="borrowed-reference", rule=THERE):
    """Says what is tried, and of what a crash would speak."""
    global tried
    tried = what
    say("trying", lesson, rule, what)


def finish(*words):
    global over
    say(*words)
    over = True
    raise Found


def found(lesson, rule, evidence):
    """Ends the run: that rule is broken, as what was tried shows."""
    finish("found", lesson, rule, "%s, %s" % (tried, evidence))


def found_in(texts):
    found(*texts)


def is_over():
    return [int(over)]


def lost(evidence):
    """Ends the run: no rule is broken, but the task is not done."""
    finish("lost", "%s, %s" % (tried, evidence))


def refuse(why):
    """Ends the run: the module cannot be judged."""
    finish("error", why)


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
