"""Calls what a compiled module offers, with plain and with wrong arguments, for `outliers audit`.

Rust calls `step` until it returns an empty list. Otherwise, the list has a function to screen. The next `step` gets the
names of the counters and objects that moved. Everything else goes to the parent process, as lines of JSON.
"""

import collections
import itertools
import json
import os
import re
import sys
import time
import types
import warnings

from _outliers_modules import COMPILED, SPECIAL, kind, modules
from _outliers_modules import has_compiled_members, is_extension, is_third_party, is_written_in_c, looks_dangerous

# Not 'a': strings and bytes of one character are shared objects, whose references are hard to count.
PLAIN = "0 1 -1 1.5 True None 'abc' '1' '<a/>' b'abc' b'1' [] [1] () (1,2) {} {'a':1} len int object()".split()
# The plain arguments of calls with two and three arguments, if no shorter call is accepted.
FEWER = [PLAIN, PLAIN, "0 1 1.5 None 'abc' b'abc' [1] () {'a':1} len".split(), "0 1 None 'abc' b'abc' [1]".split()]
# How many calls of a callable are screened: of those that are accepted, and of those that raise an exception; and
# how many seconds of processor time they may take in all.
ACCEPTED, REFUSED, LONGEST = 32, 8, 0.004
# How many callables are screened together.
BATCH = 12
# The seconds of processor time after which the search for calls ends.
SEARCH = 0.3
# A call that takes longer is not repeated, not even if it is the only one that is accepted.
SLOW = 0.1
# What Python, C, Cython and Rust say about a wrong number of arguments.
WRONG_NUMBER = re.compile(r"\btakes\b|\bgiven\b|missing .* argument|expected .* arguments?, got")


class Form:
    """A way to write a call of a callable: what stands before and after the arguments, and how many there may be."""

    def __init__(self, name, before, after=")", least=0, most=3, instance=None):
        self.name, self.before, self.after, self.instance = name, before, after, instance
        self.least, self.most = least, most


