"""The parent of a child process that soaks: it listens, and a death is a verdict."""

import json
import os
import signal
import socket
import sys
import time
import traceback

from refsoak import Report, _native, run

# How long a call may take before the child is killed, in seconds; or this many times as long as the first one.
LONGEST, TIMES = float(os.environ.get("REFSOAK_LONGEST_CALL", 60)), 20
# The exit status of a child that cannot reach its parent.
CUT_OFF = 97


def soak_in_child(call, settings):
    """Fork a child that soaks a function, and return its report."""
    for stream in sys.stdout, sys.stderr:
        if stream is not None:
            stream.flush()  # or the child would print it too
    ours, theirs = socket.socketpair()
    begun = time.monotonic()
    process = os.fork()
    if process == 0:
        status = CUT_OFF
        try:
            ours.close()
            os.setpgid(0, 0)
            os.dup2(theirs.fileno(), 0)
            send(theirs, {"type": "first", "seconds": 0})
            report = run(call, **settings, sends=True)
            send(theirs, {"type": "soak", "text": str(report), "json": report.json()})
            status = 0
        except BaseException:
            send(theirs, {"type": "raised", "text": traceback.format_exc()})
        finally:
            os._exit(status)
    theirs.close()
    try:
        lines, status, hangs = listen(ours, process)
    finally:
        ours.close()
        kill(process)
    others = []
    for kind, message, line in messages(lines):
        if kind == "soak":
            return Report(message["text"], message["json"])
        if kind == "raised":
            raise RuntimeError("in the child process:\n" + message["text"])
        others.append(line)
    return death(others, status, hangs, time.monotonic() - begun, "the function")


def messages(lines):
    """Yield each message of a child: its kind, the message, and its line."""
    for line in lines:
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            continue  # what was called wrote to the socket
        yield kind, message, line


def death(messages, status, hangs, seconds, what):
    """The report on a child that sent none."""
    report = Report(*_native.death([messages, status, float(seconds)]))
    if hangs:
        summary = "a call did not end within %g seconds, so its process was killed" % hangs
    elif os.WIFEXITED(status) and os.WEXITSTATUS(status) == CUT_OFF:
        summary = what + " has closed the socket to its parent"
    else:
        return report
    record = {**report.record, "summary": summary}
    return Report("%s: %s\n" % (report.verdict, summary), json.dumps(record))


def send(to, message):
    data = json.dumps(message, default=str).encode() + b"\n"
    to.sendall(data)


def listen(ours, process):
    """Return the lines that the child sends, its exit status, and after how many seconds it was killed, if it was."""
    data, status, hangs = bytearray(), None, 0
    limit, last = None, time.monotonic()
    ours.settimeout(0.05)
    while True:
        try:
            received = ours.recv(1 << 16)
        except socket.timeout:
            received = None
        except OSError:
            received = b""  # the child ended before it had read everything
        if received:
            last = time.monotonic()
            data += received
            if limit is None and b'"first"' in data:
                lines = [json.loads(line) for line in data.splitlines() if line.startswith(b'{"type": "first"')]
                limit = max(LONGEST, TIMES * lines[0]["seconds"]) if lines else None
            continue
        if status is not None:
            break  # it has ended, and everything that it sent was received
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            status = code
        elif limit is not None and time.monotonic() - last > limit:
            hangs = limit
            os.kill(process, signal.SIGKILL)
            last = float("inf")
        elif received == b"":
            time.sleep(0.001)  # the socket is closed, but the process goes on
    return data.decode(errors="replace").splitlines(), status, hangs


def kill(process):
    """End what the child has started, and the child itself after Ctrl-C."""
    try:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except OSError:
        pass  # there is nothing left
