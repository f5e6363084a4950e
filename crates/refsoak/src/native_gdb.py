# Run by gdb in its own Python: see native.py. ADDRESS is that of the object, whose first 32 bits are its count.

import json
import os

import gdb

# The most frames of a stack that are recorded, and the most changes that are watched.
DEEP, MOST = 24, 5000


class Count(gdb.Breakpoint):
    def __init__(self):
        super().__init__("*(unsigned int *) %d" % ADDRESS, gdb.BP_WATCHPOINT, gdb.WP_WRITE)
        self.silent = True
        self.stacks = {}
        self.changes = 0
        self.last = self.read()

    def read(self):
        return int.from_bytes(bytes(gdb.selected_inferior().read_memory(ADDRESS, 4)), "little")

    def stop(self):
        now = self.read()
        change, self.last = now - self.last, now
        frame, stack = gdb.newest_frame(), []
        while frame is not None and len(stack) < DEEP:
            stack.append(described(frame))
            frame = frame.older()
        row = self.stacks.setdefault(tuple(stack), [0, 0])
        row[change < 0] += abs(change)
        self.changes += 1
        return self.changes >= MOST


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
count = Count()
if count.type != gdb.BP_HARDWARE_WATCHPOINT:
    raise gdb.GdbError("no hardware watchpoint")
os.write(1, b"refsoak: ready\n")
gdb.execute("continue", to_string=True)
stacks = [
    [[dict(zip(("function", "library", "file", "line"), frame)) for frame in stack], *row]
    for stack, row in count.stacks.items()
]
found = {"is_hot": count.changes >= MOST, "changes": count.changes, "stacks": stacks}
count.delete()
gdb.execute("detach", to_string=True)
os.write(1, b"refsoak: %s\n" % json.dumps(found).encode())
