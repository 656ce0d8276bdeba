"""Counting a large lake with duckdb, in parts: the same answer as in Python, in bounded memory.

The files are read once, batch by batch; what their lines say goes, divided by a hash of the id, to files in a scratch
folder. Then each part is counted by itself: all lines of an id are in the same part, whenever they arrived.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ratecard.billing.counting import Counted
from ratecard.billing.scope import Scope
from ratecard.storage.lake import ACCESS, USAGE
from ratecard.storage.lake_files import FolderFiles, LakeFile, LakeFiles, batches
from ratecard.storage.partcount import PartCounter, open_database

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done and how much there is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What counting may use.

    Attributes
    ----------
    memory_bytes : int
        What duckdb may hold in memory; the process needs about 300 MB beside it.
    threads : int
        How many.
    part_bytes, batch_bytes : int
        Compressed size of the lake for which one part is made, and of what is read at once.
    """

    memory_bytes: int = 1_400_000_000
    threads: int = 2
    part_bytes: int = 256_000_000
    batch_bytes: int = 128_000_000


class SqlLake:
    """A lake that is counted by SQL.

    Parameters
    ----------
    files : LakeFiles or Path
        Where the lines are; a path is the folder of a lake.
    limits : Limits, optional
        What counting may use.
    scratch : Path, optional
        Where intermediate files go, about a quarter of the compressed lake; the system's temporary folder if not given.
    on_progress : callable, optional
        Told how far it is.
    """

    def __init__(
        self,
        files: LakeFiles | Path,
        limits: Limits | None = None,
        *,
        scratch: Path | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self._files = FolderFiles(files) if isinstance(files, Path) else files
        self._limits = limits or Limits()
        self._scratch = scratch
        self._on_progress: Progress = on_progress or (lambda _what, _done, _total: None)

    def count_usage(self, scope: Scope) -> Counted:
        """See `ratecard.storage.counting.UsageSource`."""
        days = scope.days_to_scan()
        files = {stream: self._files.list_stream(stream, *days) for stream in (USAGE, ACCESS)}
        weight = sum(file.weight_bytes for found in files.values() for file in found)
        parts = max(1, -(-weight // self._limits.part_bytes))
        with (
            tempfile.TemporaryDirectory(prefix="ratecard-count-", dir=self._scratch) as name,
            open_database(Path(name), memory_bytes=self._limits.memory_bytes, threads=self._limits.threads) as database,
        ):
            counter = PartCounter(database, scope, parts, Path(name))
            self._read(counter, files, weight)
            for number in range(2 * parts):
                self._on_progress("counting", number, 2 * parts)
                (counter.count_part if number < parts else counter.count_keyed)(number % parts)
            counted = counter.finish(lambda: self._lend_all(files))
        self._on_progress("counting", 2 * parts, 2 * parts)
        return counted

    def _read(self, counter: PartCounter, files: dict[str, list[LakeFile]], weight: int) -> None:
        done = 0
        for stream, found in files.items():
            for batch in batches(found, self._limits.batch_bytes):
                self._on_progress("reading", done, weight)
                with self._files.lend(batch) as paths:
                    counter.stage(stream, paths)
                done += sum(file.weight_bytes for file in batch)
        self._on_progress("reading", weight, weight)
        counter.prepare()

    def _lend_all(self, files: dict[str, list[LakeFile]]) -> Iterator[tuple[str, list[Path]]]:
        for stream, found in files.items():
            for batch in batches(found, self._limits.batch_bytes):
                with self._files.lend(batch) as paths:
                    yield stream, paths
