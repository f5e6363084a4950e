"""Names what leaks: the objects, the variables that lead to them, and the lines."""

import array
import collections
import functools
import gc
import linecache
import os
import reprlib
import sys
import time
import tracemalloc
import types

MOST = 3

# Modules whose variables are not named, and prefixes of files whose lines are not named.
hidden_modules = []
hidden_files = ["<outliers>"]


def hide(name):
    """Name no lines or variables of a module or package."""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    is_package = os.path.basename(file).startswith("__init__.")
    for names, added in (hidden_modules, name), (hidden_files, os.path.dirname(file) + os.sep if is_package else file):
        if added and added not in names:
            names.append(added)
    return []


def is_hidden(name):
    """Return whether a module is hidden: it or its package is in `hidden_modules`, or it is one of our own."""
    return name.startswith(("_outliers", "_refsoak")) or any(
        name == hidden or name.startswith(hidden + ".") for hidden in hidden_modules)


def belongs_to_hidden(thing):
    """Return whether an object is an instance, a class, a function or the code of one of the hidden modules."""
    if isinstance(thing, types.CodeType):
        return bool(hidden_modules) and thing.co_filename.startswith(tuple(hidden_files))
    modules = [module_of(type(thing))]
    if isinstance(thing, type):
        modules.append(module_of(thing))
    elif isinstance(thing, types.FunctionType):
        modules.append(thing.__module__)
    return any(isinstance(module, str) and is_hidden(module) for module in modules)


def is_standard(file):
    """Return whether a file belongs to the standard library."""
    directory = os.path.dirname(os.__file__) + os.sep
    return file.startswith((directory, "<frozen ")) and "-packages" + os.sep not in file


def module_of(kind):
    # A type may define `__module__` in any way.
    return type.__getattribute__(kind, "__dict__").get("__module__")


# Objects and their variables.

def identify(things):
    """Return four texts for each object: a description, its type, the variable that leads to it, or nothing, and an
    expression that gives it, or nothing.

    The texts of an object that belongs to a hidden module are empty.
    """
    holders, roots = search(things)
    return [text for thing in things for text in (("", "", "", "") if belongs_to_hidden(thing) else (
        describe(thing), type_name(thing), "" if type(thing) in PLAIN else path(thing, holders, roots),
        expression(thing, holders, roots)))]


# Many variables may share such a value, so any name would be a guess.
PLAIN = {int, float, bool, str, bytes, type(None), tuple, frozenset, complex}


def type_name(thing):
    # A type may define `__module__` and `__name__` in any way.
    return type.__repr__(type(thing)).split("'")[1]


def with_article(kind):
    """Return the name of a type after `a` or `an`."""
    return ("an " if kind.lstrip("_")[:1] in tuple("aeioAEIO") else "a ") + kind


def describe(thing):
    """`numpy.dtype[int64] dtype('int64')`: its type and its `repr`, shortened."""
    brief = reprlib.Repr()
    brief.maxother = brief.maxstring = 60
    return "%s %s" % (type_name(thing), " ".join(bounded(brief.repr, thing).split()))


class Endless(BaseException):
    """Raised inside a `__repr__` that takes too long."""


def bounded(function, thing):
    """Return a function's result for a thing, unless the thing's own code takes more than a second."""
    end = time.monotonic() + 1

    def look(frame, what, argument):
        if time.monotonic() > end:
            raise Endless
        return look

    tracer = sys.gettrace()
    sys.settrace(look)
    try:
        return function(thing)
    except (Exception, Endless):
        return "(its repr does not end)"
    finally:
        sys.settrace(tracer)


def variables(things):
    """Return, by id, how objects are reached from the variables of modules: `module.name['key'][...]`."""
    holders, roots = search(things)
    return {id(thing): path(thing, holders, roots) for thing in things}


def search(things):
    """Search for objects from the variables of modules.

    Return what holds each object, by id, and the names of the modules, by the ids of their variables.
    """
    wanted = {id(thing) for thing in things}
    modules = [
        (name, module)
        for name, module in sys.modules.copy().items()
        if isinstance(getattr(module, "__dict__", None), dict)
    ]
    # The search does not pass through modules, and skips the hidden ones.
    holders = {id(thing): None for _, module in modules for thing in (module, module.__dict__)}
    modules = [(name, module) for name, module in modules if not is_hidden(name)]
    roots = {id(module.__dict__): name for name, module in modules}
    # The last imported modules are probably those under test.
    level = [module.__dict__ for _, module in reversed(modules)]
    keep = [level]
    is_searched = (lambda thing: not belongs_to_hidden(thing)) if hidden_modules else (lambda thing: True)
    array_type = getattr(sys.modules.get("numpy"), "ndarray", array.array)
    while level and not wanted <= holders.keys():
        deeper = []
        for holder in level:
            referents = gc.get_referents(holder)
            if not referents and issubclass(type(holder), array_type):
                # NumPy hides these from the collector.
                referents = [getattr(holder, name, None) for name in ("base", "dtype")]
            for thing in referents:
                if id(thing) not in holders and is_searched(thing):
                    holders[id(thing)] = holder
                    deeper.append(thing)
        keep.append(deeper)
        level = deeper
    return holders, roots


