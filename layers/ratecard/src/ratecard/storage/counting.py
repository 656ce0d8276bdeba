"""Counting from where the lines lie: one question, answered by Python for a small lake and by SQL for a large one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ratecard.billing.counting import Counted, count_lake
from ratecard.billing.scope import Scope
from ratecard.storage.lake import ACCESS, GZIPPED, PLAIN, USAGE, list_files, read_file


class UsageSource(Protocol):
    """Where usage can be counted."""

    def count_usage(self, scope: Scope) -> Counted:
        """Count what customers used; the same lines give the same result, whoever counts.

        Raises
        ------
        DamagedFileError
            If a file cannot be read to its end.
        """
        ...


class FolderLake:
    """A lake's folder, counted in Python alone: everything of the periods is held in memory, about 2 KB a call.

    Parameters
    ----------
    root : Path
        The lake's folder, with `usage` and `access` in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def count_usage(self, scope: Scope) -> Counted:
        """See `UsageSource`."""
        return count_lake(self._events(USAGE, scope), self._events(ACCESS, scope), scope=scope)

    def _events(self, stream: str, scope: Scope) -> Iterator[dict[str, object] | None]:
        for path in files_of(self._root, stream, scope):
            for line in read_file(path):
                yield line.event


def files_of(root: Path, stream: str, scope: Scope) -> list[Path]:
    """Return the files of a stream that can hold lines of a scope's periods."""
    first_day, last_day = scope.days_to_scan()
    return list_files(root, stream, first_day=first_day, last_day=last_day, endings=(PLAIN, GZIPPED))


def count_usage(source: UsageSource | Path, scope: Scope) -> Counted:
    """Count what customers used.

    Parameters
    ----------
    source : UsageSource or Path
        Where the lines lie; a path is the folder of a lake.
    scope : Scope
        Whose, which periods, at which prices.
    """
    return (FolderLake(source) if isinstance(source, Path) else source).count_usage(scope)
