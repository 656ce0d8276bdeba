"""Generated files: written the same way every time, so that a check can compare them with what is committed."""

from __future__ import annotations

from pathlib import Path

import yaml

from ratecard.kernel.errors import ErrorKind, RatecardError

UNBROKEN = 1 << 20
"""Line width that never breaks a text: a mapping template stays on one line."""


class StaleFilesError(RatecardError):
    """A generated file is not what its sources say today."""

    code = "stale_files"
    kind = ErrorKind.CONFLICT


class PlainDumper(yaml.SafeDumper):
    """YAML without anchors: the same object in two places is written twice, as API Gateway wants it."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every object out."""
        return True


def yaml_text(document: dict[str, object], notice: str) -> str:
    """Write a document as YAML, members in their given order, under one line that says where it comes from."""
    body = yaml.dump(document, Dumper=PlainDumper, sort_keys=False, width=UNBROKEN, allow_unicode=True)
    return f"# {notice}\n{body}"


def is_current(path: Path, text: str) -> bool:
    """Say whether a file holds exactly this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def store_text(path: Path, text: str) -> None:
    """Write a file whole: readers see the old one or the new one."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def find_stale(root: Path, texts: dict[str, str]) -> list[str]:
    """Return which of the files, by path under `root`, are missing or hold something else."""
    return [path for path, text in texts.items() if not is_current(root / path, text)]


def store_stale(root: Path, texts: dict[str, str]) -> list[str]:
    """Write the files that are missing or hold something else; return which."""
    stale = find_stale(root, texts)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        store_text(root / path, texts[path])
    return stale