def source(name):
    """Return the name of a module: FILE.py for the module FILE-py."""
    return name[:-3] + ".py" if name.endswith("-py") else name


def path(thing, holders, roots):
    """Return how a thing is reached, starting with the variable; or nothing."""
    steps = []
    if holders.get(id(thing)) is None:
        return ""
    while holders[id(thing)] is not None:
        holder = holders[id(thing)]
        steps.append(step(holder, thing, id(holder) in roots))
        thing = holder
    return source(roots.get(id(thing), "")) + "".join(reversed(steps))


def step(holder, thing, is_module):
    """Return how a thing is reached from its holder, in Python's syntax; `[...]` stands for any index."""
    if isinstance(holder, dict):
        for key, value in holder.items():
            if value is thing:
                return "." + key if is_module and isinstance(key, str) else "[%s]" % reprlib.repr(key)
        return "(a key)"
    if isinstance(holder, (list, tuple, set, frozenset, collections.deque)):
        return "[...]"
    if isinstance(thing, dict) and is_dict_of(holder, thing):
        return ""
    name = attribute(holder, thing)
    return "." + name if name else "..."


def is_dict_of(holder, thing):
    """Return whether a dict has the attributes of an object."""
    # The dict of a type is behind a proxy.
    return isinstance(holder, type) or attribute(holder, thing) == "__dict__"


def attribute(holder, thing):
    """Return the name of the attribute of an object that is a thing, or nothing."""
    try:
        for name, value in getattr(holder, "__dict__", {}).items():
            if value is thing:
                return name
        for kind in type(holder).__mro__:
            for name, value in vars(kind).items():
                if type(value) in FIELDS and hasattr(holder, name) and value.__get__(holder) is thing:
                    return name
    except Exception:  # the object's own code may raise anything
        pass
    return ""


# These read a field of an object of C, and run no code of Python.
FIELDS = types.MemberDescriptorType, types.GetSetDescriptorType


def expression(thing, holders, roots):
    """Return an expression that gives a thing in a new process: `module.name['key'][0].attribute`. Or nothing."""
    if any(thing is constant for constant in CONSTANTS):
        return repr(thing)
    if issubclass(type(thing), types.ModuleType):
        return thing.__name__ if sys.modules.get(thing.__name__) is thing else ""
    if issubclass(type(thing), type):
        try:
            module, name = module_of(thing), thing.__qualname__
            if functools.reduce(getattr, name.split("."), sys.modules[module]) is thing:
                return "%s.%s" % (module, name)
        except Exception:  # no variable has its name, or its own code raises
            pass
    chain = [thing]
    while holders.get(id(chain[-1])) is not None:
        chain.append(holders[id(chain[-1])])
    holder = chain.pop()
    text = roots.get(id(holder), "")
    if not text or not chain:
        return ""
    is_attribute = True  # a variable of a module is one
    for inner in reversed(chain):
        if isinstance(inner, dict) and is_dict_of(holder, inner):
            holder, is_attribute = inner, True
            continue
        text = inner_expression(text, holder, inner, is_attribute)
        holder, is_attribute = inner, False
        if not text:
            return ""
    return text


CONSTANTS = None, True, False, Ellipsis, NotImplemented


def inner_expression(text, holder, inner, is_attribute):
    """Return the expression that gives an object in a holder, given that of the holder. Or nothing."""
    if isinstance(holder, dict):
        for index, (key, value) in enumerate(dict.items(holder)):
            if value is inner and is_attribute:
                return "%s.%s" % (text, key) if isinstance(key, str) and key.isidentifier() else ""
            if value is inner:
                return "%s[%r]" % (text, key) if type(key) in (str, int) else "list(%s.values())[%d]" % (text, index)
            if key is inner and not is_attribute:
                return "list(%s)[%d]" % (text, index)
        return ""
    if isinstance(holder, (list, tuple, collections.deque)):
        return next(("%s[%d]" % (text, index) for index, item in enumerate(holder) if item is inner), "")
    name = attribute(holder, inner)
    return "%s.%s" % (text, name) if name else ""


