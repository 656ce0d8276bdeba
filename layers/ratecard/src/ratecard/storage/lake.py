"""The usage lake: immutable lines in files by hour, laid out as log delivery would in the cloud.

``<root>/<stream>/dt=YYYY-MM-DD/hour=HH/<writer>.jsonl``, where the hour is that of the event, in UTC. One writer
owns its files; every line is one write at the end of the file, so a killed process leaves at most one torn last line.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ratecard.kernel.errors import ErrorKind, RatecardError

USAGE = "usage"
ACCESS = "access"
PLAIN, GZIPPED = ".jsonl", ".jsonl.gz"
"""How files' names end; log delivery in the cloud compresses them."""
OPEN_FILES = 4
_HOUR = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2})")
_DAY_FOLDER = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


def partition_of(hour: str) -> str:
    """Return the folder of an hour.

    Parameters
    ----------
    hour : str
        `YYYY-MM-DDTHH`, UTC.

    Raises
    ------
    ValueError
        If it is not such an hour.
    """
    match = _HOUR.fullmatch(hour)
    if match is None:
        raise ValueError("an hour is YYYY-MM-DDTHH")
    return f"dt={match.group(1)}/hour={match.group(2)}"


class DamagedFileError(RatecardError):
    """A file of the lake cannot be read to its end; a bill without it would be wrong in silence."""

    code = "damaged_file"
    kind = ErrorKind.INVALID


class ShortWriteError(OSError):
    """Not all lines could be written.

    Attributes
    ----------
    stored_bytes : int
        How much of the lines, from their beginning, is stored: a number of whole lines.
    """

    stored_bytes = 0


class LakeWriter:
    """Appends lines to one stream of the lake.

    What `append` has returned for is in the operating system's hands: it survives the death of this process at any
    instant, `kill -9` included. Against a loss of power, the owner syncs what `take_unsynced` gives, every few seconds.

    Parameters
    ----------
    root : Path
        The lake's folder.
    stream : str
        `usage` or `access`.
    writer : str
        Name that no other writer has or ever had: files are never continued by another process.
    """

    def __init__(self, root: Path, stream: str, writer: str) -> None:
        self._folder = root / stream
        self._name = f"{writer}.jsonl"
        self._open: OrderedDict[str, int] = OrderedDict()
        self._torn: set[str] = set()
        self._unsynced: set[str] = set()

    def append(self, hour: str, lines: bytes) -> None:
        """Append whole lines.

        Parameters
        ----------
        hour : str
            `YYYY-MM-DDTHH`, UTC: when the events happened.
        lines : bytes
            One or more lines, each with its newline.

        Raises
        ------
        OSError
            If not all of it could be written; what was written of the last line is then marked as torn. Of several
            lines the first ones may be stored: `ShortWriteError` says how many bytes.
        """
        descriptor = self._open.get(hour) or self._open_file(hour)
        # Ends a torn line, so that this one stands alone.
        torn = hour in self._torn
        if torn:
            lines = b"\n" + lines
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:] if written else lines)
        except OSError as error:
            if not written:
                raise
            self._torn.add(hour)
            short = ShortWriteError(error.errno, error.strerror)
            short.stored_bytes = max(0, lines.rfind(b"\n", 0, written) + 1 - torn)
            if short.stored_bytes:
                self._unsynced.add(hour)
            raise short from None
        self._torn.discard(hour)
        self._unsynced.add(hour)

    def take_unsynced(self) -> list[int]:
        """Return descriptors of the files written to since the last call; whoever takes them syncs and closes them."""
        taken: list[int] = []
        try:
            for hour in self._unsynced:
                if hour in self._open:
                    taken.append(os.dup(self._open[hour]))  # noqa: PERF401 - those taken are closed if one fails
        except OSError:
            for descriptor in taken:
                os.close(descriptor)
            raise
        self._unsynced = set()
        return taken

    def close(self) -> None:
        """Sync and close every file; raises OSError if one could not be synced, after all are closed."""
        descriptors = list(self._open.values())
        self._open.clear()
        sync_and_close(descriptors)

    def _open_file(self, hour: str) -> int:
        path = self._folder / partition_of(hour) / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._open[hour] = descriptor
        if len(self._open) > OPEN_FILES:
            _, oldest = self._open.popitem(last=False)
            sync_and_close([oldest])
        return descriptor


