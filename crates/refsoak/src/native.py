"""Watches the reference count of an object with gdb, and names the C functions that change it.

gdb attaches to this process. It sets a hardware watchpoint on the count, so the process runs at full speed between two
changes. `native_gdb.py` is what gdb runs, and `native_pairs.py` judges what it saw.
"""

import ctypes
import faulthandler
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

from _refsoak_native_pairs import changes, named

# How long gdb may take to answer, in seconds: it reads the symbols of all libraries.
PATIENCE = 60
# Linux: any process of this user may attach to this one.
PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, ctypes.c_ulong(-1)
# gdb sends it to make this process write its Python stack. Programs seldom use it.
SIGNAL = signal.SIGRTMAX - 11


class Refused(Exception):
    """Why the C code cannot be watched, and what to do."""


def attach(what):
    """Begin to watch. `what` is the address of a thing, a base of the stack, and the source of `native_gdb.py`."""
    global gdb, errors, lines, ignored
    address, base, source = what
    program = shutil.which("gdb")
    if program is None:
        raise Refused("none, because there is no gdb: install it, for example with apt install gdb")
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    errors, lines = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    with tempfile.NamedTemporaryFile("w", suffix=".py", prefix="refsoak-") as script:
        script.write("ADDRESS, BASE, SIGNAL = %d, %d, %d\n%s" % (address, base, SIGNAL, source))
        script.flush()
        arguments = [program, "-nx", "-q", "-batch", "-p", str(os.getpid()), "-x", script.name]
        # gdb would ask a server for debug information.
        environment = {**os.environ, "DEBUGINFOD_URLS": ""}
        gdb = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                               env=environment)
        faulthandler.register(SIGNAL, lines, all_threads=False)
        # gdb stops this process here, and continues it once the watchpoint is set.
        if answer() != "ready":
            faulthandler.unregister(SIGNAL)
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
            answers = [line for line in data.split(b"\n")[:-1] if line.startswith(b"refsoak: ")]
            if answers:
                return answers[0][len(b"refsoak: "):].decode()
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
    faulthandler.unregister(SIGNAL)
    if not found:
        return ["none, because gdb ended early"]
    found = json.loads(found)
    if found["is_hot"]:
        return ["none, because the count changes too often: %d changes were watched" % len(found["changes"])]
    return named(changes(found["stacks"], found["changes"], called_from()), calls[0])


def called_from():
    """Return the line of Python for each stack, as far as known."""
    lines.seek(0)
    stacks = lines.read().decode(errors="replace").split("Stack (most recent call first):\n")[1:]
    lines.close()
    found = [re.match(r'  File "(.*)", line (\d+) in ', stack) for stack in stacks]
    return [line and "%s:%s" % (os.path.basename(line[1]), line[2]) for line in found]