# The lines that allocate, by tracemalloc; and the types of the objects.

def trace():
    """Begin to trace allocations."""
    global snapshot, kinds_before, was_tracing
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    snapshot = tracemalloc.take_snapshot()
    gc.collect()
    kinds_before = count_types()
    return []


def traced(made):
    """Stop the trace, and return the lines and the types of the leak. `made` has the calls and the rates per call.

    Objects that a store replaces look like growth too. If the lines add more than twice the leaked blocks, the line
    whose growth is closest to the leak comes first.
    """
    calls, rate, blocks = made
    least = max(calls * rate / 2, 1)
    gc.collect()
    grown = [(number - kinds_before.get(kind, 0), kind.__qualname__) for kind, number in count_types().items()]
    after = tracemalloc.take_snapshot()
    if not was_tracing:
        tracemalloc.stop()
    # Leave out the soak's own lines, and allocations without a line.
    others = [tracemalloc.Filter(False, name) for name in (
        *(name + "*" for name in hidden_files), "<unknown>", tracemalloc.__file__, linecache.__file__)]
    growth = after.filter_traces(others).compare_to(snapshot.filter_traces(others), "lineno")
    growth = [line for line in growth if line.count_diff >= least]
    if sum(line.count_diff for line in growth) > 2 * blocks * calls:
        growth.sort(key=lambda line: abs(line.count_diff - blocks * calls))
    lines = [
        place(line.traceback[0].filename, line.traceback[0].lineno, ("block", "blocks"), line.count_diff / calls)
        for line in growth
    ]
    most = sorted((pair for pair in grown if pair[0] >= least), reverse=True)
    return lines[:5] + [
        amount(number / calls, ("object of type " + kind, "objects of type " + kind)) + " per call"
        for number, kind in most[:3]
    ]


def place(file, line, unit, growth, when=""):
    code = linecache.getline(file, line).strip()
    return "%s:%d: %s per call%s: %s" % (file, line, amount(growth, unit), when, code)


def amount(growth, unit):
    """`+1 item`, `+2 items`. `unit` has the singular and the plural."""
    number = "%+.4g" % growth
    return "%s %s" % (number, unit[number not in ("+1", "-1")])


def count_types():
    counts = {}
    for thing in gc.get_objects():
        counts[type(thing)] = counts.get(type(thing), 0) + 1
    return counts


# The lines that keep something or call C code that leaks: the follower records how much each line adds.

HEAP = ("byte of C's heap", "bytes of C's heap")
DEEP = 30


def entries(directory):
    return lambda: len(os.listdir(directory))


def mappings():
    with open("/proc/self/maps") as maps:
        return sum(line.split(None, 5)[4] != "0" for line in maps)


def children():
    count = 0
    for thread in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/children" % thread) as file:
            count += len(file.read().split())
    return count


RESOURCES = {
    "files": (entries("/proc/self/fd"), ("open file", "open files")),
    "threads": (entries("/proc/self/task"), ("thread", "threads")),
    "shared_memory": (entries("/dev/shm"), ("segment", "segments")),
    "mappings": (mappings, ("mapped file", "mapped files")),
    "children": (children, ("child process", "child processes")),
}


