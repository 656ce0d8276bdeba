"""What an upload is held to: in the place of a batch, to all that S3 holds the signed link to."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from ratecard.serving.batch.order import Order, find_batch, load_order, order_key
from ratecard.storage.objects import LocalObjectStore
from ratecard_workbench.local.exchange import Exchange

MD5_BYTES = 16


class InvalidUploadError(Exception):
    """The upload is refused.

    Parameters
    ----------
    code : str
        Stable name of what is wrong.
    detail : str
        A sentence for the client.
    problem : str
        Code of the refusal as a whole.
    """

    def __init__(self, code: str, detail: str, *, problem: str = "invalid_request") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Terms:
    """What is still to be seen to while and after the body comes.

    Attributes
    ----------
    md5 : bytes or None
        Digest that was announced.
    is_once : bool
        Whether the place takes one file and no second.
    """

    md5: bytes | None
    is_once: bool


def parse_terms(exchange: Exchange, root: Path, key: str) -> Terms:
    """Read what an upload announces, and hold it to what was asked for.

    Parameters
    ----------
    exchange : Exchange
        The request, before its body.
    root : Path
        The home.
    key : str
        ``inbox/<customer>/<model>/[explain/]<file>``.

    Raises
    ------
    InvalidUploadError
        If the file is named by the id of a batch that is not the key's own or not of this place, has another size than
        was announced, or is there already; or if a header is missing or wrong.
    """
    headers = {name.lower(): value for name, value in exchange.headers.items()}
    md5 = _parse_md5(headers.get("content-md5"))
    _, customer, *_, name = key.split("/")
    batch = find_batch(name)
    if batch is None:
        return Terms(md5, is_once=False)
    order = _find_order(root, order_key(customer, batch))
    if order is None or order.key != key:
        detail = "a file is named by 32 hexadecimal digits only in the place that a batch of yours was given"
        raise InvalidUploadError("no_batch", detail, problem="no_batch")
    if exchange.content_length != order.bytes:
        raise InvalidUploadError("wrong_size", f"the header Content-Length must be {order.bytes}, as was announced")
    if headers.get("if-none-match") != "*":
        raise InvalidUploadError("bad_header", "the header If-None-Match must be *")
    rest = key.removeprefix("inbox/")
    if any((root / place / rest).exists() for place in ("inbox", "work", "outbox")):
        raise already_uploaded()
    return Terms(md5, is_once=True)


def already_uploaded() -> InvalidUploadError:
    """Return the refusal of a second file."""
    detail = "the batch has its file already"
    return InvalidUploadError("already_uploaded", detail, problem="already_uploaded")


def _find_order(root: Path, key: str) -> Order | None:
    content = LocalObjectStore(root).find_bytes("", key)
    return None if content is None else load_order(json.loads(content))


def _parse_md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != MD5_BYTES:
        raise InvalidUploadError("bad_header", "the header Content-MD5 must be the base64 of 16 bytes (RFC 1864)")
    return digest
