# Run by gdb in its own Python: see native.py. ADDRESS is that of the object, whose first 32 bits are its count. BASE is
# an address in the stack: older frames are the same in each call. SIGNAL makes the process write its Python stack.

import ctypes
import json
import os
import re

import gdb

# The most frames of a stack that are recorded, and the most changes that are watched.
DEEP, MOST = 200, 5000
# Functions that keep an argument without changing its count, and the index of the argument.
STEALING = {"PyList_SetItem": 2, "PyTuple_SetItem": 2, "PyException_SetCause": 1, "Py_BuildValue": None}
# The registers of the first arguments.
ARGUMENTS = {"i386:x86-64": "rdi rsi rdx rcx r8 r9", "aarch64": "x0 x1 x2 x3 x4 x5 x6 x7"}
# Older C libraries do not have it. Then the lines of Python are not known.
tgkill = getattr(ctypes.CDLL(None), "tgkill", None)


class Record:
    """The changes of the count, in order. A stack is kept once."""

    def __init__(self):
        self.stacks = {}
        self.changes = []

    def note(self, change, stolen_by=None):
        """Note a change by the innermost frame, or by the call that steals. Return whether it sent the signal."""
        key = stolen_by, *(frame.pc() for frame in frames())
        is_new = key not in self.stacks
        if is_new:
            stack = [stolen_by, *map(described, frames()[1:])] if stolen_by else changed()
            self.stacks[key] = len(self.stacks), stack
            if tgkill is not None:
                # The thread handles it before its next instruction.
                tgkill(*gdb.selected_thread().ptid[:2], SIGNAL)
        self.changes.append((self.stacks[key][0], change, bool(stolen_by)))
        return is_new and tgkill is not None

    def is_full(self):
        return len(self.changes) >= MOST


def frames():
    """Return the frames of one call, the innermost first."""
    found, frame = [], gdb.newest_frame()
    while frame is not None and len(found) < DEEP and (not found or int(frame.read_register("sp")) < BASE):
        found.append(frame)
        frame = frame.older()
    return found


def changed():
    """Return the stack of the instruction that has just been executed. The next one may belong to another line."""
    pc = gdb.newest_frame().pc()
    gdb.execute("set var $pc = %d" % (pc - 1))
    try:
        return [described(frame) for frame in frames()]
    finally:
        gdb.execute("set var $pc = %d" % pc)


class Count(gdb.Breakpoint):
    def __init__(self):
        super().__init__("*(unsigned int *) %d" % ADDRESS, gdb.BP_WATCHPOINT, gdb.WP_WRITE)
        self.silent = True
        self.last = self.read()

    def read(self):
        return int.from_bytes(bytes(gdb.selected_inferior().read_memory(ADDRESS, 4)), "little")

    def stop(self):
        now = self.read()
        change, self.last = now - self.last, now
        record.note(change)
        return record.is_full()


class Stealing(gdb.Breakpoint):
    """Notes that a caller gives its reference to the object away."""

    def __init__(self, function, registers):
        super().__init__("*" + function)
        self.silent = True
        self.function, self.registers = function, registers
        self.calls, self.is_again = 0, False

    def stop(self):
        if self.is_again:
            # After the signal, the process stops here once more.
            self.is_again = False
            return False
        self.calls += 1
        self.enabled = self.calls < MOST
        frame = gdb.newest_frame()
        arguments = [int(frame.read_register(name)) & (1 << 64) - 1 for name in self.registers]
        index, call = STEALING[self.function], described(frame)
        if index is None:
            index, call = self.formatted(arguments, call)
        if ADDRESS in arguments[index:index + 1]:
            self.is_again = record.note(-1, call)
        return record.is_full()

    def formatted(self, arguments, call):
        """Return the index of an argument of Py_BuildValue that is the object and has the code N, and the call."""
        text = gdb.selected_inferior().read_memory(arguments[0], 64).tobytes().split(b"\0")[0].decode(errors="replace")
        # Each of the other characters has an argument. Those of floats are in other registers.
        codes = " " + re.sub(r"[()\[\]{},:\sdf]", "", text)
        pairs = enumerate(zip(codes, arguments))
        index = next((index for index, (code, argument) in pairs if code == "N" and argument == ADDRESS), 0)
        # A function that ends with this call may have left the stack, but the format is in its library.
        library, caller = gdb.solib_name(arguments[0]), gdb.newest_frame().older()
        is_gone = library is not None and library != gdb.solib_name(caller.pc())
        return index, ('%s("%s")' % (self.function, text), library if is_gone else call[1], "", 0)


def described(frame):
    """Return the function, library, file and line of a frame."""
    pc = frame.pc()
    library = gdb.solib_name(pc) or gdb.current_progspace().filename or ""
    function, place = frame.name(), frame.find_sal()
    file = place.symtab.filename if place.symtab is not None else ""
    return function or "%#x" % (pc - start(library)), library, file, place.line


def start(library):
    """Return where a library is loaded."""
    if library not in start.known:
        start.known[library] = 0
        with open("/proc/%d/maps" % gdb.selected_inferior().pid) as maps:
            for line in maps:
                if line.rstrip().endswith(library):
                    start.known[library] = int(line.split("-")[0], 16)
                    break
    return start.known[library]


start.known = {}

gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("handle SIGTRAP stop print nopass", to_string=True)
gdb.execute("handle SIG%d nostop noprint pass" % SIGNAL, to_string=True)
record, count = Record(), Count()
if count.type != gdb.BP_HARDWARE_WATCHPOINT:
    raise gdb.GdbError("no hardware watchpoint")
registers = ARGUMENTS.get(gdb.newest_frame().architecture().name(), "").split()
watched = [count]
for function in STEALING if registers else ():
    try:
        watched.append(Stealing(function, registers))
    except gdb.error:
        # Python has no symbols.
        pass
os.write(1, b"refsoak: ready\n")
gdb.execute("continue", to_string=True)
stacks = [
    [dict(zip(("function", "library", "file", "line"), frame)) for frame in stack]
    for _, stack in record.stacks.values()
]
found = {"is_hot": record.is_full(), "stacks": stacks, "changes": record.changes}
for breakpoint in watched:
    breakpoint.delete()
gdb.execute("detach", to_string=True)
os.write(1, b"refsoak: %s\n" % json.dumps(found).encode())
