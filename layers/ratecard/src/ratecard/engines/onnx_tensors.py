"""Rows as the tensors that an ONNX graph takes, and the tensors that it answers as scores."""

from __future__ import annotations

from ctypes import c_char, c_char_p, c_float, c_int64, c_void_p
from operator import itemgetter
from struct import Struct, error

from ratecard.engines.onnx_api import DOUBLE, FLOAT, INT64, STRING
from ratecard.kernel.errors import ArtifactError, EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ctypes import Array

    from ratecard.engines.onnx_api import OrtApi
    from ratecard.engines.onnx_graph import Port

#: C type of each element type, as `struct` writes it.
CODES = {FLOAT: "f", INT64: "q", DOUBLE: "d", STRING: ""}

# OrtAllocatorType and OrtMemType of plain memory of the CPU.
DEVICE_ALLOCATOR, DEFAULT_MEMORY = 0, 0


class InputTensor:
    """One input of a graph. Its memory and its handle are kept for the next call of as many rows.

    Parameters
    ----------
    api : OrtApi
        The library.
    port : Port
        The graph's input.
    places : tuple of int
        Which columns of a row it takes.

    Raises
    ------
    ArtifactError
        If its elements are of a type that rows cannot be turned into.
    """

    def __init__(self, api: OrtApi, port: Port, places: tuple[int, ...]) -> None:
        if port.element not in CODES:
            raise ArtifactError(f"the ONNX graph's input {port.name!r} is not of float, double, int64 or string")
        self._api = api
        self._element = port.element
        self._width = len(places)
        # A tensor of all columns takes the row as it is.
        self._pick: Callable[[Sequence[float | int | str]], Sequence[float | int | str]] | None = None
        if self._width == 1:
            pick = itemgetter(*places)
            self._pick = lambda row: (pick(row),)
        self._row = Struct(f"{self._width}{CODES[port.element]}" if port.element != STRING else "")
        self._count = 0
        self._block: Array[c_char] = (c_char * 0)()
        self._value = c_void_p()

    def reserve(self, count: int) -> int | None:
        """Make room for so many rows; answer the tensor's handle."""
        if count != self._count:
            self._allocate(count)
        return self._value.value

    def fill(self, rows: Sequence[Sequence[float | int | str]]) -> None:
        """Write rows into the tensor, which has room for just as many.

        Raises
        ------
        EngineError
            If a value is not of the tensor's type.
        """
        chosen = rows if self._pick is None else map(self._pick, rows)
        try:
            self._write(chosen)
        except (error, OverflowError, ValueError, TypeError, AttributeError) as cause:
            raise EngineError("a row has a value that is not of the type its column has in the ONNX graph") from cause

    def free(self) -> None:
        """Free the handle."""
        self._api.release("Value", self._value)
        self._value, self._count = c_void_p(), 0

    def _allocate(self, count: int) -> None:
        self.free()
        api, shape = self._api, (c_int64 * 2)(count, self._width)
        if self._element == STRING:
            allocator = api.create("GetAllocatorWithDefaultOptions")
            self._value = api.create("CreateTensorAsOrtValue", allocator, shape, 2, STRING)
        else:
            self._block = (c_char * (self._row.size * count))()
            self._value = _wrap(api, self._block, shape, self._element)
        self._count = count

    def _write(self, rows: Iterable[Sequence[float | int | str]]) -> None:
        if self._element == STRING:
            texts = [_encode(value) for row in rows for value in row]
            self._api.call("FillStringTensor", self._value, (c_char_p * len(texts))(*texts), len(texts))
            return
        pack, block, size = self._row.pack_into, self._block, self._row.size
        offset = 0
        for row in rows:
            try:
                pack(block, offset, *row)
            except (error, OverflowError):
                if self._element == DOUBLE:
                    raise
                pack(block, offset, *map(_to_float32 if self._element == FLOAT else _to_int64, row))
            offset += size


class OutputTensor:
    """One output of a graph whose width is declared. Memory and handle are kept for the next call of as many rows.

    The graph writes into memory that it is given, and refuses to if it would answer another shape: a call then asks
    the library for nothing more.

    Parameters
    ----------
    api : OrtApi
        The library.
    port : Port
        The graph's output, of floating-point numbers.
    """

    def __init__(self, api: OrtApi, port: Port) -> None:
        self._api = api
        self._element = port.element
        self._shape = port.shape[1:]
        self._row = Struct(f"{(*self._shape, 1)[0]}{CODES[port.element]}")
        self._count = 0
        self._block: Array[c_char] = (c_char * 0)()
        self._value = c_void_p()

    def reserve(self, count: int) -> int | None:
        """Make room for the scores of so many rows; answer the tensor's handle."""
        if count != self._count:
            self.free()
            shape = (count, *self._shape)
            self._block = (c_char * (self._row.size * count))()
            self._value = _wrap(self._api, self._block, (c_int64 * len(shape))(*shape), self._element)
            self._count = count
        return self._value.value

    def read(self) -> list[tuple[float, ...]]:
        """Copy the scores out, row by row."""
        return list(self._row.iter_unpack(self._block))

    def free(self) -> None:
        """Free the handle."""
        self._api.release("Value", self._value)
        self._value, self._count = c_void_p(), 0


def _wrap(api: OrtApi, block: Array[c_char], shape: Array[c_int64], element: int) -> c_void_p:
    """Make a tensor of memory that stays ours."""
    memory = api.create("CreateCpuMemoryInfo", DEVICE_ALLOCATOR, DEFAULT_MEMORY)
    try:
        arguments = (memory, block, len(block), shape, len(shape), element)
        return api.create("CreateTensorWithDataAsOrtValue", *arguments)
    finally:
        api.release("MemoryInfo", memory)


def _to_float32(value: float | int | str) -> float:
    # `struct` refuses what float32 cannot hold; the C cast, like NumPy's, makes it infinite.
    if isinstance(value, str):
        raise TypeError("not a number")
    return c_float(value).value


def _to_int64(value: float | int | str) -> int:
    # The contract's rows are floats; only whole ones have a place in a tensor of integers.
    whole = int(value)
    if isinstance(value, str) or whole != value:
        raise ValueError("not a whole number")
    return whole


def _encode(value: float | int | str) -> bytes:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text without zero bytes")
    return value.encode("utf-8")
