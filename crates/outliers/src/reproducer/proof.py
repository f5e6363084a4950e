"""Makes a script that shows a leak in plain Python, and runs it. `mod.rs` starts this, after `source.py`.

stdin has one JSON object: the report, the source that was soaked, the name of the script, and that of a file for it
while it is tried. Prints another: the script, or why there is none.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

# A run of the script may take so many seconds, and all its calls about so many.
LIMIT, USUAL = 40, 20
# What all calls may take: bytes of memory, or references, files and the like of which there are few.
MOST_BYTES, FEW = 1 << 28, 100
# How much must grow between two lines.
LEAST, LEAST_BYTES = 10, 1 << 20

LISTED = 'len(os.listdir("%s"))'
RESOURCES = {
    "files": (LISTED % "/proc/self/fd", "open files"),
    "threads": (LISTED % "/proc/self/task", "threads"),
    "shared_memory": (LISTED % "/dev/shm", "segments of shared memory"),
    "mappings": ('len(open("/proc/self/maps").readlines())', "mapped files"),
    "children": ('len(open("/proc/thread-self/children").read().split())', "child processes"),
}
BLOCKS = {"blocks": ("sys.getallocatedblocks()", "blocks of memory"),
          "tracked": ("len(gc.get_objects())", "objects that the collector tracks")}
RESIDENT = 'int(open("/proc/self/statm").read().split()[1]) * mmap.PAGESIZE // 1024'
BYTES = ("c_heap", "rust_heap", "outside_malloc")


class Refused(Exception):
    """Why there is no script."""


class Count:
    """What the script prints: an expression, its unit, and by how much it grows per call."""

    def __init__(self, expression, unit, rate, most=float("inf"), least=LEAST, module="", spared="", is_of_data=False):
        self.expression, self.unit, self.rate = expression, unit, rate
        # Between two lines, how much may grow and how much should.
        self.most, self.least = most, least
        # The module to import for it, the object that needs spare references, and whether that is the argument.
        self.module, self.spared, self.is_of_data = module, spared, is_of_data

    def __str__(self):
        if self.rate is None:
            return "Crash"
        return "%s: %s" % ("Leak" if self.rate > 0 else "Over-release", self.unit)

    def step(self, report):
        """Return after how many calls the script prints a line."""
        calls = max(report["calls"] + (report.get("warm_up") or 0), 1)
        if self.rate is None:
            return calls if "signal" in report else 1000  # the soak has died after so many
        resident = report["resident"]
        bytes_per_call = ((resident["last"] or 0) - (resident["first"] or 0)) / calls
        rate, step = abs(self.rate), 1000
        while step * rate < self.least and step < 10 ** 6:
            step *= 10
        while step > 10 and (step * rate > self.most or 4 * step * bytes_per_call > MOST_BYTES
                             or 4 * step * report["seconds"] / calls > USUAL):
            step //= 10
        return step


def counts(report, source):
    """Yield what may show the leak, the closest count first."""
    wanted = "over-release" if report["verdict"] == "over-release" else "leak"
    rates = {row["name"]: row["per_call"] for row in report["counters"] if row["finding"] == wanted}
    rows = [row for row in report["references"] if row.get("finding") == wanted]
    if wanted == "over-release":
        if report["arguments"]:
            yield Count("sys.getrefcount(data)", "references to data", -1, FEW, spared="data", is_of_data=True)
            yield Count("sum(map(sys.getrefcount, data))", "references to items of data", -1, FEW, spared="*data",
                        is_of_data=True)
        for row in rows:
            yield from references(row, source, spared=True)
    for name, (expression, unit) in RESOURCES.items():
        if name in rates:
            yield Count(expression, unit, rates[name], most=FEW)
    for row in report.get("items", ()):
        expression, module = source.expression(row)
        if row["finding"] == wanted and expression:
            yield Count("len(%s)" % expression, "items in " + expression, row["per_call"], module=module)
    for name, (expression, unit) in BLOCKS.items():
        if name in rates:
            yield Count(expression, unit, rates[name])
    if wanted == "leak":
        for row in sorted(rows, key=lambda row: row["counter"] == "types"):
            yield from references(row, source)
    grown = sum(rates.get(name, 0) for name in BYTES)
    if grown:
        yield Count(RESIDENT, "KiB of resident memory", grown / 1024, least=LEAST_BYTES / 1024)
    if "signal" in report or wanted == "over-release":
        yield Count(None, "calls", None)


def references(row, source, spared=False):
    """Yield counts of the references to an object."""
    (expression, module), rate = source.expression(row), row["per_call"]
    most = FEW if spared else float("inf")
    if expression:
        # An expression for a key is hard to read.
        name = shown(row["object"].partition(" ")[2]) if expression.startswith("list(") else expression
        yield Count("sys.getrefcount(%s)" % expression, "references to " + name, rate, most, module=module,
                    spared=expression if spared else "")
    # No variable leads to it: all objects of its type that the collector tracks, or to which these lead.
    kind = shown(row["object"].split(" ")[0])
    for things in "gc.get_objects()", "{id(x): x for x in gc.get_referents(*gc.get_objects())}.values()":
        found = "for x in %s if type(x).__name__ == %s" % (things, quoted(kind.rpartition(".")[2]))
        yield Count("sum(sys.getrefcount(x) %s)" % found, "references to objects of type " + kind, rate, most)


def shown(text):
    """A `repr` or the name of a type, as it would be in the script."""
    text = re.sub(r" at 0x[0-9a-f]+(\.\.\.)?", "", text).replace("__soak__.", "")
    return "".join(character if character.isprintable() else "?" for character in text)


def run(script, draft):
    """Run a script. Return what it printed, and its exit status; None if it did not end."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    with open(draft, "x", encoding="utf-8") as file:
        file.write(script)
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            process = subprocess.Popen([sys.executable, draft], env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=error, start_new_session=True)
            try:
                status = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it has ended, and all that it started
                process.wait()
            return read(out), read(error), status
    finally:
        os.remove(draft)