class Follower:
    """Records what each line adds to references, containers, resources and C's heap."""

    def __init__(self, things, containers, heap, resources):
        names = variables(containers)
        counters = [(functools.partial(sys.getrefcount, thing), ("reference", "references")) for thing in things]
        for thing in containers:
            of = " of " + (names[id(thing)] or "(no variable)")
            counters.append((lambda thing=thing: size(thing), ("item" + of, "items" + of)))
        counters += [RESOURCES[name] for name in resources]
        if heap:
            counters.append((heap, HEAP))
        self.counters, self.units = zip(*counters) if counters else ((), ())
        # For each line: what it added itself, what it added including its calls, and its depth.
        self.own = {}
        self.whole = {}
        self.depth = {}
        # The frames that called the soak: their lines are not named.
        self.callers = set()
        frame = sys._getframe(1)
        while frame is not None:
            self.callers.add(id(frame))
            frame = frame.f_back
        # The current line, and the lines that called it.
        self.lines = []
        self.last = self.read()

    def read(self):
        return array.array("q", [counter() for counter in self.counters])

    def charge(self):
        # Growth before the first line belongs to the follower itself.
        for index, (now, before) in enumerate(zip(self.read(), self.last) if self.lines else ()):
            if now != before:
                add(self.own, self.lines[0], index, now - before)
                for line in set(self.lines):
                    add(self.whole, line, index, now - before)

    def __call__(self, frame, what, argument):
        self.charge()
        when = ""
        if what == "return" and frame.f_back is not None:
            # From here on, growth belongs to the line of the call.
            frame = frame.f_back
        elif what == "return":
            when = ", after it has returned"
        # The innermost line comes first, without the soak's own files.
        lines = []
        while frame is not None and id(frame) not in self.callers and len(lines) < DEEP:
            if not frame.f_code.co_filename.startswith(tuple(hidden_files)):
                lines.append((frame.f_code.co_filename, frame.f_lineno, when))
            else:
                # What a hidden module calls in the standard library is its own business.
                while lines and is_standard(lines[-1][0]):
                    lines.pop()
            frame = frame.f_back
        # After the function has returned, our own code may run before its result is freed.
        self.lines = lines or self.lines
        self.depth.update((line, len(lines) - place) for place, line in enumerate(lines))
        self.last = self.read()
        return self

    def guilty(self, index, least):
        """Return the lines that explain the growth. Growth that is undone later cancels out in the sum."""
        own = {line: row[index] for line, row in self.own.items() if index in row}
        total = sum(own.values())
        if total < least:
            return []

        def explains(added):
            return abs(added - total) <= total / 10

        rows = [(line, added) for line, added in own.items() if 2 * added >= total]
        if not any(explains(added) for _, added in rows):
            # A call may add something that its line partly removes: take the innermost line that explains the sum.
            whole = [(line, row[index]) for line, row in self.whole.items() if explains(row[index])]
            rows = sorted(whole, key=lambda row: self.depth[row[0]])[-1:] or rows
        if not rows:
            # Several lines add their share.
            shares = sorted(own.items(), key=lambda row: -row[1])
            return [(line, added) for line, added in shares if 8 * added >= total][:MOST]
        # Take the closest lines: the growth of the others is undone elsewhere.
        farthest = min((abs(added - total) for _, added in rows), default=0) + total / 10
        rows = sorted(rows, key=lambda row: abs(row[1] - total))
        return [(line, added) for line, added in rows if abs(added - total) <= farthest][:MOST]


def add(charged, line, index, count):
    row = charged.setdefault(line, collections.Counter())
    row[index] += count


def size(thing):
    try:
        return len(thing)
    except TypeError:
        return thing.qsize() if hasattr(thing, "qsize") else len(thing.getvalue())


def values():
    """Return the lengths of immutable values and arrays, by variable: a longer value may replace them."""
    lengths = {}
    kinds = (str, bytes, tuple, frozenset, getattr(sys.modules.get("numpy"), "ndarray", str))
    for holder in gc.get_objects():
        if isinstance(holder, dict):
            for name, value in list(holder.items()):
                if isinstance(value, kinds) and isinstance(name, str):
                    lengths[id(holder), name] = (value.size if hasattr(value, "strides") else len(value)), holder
    return lengths


def longer(calls):
    """Return the variables whose values became longer in most calls since `follow`."""
    modules = {id(getattr(module, "__dict__", None)): name for name, module in sys.modules.copy().items()}
    found = []
    for key, (now, holder) in values().items() if values.before else ():
        before, _ = values.before.get(key, (now, None))
        if 2 * (now - before) >= calls:
            value = dict.get(holder, key[1])
            name = modules.get(id(holder)) or variables([holder])[id(holder)]
            found.append("%s, %s: %s per call" % (
                source(name) + step(holder, value, id(holder) in modules), with_article(type_name(value)),
                amount((now - before) / calls, ("item", "items"))))
    values.before = {}
    return found[:MOST]


def follow(what):
    """Begin to follow the lines: record references to things, items of containers, C's heap and resources.

    `heap` is the address of a C function that returns how much of C's heap is in use, or 0.
    """
    global follower, others_trace
    things, containers, heap, resources = what
    try:
        from ctypes import CFUNCTYPE, c_longlong
    except ImportError:
        heap = None
    if heap:
        heap = CFUNCTYPE(c_longlong)(heap)
    gc.collect()
    values.before = values() if heap else {}
    others_trace = sys.gettrace()
    follower = Follower(things, containers, heap, resources.split())
    sys.settrace(follower)
    return []


def followed(made):
    """Stop following, and return the lines that explain the growth."""
    sys.settrace(others_trace)
    calls, rate = made
    return [
        place(file, line, unit, added / calls, when)
        for index, unit in enumerate(follower.units)
        for (file, line, when), added in follower.guilty(index, calls * rate / 2 if unit is HEAP else 1)
    ]