class Audit:
    def __init__(self, module, python, socket, known):
        self.module, self.python, self.socket, self.known = module, python, socket, known
        before = set(sys.modules)
        self.modules = modules(module)
        compiled = [name for name, module in self.modules.items() if is_extension(module)]
        others = sorted(name for name in set(sys.modules) - before if is_third_party(name, module))
        self.say("modules", compiled=compiled, others=others)
        # What is called may remove modules from sys.modules.
        self.loaded = dict(sys.modules)
        root = module.partition(".")[0]
        self.names = {root: sys.modules[root]}
        # For each type, an expression that makes an instance; and what moves when an expression is evaluated.
        self.instances, self.causes = {}, {}
        # How many callables moved an object, and the objects that were reported often enough.
        self.moved, self.reported = collections.Counter(), set()
        # The types of those instances, and the members of types that were found.
        self.reached, self.members = [], set()

    def say(self, kind, **words):
        try:
            os.write(self.socket, json.dumps({"type": kind, **words}).encode() + b"\n")
        except OSError:
            os._exit(1)  # the parent has ended

    def call(self, statement, raises=False):
        used = [name for name in self.modules if name in self.loaded and name + "." in statement]
        used = [name for name in used if not any(other.startswith(name + ".") for other in used)]
        return {"statement": statement, "setup": "import " + ", ".join(used), "raises": raises}

    def run(self):
        """Try and screen every callable. Yields functions to screen, and is sent what moved."""
        tried, apart = set(self.known["tried"]), set(self.known["apart"])
        for name, source in self.known["instances"]:
            self.say("trying", name="", calls=[self.call(source)])
            try:
                self.note(type(self.compiled(source)()), name, source)
            except Exception:
                continue
            self.causes[source] = moves((yield self.function(self.call(source))))
            if name in tried:
                self.note_objects(self.causes[source])  # an earlier process has reported them
        batch = []
        for form in self.callables():
            if looks_dangerous(form.name):
                self.say("left_out", name=form.name)
            elif form.name not in tried:
                self.say("trying", name=form.name, calls=[])
                calls, took = self.search(form)
                batch.append((form.name, calls, took))
                if form.name in apart or len(batch) == BATCH or sum(took for _, _, took in batch) > LONGEST:
                    yield from self.screen(batch)
                    batch = []
        yield from self.screen(batch)

    def callables(self):
        """The functions and types of the modules, and the members of all types of which there are instances."""
        seen = set()
        for path, module in self.modules.items():
            values = {name: value for name, value in sorted(vars(module).items()) if self.may_call(module, value)}
            is_private = all(name.startswith("_") for name in values)
            for name, value in values.items():
                if id(value) not in seen and (is_private or not name.startswith("_")) and not name.startswith("__"):
                    seen.add(id(value))
                    name = "%s.%s" % (path, name)
                    yield Form(name, name + "(")
                    yield from self.methods()
        yield from self.methods()

    def methods(self):
        for cls in self.reached:
            instance = self.instances[cls]
            names = set()
            for owner in cls.__mro__:
                if owner is object or not self.is_ours(owner, False):
                    continue
                for name, value in sorted(vars(owner).items()):
                    if name in names:
                        continue  # a subclass overrides it
                    names.add(name)
                    is_callable = kind(value) in COMPILED or self.python and isinstance(value, types.FunctionType)
                    is_special = name.startswith("__") and name.endswith("__") and name not in SPECIAL
                    if not is_callable or name.startswith("_") and not is_special or (owner, name) in self.members:
                        continue
                    self.members.add((owner, name))
                    full = "%s.%s.%s" % (owner.__module__, owner.__qualname__, name)
                    if kind(value) in ("getset_descriptor", "member_descriptor"):
                        yield Form(full, "%s.%s" % (instance, name), "", 0, 0, instance)
                        yield Form(full + " =", "setattr(%s, %r, " % (instance, name), ")", 1, 1, instance)
                    else:
                        yield Form(full, "%s.%s(" % (instance, name), instance=instance)

    def may_call(self, module, value):
        is_wanted = self.python and callable(value) or is_written_in_c(value)
        return is_wanted and self.is_ours(value, is_extension(module))

    def is_ours(self, value, in_compiled):
        """Whether a value belongs to the package that is audited, as opposed to one that it imports."""
        home = getattr(value, "__module__", None)
        if not isinstance(home, str):
            home = getattr(getattr(value, "__self__", None), "__name__", "")
        home_module = self.loaded.get(home) or sys.modules.get(home)
        if (home + ".").startswith(self.module + ".") or home_module is None:
            return True
        return in_compiled and getattr(home_module, getattr(value, "__name__", ""), None) is not value

    def screen(self, batch):
        """Screen the calls of several callables, which are done then."""
        yield from self.find_suspects(batch)
        self.say("screened", names=[name for name, _, _ in batch])

    def find_suspects(self, batch):
        """Screen all calls together. If anything moves, screen those of each callable, and then each call."""

        def together(calls):
            functions = [self.function(call) for call in calls]
            return lambda: [function() for function in functions]

        if len(batch) > 1:
            self.say("screening", names=[name for name, _, _ in batch])
            if moves((yield together([call for _, calls, _ in batch for call in calls]))) <= self.reported:
                return
        for name, calls, _ in batch:
            self.say("trying", name=name, calls=calls)
            if moves((yield together(calls))) <= self.reported:
                continue
            found = set()
            for call in calls:
                self.say("trying", name=name, calls=[call])
                self.judge(name, call, moves((yield self.function(call))), found)

    def judge(self, name, call, moved, found):
        """Report a call with which something moves, unless that is known already."""
        statement = call["statement"]
        parts = [cause for part, cause in self.causes.items() if part in statement and part != statement]
        new = moved.difference(self.reported, *parts)
        if moved:
            self.causes[statement] = moved
        if not new and any(" " not in what for what in moved):
            self.say("masked", name=name)  # whether it leaks more than its parts cannot be seen
        if new and (new, call["raises"]) not in found:
            found.add((new, call["raises"]))
            self.note_objects(new)
            self.say("suspect", name=name, call=call)

    def note_objects(self, new):
        """Report a type once, because every callable that makes an instance leaks it; and other objects three times."""
        for what in new:
            self.moved[what] += 1
            if what.startswith("types ") or " " in what and self.moved[what] == 3:
                self.reported.add(what)

    def function(self, call):
        """What `outliers soak` would call."""
        function = self.compiled(call["statement"])

        def runs():
            try:
                function()
            except Exception:
                pass

        return runs

    def compiled(self, source):
        return eval(compile("lambda: " + source, "<statement>", "eval"), self.names)

    def search(self, form):
        """The calls that are accepted, and those that raise, of each a few that differ; and how long they take."""
        accepted, refused, lengths, spent = {}, {}, {}, 0
        end = time.process_time() + SEARCH
        for count in range(form.least, form.most + 1):
            is_first = True
            for arguments in self.arguments(form, count, lengths.get(count - 1)):
                if time.process_time() > end:
                    break
                source = form.before + ", ".join(arguments) + form.after
                self.say("trying", name=form.name, calls=[self.call(source)])
                begun, waits = time.process_time(), time.monotonic()
                try:
                    result = self.compiled(source)()
                except Exception as error:
                    text = str(error)
                    if is_first and isinstance(error, TypeError) and WRONG_NUMBER.search(text):
                        refused.setdefault(TypeError, source)
                        break
                    calls, most, key = refused, REFUSED, (type(error), re.sub(r"'.*?'|\d+", "", text))
                except BaseException:
                    continue  # a soak would end with it
                else:
                    calls, most, key = accepted, ACCEPTED, source
                    lengths.setdefault(count, arguments)
                    cls, result = type(result), None
                    self.note(cls, form.name, source)
                is_first, took, waits = False, time.process_time() - begun, time.monotonic() - waits
                fits = spent + took < LONGEST or calls is accepted and not accepted
                if fits and max(took, waits) < SLOW and len(calls) < most and key not in calls:
                    calls[key] = source
                    spent += took
            if count - 1 in lengths and count not in lengths:
                break
        self.say("called", name=form.name, calls=len(accepted) + len(refused), accepts=bool(lengths))
        if lengths and not accepted:
            self.say("slow", name=form.name)
        calls = [self.call(source) for source in accepted.values()]
        return calls + [self.call(source, True) for source in refused.values()], spent

    def arguments(self, form, count, shorter):
        """Lists of so many arguments. `shorter` has one argument less, and is accepted."""
        # Instances of the same package, those of this type first.
        others = [source for source in self.instances.values() if source != form.instance][:6]
        others = ([form.instance] if form.instance else []) + others
        if shorter is not None:
            return (shorter + (last,) for last in PLAIN + others)
        if count == 0:
            return [()]
        return itertools.product(FEWER[count] + others[: 20 // count**2], repeat=count)

    def note(self, cls, name, source):
        """Keep the expression that makes an instance of a type of the package."""
        if cls not in self.instances and self.is_ours(cls, False) and (self.python or has_compiled_members(cls)):
            self.instances[cls] = source
            self.say("instance", name=name, source=source)
            self.reached.append(cls)


def moves(screened):
    """The counters and objects that moved."""
    return frozenset((screened or "").split("; ")) - {""}


def begin(texts):
    """Import the module, and return the function `step`."""
    module, python, socket, known = texts
    warnings.simplefilter("ignore")
    try:
        audit = Audit(module, bool(python), int(socket), json.loads(known))
    except Exception as error:
        text = "%s: %s" % (type(error).__name__, error)
        os.write(int(socket), json.dumps({"type": "refused", "text": text}).encode() + b"\n")
        return lambda moved: []
    steps = audit.run()

    def step(moved):
        try:
            return [steps.send(moved or None)]
        except StopIteration:
            audit.say("done")
            return []

    return step
