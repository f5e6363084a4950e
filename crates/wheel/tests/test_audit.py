"""`python -m refsoak audit` calls what a module offers, and each row is a command that repeats it."""

import json
import shlex
import subprocess
import sys

from conftest import HUNG, environment

MODULE = """
KEPT = []

def keeps(x):
    KEPT.append(x)

def keeps_nothing(x):
    return [x]

def remove_all(*args):
    raise SystemExit("this must never be called")
"""


def test_a_module_in_the_current_directory_is_audited_and_a_row_repeats(tmp_path):
    (tmp_path / "kept.py").write_text(MODULE)

    def run(*command):
        done = subprocess.run([sys.executable, *command], cwd=str(tmp_path), env=environment(), timeout=HUNG,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        assert done.stderr == ""
        return done.returncode, done.stdout

    status, text = run("-m", "refsoak", "audit", "kept", "--python", "--json")
    audit = json.loads(text)
    assert status == 1
    assert sorted(audit["called"]) == ["kept.keeps", "kept.keeps_nothing"]
    assert audit["left_out"] == ["kept.remove_all"]
    [row] = audit["rows"]
    assert (row["verdict"], row["statement"]) == ("leak", "kept.keeps(0)")
    python, *command = shlex.split(row["command"])
    assert python == "python"
    status, text = run(*command)
    assert status == 1 and text.startswith("leak: ")
