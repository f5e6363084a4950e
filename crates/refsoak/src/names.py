"""Names what leaks: the objects, the variables that lead to them, and lines."""

import array
import collections
import functools
import gc
import linecache
import os
import reprlib
import sys
import time
import types

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


def module_of(kind):
    # A type may define `__module__` in any way.
    return type.__getattribute__(kind, "__dict__").get("__module__")


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


def place(file, line, unit, growth, when=""):
    code = linecache.getline(file, line).strip()
    return "%s:%d: %s per call%s: %s" % (file, line, amount(growth, unit), when, code)


def amount(growth, unit):
    """`+1 item`, `+2 items`. `unit` has the singular and the plural."""
    number = "%+.4g" % growth
    return "%s %s" % (number, unit[number not in ("+1", "-1")])
