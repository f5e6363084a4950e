"""Watches the reference count of an object with gdb, and names the C functions that change it.

gdb attaches to this process. It sets a hardware watchpoint on the count, so the process runs at full speed between two
changes. `native_gdb.py` is what gdb runs.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

# The most functions that are named.
MOST = 3
# How long gdb may take to answer, in seconds: it reads the symbols of all libraries.
PATIENCE = 60
# Linux: any process of this user may attach to this one.
PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)


class Refused(Exception):
    """Why the C code cannot be watched, and what to do."""


def attach(what):
    """Begin to watch a thing. `what` is the thing and the source of `native_gdb.py`."""
    global gdb, errors, ignored
    thing, source = what
    program = shutil.which("gdb")
    if program is None:
        raise Refused("none, because there is no gdb: install it, for example with apt install gdb")
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    errors = tempfile.TemporaryFile()
    with tempfile.NamedTemporaryFile("w", suffix=".py", prefix="refsoak-") as script:
        script.write("ADDRESS = %d\n%s" % (id(thing), source))
        script.flush()
        arguments = [program, "-nx", "-q", "-batch", "-p", str(os.getpid()), "-x", script.name]
        # gdb would ask a server for debug information.
        environment = {**os.environ, "DEBUGINFOD_URLS": ""}
        gdb = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                               env=environment)
        # gdb stops this process here, and continues it once the watchpoint is set.
        if answer() != "ready":
            raise Refused(refusal())
    # Even an ignored signal stops a traced process.
    ignored = signal.signal(signal.SIGTRAP, signal.SIG_IGN)
    return []


def answer():
    """Return the next line that the script sends, or nothing if gdb ends or takes longer than PATIENCE."""
    data = b""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([gdb.stdout], [], [], 1)[0]:
            # The rest of a line may come later.
            received = os.read(gdb.stdout.fileno(), 1 << 16)
            data += received
            lines = [line for line in data.split(b"\n")[:-1] if line.startswith(b"refsoak: ")]
            if lines:
                return lines[0][len(b"refsoak: "):].decode()
            if not received:
                break
    gdb.kill()
    return ""


def refusal():
    gdb.wait()
    errors.seek(0)
    text = errors.read().decode(errors="replace")
    if "ptrace" in text or "not permitted" in text:
        return ("none, because gdb may not attach to this process: allow it, for example in a container "
                "with --cap-add SYS_PTRACE")
    if "watchpoint" in text:
        return "none, because this machine has no hardware watchpoints"
    return "none, because gdb failed: " + (text.strip().splitlines() or ["no reason given"])[-1]


def detach(calls):
    """Stop watching, and return a line for each C function. `calls` has the number of calls."""
    os.kill(os.getpid(), signal.SIGTRAP)
    signal.signal(signal.SIGTRAP, ignored)
    found = answer()
    gdb.stdout.close()
    gdb.wait()
    errors.close()
    if not found:
        return ["none, because gdb ended early"]
    found = json.loads(found)
    if found["is_hot"]:
        return ["none, because the count changes too often: %d changes were watched" % found["changes"]]
    return named(found["stacks"], calls[0])


def named(stacks, calls):
    """Return a line for each function that does not release what it takes, the most likely one first."""
    functions = {}
    for stack, up, down in stacks:
        frame = site(stack)
        row = functions.setdefault((frame["function"], frame["library"]), [0, 0, {}])
        row[0] += up
        row[1] += down
        places = row[2]
        place = frame["file"] and "%s:%d" % (os.path.basename(frame["file"]), frame["line"])
        places[place] = places.get(place, 0) + up - down
    total = sum(up - down for up, down, _ in functions.values())
    sign = 1 if total > 0 else -1
    rows = [(name, row) for name, row in functions.items() if (row[0] - row[1]) * sign > 0]
    # A function that takes and releases, but not equally often, is more likely at fault than one that only takes, which
    # may hand the reference over.
    rows.sort(key=lambda row: (not (row[1][0] and row[1][1]), -abs(row[1][0] - row[1][1])))
    lines = []
    for (function, library), (up, down, places) in rows[:MOST]:
        place = max(places, key=lambda place: places[place] * sign) or os.path.basename(library)
        lines.append("%s per call in %s (%s)" % (
            " ".join("%+.4g" % (number / calls) for number in (up, -down) if number), function, place))
    return lines


def site(stack):
    """Return the innermost frame outside of Python itself; or else the innermost one that is not its interpreter loop."""
    stack = [frame for frame in stack if not is_counting(frame["function"])] or stack
    others = [frame for frame in stack if not is_python(frame["library"])]
    own = [frame for frame in stack if not frame["function"].startswith(("_PyEval", "_Py_", "Py_"))]
    return (others or own or stack)[0]


def is_counting(function):
    """Return whether a function only changes counts, like Py_INCREF."""
    return function.lstrip("_").startswith("Py_") and function.endswith(("INCREF", "DECREF", "NewRef", "SETREF", "CLEAR"))


def is_python(library):
    name = os.path.basename(library)
    return name.startswith(("libpython", "libffi", "libc.", "libc-")) or library == PYTHON


PYTHON = os.path.realpath("/proc/self/exe")
