"""The inbox as a folder: which of its files are complete, and which are none that any event could name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ratecard.storage.objects import local_version

# A file that has not changed for so long is taken to be complete.
STABLE_SECONDS = 1.0
PARTIAL_SUFFIX = ".partial"
EXPLAIN = "explain"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class InboxFolder:
    """Looks again and again for files, wherever they lie: one that belongs to no model gets an answer too.

    Parameters
    ----------
    folder : Path
        The inbox.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions: dict[str, str] = {}
        self._passed_over: set[str] = set()
        # Version of each file and since when it is known; told by the monotonic clock, for a file's own time may be
        # in the future and the wall clock may jump.
        self._seen: dict[str, tuple[str, float]] = {}
        self._told: set[str] = set()

    def scan(self, now: float) -> tuple[list[tuple[str, str]], list[str]]:
        """Look once.

        Parameters
        ----------
        now : float
            Monotonic seconds.

        Returns
        -------
        list of (str, str), list of str
            Path within the inbox and version of each file that has stopped changing; a sentence on each thing that is
            passed over and was not the last time.

        Raises
        ------
        OSError
            If the inbox itself cannot be read.
        """
        self._versions = {}
        self._passed_over = set()
        self._visit_all()
        before = self._seen
        self._seen = {}
        for name, version in self._versions.items():
            known = before.get(name)
            self._seen[name] = known if known is not None and known[0] == version else (version, now)
        complete = [(name, version) for name, (version, since) in self._seen.items() if now - since >= STABLE_SECONDS]
        news = sorted(self._passed_over - self._told)
        self._told = self._passed_over
        return complete, news

    def holds(self, name: str) -> bool:
        """Tell whether a path within the inbox is reached without any link: a link could lead anywhere."""
        return (self._folder / name).resolve() == self._folder.resolve() / name

    def _visit_all(self) -> None:
        folders: list[tuple[str, ...]] = [()]
        while folders:
            steps = folders.pop()
            for entry in self._list(steps):
                where = (*steps, entry.name)
                try:
                    if self._is_folder(where, entry):
                        folders.append(where)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._pass_over(where, f"it cannot be read: {error.strerror}")

    def _list(self, steps: tuple[str, ...]) -> list[os.DirEntry[str]]:
        """Return what is in a folder; a hidden thing is one that somebody still writes."""
        try:
            with os.scandir(self._folder.joinpath(*steps)) as entries:
                return [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if not steps:
                raise
            if not isinstance(error, FileNotFoundError):
                self._pass_over(steps, f"it cannot be read: {error.strerror}")
            return []

    def _is_folder(self, where: tuple[str, ...], entry: os.DirEntry[str]) -> bool:
        """Tell whether something is a folder to look into; if not, take it as a file or pass over it."""
        if _is_bad_name(entry.name):
            self._pass_over(where, "its name is not UTF-8 or has control characters")
        elif entry.is_dir(follow_symlinks=False):
            return True
        elif entry.name.endswith(PARTIAL_SUFFIX):
            pass
        elif entry.is_symlink():
            self._pass_over(where, "it is a link")
        elif not entry.is_file(follow_symlinks=False):
            self._pass_over(where, "it is no regular file")
        else:
            self._versions["/".join(where)] = local_version(Path(entry.path))
        return False

    def _pass_over(self, where: tuple[str, ...], reason: str) -> None:
        # Escaped, so that a name can neither break the log's lines nor its encoding.
        self._passed_over.add(f"inbox/{ascii('/'.join(where))[1:-1]} is not taken: {reason}")


def _is_bad_name(name: str) -> bool:
    """Tell whether a name could be part of no object key, event or log line."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return _CONTROL.search(name) is not None
