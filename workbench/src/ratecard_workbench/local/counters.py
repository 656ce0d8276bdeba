"""How many requests each key made on each day, in a file that survives the death of the process.

The file is mapped into memory: a count is one eight-byte store, and the page cache keeps it when the process is
killed. It is the third, independent count beside the usage lines and the access log (as `GetUsage` is in AWS).
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

MAGIC = b"ratecard-counters-1".ljust(64, b"\0")
RECORD_BYTES = 64
KEY_BYTES = 48
INITIAL_RECORDS = 1024
# The count comes last and is aligned, so that a record is either absent or whole.
_HEAD = struct.Struct(f"<{KEY_BYTES}sQ")
_COUNT_OFFSET = 56


class CounterFile:
    """Counts by key and day; one process writes.

    Parameters
    ----------
    path : Path
        The file; it is made if there is none.

    Raises
    ------
    ValueError
        If the file is something else.
    OSError
        If the disk has no room for it: the room is taken beforehand, for a store into a mapped page that the disk
        cannot hold would kill the process.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists() or not path.stat().st_size:
            _make(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._bytes = _map_whole(path, self._descriptor)
        except (ValueError, OSError):
            os.close(self._descriptor)
            raise
        self._counts = memoryview(self._bytes).cast("Q")
        self._slots = _read_index(self._bytes)

    def slot(self, key_id: str, day: int) -> int:
        """Return the place of a count, made with the count 0 if there is none.

        Parameters
        ----------
        key_id : str
            At most 48 bytes.
        day : int
            Proleptic ordinal of the day, UTC (`datetime.date.toordinal`).

        Raises
        ------
        OSError
            If the file is full and the disk has no room for it to grow; nothing is changed.
        """
        found = self._slots.get((key_id, day))
        return self._allocate(key_id, day) if found is None else found

    def add(self, slot: int) -> None:
        """Count one more."""
        self._counts[slot] += 1

    def count(self, slot: int) -> int:
        """Return the count."""
        return self._counts[slot]

    def total(self, key_id: str, first_day: int, last_day: int) -> int:
        """Return the sum of a key's counts from one day to another, both included."""
        days = range(first_day, last_day + 1)
        return sum(self._counts[self._slots[key_id, day]] for day in days if (key_id, day) in self._slots)

    def close(self) -> None:
        """Write everything to the disk and close the file."""
        self._counts.release()
        self._bytes.flush()
        self._bytes.close()
        os.close(self._descriptor)

    def _allocate(self, key_id: str, day: int) -> int:
        name = key_id.encode()
        if len(name) > KEY_BYTES:
            raise ValueError("a key's id is at most 48 bytes")
        offset = RECORD_BYTES * (len(self._slots) + 1)
        if offset >= len(self._bytes):
            self._grow()
        self._bytes[offset : offset + _HEAD.size] = _HEAD.pack(name, day)
        slot = (offset + _COUNT_OFFSET) // 8
        self._slots[key_id, day] = slot
        return slot

    def _grow(self) -> None:
        size = len(self._bytes)
        try:
            _reserve(self._descriptor, size, size)
            larger = mmap.mmap(self._descriptor, 2 * size)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        self._counts.release()
        self._bytes.close()
        self._bytes = larger
        self._counts = memoryview(larger).cast("Q")


def _reserve(descriptor: int, start: int, length: int) -> None:
    """Have the disk set room aside, so that a store into the mapped file cannot fail; raises OSError if it has none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, length)
    elif os.fstat(descriptor).st_size < start + length:
        os.pwrite(descriptor, bytes(length), start)


def _make(path: Path) -> None:
    """Make an empty file; it appears whole or not at all, so that no start finds half of one."""
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _reserve(descriptor, 0, RECORD_BYTES * (INITIAL_RECORDS + 1))
        os.pwrite(descriptor, MAGIC, 0)
        os.fsync(descriptor)
        partial.replace(path)
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)


def _map_whole(path: Path, descriptor: int) -> mmap.mmap:
    """Map a file of counters into memory, with room on the disk for all of it; raises ValueError if it is none."""
    size = os.fstat(descriptor).st_size
    if size < 2 * RECORD_BYTES or size % RECORD_BYTES or os.pread(descriptor, len(MAGIC), 0) != MAGIC:
        raise ValueError(f"{path} is not a file of counters")
    # One of an older version, or one that was copied, may have holes.
    _reserve(descriptor, 0, size)
    return mmap.mmap(descriptor, 0)


def load_counts(path: Path) -> dict[tuple[str, int], int]:
    """Read all counts by key and day; also while a platform writes them. Empty if there is no such file."""
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        # The first look may find a file that is just growing; its size is taken once.
        size = os.fstat(file.fileno()).st_size // RECORD_BYTES * RECORD_BYTES
        if size == 0 or file.read(len(MAGIC)) != MAGIC:
            return {}
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
            counts = memoryview(content).cast("Q")
            found = {key: counts[slot] for key, slot in _read_index(content).items()}
            counts.release()
    return found


def _read_index(content: mmap.mmap) -> dict[tuple[str, int], int]:
    index: dict[tuple[str, int], int] = {}
    for offset in range(RECORD_BYTES, len(content), RECORD_BYTES):
        name, day = _HEAD.unpack_from(content, offset)
        if not name[0]:
            break
        index[name.rstrip(b"\0").decode(), day] = (offset + _COUNT_OFFSET) // 8
    return index
