"""What a hostile pickle can do inside the fence: nothing it was not given."""

import json
import os
import pickle
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ratecard_workbench.bring.jail import BringError, read_plain_file, run_fenced

TRIED = """
import ctypes, fcntl, json, os, resource, signal, socket, subprocess, threading
libc = ctypes.CDLL(None)
found = {}
def tried(name, act):
    try:
        found[name] = repr(act())[:80]
    except BaseException as error:
        found[name] = type(error).__name__
"""

REACHING = """
tried("inet", lambda: socket.socket())
tried("unix", lambda: socket.socket(socket.AF_UNIX))
tried("pair", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", HOME + "/mailbox"))
tried("raw", lambda: libc.syscall({"x86_64": 41, "aarch64": 198}[os.uname().machine], 2, 1, 0))
tried("uring", lambda: libc.syscall(425, 8, ctypes.create_string_buffer(120)))
tried("read", lambda: open(SECRET).read())
tried("cut", lambda: os.truncate(SECRET, 0))
tried("cut_python", lambda: os.open(os.__file__, os.O_RDONLY | os.O_TRUNC) and None)
tried("mode", lambda: os.chmod(SECRET, 0o777))
tried("mode_at", lambda: os.chmod(os.path.basename(SECRET), 0o777, dir_fd=os.open(HOME, os.O_PATH)))
tried("mode_recent", lambda: libc.syscall(452, -100, SECRET.encode(), 0o777, 0))
tried("mode_python", lambda: os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o777))
tried("owner", lambda: os.chown(SECRET, 12345, 12345))
tried("times", lambda: os.utime(SECRET, (0, 0)))
tried("attribute", lambda: os.setxattr(SECRET, "user.x", b"1"))
tried("flags", lambda: fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0x40086602, b"\\0" * 8))
tried("linked", lambda: os.link(SECRET, "link"))
tried("symlinked", lambda: os.symlink(SECRET, "link"))
tried("pipe", lambda: os.mkfifo("answer.json"))
tried("renamed", lambda: os.rename(SECRET, "secret"))
tried("listing", lambda: os.listdir(HOME))
tried("outside", lambda: open(HOME + "/written", "w"))
tried("shell", lambda: subprocess.run(["/bin/cat", SECRET], capture_output=True, check=True))
tried("fork", lambda: os.fork() or os._exit(0))
tried("session", os.setsid)
tried("signal", lambda: os.kill(VICTIM, signal.SIGTERM))
tried("signal_thread", lambda: signal.pthread_kill(threading.get_ident(), 0))
tried("signal_file", lambda: fcntl.fcntl(0, fcntl.F_SETOWN, VICTIM))
tried("limit", lambda: resource.prlimit(VICTIM, resource.RLIMIT_CPU, (1, 1)))
tried("priority", lambda: os.setpriority(os.PRIO_PROCESS, VICTIM, 19))
tried("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
tried("unlimited", lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))
tried("memory", lambda: bytearray(9 << 30))
tried("thread", lambda: [one.start() or one.join() for one in [threading.Thread(target=lambda: None)]])
tried("own", lambda: open("found.json", "w").close())
found["environment"] = sorted(os.environ)
json.dump(found, open("found.json", "w"))
"""

RUDE = """
for _ in range(64):
    os.write(2, b"x" * (1 << 20))
os.write(2, b"\\n\\x1b[31mgone\\n")
tried("parent", lambda: os.kill(os.getppid(), signal.SIGKILL))
os._exit(0)
"""

XLA = {name for name in os.environ if name.startswith("KMP_")} | {"KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK"}
"""Variables that OpenMP's own loader sets in its process."""

OWN_VARIABLES = {"HOME", "JOBLIB_MULTIPROCESSING", "LANG", "LC_CTYPE", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "PATH"}


class Hostile:
    """Runs a program when it is unpickled."""

    def __init__(self, program):
        self.program = program

    def __reduce__(self):
        return exec, (self.program, {})


@pytest.fixture
def work(tmp_path):
    """A folder for the fenced process, with a sample."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "sample.csv").write_text("a\n1\n2\n")
    return folder


@pytest.fixture
def home(tmp_path):
    """Somebody's folder with a secret that only they may read."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "credentials").write_text("secret")
    (folder / "credentials").chmod(0o600)
    return folder


