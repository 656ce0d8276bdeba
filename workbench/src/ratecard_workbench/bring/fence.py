"""A fence for the process that opens somebody's model file: no network, no files but those it is given, no debugging.

Three walls of the Linux kernel, each taken by the process itself before it opens anything, none of which it can take
down again. Called through `ctypes`, because the standard library knows two of them only from Python 3.12 on or not.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Sequence
from pathlib import Path

# linux/prctl.h, linux/seccomp.h, linux/sched.h
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000

# linux/audit.h: the number that the kernel gives a filter for the processor's calls.
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Calls that reach a network, another process or the kernel's own doors, by processor. Source: asm/unistd.h.
# socket, socketpair is left (it reaches nobody), ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, kill to
# others is left to the kernel's own rules, keyctl, io_uring_setup (which opens sockets without `socket`), bpf.
FORBIDDEN_CALLS = {
    "x86_64": (41, 101, 310, 311, 438, 250, 425, 321),
    "aarch64": (198, 117, 270, 271, 438, 219, 425, 280),
}
X32_BIT = 0x40000000

# linux/filter.h: load a word, jump if equal or greater, return.
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000

# linux/landlock.h; its system calls have the same numbers on every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, list a folder
ALL_RIGHTS = (1 << 13) - 1  # everything that the first version of Landlock knows
FILE_RIGHTS = (1 << 0) | (1 << 1) | (1 << 2)

CPU_SECONDS = 600
LARGEST_FILE_BYTES = 1 << 30


class FenceError(RuntimeError):
    """The kernel does not let this process give up its network."""


def limit_resources() -> None:
    """Bound processor time and file sizes, and leave no core dump, which would hold what was read."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def raise_fence(readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    """Shut this process in, for good.

    Parameters
    ----------
    readable, writable : sequence of Path
        Files and folders it may go on reading, and those it may also write.

    Returns
    -------
    list of str
        The walls that stand: `filter` always, `namespace` and `files` where the kernel grants them.

    Raises
    ------
    FenceError
        If the network cannot be taken away.
    """
    limit_resources()
    library = ctypes.CDLL(None, use_errno=True)
    walls = []
    if library.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0 or library.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        walls.append("namespace")
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise FenceError("the kernel refuses to drop this process's privileges")
    if _restrict_files(library, readable, writable):
        walls.append("files")
    _filter_calls(library)
    return ["filter", *walls]


def _filter_calls(library: ctypes.CDLL) -> None:
    """Refuse the forbidden system calls with EPERM; kill whoever makes calls of another processor's kind."""
    machine = platform.machine()
    if machine not in FORBIDDEN_CALLS:
        raise FenceError(f"no filter of system calls is known for {machine}")
    calls = FORBIDDEN_CALLS[machine]
    program = [
        (LOAD, 0, 0, 4),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
        (JUMP_AT_LEAST, len(calls) + 1, 0, X32_BIT),
        *((JUMP_EQUAL, len(calls) - place, 0, call) for place, call in enumerate(calls)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    block = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(block)))
    if library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) != 0:
        raise FenceError("the kernel refuses to filter this process's system calls")


def _restrict_files(library: ctypes.CDLL, readable: Sequence[Path], writable: Sequence[Path]) -> bool:
    """Let the process see these files only; answer whether the kernel can."""
    rules = library.syscall(CREATE_RULESET, struct.pack("=Q", ALL_RIGHTS), 8, 0)
    if rules < 0:
        return False
    for paths, rights in ((readable, READ), (writable, ALL_RIGHTS)):
        for path in paths:
            if not path.exists():
                continue
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = rights if path.is_dir() else rights & FILE_RIGHTS
            library.syscall(ADD_RULE, rules, RULE_PATH_BENEATH, struct.pack("=Qi", allowed, place), 0)
            os.close(place)
    stands = bool(library.syscall(RESTRICT_SELF, rules, 0) == 0)
    os.close(rules)
    return stands
