"""What was soaked, as a script: its own lines, the imports, and the versions of the packages."""

import ast
import importlib
import json
import os
import re
import sys
import sysconfig
import textwrap
from importlib import metadata

# The references that keep an object alive which is released too often.
SPARES = 1000


class Source:
    """What is called: the setup and the statement, as a user would write them in a file."""

    def __init__(self, asked, here):
        self.raises = asked.get("raises", False)
        # The source of the function, for its imports; and the list with which it is called.
        self.file = self.data = ""
        if "function" in asked:
            self.setup, self.statement = self.of_function(here, **asked["function"])
        else:
            self.setup, self.statement = one_per_line(asked["setup"]), one_per_line(asked["statement"])
        self.packages = packages("\n".join([self.setup, self.statement, self.file]))

    def of_function(self, here, module, name, settings, size):
        """The call of a function with a list, as the soak makes it."""
        lines = []
        if module.endswith(".py"):
            directory, file = os.path.split(os.path.realpath(module))
            with open(module, encoding="utf-8") as opened:
                self.file = opened.read()
            module = file[:-3]
            if directory != os.path.realpath(here):
                lines += ["import sys", "sys.path.insert(0, %s)" % quoted(directory)]
        if all(part.isidentifier() for part in module.split(".")):
            lines.append("import " + module)
        else:
            lines += ["import importlib", "module = importlib.import_module(%s)" % quoted(module)]
            module = "module"
        self.data = "[i %% 10 + 50.0 * (i %% 100 == 7) for i in range(%d)]" % size
        return "\n".join(lines), "list(%s.%s(%s))" % (module, name, ", ".join([self.data, *settings]))

    def expression(self, row):
        """The source that gives the object of a row, and the module to import for it; or nothing."""
        # A key of a dict is in a list of all keys.
        lists, given = re.fullmatch(r"(?s)((?:list\()*)(.*)", row.get("expression", "")).groups()
        own = re.match(r"__soak__\.|builtins\.|(?=(None|True|False|Ellipsis|NotImplemented)$)", given)
        if own:
            return lists + given[own.end():], ""
        # FILE.py is the module FILE-py, perhaps with underscores.
        own = re.match(r"(\w+)-py_*(?=\.)", given)
        if own:
            is_imported = self.file and self.setup.endswith("import " + own.group(1))
            return (lists + own.group(1) + given[own.end():] if is_imported else ""), ""
        module = module_of(given)
        return (lists + given if module else ""), module

    def unused(self, name):
        """A name that the source does not have."""
        while name in self.setup + self.statement:
            name += "_"
        return name

    def script(self, count, step, may_die):
        """The script that makes calls, and prints a count after each `step` of them."""
        setup, calls = self.setup, self.unused("calls")
        if count.is_of_data:
            # The same list in each call.
            setup += "\ndata = " + self.data
        flush = ", flush=True" if may_die else ""
        versions = ["Python {platform.python_version()}", *("%s {%s}" % pair for pair in self.packages.items()),
                    "{platform.platform()}"]
        body = ['print(f"%s"%s)' % (", ".join(versions), flush)]
        if count.spared:
            body.append("%s = [%s] * %d  # otherwise it is soon freed while it is in use" % (
                self.unused("spare"), count.spared, SPARES))
        shown = '"calls"' if count.expression is None else '"calls:", %s, %s' % (count.expression, quoted(count.unit))
        body += ["for %s in range(1, %d):" % (calls, 4 * step + 1), self.call(count),
                 "    if %s %% %d == 0:" % (calls, step), "        print(%s, %s%s)" % (calls, shown, flush)]
        if count.spared:
            body.append("os._exit(0)  # releasing the spare references would crash Python")
        setup = setup.rstrip().splitlines()
        text = "\n".join(body)
        imports = ["import " + name for name in ("gc", "mmap", "os", "platform", "sys")
                   if re.search(r"\b%s\." % name, text)]
        imports += ["import " + count.module] if count.module else []
        imports += ["from importlib.metadata import version"] if "{version(" in text else []
        imports = [line for line in imports if line not in setup]
        parts = [setup, imports] if self.setup.startswith("from __future__") else [imports, setup]
        if parts[1] and not parts[1][0].startswith(("import ", "from ")):
            parts.insert(1, [""])
        return "\n".join([*(line for part in parts for line in part), "", *body]) + "\n"

    def call(self, count):
        """The lines that make one call, inside a loop."""
        statement = self.statement.replace(self.data, "data") if count.is_of_data else self.statement
        if not self.raises:
            return indented(statement, 1)
        return "    try:\n%s\n    except Exception:\n        pass" % indented(statement, 2)


def indented(statement, depth):
    """A statement inside a loop: its own lines, or a call of `exec` if to indent them would change a string."""
    lines, heads = textwrap.indent(statement.rstrip("\n"), depth * "    "), ""
    for level in range(depth):
        heads += level * "    " + "if 1:\n"
    try:
        body = ast.parse(heads + lines).body
        for _ in range(depth):
            body = body[0].body
        if dumped(body) == dumped(ast.parse(statement).body):
            return lines
    except SyntaxError:
        pass
    return "%sexec(%s)" % (depth * "    ", quoted(statement))


def one_per_line(source):
    """A source with one statement on each line, without the semicolons."""
    body = ast.parse(source).body
    if all(first.end_lineno < second.lineno for first, second in zip(body, body[1:])):
        return source.strip("\n")
    split = "\n".join(ast.get_source_segment(source, node) for node in body)
    try:
        is_same = dumped(ast.parse(split).body) == dumped(body)
    except SyntaxError:
        is_same = False  # a decorator was lost
    return split if is_same else source.strip("\n")


def packages(source):
    """By the name of each package that a source imports, the expression for its version."""
    found = {}
    for name in modules(source):
        package = distribution(name)
        if package:
            found[package] = "version(%r)" % package
        elif has_version(name):
            found[name] = "sys.modules[%r].__version__" % name
    return found


def modules(source):
    """The modules and packages that a source imports."""
    names = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update((alias.name.partition(".")[0], None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names[node.module.partition(".")[0]] = None
    return names


def dumped(body):
    return [ast.dump(node) for node in body]


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def module_of(expression):
    """The longest name of a module at the start of an expression, or nothing."""
    parts = re.match(r"[\w.]*", expression).group().split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name and name != "__main__" and imported(name):
            return name
    return ""


def imported(name):
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit):
        return None


def distribution(module):
    """The distribution that has installed a module, or nothing."""
    file = getattr(imported(module), "__file__", None) or ""
    if "-packages" not in file:
        return ""
    for found in metadata.distributions():
        names = (found.read_text("top_level.txt") or "").split()
        names += [str(path).partition("/")[0].partition(".")[0] for path in found.files or ()]
        if module in names:
            return found.metadata["Name"]
    return ""


def has_version(module):
    module = imported(module)
    file = getattr(module, "__file__", None) or ""
    is_standard = not file or file.startswith(sysconfig.get_path("stdlib") + os.sep)
    return not is_standard and isinstance(getattr(module, "__version__", None), str)
