"""The announcement of a file: what landed in the inbox, who pays for it and what is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ratecard.kernel.errors import InvalidRequestError

INBOX_KEY = re.compile(
    r"inbox/(?P<customer>[a-z0-9][a-z0-9-]{0,62})/(?P<slug>[a-z0-9-]+)/(?P<explain>explain/)?(?P<name>[^/]+)"
)


class NoInboxFileError(InvalidRequestError):
    """The object is none that anybody asked to score: a folder's marker, or a key of another shape."""


class Arrival(NamedTuple):
    """An announced object.

    Attributes
    ----------
    bucket, key : str
        Where it is.
    version : str
        Which version of it: the inbox keeps versions, so that a result belongs to just one content.
    size : int
        Announced size in bytes.
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
    version: str
    size: int
    at_epoch_ms: int
    customer: str
    explain: bool
    name: str

    @property
    def results_folder(self) -> str:
        """Key under which the results of just this version are stored."""
        return results_folder_of(self.key, self.version)


class Created(NamedTuple):
    """An object that was created, whatever its key.

    Attributes
    ----------
    bucket, key, version : str
        Which content of which object.
    size : int
        Announced size in bytes.
    at_epoch_ms : int
        When it was announced.
    """

    bucket: str
    key: str
    version: str
    size: int
    at_epoch_ms: int


def results_folder_of(key: str, version: str) -> str:
    """Return the key under which the results of just this version of an object are stored."""
    return f"outbox/{key.removeprefix('inbox/')}/{version}"


def parse_created(event: Mapping[str, Any]) -> Created:
    """Read an EventBridge "Object Created" event.

    Raises
    ------
    InvalidRequestError
        If it is another event, or the object has no version.
    """
    try:
        created = (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
        detail = event["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        version, size = detail["object"]["version-id"], detail["object"]["size"]
        at = datetime.fromisoformat(event["time"])
    except (KeyError, TypeError, ValueError):
        created = False
    if not created or at.tzinfo is None or type(size) is not int or not _are_texts(bucket, key, version):
        raise InvalidRequestError(
            "what is asked for must be EventBridge's event of S3 for an object that was created in a versioned bucket"
        )
    return Created(bucket, key, version, size, int(at.timestamp() * 1000))


def _are_texts(*values: object) -> bool:
    return all(type(value) is str and value for value in values)


def parse_arrival(event: Mapping[str, Any], slug: str) -> Arrival:
    """Read the announcement of a file of a model's rows.

    Raises
    ------
    InvalidRequestError
        See `parse_created`.
    NoInboxFileError
        If the key is not ``inbox/<customer>/<slug>/[explain/]<file>``.
    """
    created = parse_created(event)
    match = INBOX_KEY.fullmatch(created.key)
    if match is None or match["slug"] != slug:
        raise NoInboxFileError(f"an object key must be inbox/<customer>/{slug}/[explain/]<file>")
    return Arrival(
        *created,
        customer=match["customer"],
        explain=match["explain"] is not None,
        name=match["name"],
    )