def read(file):
    file.seek(0)
    return file.read().decode(errors="replace").splitlines()


CRASHES = [-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)]


def proof(count, step, script, draft):
    """Run a script, and return the lines that prove the leak. Raise `Refused` if they do not."""
    out, error, status = run(script, draft)
    lines = [line for line in out if re.match(r"\d+ calls", line)]
    printed = [line for line in out if line.startswith("Python ")][:1] + lines
    if status is None:
        raise Refused("the script did not end within %d seconds" % LIMIT)
    # With spare references, another object is to blame.
    if status in CRASHES and not count.spared and (count.rate is None or count.rate < 0):
        return printed + ["and then it died by " + signal.Signals(-status).name]
    if status:
        raise Refused("the script failed: " + (error or ["status %d" % status])[-1])
    if count.rate is None:
        raise Refused("the script did not die in %d calls" % (4 * step))
    numbers = [int(line.split()[2]) for line in lines]
    sign = 1 if count.rate > 0 else -1
    steps = [sign * (after - before) for before, after in zip(numbers, numbers[1:])]
    if len(steps) != 3 or min(steps) <= 0 or sum(steps) < 3 * step * abs(count.rate) / 2:
        raise Refused("in plain Python, the number of %s does not %s with the calls: %s" % (
            count.unit, "grow" if sign > 0 else "fall", "; ".join(lines) or "nothing was printed"))
    return printed


def reproducer(asked):
    """Return the script that shows the leak, with what it printed."""
    report, source = asked["report"], Source(asked["source"], os.path.dirname(asked["draft"]))
    name = os.path.splitext(os.path.basename(asked["file"]))[0]
    refused = Refused("no count of plain Python shows what grows")
    begun = time.monotonic()
    for index, count in enumerate(counts(report, source)):
        if time.monotonic() - begun > LIMIT:
            break
        step = count.step(report)
        script = source.script(count, step, report["verdict"] != "leak")
        if name in modules(script):
            raise Refused("a script of this name would hide the module that it imports: choose another name")
        try:
            printed = proof(count, step, script, asked["draft"])
        except Refused as error:
            refused = error if index == 0 else refused
            continue
        title = "# %s. This script printed:" % count
        return "\n".join([title, *("#   " + line for line in printed), script])
    raise refused


def main():
    asked = json.load(sys.stdin)
    # As for a script in that directory.
    sys.path[0] = os.path.dirname(os.path.abspath(asked["draft"]))
    try:
        answer = {"script": reproducer(asked)}
    except Refused as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))


main()