def sync_and_close(descriptors: list[int]) -> None:
    """Have the disk take what was written to some files; slow, so it runs beside the event loop.

    Raises
    ------
    OSError
        The first failure of a sync; all files are synced as far as they can be, and closed.
    """
    failure: OSError | None = None
    for descriptor in descriptors:
        try:
            os.fsync(descriptor)
        except OSError as error:
            failure = failure or error
        finally:
            os.close(descriptor)
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class LakeLine:
    """One line that was read.

    Attributes
    ----------
    path : Path
        Its file.
    number : int
        Line number from 1.
    event : dict or None
        The parsed line; None if it is torn or not a JSON object.
    """

    path: Path
    number: int
    event: dict[str, object] | None


def list_files(
    root: Path, stream: str, *, first_day: str = "", last_day: str = "9999", endings: tuple[str, ...] = (PLAIN,)
) -> list[Path]:
    """Return the stream's files of some days (`YYYY-MM-DD`, both included), oldest first."""
    return sorted(
        path
        for folder in (root / stream).glob("dt=*")
        if (match := _DAY_FOLDER.fullmatch(folder.name)) and first_day <= match.group(1) <= last_day
        for path in folder.glob("hour=*/*")
        if path.name.endswith(endings) and not path.name.startswith(".")
    )


def read_file(path: Path) -> Iterator[LakeLine]:
    """Read all lines of a file, plain or compressed.

    Unlike `scan`, a last line without its newline is yielded too: with its event if it is whole, without if it is torn.
    A carriage return ends a line as well, wherever it stands: no JSON text on one line has it.

    Raises
    ------
    DamagedFileError
        If a compressed file is cut off or damaged.
    """
    number = 0
    try:
        with gzip.open(path) if path.name.endswith(GZIPPED) else path.open("rb") as file:
            for block in file:
                for line in block.replace(b"\r", b"\n").splitlines():
                    number += 1
                    if line:
                        yield LakeLine(path, number, parse_line(line))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DamagedFileError(f"{path} cannot be read beyond line {number}: the file is cut off or damaged") from None


def scan(root: Path, stream: str, *, first_day: str = "", last_day: str = "9999") -> Iterator[LakeLine]:
    """Read a stream's lines, file by file, while it may still be written.

    A last line without its newline is not there yet, or will never be: it is left out. Any other line that is not a
    JSON object is yielded without an event, for whoever audits the lake. Parameters are those of `LakeReader`.
    """
    yield from LakeReader(root, stream, first_day=first_day, last_day=last_day).read()


class LakeReader:
    """Reads a stream again and again, each time only what is new; see `scan`.

    Parameters
    ----------
    root : Path
        The lake's folder.
    stream : str
        `usage` or `access`.
    first_day, last_day : str
        Days of the events, UTC, both included.
    """

    def __init__(self, root: Path, stream: str, *, first_day: str = "", last_day: str = "9999") -> None:
        self._root = root
        self._stream = stream
        self._first_day = first_day
        self._last_day = last_day
        self._read: dict[Path, tuple[int, int]] = {}

    def read(self) -> Iterator[LakeLine]:
        """Yield the lines that came since the last time."""
        for path in list_files(self._root, self._stream, first_day=self._first_day, last_day=self._last_day):
            offset, number = self._read.get(path, (0, 0))
            with path.open("rb") as file:
                file.seek(offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    offset += len(line)
                    number += 1
                    self._read[path] = (offset, number)
                    if line != b"\n":
                        yield LakeLine(path, number, parse_line(line))


def parse_line(line: bytes) -> dict[str, object] | None:
    """Return the JSON object of a line, or None if it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
