"""Objects in S3 as files: written in parts as they come, read from any place by ranges; nothing is kept on a disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PART_BYTES = 16 << 20
"""What is held in memory before it is sent. S3 takes 5 MB at least and 10,000 parts: objects of up to 160 GB."""

READ_BYTES = 1 << 20
"""What is asked for ahead of a small read."""


class PartsWriter(io.RawIOBase):
    """Sends what is written as the parts of one object, which appears when it is completed.

    Parameters
    ----------
    s3 : object
        boto3's client.
    bucket, key : str
        The new object.
    """

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        super().__init__()
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self._held = bytearray()
        self._size = 0
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, content: Any, /) -> int:
        """Take some bytes."""
        size = memoryview(content).nbytes
        self._held += content
        self._size += size
        if len(self._held) >= PART_BYTES:
            self._send()
        return size

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._size

    def complete(self) -> None:
        """Let the object appear."""
        if self._upload is None:
            self._s3.put_object(**self._place, Body=bytes(self._held))
            return
        if self._held:
            self._send()
        self._s3.complete_multipart_upload(**self._place, UploadId=self._upload, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Let S3 forget what was sent."""
        if self._upload is not None:
            self._s3.abort_multipart_upload(**self._place, UploadId=self._upload)

    def _send(self) -> None:
        if self._upload is None:
            self._upload = self._s3.create_multipart_upload(**self._place)["UploadId"]
        number = len(self._parts) + 1
        sent = self._s3.upload_part(**self._place, UploadId=self._upload, PartNumber=number, Body=bytes(self._held))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._held.clear()


@contextmanager
def writing(s3: Any, bucket: str, key: str) -> Iterator[BinaryIO]:
    """Open a new object; it appears when the context ends, and not at all if that raises."""
    writer = PartsWriter(s3, bucket, key)
    try:
        yield cast("BinaryIO", writer)
        writer.complete()
    except BaseException:
        writer.abort()
        raise


class RangedReader(io.RawIOBase):
    """Reads an object by ranges.

    Parameters
    ----------
    s3 : object
        boto3's client.
    place : dict
        Bucket, Key and perhaps VersionId.
    size : int
        The object's size in bytes.
    """

    def __init__(self, s3: Any, place: dict[str, str], size: int) -> None:
        super().__init__()
        self._s3 = s3
        self._place = place
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        self._at = max(0, {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset)
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer with one request; return the number of bytes, 0 at the end."""
        view = memoryview(buffer)
        size = min(len(view), self._size - self._at)
        if size <= 0:
            return 0
        wanted = f"bytes={self._at}-{self._at + size - 1}"
        content = self._s3.get_object(**self._place, Range=wanted)["Body"].read()
        view[: len(content)] = content
        self._at += len(content)
        return len(content)


def open_ranged(s3: Any, place: dict[str, str], size: int) -> BinaryIO:
    """Open an object for reading from any place; large reads go through, small ones are read ahead."""
    return io.BufferedReader(RangedReader(s3, place, size), READ_BYTES)
