"""The inbox as a folder: which of its files are complete, and which are none that could ever be scored."""

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
    """Looks again and again for files at `<customer>/<model>/<file>` and `<customer>/<model>/explain/<file>`.

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
        self._visit(())
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

    def _visit(self, steps: tuple[str, ...]) -> None:
        with os.scandir(self._folder.joinpath(*steps)) as entries:
            found = list(entries)
        for entry in found:
            where = (*steps, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    self._visit_inner(where)
                else:
                    self._take(where, entry)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._pass_over(where, f"it cannot be read: {error.strerror}")

    def _visit_inner(self, where: tuple[str, ...]) -> None:
        if _is_bad_name(where[-1]):
            self._pass_over(where, "its name is not UTF-8 or has control characters")
        elif len(where) <= 2 or (len(where) == 3 and where[2] == EXPLAIN):
            self._visit(where)
        elif any(self._folder.joinpath(*where).iterdir()):
            self._pass_over(where, "files are taken from <customer>/<model> and <customer>/<model>/explain only")

    def _take(self, where: tuple[str, ...], entry: os.DirEntry[str]) -> None:
        name = where[-1]
        # A hidden file is one that somebody still writes.
        if name.startswith(".") or name.endswith(PARTIAL_SUFFIX):
            return
        if _is_bad_name(name):
            self._pass_over(where, "its name is not UTF-8 or has control characters")
        elif entry.is_symlink():
            self._pass_over(where, "it is a link")
        elif not entry.is_file(follow_symlinks=False):
            self._pass_over(where, "it is no regular file")
        elif len(where) < 3:
            self._pass_over(where, "files are taken from <customer>/<model> and <customer>/<model>/explain only")
        else:
            self._versions["/".join(where)] = local_version(Path(entry.path))

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
