"""Lines and records of a byte stream, in bounded memory: where a record may go on over lines, and where it ends.

A line ends with a line feed. In CSV a record is one line, unless the line holds an odd number of quotes: then it goes
on to the next such line, if the text of both and everything between is one well-formed record with as many cells as
the header, in at most `MAX_RECORD_LINES` lines and `MAX_LINE_BYTES` bytes. Otherwise the first line stands alone (it
will be a reject), and reading goes on at the line after it: a quote that is never closed costs its own line only.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

MAX_LINE_BYTES = 1_000_000
MAX_RECORD_LINES = 1_000
BLOCK_BYTES = 960 << 10
"""Read at once; below `MAX_LINE_BYTES`, so that only a line that began in an earlier block can be too long."""


COMMA = ord(",")
AFTER_A_CELL = (b"", b",", b"\r", b"\n")


class Kind(Enum):
    """What a segment is."""

    LINES = "lines"
    TOO_LONG = "too_long"


class Segment(NamedTuple):
    """A run of whole lines.

    Attributes
    ----------
    kind : Kind
        LINES: every line is a record, but for those in `spans`. TOO_LONG: one line that was passed over.
    content : bytes
        The lines with their ends; empty if too long.
    line : int
        Number of the first line, from 1.
    end : int
        Bytes of the stream up to the end of the segment.
    spans : tuple of (int, int)
        Begin and end, in the content, of each record that goes on over lines.
    """

    kind: Kind
    content: bytes
    line: int
    end: int
    spans: tuple[tuple[int, int], ...] = ()


class Source(Protocol):
    """Anything that can be read from front to back."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


def parse_cells(text: str) -> list[str] | None:
    """Parse the text of one CSV record (RFC 4180); None if it is none."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        return None


class Segments:
    """Cuts a stream into segments.

    Parameters
    ----------
    source : Source
        Begins at a record's start.
    width : int
        Cells of a CSV record; 0 where a line is always a record, as in JSON Lines.
    line : int
        Number of the first line.
    """

    def __init__(self, source: Source, width: int, line: int = 1) -> None:
        self._source = source
        self._width = width
        self._line = line
        self._end = 0

    def __iter__(self) -> Iterator[Segment]:
        held = b""  # whole lines of a record that may go on, then the beginning of a line
        begun = 0  # where in `held` the line begins that is not whole yet
        while block := self._source.read(BLOCK_BYTES):
            ended = block.find(b"\n")
            if len(held) - begun + (ended if ended >= 0 else len(block)) >= MAX_LINE_BYTES:
                yield from self._split(held[:begun], closed=True)[0]
                held = self._pass_over(held[begun:] + block)
                begun = held.rfind(b"\n") + 1
                yield Segment(Kind.TOO_LONG, b"", self._line, self._end)
                self._line += 1
                continue
            whole = block.rfind(b"\n") + 1
            if not whole:
                held += block
                continue
            lines = b"".join((held, memoryview(block)[:whole]))
            segments, taken = self._split(lines, closed=False)
            yield from segments
            held = lines[taken:] + block[whole:]
            begun = len(lines) - taken
        yield from self._split(held, closed=True)[0]

    def _pass_over(self, begun: bytes) -> bytes:
        """Drop a line that is too long; return what follows it in the block that ends it."""
        block = begun
        while (found := block.find(b"\n")) < 0:
            self._end += len(block)
            block = self._source.read(BLOCK_BYTES)
            if not block:
                return b""
        self._end += found + 1
        return block[found + 1 :]

    def _split(self, lines: bytes, *, closed: bool) -> tuple[list[Segment], int]:
        """Make a segment of whole lines; return it, if there is any, and how many bytes it is."""
        spans: list[tuple[int, int]] = []
        taken = len(lines)
        for first, last in self._records(lines, closed=closed):
            if first == last:  # it may go on beyond these lines
                taken = first
            else:
                spans.append((first, last))
        if not taken:
            return [], 0
        self._end += taken
        segment = Segment(Kind.LINES, lines[:taken], self._line, self._end, tuple(spans))
        self._line += segment.content.count(b"\n") or 1
        return [segment], taken

    def _records(self, lines: bytes, *, closed: bool) -> Iterator[tuple[int, int]]:
        """Yield start and end of each record that goes on over lines; both the same where more must be read first."""
        if not self._width or b'"' not in lines:
            return
        odd = find_odd_lines(lines)
        place = 0
        while place < len(odd):
            first = odd[place][0]
            if place + 1 == len(odd):
                if not closed and not exceeds(lines, first, len(lines)):
                    yield first, first
                return
            last = odd[place + 1][1]
            if (
                may_be_record(lines, first, last)
                and not exceeds(lines, first, last)
                and self._is_record(lines[first:last])
            ):
                yield first, last
                place += 2
            else:
                place += 1

    def _is_record(self, text: bytes) -> bool:
        cells = parse_cells(text.decode("utf-8", "surrogateescape"))
        return cells is not None and len(cells) == self._width


def may_be_record(lines: bytes, first: int, last: int) -> bool:
    """Tell, where there are two quotes only, whether they open a cell and close it; other lines are looked at closely.

    The lines between two stray quotes can be many, and nearly all stray quotes fail here.
    """
    opened = lines.find(b'"', first)
    closed = lines.find(b'"', opened + 1)
    if lines.find(b'"', closed + 1, last) >= 0:
        return True
    return (opened == first or lines[opened - 1] == COMMA) and lines[closed + 1 : closed + 2] in AFTER_A_CELL


def exceeds(lines: bytes, first: int, last: int) -> bool:
    """Tell whether some lines are too many or too long for one record."""
    return last - first > MAX_LINE_BYTES or lines.count(b"\n", first, last) > MAX_RECORD_LINES


def find_odd_lines(lines: bytes) -> list[tuple[int, int]]:
    """Return start and end of each line with an odd number of quotes."""
    odd: list[tuple[int, int]] = []
    quote = lines.find(b'"')
    while quote >= 0:
        start = lines.rfind(b"\n", 0, quote) + 1
        end = lines.find(b"\n", quote) + 1 or len(lines)
        if lines.count(b'"', start, end) & 1:
            odd.append((start, end))
        quote = lines.find(b'"', end)
    return odd


def records_of(segment: Segment) -> tuple[Sequence[int], list[bytes]]:
    """Return the first line's number and the text of each record of a segment, empty lines included."""
    content = segment.content
    if not segment.spans:
        texts = split_lines(content)
        return range(segment.line, segment.line + len(texts)), texts
    numbers: list[int] = []
    texts = []
    place, number = 0, segment.line
    for first, last in (*segment.spans, (len(content), len(content))):
        between = split_lines(content[place:first])
        numbers += range(number, number + len(between))
        texts += between
        number += len(between)
        if first < last:
            numbers.append(number)
            texts.append(content[first:last])
            number += content.count(b"\n", first, last)
        place = last
    return numbers, texts


def split_lines(content: bytes) -> list[bytes]:
    """Return lines without their line feeds."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
