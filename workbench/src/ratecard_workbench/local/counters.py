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
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size == 0:
            os.ftruncate(self._descriptor, RECORD_BYTES * (INITIAL_RECORDS + 1))
            os.pwrite(self._descriptor, MAGIC, 0)
        self._map()
        if self._bytes[: len(MAGIC)] != MAGIC:
            raise ValueError(f"{path} is not a file of counters")
        self._slots = _read_index(self._bytes)

    def slot(self, key_id: str, day: int) -> int:
        """Return the place of a count, made with the count 0 if there is none.

        Parameters
        ----------
        key_id : str
            At most 48 bytes.
        day : int
            Proleptic ordinal of the day, UTC (`datetime.date.toordinal`).
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

    def _map(self) -> None:
        self._bytes = mmap.mmap(self._descriptor, 0)
        self._counts = memoryview(self._bytes).cast("Q")

    def _allocate(self, key_id: str, day: int) -> int:
        name = key_id.encode()
        if len(name) > KEY_BYTES:
            raise ValueError("a key's id is at most 48 bytes")
        offset = RECORD_BYTES * (len(self._slots) + 1)
        if offset >= len(self._bytes):
            self._counts.release()
            self._bytes.resize(len(self._bytes) * 2)
            self._counts = memoryview(self._bytes).cast("Q")
        self._bytes[offset : offset + _HEAD.size] = _HEAD.pack(name, day)
        slot = (offset + _COUNT_OFFSET) // 8
        self._slots[key_id, day] = slot
        return slot


def load_counts(path: Path) -> dict[tuple[str, int], int]:
    """Read all counts by key and day; also while a platform writes them. Empty if there is no file."""
    if not path.is_file():
        return {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
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