@pytest.fixture
def bystander():
    """Another process of the same user."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def open_hostile(work, program):
    """Have the real reader open a pickle that runs a program."""
    (work / "model.pkl").write_bytes(pickle.dumps(Hostile(TRIED + program)))
    return run_fenced("reader", work, {"model": "model.pkl", "target": None, "trust_pickle": True})


REFUSED = (
    *("inet", "unix", "pair", "read", "cut", "cut_python", "mode", "mode_at", "mode_python", "owner", "times"),
    *("attribute", "flags", "symlinked", "pipe", "listing", "outside", "shell", "fork", "session"),
    *("signal", "signal_file", "limit", "priority"),
)


def test_a_pickle_reaches_no_network_no_file_and_no_process_but_its_own(work, home, bystander, monkeypatch):
    """Each way out is refused, by whatever call it is tried; what is outside is as it was; threads still start."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-models")
    before = (home / "credentials").stat()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mailbox:
        monkeypatch.chdir(home)  # an address has a hundred characters at most
        mailbox.bind("mailbox")
        mailbox.setblocking(False)
        given = f"HOME, SECRET, VICTIM = {str(home)!r}, {str(home / 'credentials')!r}, {bystander.pid}\n"
        with pytest.raises(BringError, match="holds a NoneType, not a trained estimator"):
            open_hostile(work, given + REACHING)
        with pytest.raises(BlockingIOError):
            mailbox.recv(1)
    found = json.loads((work / "found.json").read_text())
    assert {name: found[name] for name in REFUSED} == dict.fromkeys(REFUSED, "PermissionError")
    assert {found[name] for name in ("raw", "uring", "mode_recent", "mount")} == {"-1"}
    assert {found["linked"], found["renamed"]} <= {"PermissionError", "OSError"}
    assert (found["unlimited"], found["memory"]) == ("ValueError", "MemoryError")
    assert {found[name] for name in ("thread", "own", "signal_thread")} <= {"None", "[None]"}
    assert set(found["environment"]) <= {*OWN_VARIABLES, "TMPDIR", *XLA}
    after = (home / "credentials").stat()
    assert (before.st_mode, before.st_uid, before.st_size) == (after.st_mode, after.st_uid, after.st_size)
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
    assert bystander.poll() is None


def test_what_a_pickle_says_is_kept_on_disk_and_it_does_not_end_its_parent(work):
    """Sixty-four megabytes of complaints do not grow this process; the last line is shown, without its colours."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BringError, match=r"ended without an answer:  \[31mgone$"):
        open_hostile(work, RUDE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # in KiB


WITHOUT = """
import sys
from pathlib import Path
from ratecard_workbench.bring import fence, reader, system_calls
{taken}
reader.main(Path(sys.argv[1]))
"""
NO_LANDLOCK = "fence.CREATE_RULESET = 999"
NO_FILTER = "fence.MACHINES = ()"


@pytest.mark.parametrize(("taken", "wall"), [(NO_LANDLOCK, "Landlock"), (NO_FILTER, "seccomp")])
def test_where_a_wall_cannot_stand_no_pickle_is_opened(work, taken, wall):
    """The refusal names the wall; a kernel that does not know Landlock's calls answers as it does to the number 999."""
    (work / "model.pkl").write_bytes(pickle.dumps(Hostile("open('opened', 'w')")))
    request = {"model": "model.pkl", "target": None, "trust_pickle": True}
    places = {"readable": [sys.prefix, sys.base_prefix, "/usr", "/proc/self"], "writable": [str(work)]}
    (work / "request.json").write_text(json.dumps(request | places))
    subprocess.run([sys.executable, "-c", WITHOUT.format(taken=taken), work], check=True, timeout=60)
    detail = json.loads((work / "answer.json").read_text())["refusal"]["detail"]
    assert "no pickle is opened on this machine" in detail
    assert wall in detail
    assert not (work / "opened").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_inside_is_an_error_with_a_reason(work):
    """A crash of a library on a hostile file ends the command, not with a trace."""
    with pytest.raises(BringError, match="ended without an answer"):
        open_hostile(work, "os.abort()")
    assert not list(Path(work).glob("core*"))


@pytest.mark.slow
def test_an_answer_that_python_cannot_hold_is_an_error_with_a_reason(work):
    """A pickle that answers in the reader's place does not bring the command down."""
    with pytest.raises(BringError, match="did not answer as it should"):
        open_hostile(work, "open('answer.json', 'w').write('[' * 100_000); os._exit(0)")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
def test_only_a_plain_file_is_taken_back(tmp_path, kind):
    """A link is not followed and a pipe not waited for."""
    (tmp_path / "other").write_text("{}")
    place = tmp_path / "answer.json"
    made = {"link": lambda: place.symlink_to("other"), "pipe": lambda: os.mkfifo(place), "folder": place.mkdir}
    made.get(kind, lambda: None)()
    with pytest.raises(BringError, match=r"left no (plain )?file answer\.json"):
        read_plain_file(place)
