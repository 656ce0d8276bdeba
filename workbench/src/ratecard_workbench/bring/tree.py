"""Changing several files of the project as one step: all of them, or, whatever ends the command, none.

What will be undone is written down before anything is changed. A command that is killed half way leaves that note, and
the next command that takes the project's lock undoes what the note says before it looks at anything.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard_workbench.publish.files import store_text

STAGING = Path("build") / "bring"
"""Where a new folder is put together; Git ignores it, and it lies on the project's own file system."""

NOTE = "undo.json"


class TreeBusyError(RatecardError):
    """Another command is changing the project's models."""

    code = "tree_busy"
    kind = ErrorKind.CONFLICT


@contextmanager
def staging_area(root: Path) -> Iterator[Path]:
    """Lock the project for changes of its models, undo what a killed command left, and give an empty folder.

    Raises
    ------
    TreeBusyError
        If another command holds the lock.
    """
    place = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TreeBusyError("another command is changing the models of this project; wait for it") from None
        staging = root / STAGING
        undo_change(root)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        os.close(place)


def change_tree(root: Path, moves: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """Move folders and write texts, in this order; both by path under `root`. Needs the `staging_area`.

    An interrupt that arrives meanwhile is heard when the change is complete.

    Raises
    ------
    OSError
        If a step fails; what was done before it is undone.
    """
    before = {path: _find_text(root / path) for path in texts}
    store_text(root / STAGING / NOTE, json.dumps({"moves": dict(moves), "texts": before}))
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        for source, target in moves.items():
            (root / source).rename(root / target)
        for path, text in texts.items():
            store_text(root / path, text)
        (root / STAGING / NOTE).unlink()
    except OSError:
        undo_change(root)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def undo_change(root: Path) -> None:
    """Take back what an unfinished change did; without a note of one, do nothing."""
    note = root / STAGING / NOTE
    if not note.is_file():
        return
    wanted = json.loads(note.read_text(encoding="utf-8"))
    for path, text in wanted["texts"].items():
        if text is None:
            if (root / path).is_file():
                (root / path).unlink()
        elif _find_text(root / path) != text:
            store_text(root / path, text)
    for source, target in wanted["moves"].items():
        if (root / target).exists() and not (root / source).exists():
            (root / target).rename(root / source)
    note.unlink()


def _find_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
