"""What the kernel says about a worker: its memory, its end, and who owns a connection."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

_SOCKET = re.compile(r"socket:\[(\d+)\]")


def find_resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process in bytes; None if it is gone or the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return None


def open_exit_descriptor(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends; None where the system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def owns_connection(pid: int, client_port: int, server_port: int) -> bool:
    """Tell whether the client end of a loopback connection belongs to a process.

    A listener on loopback is open to every user of the machine, and what a worker is given holds API keys.
    Where the system does not say (macOS), the answer is True.
    """
    if not Path("/proc/self/fd").is_dir():
        return True
    inode = _find_socket_inode(client_port, server_port)
    return inode is not None and inode in _socket_inodes(pid)


def _find_socket_inode(client_port: int, server_port: int) -> str | None:
    local, remote = f"0100007F:{client_port:04X}", f"0100007F:{server_port:04X}"
    try:
        table = Path("/proc/net/tcp").read_text(encoding="ascii")
    except OSError:
        return None
    start = table.find(f" {local} {remote} ")
    if start < 0:
        return None
    # sl local remote state queues timer retransmits uid timeout inode: the tenth column, the eighth after the remote.
    columns = table[start : table.find("\n", start)].split()
    return columns[8] if len(columns) > 8 else None


def _socket_inodes(pid: int) -> set[str]:
    found: set[str] = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            match = _SOCKET.fullmatch(str(link.readlink()))
            if match:
                found.add(match.group(1))
    except OSError:
        return found
    return found
