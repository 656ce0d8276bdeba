"""JSON Lines: every line is parsed by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from ratecard.kernel.jsontext import encode
from ratecard.serving.batch.rowpath import TOO_LONG, Layout, read_json_row, rejects_of
from ratecard.serving.batch.segments import Kind, Segment, Segments, Source, split_lines
from ratecard.serving.batch.table import Block, GoodRow, Reject, block_of


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
            yield self._read_segment(segment)

    def _read_segment(self, segment: Segment) -> Block:
        good: list[GoodRow] = []
        rejects: list[Reject] = []
        rejected = 0
        lines = split_lines(segment.content)
        rows = [read_json_row(self._layout, line, content) for line, content in enumerate(lines, segment.line)]
        if segment.kind is Kind.TOO_LONG:
            rows = [rejects_of(segment.line, "", [TOO_LONG])]
        for row in rows:
            if isinstance(row, GoodRow):
                good.append(row._replace(carried=tuple(encode(value) for value in row.carried)))
            elif row is not None:
                rejects += row
                rejected += 1
        block = block_of(self._layout.contract, good, self._carried)
        block.rejects, block.rejected = rejects, rejected
        return block
