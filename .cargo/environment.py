"""Makes sure that the program will start with a Python that has NumPy.

The runner beside this file runs it with the interpreter of the build. The program chooses an activated
environment first, then the private one in the directory that the argument names, then the interpreter of the
build. If that choice has no NumPy, this script prepares the private environment, once, and prints its interpreter.
The program finds it by itself only if no other environment is activated, and if no other user could have
replaced it. The script never changes another environment.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "pyoutliers" / "requirements.txt"

# As the build script writes it: a free-threaded Python has its own packages.
VERSION = "{}.{}.{}".format(*sys.version_info[:3]) + ("t" if "t" in sys.abiflags else "")

# Succeeds in a Python of the same minor version that finds NumPy, also on PYTHONPATH (the arguments). Like every
# Python here, it runs isolated, so that no code from the current directory runs.
HAS_NUMPY = """
import os, site, sys
from importlib.machinery import PathFinder
path = sys.argv[1:] + sys.path
if sys.prefix == sys.base_prefix and not os.environ.get("PYTHONNOUSERSITE"):
    path.append(site.getusersitepackages())
same = (*sys.version_info[:2], sys.abiflags) == ({}, {}, {!r})
sys.exit(not same or PathFinder.find_spec("numpy", path) is None)
""".format(*sys.version_info[:2], sys.abiflags)


def say(message):
    print("outliers: " + message, file=sys.stderr, flush=True)


def has_numpy(python):
    path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    try:
        return subprocess.run([python, "-I", "-c", HAS_NUMPY, *path], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def activated():
    """The variable and interpreter of the activated environment that the program would choose, if any."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = os.environ.get(variable)
        if prefix and (variable == "VIRTUAL_ENV" or os.path.exists(prefix + "/bin/python")):
            return variable, prefix + "/bin/python"
    return None


def run(remedy, *command):
    """Runs a step of the preparation quietly. If it fails, the error says why, and what to do."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if line.startswith(("ERROR", "Error"))]
        reason = errors[0] if errors else " ".join(done.stdout.split("\n\n")[0].split())
        raise RuntimeError("{}; {}".format(reason.rstrip(".") or "no reason given", remedy))


def prepare(directory):
    """Makes the private environment, unless it is ready."""
    # The first line proves to the program that it was made here, and for this checkout.
    wanted = os.fsencode("{}\n{}\n{}".format(directory, sys.executable, REQUIREMENTS.read_text()))
    ready = directory / "outliers-ready"

    def is_ready():
        return ready.exists() and ready.read_bytes() == wanted

    if is_ready():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    with open(str(directory) + ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that prepares " + str(directory))
            fcntl.flock(lock, fcntl.LOCK_EX)
        if is_ready():
            return
        say("Python {} has no NumPy; preparing a private environment, once: {}".format(VERSION, directory))
        run("install Python's venv, for example with apt install python3-venv",
            sys.executable, "-I", "-m", "venv", "--clear", str(directory))
        run("connect to the network, or name a Python that has NumPy: OUTLIERS_PYTHON=/path/to/python",
            str(directory / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "--retries", "1",
            "--disable-pip-version-check", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS))
        ready.write_bytes(wanted)


def main():
    # The path that build.rs records for the program.
    directory = Path(sys.argv[1]).resolve() / ("python-" + VERSION)
    environment = activated()
    if environment and has_numpy(environment[1]):
        return
    if not environment and not (directory / "outliers-ready").exists() and has_numpy(sys.executable):
        return
    try:
        prepare(directory)
    except (OSError, RuntimeError) as error:
        sys.exit("outliers: preparing {} failed: {}".format(directory, error))
    if environment:
        say("{} has no NumPy for Python {}.{}; using {}".format(environment[0], *sys.version_info[:2], directory))
    print(directory / "bin" / "python")


main()
