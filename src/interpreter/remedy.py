"""Finds the command that installs NumPy for this Python."""

import os
import sys
from importlib.util import find_spec
from shlex import quote


def install_numpy():
    """Return the shell command, which depends on where this Python came from."""
    python = quote(sys.executable)
    pip = python + " -m pip install numpy"
    has_pip = find_spec("pip") is not None
    if sys.prefix != sys.base_prefix:  # an environment
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), errors="replace") as settings:
            if not has_pip and "\nuv = " in settings.read():
                return f"uv pip install --python {python} numpy"
    elif sys.prefix == "/usr" and os.path.exists("/usr/bin/apt"):
        return "apt install python3-numpy"
    elif os.path.exists(os.path.join(os.path.dirname(os.__file__), "EXTERNALLY-MANAGED")):
        return f"{python} -m venv .venv && .venv/bin/pip install numpy, and activate that environment"
    return pip if has_pip else f"{python} -m ensurepip && {pip}"
