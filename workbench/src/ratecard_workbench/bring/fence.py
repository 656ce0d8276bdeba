"""A fence for the process that opens somebody's model file: no network, no other process, no files but its own.

Walls of the Linux kernel, each taken by the process itself before it opens anything, none of which it can take down
again. Called through `ctypes`, because the standard library knows them only from Python 3.12 on or not at all.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from ratecard_workbench.bring.system_calls import MACHINES, assemble

FILTER, FILES, NAMESPACE = "filter", "files", "namespace"

NEEDED = {
    FILTER: "system calls cannot be filtered (seccomp), so it could reach the network and other processes",
    FILES: "files cannot be closed to a process (Landlock), so it could reach yours",
}
"""Walls without which no code of a stranger's is run, and what their absence means."""

# linux/prctl.h, linux/seccomp.h, linux/sched.h, linux/capability.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
CAPABILITY_VERSION = 0x20080522
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1 << 1, 1 << 2

# linux/landlock.h; its system calls have the same numbers on every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION = 1
RULE_PATH_BENEATH = 1
WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8, 1 << 14
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE
READ = READ_FILE | READ_DIR
#: No folders, links, pipes or devices, which the process outside would have to step around.
WRITE = READ | WRITE_FILE | TRUNCATE | REMOVE_FILE | MAKE_REG
RIGHTS_BY_VERSION = ((5, 16), (3, 15), (2, 14), (1, 13))
NETWORK_FROM_VERSION, ALL_PORTS = 4, 0b11  # bind and connect
SCOPES_FROM_VERSION, ALL_SCOPES = 6, 0b11  # abstract sockets and signals

CPU_SECONDS = 600
LARGEST_FILE_BYTES = 1 << 30
MEMORY_BYTES = 8 << 30
MOST_THREADS = 512


def raise_fence(readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    """Shut this process in, for good.

    Parameters
    ----------
    readable, writable : sequence of Path
        Files and folders it may go on reading, and those it may also write.

    Returns
    -------
    list of str
        The walls that stand. It is for the caller to go no further where one of `NEEDED` is not among them.
    """
    limit_resources()
    if sys.platform != "linux" or len(list(Path("/proc/self/task").iterdir())) > 1:
        return []  # a wall holds for the thread that takes it
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    walls = []
    if _leave_namespaces(library):
        walls.append(NAMESPACE)
    _drop_capabilities(library)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return walls
    if _restrict_files(library, readable, writable):
        walls.append(FILES)
    if _filter_calls(library):
        walls.append(FILTER)
    return walls


def find_gaps(walls: Sequence[str]) -> list[str]:
    """Say in sentences which of the needed walls do not stand."""
    return [gap for wall, gap in NEEDED.items() if wall not in walls]


def limit_resources() -> None:
    """Bound processor time, memory and file sizes, and leave no core dump, which would hold what was read."""
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, MEMORY_BYTES)


def _limit(kind: int, most: int) -> None:
    """Set a limit, unless a lower one holds already."""
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _leave_namespaces(library: ctypes.CDLL) -> bool:
    """Leave the machine's network and queues; where that takes a namespace of users, too, threads can be counted."""
    if library.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0:
        return True
    if library.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        return False
    _limit(resource.RLIMIT_NPROC, MOST_THREADS)
    return True


def _drop_capabilities(library: ctypes.CDLL) -> None:
    """Keep of root's powers the reading of files that others own: limits hold and nothing of the machine is set."""
    head = ctypes.create_string_buffer(struct.pack("=II", CAPABILITY_VERSION, 0))
    powers = ctypes.create_string_buffer(24)
    if library.capget(head, powers) != 0:
        return
    _, permitted, *_ = struct.unpack("=6I", powers.raw[:24])
    kept = permitted & (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH)
    library.capset(head, ctypes.create_string_buffer(struct.pack("=6I", kept, kept, 0, 0, 0, 0)))


def _filter_calls(library: ctypes.CDLL) -> bool:
    """Have the kernel look at every system call of this process; answer whether it does."""
    machine = platform.machine()
    if machine not in MACHINES:
        return False
    program = assemble(machine, os.getpid())
    block = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(block)))
    return bool(library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) == 0)


def _restrict_files(library: ctypes.CDLL, readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Let the process open these files only; answer whether the kernel can."""
    version = library.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_long(ASK_VERSION))
    if version < 1:
        return False
    handled = (1 << next(count for since, count in RIGHTS_BY_VERSION if version >= since)) - 1
    ruleset = struct.pack("=Q", handled)
    if version >= NETWORK_FROM_VERSION:
        ruleset += struct.pack("=Q", ALL_PORTS)
    if version >= SCOPES_FROM_VERSION:
        ruleset += struct.pack("=Q", ALL_SCOPES)
    rules = library.syscall(CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), ctypes.c_long(0))
    if rules < 0:
        return False
    for paths, rights in ((readable, READ), (writable, WRITE)):
        for path in filter(Path.exists, paths):
            _allow_path(library, rules, path, rights & handled)
    stands = library.syscall(RESTRICT_SELF, ctypes.c_long(rules), ctypes.c_long(0)) == 0
    os.close(rules)
    return bool(stands)


def _allow_path(library: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", rights if path.is_dir() else rights & FILE_RIGHTS, place)
    library.syscall(ADD_RULE, ctypes.c_long(rules), ctypes.c_long(RULE_PATH_BENEATH), rule, ctypes.c_long(0))
    os.close(place)
