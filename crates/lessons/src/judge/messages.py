"""The judge's messages to the process that watches it. Each is a line of JSON, as in message.rs."""

# The judged module may replace any function in another module, but not these names.
from json.encoder import encode_basestring_ascii as quoted
from os import write

EXISTS = "Use only objects that exist: not NULL, and not freed."
socket = -1
# Returns the call of the judged file that was made to fail or runs now, as `PyFloat_AsDouble in line 12`, or an empty text.
place = None
# Whether allocations are made to fail.
starved = False
over = False


class Found(Exception):
    """Ends the run after the last message."""


def connect(descriptor, function):
    global socket, place
    socket, place = descriptor, function


def send(kind, **texts):
    pairs = [(key, text.encode("utf-8", "backslashreplace").decode()) for key, text in texts.items()]
    pairs = ['"%s": %s' % (key, quoted(text)) for key, text in [("type", kind), *pairs]]
    write(socket, ("{%s}\n" % ", ".join(pairs)).encode())


def trying(attempt, lesson="borrowed-reference", rule=EXISTS, starves=False):
    """Report what is tried next, and which rule a crash would break."""
    global starved
    starved = starves
    send("trying", what=attempt, lesson=lesson, rule=rule)


def finish(kind, **texts):
    global over
    send(kind, **texts)
    over = True
    raise Found


def is_over():
    return [int(over)]


def found(lesson, rule, evidence):
    """Report a broken rule. What is tried comes before the evidence."""
    if starved:
        send("failing", place=place(None))
    finish("broken", lesson=lesson, rule=rule, evidence=evidence)


def found_in(texts):
    """Report a broken rule that the Rust half found."""
    found(*texts)


def failed(evidence):
    """Report that no rule is broken but the task is not done."""
    finish("failed", evidence=evidence)


def refuse(reason):
    """Report that the module cannot be judged."""
    finish("refused", reason=reason)


def no_verdict(reason):
    refuse("no verdict on whether detect leaks: " + reason)


def clean():
    send("clean")
