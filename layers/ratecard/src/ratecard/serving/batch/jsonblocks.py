"""JSON Lines: every line is parsed by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from ratecard.kernel.jsontext import encode
from ratecard.serving.batch.rowpath import TOO_LONG, Layout, read_json_row, rejects_of
from ratecard.serving.batch.segments import Kind, Segments, Source, split_lines
from ratecard.serving.batch.table import Block, GoodRow, Reject, block_of

LINES_AT_ONCE = 1 << 13
"""Short lines are many in a megabyte, and each may have several problems."""


class JsonBlocks:
    """Reads JSON Lines into blocks. Carried values are held as JSON text, so that each keeps its own type.

    Parameters
    ----------
    layout : Layout
        What is carried.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._carried = [pa.string()] * len(layout.carried)

    def read(self, source: Source, first_line: int) -> Iterator[Block]:
        """Read lines from a stream that begins at one; see `CsvBlocks.read`."""
        for segment in Segments(source, 0, first_line):
            if segment.kind is Kind.TOO_LONG:
                yield self._sort_out([rejects_of(segment.line, "", [TOO_LONG])])
            lines = split_lines(segment.content)
            for start in range(0, len(lines), LINES_AT_ONCE):
                some = enumerate(lines[start : start + LINES_AT_ONCE], segment.line + start)
                yield self._sort_out([read_json_row(self._layout, line, content) for line, content in some])

    def _sort_out(self, rows: Sequence[GoodRow | list[Reject] | None]) -> Block:
        good: list[GoodRow] = []
        rejects: list[Reject] = []
        rejected = 0
        for row in rows:
            if isinstance(row, GoodRow):
                good.append(row._replace(carried=tuple(encode(value) for value in row.carried)))
            elif row is not None:
                rejects += row
                rejected += 1
        block = block_of(self._layout.contract, good, self._carried)
        block.rejects, block.rejected = rejects, rejected
        return block
