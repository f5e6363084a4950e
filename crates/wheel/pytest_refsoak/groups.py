"""What a test leaks, in words, and which tests leak the same."""

import collections
import os
import re

# What keeps frames alive also keeps whatever their variables refer to, so these explain everything else that grows.
KEPT_BY_EXCEPTIONS = {"traceback", "frame"}
# The most objects in the title of a group.
MOST_NAMED = 3
EXCEPTIONS = "exceptions that nothing releases, with their tracebacks and frames"


class Evidence:
    """What grows in a test: objects, containers, lines, and types of objects."""

    def __init__(self, test, found):
        record = found.get("record") or {}
        self.file = os.path.basename(test.partition("::")[0])
        self.objects, self.own_objects = [], []
        for row in filter(is_fault, record.get("references", [])):
            # A test module may have imported it.
            is_own = self.is_test(code_file(row["object"]) or module_file(row.get("variable") or ""))
            name = "references to " + without_address(row["object"])
            if row.get("variable") and not row["object"].startswith("type "):
                name += ", which is " + row["variable"]  # other objects may look the same
            (self.own_objects if is_own else self.objects).append(name)
        # Their rows in `items` have the same order; other containers follow.
        uneven = {index for index, row in enumerate(record.get("items", [])) if not is_fault(row)}
        self.containers = [without_address(text.partition(": ")[0])
                           for index, text in enumerate(record.get("containers", [])) if index not in uneven]
        # By line: its code.
        self.lines, self.own_lines, self.kinds = {}, {}, []
        for text in record.get("grown", []):
            match = re.match(r"(.+?:\d+): [+-].*? per call[^:]*: ?(.*)", text)
            if match:
                line, code = match.groups()
                lines = self.own_lines if self.is_test(os.path.basename(line.rpartition(":")[0])) else self.lines
                lines.setdefault(shorter(line), code)
            elif " of type " in text:
                self.kinds.append(text.partition(" of type ")[2].partition(" per call")[0])
        counters = [row["name"] for row in filter(is_fault, record.get("counters", []))]
        self.rest = ", ".join(counters) or record.get("summary", found["verdict"])

    def is_test(self, file):
        return bool(file) and (file == self.file or re.match(r"(test_.*|.*_test|conftest)\.py$", file) is not None)

    def cause(self):
        """Return what grows, preferably outside the test itself."""
        if KEPT_BY_EXCEPTIONS.intersection(self.kinds):
            return EXCEPTIONS
        for names in self.objects, self.containers, list(self.lines), self.own_objects:
            if names:
                return names[0]
        if self.kinds:
            return "objects of type " + self.kinds[0]
        return next(iter(self.own_lines), self.rest)


class Group:
    """Tests that leak the same."""

    def __init__(self, verdict, cause):
        self.verdict, self.cause = verdict, cause
        self.results, self.evidence = [], []
        self.objects = collections.Counter()
        self.lines, self.codes = collections.Counter(), {}

    def add(self, test, found, evidence):
        self.results.append((test, found))
        self.evidence.append(evidence)
        self.objects.update(evidence.objects)
        if ": the same as in " in found.get("text", "").partition("\n")[0]:
            return  # these lines are the other test's
        for line, code in evidence.lines.items() or evidence.own_lines.items():
            self.lines[line] += 1
            self.codes[line] = code

    def is_of_objects(self):
        return self.cause in self.objects

    def join(self, other):
        """Add the tests of another group."""
        for (test, found), evidence in zip(other.results, other.evidence):
            self.add(test, found, evidence)

    def __str__(self):
        text = "%s: %s" % (self.verdict, self.cause)
        if self.is_of_objects():
            # The object that most tests leak comes first.
            names = [name for name, _ in self.objects.most_common()]
            text = "%s: %s" % (self.verdict, ", ".join([names[0], *(name.replace("references to ", "to ")
                                                                    for name in names[1:MOST_NAMED])]))
            if len(names) > MOST_NAMED:
                text += " and to %d more" % (len(names) - MOST_NAMED)
        for line, _ in self.lines.most_common(1):
            code = self.codes[line]
            text += "%s%s" % ("" if line == self.cause else ", at " + line, ": " + code if code else "")
        more = len(self.lines) - 1
        return text + ("; and at %d more line%s" % (more, "s" if more > 1 else "") if more > 0 else "")


def groups(results):
    """Group tests, given with what was found in each, by what they leak; the largest group comes first.

    Tests that leak references to the same object are one group, also if each leaks references to others too.
    """
    found_groups = {}
    for test, found in results:
        if found["verdict"] in ("leak", "over-release", "died"):
            evidence = Evidence(test, found)
            key = found["verdict"], evidence.cause()
            found_groups.setdefault(key, Group(*key)).add(test, found, evidence)
    joined = []
    for group in found_groups.values():
        if group.is_of_objects():
            same = [other for other in joined if other.verdict == group.verdict and other.is_of_objects()
                    and other.objects.keys() & group.objects.keys()]
            for other in same:
                other.join(group)
                joined.remove(other)
                group = other
        joined.append(group)
    return sorted(joined, key=lambda group: -len(group.results))


def is_fault(row):
    """Return whether a row of a record is a fault. After a death, no row has a finding."""
    return row.get("finding", "leak") in ("leak", "over-release")


def module_file(variable):
    """`test_a.py` of `test_a.KEPT`."""
    return variable.partition(".")[0] + ".py" if variable else ""


def code_file(thing):
    """The file of a function's code or of a class, as far as its repr shows it."""
    match = re.search(r'([^/"]+\.py)", line', thing) or re.search(r"<class '(?:[\w.]+\.)?(\w+)\.[\w.<>]+'>", thing)
    return "" if match is None else match.group(1) if match.group(1).endswith(".py") else match.group(1) + ".py"


def without_address(thing):
    return re.sub(r" at 0x[0-9a-f]+(\.\.\.)?", "", thing)


def shorter(line):
    """A line's file as one imports it, or relative to the current directory."""
    line = line.rpartition("-packages/")[2]
    here = os.getcwd() + os.sep
    return line[len(here):] if line.startswith(here) else line
