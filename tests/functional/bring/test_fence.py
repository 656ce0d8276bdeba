"""What a hostile pickle can do inside the fence: nothing it was not given."""

import json
import os
import pickle
from pathlib import Path

import pytest

from ratecard_workbench.bring.jail import BringError, run_fenced

PROBE = """
import ctypes, json, os, socket, subprocess
def tried(act):
    try:
        return repr(act())[:80]
    except BaseException as error:
        return type(error).__name__
found = {
    "inet": tried(lambda: socket.socket()),
    "unix": tried(lambda: socket.socket(socket.AF_UNIX)),
    "raw": tried(lambda: ctypes.CDLL(None).syscall({"x86_64": 41, "aarch64": 198}[os.uname().machine], 2, 1, 0)),
    "secret": tried(lambda: open(SECRET).read()),
    "listing": tried(lambda: os.listdir(os.path.dirname(SECRET))),
    "outside": tried(lambda: open(os.path.dirname(SECRET) + "/written", "w")),
    "shell": tried(lambda: subprocess.run(["/bin/cat", SECRET], capture_output=True, check=True)),
    "big": tried(lambda: os.truncate(open("big", "w").name, 1 << 40)),
    "environment": sorted(os.environ),
    "own": tried(lambda: open("found.json", "w").close()),
}
json.dump(found, open("found.json", "w"))
"""


class Hostile:
    """Runs a program when it is unpickled."""

    def __init__(self, program):
        self.program = program

    def __reduce__(self):
        return exec, (self.program, {})


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open a hostile pickle inside the fence; answer what it found."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-models")
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    (home / "credentials").write_text("secret")
    program = f"SECRET = {str(home / 'credentials')!r}\n{PROBE}"
    (work / "model.pkl").write_bytes(pickle.dumps(Hostile(program)))
    (work / "sample.csv").write_text("a\n1\n2\n")
    with pytest.raises(BringError, match="holds a NoneType, not a trained estimator"):
        run_fenced("reader", work, {"model": "model.pkl", "target": None, "trust_pickle": True})
    return json.loads((work / "found.json").read_text())


def test_a_pickle_has_no_network_no_secrets_and_no_files_but_its_own(opened):
    """Sockets of every kind are refused, also by number; other files are not there; the environment is empty."""
    assert {opened[name] for name in ("inet", "unix")} == {"PermissionError"}
    assert opened["raw"] == "-1"
    assert opened["secret"] == opened["listing"] == opened["outside"] == "PermissionError"
    assert opened["shell"] in ("CalledProcessError", "PermissionError")
    assert not [name for name in opened["environment"] if "SECRET" in name or "TOKEN" in name]
    assert set(opened["environment"]) <= {"HOME", "LANG", "LC_CTYPE", "OMP_NUM_THREADS", "PATH", "TMPDIR", *XLA}
    assert opened["own"] == "None"


XLA = {name for name in os.environ if name.startswith("KMP_")} | {"KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK"}
"""Variables that OpenMP's own loader sets in its process."""


@pytest.mark.slow
def test_a_process_that_is_killed_inside_is_an_error_with_a_reason(tmp_path):
    """A crash of a library on a hostile file ends the command, not with a trace."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "model.pkl").write_bytes(pickle.dumps(Hostile("import os; os.abort()")))
    (work / "sample.csv").write_text("a\n1\n2\n")
    with pytest.raises(BringError, match="ended without an answer"):
        run_fenced("reader", work, {"model": "model.pkl", "target": None, "trust_pickle": True})
    assert not list(Path(work).glob("core*"))


@pytest.mark.slow
def test_an_answer_that_is_a_link_is_not_followed(tmp_path):
    """The process cannot have this one read somebody else's file to it."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "other.json").write_text("{}")
    program = f"import os; os.symlink({str(tmp_path / 'other.json')!r}, 'answer.json'); os._exit(0)"
    (work / "model.pkl").write_bytes(pickle.dumps(Hostile(program)))
    (work / "sample.csv").write_text("a\n1\n2\n")
    with pytest.raises(BringError, match="ended without an answer"):
        run_fenced("reader", work, {"model": "model.pkl", "target": None, "trust_pickle": True})
