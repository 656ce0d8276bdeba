"""Lines of CSV that Arrow could read more kindly than the contract does: a few are cut out, many told by a pattern."""

from __future__ import annotations

import re
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ratecard.contract import Boolean, Category, Integer, Number
from ratecard.serving.batch.rowpath import Layout
from ratecard.serving.batch.segments import Segment
from ratecard.serving.batch.table import ordinals

UNUSUAL = (b'"', b"\0", b" ", b"\t")
"""Blanks around a number and bytes within quotes mean something else to Arrow than to RFC 4180 and the contract."""

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"

MOST_CUT = 256
"""Lines of a segment: where there are more, one pattern for all lines costs less than to go from one to the next."""


WINDOW_BYTES = 8 << 10
"""Bytes that are decoded at once: Python keeps a copy of all of them for the error's sake."""


class Cut(NamedTuple):
    """A segment in two: plain lines, and records that are looked at one by one.

    Attributes
    ----------
    rest : bytes
        The plain lines with their ends.
    lines : list of int
        Number of each line that is not in `rest`, in order.
    rows : list of (int, bytes)
        The records cut out: number of the first line, and text.
    """

    rest: bytes
    lines: list[int]
    rows: list[tuple[int, bytes]]


def cut_unusual(segment: Segment) -> Cut | None:
    """Cut the lines that are not plain, and the records over lines, out of a segment; None if they are many."""
    content = segment.content
    found = find_unusual(content)
    if found is None:
        return None
    spans = dict(segment.spans)
    lines: list[int] = []
    rows: list[tuple[int, bytes]] = []
    pieces: list[memoryview] = []
    view = memoryview(content)
    place, number = 0, segment.line
    for start, end in sorted((found | spans).items()):
        if start < place:
            continue  # one of the later lines of a record over lines
        pieces.append(view[place:start])
        number += content.count(b"\n", place, start)
        text = content[start:end]
        rows.append((number, text if start in spans else text.removesuffix(b"\n")))
        after = number + (text.count(b"\n") or 1)
        lines += range(number, after)
        place, number = end, after
    return Cut(b"".join((*pieces, view[place:])) if rows else content, lines, rows)


def find_unusual(content: bytes) -> dict[int, int] | None:
    """Return start and end of each line that is not plain; None if they are many."""
    marks: tuple[bytes, ...] = UNUSUAL
    returns = content.count(b"\r") if b"\r" in content else 0
    if returns and returns != content.count(b"\r\n"):
        if b"\r\n" in content:
            return None
        marks = (*UNUSUAL, b"\r")
    found: dict[int, int] = {}
    for mark in marks:
        place = content.find(mark)
        while place >= 0:
            start, end = line_at(content, place)
            found[start] = end
            if len(found) > MOST_CUT:
                return None
            place = content.find(mark, end)
    if not content.isascii():
        found |= find_not_utf8(content)
    return None if len(found) > MOST_CUT else found


def find_not_utf8(content: bytes) -> dict[int, int]:
    """Return start and end of each line that is no valid UTF-8."""
    found: dict[int, int] = {}
    start = 0
    while start < len(content) and len(found) <= MOST_CUT:
        end = content.find(b"\n", start + WINDOW_BYTES) + 1 or len(content)
        if not is_utf8(content[start:end]):
            for line in content[start:end].splitlines(keepends=True):
                if not is_utf8(line):
                    found.update([line_at(content, start)])
                start += len(line)
        start = end
    return found


def is_utf8(content: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def line_at(content: bytes, place: int) -> tuple[int, int]:
    """Return start and end of the line that a place is in."""
    return content.rfind(b"\n", 0, place) + 1, content.find(b"\n", place) + 1 or len(content)


def plain_line(layout: Layout) -> str:
    """Return the pattern of lines that Arrow reads just as the row path does."""
    cells = []
    for feature in layout.features:
        if isinstance(feature, (Number, Integer)):
            cell = f'{NUMBER}|"{NUMBER}"'
        elif isinstance(feature, Boolean):
            cell = "true|false"
        elif isinstance(feature, Category):
            words = "|".join(re.escape(word) for word in feature.values if not set(word) & set('",\r\n\0'))
            cell = f'(?:{words})|"(?:{words})"'
        else:
            cell = r'[^",\r\n\x00]*|"(?:[^"\r\n\x00]|"")*"'
        cells.append(f"(?:{cell}{'|' if feature is not None and feature.missing else ''})")
    return f"^{','.join(cells)}\r?$"


def lines_of(segment: Segment) -> tuple[pa.Array, pa.Array, list[tuple[int, bytes]]]:
    """Return number and text of each record that is one line, and of those over lines: as `records_of`, in columns.

    The texts may be no valid UTF-8; patterns then do not match.
    """
    content = segment.content
    numbers, pieces, spanned = [], [], []
    place, number = 0, segment.line
    for first, last in (*segment.spans, (len(content), len(content))):
        piece = content[place:first]
        count = piece.count(b"\n") + bool(piece and not piece.endswith(b"\n"))
        if count:
            numbers.append(ordinals(number, count))
            pieces.append(piece)
            number += count
        if first < last:
            spanned.append((number, content[first:last]))
            number += content.count(b"\n", first, last)
        place = last
    if not pieces:
        return pa.array([], pa.int64()), pa.array([], pa.string()), spanned
    whole = pa.array([b"".join(pieces).removesuffix(b"\n")], pa.binary())
    lines = pc.split_pattern(whole, "\n").values
    return pa.concat_arrays(numbers), lines.view(pa.string()), spanned
