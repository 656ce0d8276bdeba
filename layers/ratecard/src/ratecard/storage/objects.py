"""Objects: files under keys, on this machine or in S3."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError


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

    def store_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file's content under a key."""
        ...


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
        if version is not None and local_version(self.path_of(key)) != version:
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

    def store_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file; see `ObjectStore`."""
        partial = self._partial(key)
        shutil.copyfile(path, partial)
        partial.replace(self.path_of(key))

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
            if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchVersion", "404"}:
                raise NotFoundError("there is no such object") from None
            raise
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

    def store_file(self, bucket: str, key: str, path: Path) -> None:
        """Store a file, in parts if it is large; see `ObjectStore`."""
        self._s3.upload_file(str(path), bucket, key)
