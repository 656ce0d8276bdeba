"""Objects: files under keys, on this machine or in S3."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.exceptions import ClientError


class ObjectChangedError(RatecardError):
    """The object is no longer the version that was announced; a newer announcement follows."""

    code = "object_changed"
    kind = ErrorKind.CONFLICT


class ObjectStore(Protocol):
    """Named files in buckets; a stored object appears whole or not at all."""

    def open_read(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Open one version of an object for reading from front to back.

        Raises
        ------
        NotFoundError
            If there is no such object.
        ObjectChangedError
            If another version took its place and the announced one cannot be read.
        """
        ...

    def confirm_unchanged(self, bucket: str, key: str, version: str | None) -> None:
        """Make sure, after reading, that what was read is the announced version.

        Raises
        ------
        NotFoundError
            If it is gone.
        ObjectChangedError
            If it was written to meanwhile.
        """
        ...

    def find_bytes(self, bucket: str, key: str) -> bytes | None:
        """Return a small object whole, or None if there is none."""
        ...

    def store_bytes(self, bucket: str, key: str, content: bytes) -> None:
        """Store a small object."""
        ...

    def open_range(self, bucket: str, key: str, version: str | None, span: tuple[int, int]) -> BinaryIO:
        """Open some bytes of an object for reading from front to back; `span` is where they begin and how many."""
        ...

    def open_seekable(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Open one version of an object for reading from any place."""
        ...

    def create(self, bucket: str, key: str) -> AbstractContextManager[BinaryIO]:
        """Open a new object for writing; it appears when the context ends, and not at all if that raises."""
        ...

    def remove_folder(self, bucket: str, prefix: str) -> None:
        """Remove every object whose key begins with a prefix that ends in a slash."""
        ...


class Limited(io.RawIOBase):
    """Reads a file on from where it stands, but no more than so many bytes.

    Parameters
    ----------
    file : BinaryIO
        Closed together with this.
    size : int
        How many bytes may be read.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._left = size

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer; return the number of bytes, 0 at the end."""
        content = self.read(len(memoryview(buffer)))
        memoryview(buffer)[: len(content)] = content
        return len(content)

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes, all that is left if negative."""
        content = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(content)
        return content

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def local_version(path: Path) -> str:
    """Name the present version of a file: it changes whenever the file is written again."""
    status = path.stat()
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


class LocalObjectStore:
    """Objects as files under one folder; all buckets are that folder.

    Parameters
    ----------
    root : Path
        Folder that holds `inbox` and `outbox`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path_of(self, key: str) -> Path:
        """Return the file of a key.

        Raises
        ------
        NotFoundError
            If the key would leave the store's folder.
        """
        steps = key.split("/")
        if any(step in {"", ".", ".."} for step in steps) or "\0" in key:
            raise NotFoundError("an object key has no empty, . or .. step")
        return self._root.joinpath(*steps)

    def open_read(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Open an object; see `ObjectStore`."""
        path = self.path_of(key)
        try:
            self.confirm_unchanged(bucket, key, version)
            return path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFoundError("there is no such object") from None

    def confirm_unchanged(self, bucket: str, key: str, version: str | None) -> None:
        """Compare time and size of the file; see `ObjectStore`."""
        if version is None:
            return
        try:
            present = local_version(self.path_of(key))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError("the file is no longer there") from None
        if present != version:
            raise ObjectChangedError("the file was written again after it was announced")

    def find_bytes(self, bucket: str, key: str) -> bytes | None:
        """Return a small object; see `ObjectStore`."""
        try:
            return self.path_of(key).read_bytes()
        except FileNotFoundError:
            return None

    def store_bytes(self, bucket: str, key: str, content: bytes) -> None:
        """Store a small object; see `ObjectStore`."""
        partial = self._partial(key)
        partial.write_bytes(content)
        partial.replace(self.path_of(key))

    def open_range(self, bucket: str, key: str, version: str | None, span: tuple[int, int]) -> BinaryIO:
        """Open some bytes of a file; see `ObjectStore`."""
        file = self.open_read(bucket, key, version)
        file.seek(span[0])
        return cast("BinaryIO", Limited(file, span[1]))

    def open_seekable(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Open a file; see `ObjectStore`."""
        return self.open_read(bucket, key, version)

    @contextmanager
    def create(self, bucket: str, key: str) -> Iterator[BinaryIO]:
        """Write beside the place and rename; see `ObjectStore`."""
        partial = self._partial(key)
        try:
            with partial.open("wb") as file:
                yield file
            partial.replace(self.path_of(key))
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def remove_folder(self, bucket: str, prefix: str) -> None:
        """Remove a folder, and those above it that are empty then; see `ObjectStore`."""
        folder = self.path_of(prefix.rstrip("/"))
        shutil.rmtree(folder, ignore_errors=True)
        for above in list(folder.parents)[: len(prefix.rstrip("/").split("/")) - 1]:
            try:
                above.rmdir()
            except OSError:
                return

    def _partial(self, key: str) -> Path:
        target = self.path_of(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{target.name}.{os.getpid()}.partial")


class S3ObjectStore:
    """Objects in S3, through boto3, which is imported only when a store is made."""

    def __init__(self) -> None:
        import boto3

        self._s3 = boto3.client("s3")

    def open_read(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Open an object; see `ObjectStore`."""
        named = {"VersionId": version} if version else {}
        try:
            body: BinaryIO = self._s3.get_object(Bucket=bucket, Key=key, **named)["Body"]
        except self._s3.exceptions.ClientError as error:
            raise _refine(error) from None
        return body

    def confirm_unchanged(self, bucket: str, key: str, version: str | None) -> None:
        """Return at once: a version of an object in S3 never changes; see `ObjectStore`."""

    def find_bytes(self, bucket: str, key: str) -> bytes | None:
        """Return a small object; see `ObjectStore`."""
        try:
            return self.open_read(bucket, key, None).read()
        except NotFoundError:
            return None

    def store_bytes(self, bucket: str, key: str, content: bytes) -> None:
        """Store a small object; see `ObjectStore`."""
        self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def open_range(self, bucket: str, key: str, version: str | None, span: tuple[int, int]) -> BinaryIO:
        """Ask for a range; see `ObjectStore`."""
        named = {"VersionId": version} if version else {}
        first, size = span
        wanted = f"bytes={first}-{first + size - 1}"
        try:
            body: BinaryIO = self._s3.get_object(Bucket=bucket, Key=key, Range=wanted, **named)["Body"]
        except self._s3.exceptions.ClientError as error:
            raise _refine(error) from None
        return body

    def open_seekable(self, bucket: str, key: str, version: str | None) -> BinaryIO:
        """Read by ranges; see `ObjectStore`."""
        from ratecard.storage.s3_streams import open_ranged

        named = {"VersionId": version} if version else {}
        try:
            size = self._s3.head_object(Bucket=bucket, Key=key, **named)["ContentLength"]
        except self._s3.exceptions.ClientError as error:
            raise _refine(error) from None
        return open_ranged(self._s3, {"Bucket": bucket, "Key": key, **named}, size)

    def create(self, bucket: str, key: str) -> AbstractContextManager[BinaryIO]:
        """Send it in parts; see `ObjectStore`."""
        from ratecard.storage.s3_streams import writing

        return writing(self._s3, bucket, key)

    def remove_folder(self, bucket: str, prefix: str) -> None:
        """Delete a thousand objects in a request; see `ObjectStore`."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            keys = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
            if keys:
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _refine(error: ClientError) -> Exception:
    """Tell an object that is not there from every other fault."""
    missing = error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchVersion", "404"}
    return NotFoundError("there is no such object") if missing else error
