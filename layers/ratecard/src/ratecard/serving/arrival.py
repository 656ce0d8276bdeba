"""The announcement of a file: what landed in the inbox, who pays for it and what is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import InvalidRequestError

INBOX_KEY = re.compile(
    r"inbox/(?P<customer>[a-z0-9][a-z0-9-]{0,62})/(?P<slug>[a-z0-9-]+)/(?P<explain>explain/)?(?P<name>[^/]+)"
)


class Arrival(NamedTuple):
    """An announced object.

    Attributes
    ----------
    bucket, key : str
        Where it is.
    version : str or None
        Which version of it.
    at_epoch_ms : int
        When it was announced.
    customer : str
        Who pays, from the key.
    explain : bool
        Whether reasons are asked for, from the key.
    name : str
        The file's own name.
    """

    bucket: str
    key: str
    version: str | None
    at_epoch_ms: int
    customer: str
    explain: bool
    name: str

    @property
    def operation(self) -> str:
        """The metered operation."""
        return "batch_explain" if self.explain else "batch"

    @property
    def results_folder(self) -> str:
        """Key under which the results of just this version are stored."""
        return f"outbox/{self.key.removeprefix('inbox/')}/{self.version or 'unversioned'}"

    def usage_id(self, slug: str, model_version: str) -> str:
        """Name the scoring of this version of the object by this version of the model; 64 hexadecimal digits."""
        parts = (self.bucket, self.key, self.version or "", slug, model_version)
        return sha256_hex("\n".join(parts).encode())


def parse_arrival(event: Mapping[str, Any], slug: str) -> Arrival:
    """Read an EventBridge "Object Created" event.

    Raises
    ------
    InvalidRequestError
        If it is another event, or the key is not ``inbox/<customer>/<slug>/[explain/]<file>``.
    """
    try:
        detail = event["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        version = detail["object"].get("version-id")
        at_epoch_ms = int(datetime.fromisoformat(event["time"]).timestamp() * 1000)
        match = INBOX_KEY.fullmatch(key)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidRequestError(
            "the batch function takes EventBridge events of S3 objects that were created"
        ) from None
    if match is None or match["slug"] != slug:
        raise InvalidRequestError(f"an object key must be inbox/<customer>/{slug}/[explain/]<file>")
    return Arrival(bucket, key, version, at_epoch_ms, match["customer"], match["explain"] is not None, match["name"])
