"""Edits to a YAML text line by line: comments and order of everything else stay as they were written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Lines = list[str]


def indent_of(line: str) -> int:
    """Count the blanks a line starts with; an empty line is deeper than any other, for it ends no block."""
    return len(line) - len(line.lstrip(" ")) if line.strip() else len(line) + (1 << 20)


def block_end(lines: Lines, start: int) -> int:
    """Return where the block that starts at a line ends: before the next line that is not deeper.

    Empty lines at its end are not of it.
    """
    end = start + 1
    while end < len(lines) and indent_of(lines[end]) > indent_of(lines[start]):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end


def find_line(lines: Lines, beginning: str, start: int = 0, end: int | None = None) -> int | None:
    """Return the place of the first line that starts with a text, or None."""
    for place in range(start, len(lines) if end is None else end):
        if lines[place].startswith(beginning):
            return place
    return None


def insert_block(lines: Lines, section: str, block: Iterable[str], before: str | None = None) -> Lines:
    """Put lines at the end of a section, or before its first line that starts with `before` if there is one.

    Parameters
    ----------
    lines : list of str
        The text, each line with its newline.
    section : str
        The section's first line without newline, with its indent.

    Raises
    ------
    LookupError
        If there is no such section.
    """
    start = find_line(lines, f"{section}\n")
    if start is None:
        raise LookupError(section.strip())
    end = block_end(lines, start)
    found = find_line(lines, before, start, end) if before else None
    place = end if found is None else found
    return [*lines[:place], *block, *lines[place:]]


def remove_blocks(lines: Lines, starts: Callable[[str], bool]) -> Lines:
    """Take out every block whose first line is one of these; of two empty lines that meet, one goes."""
    kept: Lines = []
    place = 0
    while place < len(lines):
        if not starts(lines[place]):
            kept.append(lines[place])
            place += 1
            continue
        place = block_end(lines, place)
        while place < len(lines) and not lines[place].strip() and (not kept or not kept[-1].strip()):
            place += 1
    return kept
