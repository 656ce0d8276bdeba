"""Streams of a job: counted, hashed beside the reading, decompressed within bounds."""

from __future__ import annotations

import gzip
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, cast

import pyarrow as pa

from ratecard.contract.rows import refusal_of
from ratecard.kernel.digest import sha256
from ratecard.kernel.errors import Problem
from ratecard.serving.batch.segments import Source

MAX_EXPANSION = 100
"""Decompressed bytes for each compressed one. Real files of rows stay below 30; a bomb has a thousand."""

SMALLEST_LIMIT = 64 << 20
"""A small file may expand to so much in any case."""

CUT_OFF = Problem("", "truncated", "is compressed and ends too early, or is damaged")
BOMB = Problem("", "expands_too_much", f"expands to over {MAX_EXPANSION} times its size")


class Hashing:
    """Reads a stream, and has its SHA-256 computed beside by a second thread.

    Parameters
    ----------
    stream : BinaryIO
        Read from front to back.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sha256 = sha256()
        self._hasher = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes."""
        content = self._stream.read(size)
        if content:
            if self._last is not None:
                self._last.result()  # at most one piece waits, so that memory stays flat
            self._last = self._hasher.submit(self._sha256.update, content)
            self.size += len(content)
        return content

    def hexdigest(self) -> str:
        """Return the SHA-256 of everything that was read."""
        self._hasher.shutdown()
        digest: str = self._sha256.hexdigest()
        return digest


class Expanding:
    """Decompresses a stream, and stops where it expands as only a bomb does.

    Parameters
    ----------
    source : Hashing
        The compressed bytes.
    compression : str
        gzip or zstd.
    size : int
        How many compressed bytes there are.
    """

    def __init__(self, source: Hashing, compression: str, size: int) -> None:
        readable = _Readable(source)
        self._stream = (
            gzip.GzipFile(fileobj=cast("BinaryIO", readable), mode="rb")
            if compression == "gzip"
            else pa.CompressedInputStream(pa.PythonFile(readable, mode="r"), compression)
        )
        self._left = max(size * MAX_EXPANSION, SMALLEST_LIMIT)

    def read(self, size: int, /) -> bytes:
        """Read up to so many bytes.

        Raises
        ------
        InvalidRequestError
            With the code truncated or expands_too_much.
        """
        try:
            content: bytes = self._stream.read(size)
        except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
            raise refusal_of(CUT_OFF, whole="the file") from error
        self._left -= len(content)
        if self._left < 0:
            raise refusal_of(BOMB, whole="the file")
        return content


class _Readable:
    """What gzip and Arrow ask of a file."""

    closed = False

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = 1 << 20) -> bytes:
        return self._source.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    def flush(self) -> None:
        """Do nothing: nothing is written."""
