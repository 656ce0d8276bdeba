"""Rows of numbers as one block of C doubles, reused from call to call."""

from __future__ import annotations

from ctypes import c_char
from struct import Struct, error

from ratecard.kernel.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ctypes import Array


class RowBlock:
    """A row-major block of float64 that grows to the largest call it has seen.

    Parameters
    ----------
    columns : int
        Values per row, >= 1.

    Attributes
    ----------
    block : ctypes array
        The memory; its first `8 * columns * rows` bytes are the rows of the last `fill`.
    """

    __slots__ = ("_capacity", "_columns", "_row", "block")

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._row = Struct(f"{columns}d")
        self._capacity = 1
        self.block: Array[c_char] = (c_char * self._row.size)()

    def fill(self, rows: Sequence[Sequence[float | int | str]]) -> None:
        """Write rows into the block, which may move to larger memory.

        Raises
        ------
        EngineError
            If a row has the wrong number of values, or one that is no number.
        """
        if len(rows) > self._capacity:
            self._capacity = len(rows)
            self.block = (c_char * (self._row.size * self._capacity))()
        pack, block, size = self._row.pack_into, self.block, self._row.size
        offset = 0
        try:
            for row in rows:
                pack(block, offset, *row)
                offset += size
        except (error, OverflowError, TypeError) as cause:
            raise EngineError(f"a row is not {self._columns} numbers") from cause
