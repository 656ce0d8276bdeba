"""The lake in S3 as far as one function can count it."""

from __future__ import annotations

from typing import Any

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.storage.lake_files import BucketFiles, LakeFile


class LakeTooLargeError(RatecardError):
    """One function cannot count this much in its time: count with Athena, or rate on a larger machine."""

    code = "lake_too_large"
    kind = ErrorKind.TOO_LARGE


class BoundedFiles(BucketFiles):
    """Files of a bucket, refused before the first is brought where they are too many for one function.

    Parameters
    ----------
    bucket : str
        The lake's.
    client : object
        A boto3 client of S3.
    budget_bytes : int
        Most that one stream may have in the days of one count, as it lies there.
    """

    def __init__(self, bucket: str, client: Any, *, budget_bytes: int) -> None:
        super().__init__(bucket, "", client)
        self._budget_bytes = budget_bytes

    def list_stream(self, stream: str, first_day: str, last_day: str) -> list[LakeFile]:
        """See `LakeFiles`; raises LakeTooLargeError."""
        found = super().list_stream(stream, first_day, last_day)
        weight = sum(file.weight_bytes for file in found)
        if weight > self._budget_bytes:
            detail = f"{stream} from {first_day} to {last_day} has {weight / 1e6:.0f} MB"
            raise LakeTooLargeError(f"{detail}, more than the {self._budget_bytes / 1e6:.0f} MB of this function")
        return found
