"""The parent of a child process that soaks: it listens, and a death is a verdict."""

import json
import os
import signal
import socket
import sys
import time
import traceback

from refsoak import Report, _native, run

# How long a call may take before the child is killed, in seconds; or this many times as long as the first one. The time
# for which it waits for a processor does not count.
LONGEST, TIMES = float(os.environ.get("REFSOAK_LONGEST_CALL", 60)), 20
PERIOD = 0.05  # how often the parent looks at its child, in seconds
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
        lines, hangs = listen(ours, process)
    finally:
        ours.close()
        status = end(process)
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
        summary = "a call did not end within %.3g seconds, so its process was killed" % hangs
        first = next((message.get("seconds") for message in map(json.loads, messages) if message["type"] == "first"), 0)
        if first:  # a test; what `refsoak.soak` calls is not run before the soak
            summary += "; the first call took %.2g seconds" % first
    elif os.WIFEXITED(status) and os.WEXITSTATUS(status) == CUT_OFF:
        summary = what + " has closed the socket to its parent"
    else:
        return report
    record = {**report.record, "summary": summary}
    return Report("%s: %s\n" % (report.verdict, summary), json.dumps(record))


def send(to, message):
    data = json.dumps(message, default=str).encode() + b"\n"
    to.sendall(data)


class Silence:
    """For how many seconds a child has sent nothing."""

    def __init__(self, process):
        self.process, self.used = process, 0
        self.end()

    def end(self):
        self.seconds, self.looked = 0, time.monotonic()

    def go_on(self):
        works, used = map(float, _native.activity([self.process]))
        now = time.monotonic()
        # Several threads use more time than passes; and this process may have been late too, while both waited for a
        # processor.
        self.seconds += min(used - self.used if works else 2 * PERIOD, now - self.looked)
        self.looked, self.used = now, used


def listen(ours, process):
    """Return the lines that the child sends, and after how many seconds it was killed, if it was."""
    data, has_ended, hangs = bytearray(), False, 0
    limit, silence = None, Silence(process)
    ours.settimeout(PERIOD)
    while True:
        try:
            received = ours.recv(1 << 16)
        except socket.timeout:
            received = None
        except OSError:
            received = b""  # the child ended before it had read everything
        if received:
            silence.end()
            data += received
            if limit is None and b'"first"' in data:
                lines = [json.loads(line) for line in data.splitlines() if line.startswith(b'{"type": "first"')]
                limit = max(LONGEST, TIMES * lines[0]["seconds"]) if lines else None
            continue
        if has_ended:
            break  # everything that it sent was received
        # It keeps its number until `end` waits for it.
        has_ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        silence.go_on()
        if has_ended:
            continue
        if limit is not None and silence.seconds > limit and not hangs:
            hangs = limit
            os.kill(process, signal.SIGKILL)
        elif received == b"":
            time.sleep(0.001)  # the socket is closed, but the process goes on
    return data.decode(errors="replace").splitlines(), hangs


def end(process):
    """End the child after Ctrl-C, and what it has started; return its status.

    A number may belong to another process or group only after the wait.
    """
    for kill in os.killpg, os.kill:
        try:
            kill(process, signal.SIGKILL)
        except OSError:
            pass  # it leads no group
    return os.waitpid(process, 0)[1]
