"""Which system calls a fenced process may make, as a program that the kernel runs before each of them.

Calls before `FIRST_RECENT` are a closed list, so naming what is refused is as tight as naming what is allowed. From
there on every call is answered as if the kernel did not know it, those of tomorrow included; libraries then fall back
to the older ones.
"""

from __future__ import annotations

from typing import NamedTuple

# linux/audit.h: the number that the kernel gives a filter for the processor's calls.
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = tuple(AUDIT_ARCHITECTURES)

# linux/bpf_common.h: load a word, keep some bits of it, jump if it is equal or not less, return.
LOAD, AND, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
# linux/seccomp.h. EACCES, and not EPERM, because Python goes on without `ioctl` after that one.
ALLOW, KILL, REFUSE, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050000 | 13, 0x00050000 | 38
NUMBER_OFFSET, ARCHITECTURE_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16

FIRST_RECENT = {"x86_64": 335, "aarch64": 294}
"""The first call after `rseq`, of 2018. Source: asm/unistd_64.h, asm-generic/unistd.h."""

FORBIDDEN: dict[str, tuple[int, int | None]] = {
    # Sockets of every family, by address or in pairs: one half of a pair can be pointed at somebody's path.
    "socket": (41, 198),
    "socketpair": (53, 199),
    # Other processes: no start, no signal, no look into, no priority.
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Memory and queues that belong to no folder.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_create": (319, 279),
    # Attributes of files, which Landlock leaves alone, and `ioctl`, which sets more of them.
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "ioctl": (16, 29),
    # Ways to files that do not name a path, or watch one.
    "mknod": (133, None),
    "mknodat": (259, 33),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    # Being somebody else.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    "personality": (135, 92),
    # The machine itself, and doors of the kernel that no model needs.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, None),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "get_kernel_syms": (177, None),
    "query_module": (178, None),
    "nfsservctl": (180, 42),
    "_sysctl": (156, None),
    "sysfs": (139, None),
    "ustat": (136, None),
    "uselib": (134, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "io_setup": (206, 0),
}
"""Numbers on x86-64 and, where the call exists there and is not recent, on aarch64. Source: as above."""


class Guard(NamedTuple):
    """A call that is allowed with some values of one argument only.

    Attributes
    ----------
    numbers : (int, int or None)
        As in `FORBIDDEN`.
    argument : int
        Its place, from 0; the lower 32 bits are looked at.
    mask : int
        Bits that count.
    allowed : tuple of int
        Values of those bits.
    """

    numbers: tuple[int, int | None]
    argument: int
    mask: int
    allowed: tuple[int, ...]


ANY_BIT = 0xFFFFFFFF
CLONE_THREAD, CLONE_NEW_NAMESPACES = 0x10000, 0x7E020000
TRUNCATE_AND_MODE, WRITABLE_OR_WHOLE = 0o1003, (0, 1, 2, 0o1001, 0o1002)
NAME_OF_THREAD = (15, 16)
DUPLICATE_LOCK_AND_FLAGS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)


def guards_of(process: int) -> dict[str, Guard]:
    """Return the calls that a process needs for itself and that reach others, too.

    A thread is started, a process is not; a signal goes to the process itself (`abort`); limits are its own; a file is
    cut only by whoever may write it, which Landlock checks only from its third version on; `fcntl` names no other
    process to be signalled; `prctl` names threads.
    """
    return {
        "clone": Guard((56, 220), 0, CLONE_THREAD | CLONE_NEW_NAMESPACES, (CLONE_THREAD,)),
        "kill": Guard((62, 129), 0, ANY_BIT, (process,)),
        "tgkill": Guard((234, 131), 0, ANY_BIT, (process,)),
        "prlimit64": Guard((302, 261), 0, ANY_BIT, (0, process)),
        "sched_setaffinity": Guard((203, 122), 0, ANY_BIT, (0,)),
        "prctl": Guard((157, 167), 0, ANY_BIT, NAME_OF_THREAD),
        "fcntl": Guard((72, 25), 1, ANY_BIT, DUPLICATE_LOCK_AND_FLAGS),
        "open": Guard((2, None), 1, TRUNCATE_AND_MODE, WRITABLE_OR_WHOLE),
        "openat": Guard((257, 56), 2, TRUNCATE_AND_MODE, WRITABLE_OR_WHOLE),
    }


Step = tuple[int, int, int, int]
"""Operation, steps to skip if a jump's condition holds and if it does not, operand: a `struct sock_filter`."""


def assemble(machine: str, process: int) -> list[Step]:
    """Return the filter's program.

    Parameters
    ----------
    machine : str
        One of `MACHINES`.
    process : int
        The process that will be filtered.
    """
    place = MACHINES.index(machine)
    program: list[Step] = [
        (LOAD, 0, 0, ARCHITECTURE_OFFSET),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_OFFSET),
        (JUMP_AT_LEAST, 0, 1, FIRST_RECENT[machine]),
        (RETURN, 0, 0, UNKNOWN),
    ]
    for guard in guards_of(process).values():
        number = guard.numbers[place]
        if number is not None:
            program += _guarded(number, guard)
    for numbers in FORBIDDEN.values():
        number = numbers[place]
        if number is not None:
            program += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    return [*program, (RETURN, 0, 0, ALLOW)]


def _guarded(number: int, guard: Guard) -> list[Step]:
    """Answer one call by its argument; others go on behind it."""
    count = len(guard.allowed)
    return [
        (JUMP_EQUAL, 0, count + 4, number),
        (LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * guard.argument),
        (AND, 0, 0, guard.mask),
        *((JUMP_EQUAL, count - at, 0, value) for at, value in enumerate(guard.allowed)),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
