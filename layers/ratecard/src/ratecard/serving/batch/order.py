"""What a customer asked for before uploading a file: the record of a batch that has an id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import InvalidJsonError, Problem

ENDINGS = ("csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst", "parquet")
MOST_BYTES = 5 * 1024**3
"""The largest object that S3 takes in one request."""

MOST_CARRIED = 64
LONGEST_NAME = 100
NAME = r"^[^\u0000-\u001f\u007f-\u009f]+$"
"""A column's name has no control characters; nor half of a surrogate pair, which not every validator can be told."""

MEMBERS = {"format", "bytes", "explain", "carry"}
ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(NAME)
_SURROGATE = re.compile("[\ud800-\udfff]")
_FILE = re.compile(rf"({ID.pattern})\.({'|'.join(map(re.escape, ENDINGS))})")


@dataclass(frozen=True, slots=True)
class Order:
    """One batch that was asked for.

    Attributes
    ----------
    id : str
        32 hexadecimal digits; the file is named by it.
    slug : str
        The model.
    key : str
        Of the object in the inbox, ``inbox/<customer>/<slug>/[explain/]<id>.<format>``.
    format : str
        One of `ENDINGS`.
    bytes : int
        The file's size.
    explain : bool
        Whether reasons are asked for.
    carry : tuple of str
        Columns to carry through.
    created_at : str
        RFC 3339.
    """

    id: str
    slug: str
    key: str
    format: str
    bytes: int
    explain: bool
    carry: tuple[str, ...]
    created_at: str

    def document(self) -> dict[str, Any]:
        """Write it as JSON can hold it."""
        return asdict(self) | {"carry": list(self.carry)}


def load_order(document: Mapping[str, Any]) -> Order:
    """Read what `Order.document` wrote."""
    return Order(**{**document, "carry": tuple(document["carry"])})


def order_key(customer: str, batch: str) -> str:
    """Key of a batch's record, in the bucket of the results."""
    return f"batches/{customer}/{batch}.json"


def find_batch(name: str) -> str | None:
    """Return the id that a file of the inbox is named by, if it is."""
    match = _FILE.fullmatch(name)
    return match[1] if match else None


def parse_order(body: object, *, batch: str, customer: str, slug: str, created_at: str) -> Order:
    """Read a client's wish.

    Parameters
    ----------
    body : object
        JSON: `format` and `bytes`, and perhaps `explain` and `carry`.
    batch, customer, slug, created_at : str
        The id it gets, whose it is, of which model, and when.

    Raises
    ------
    InvalidJsonError
        If it is no object.
    InvalidRequestError
        With every member that is wrong.
    """
    if not isinstance(body, dict):
        raise InvalidJsonError("the body must be a JSON object: format, bytes, explain and carry")
    wish = {"explain": False, "carry": [], **body}
    problems = tuple(_problems(wish))
    if problems:
        raise refusal_of(*problems)
    folder = f"inbox/{customer}/{slug}/{'explain/' if wish['explain'] else ''}"
    return Order(
        id=batch,
        slug=slug,
        key=f"{folder}{batch}.{wish['format']}",
        format=wish["format"],
        bytes=wish["bytes"],
        explain=wish["explain"],
        carry=tuple(wish["carry"]),
        created_at=created_at,
    )


def _problems(wish: Mapping[str, Any]) -> list[Problem]:
    size = wish.get("bytes")
    found = [
        (wish.keys() <= MEMBERS, "", "unknown_field", "has a member that is none of format, bytes, explain and carry"),
        (wish.get("format") in ENDINGS, "/format", "not_a_choice", f"must be one of {', '.join(ENDINGS)}"),
        (
            type(size) is int and 0 < size <= MOST_BYTES,
            "/bytes",
            "out_of_range",
            f"must be the file's size, a whole number from 1 to {MOST_BYTES}",
        ),
        (type(wish["explain"]) is bool, "/explain", "not_a_boolean", "must be true or false"),
        (
            _are_names(wish["carry"]),
            "/carry",
            "not_names",
            f"must be at most {MOST_CARRIED} different names of up to {LONGEST_NAME} characters, no control characters",
        ),
    ]
    return [Problem(pointer, code, detail) for right, pointer, code, detail in found if not right]


def _are_names(carry: object) -> bool:
    if not isinstance(carry, list) or len(carry) > MOST_CARRIED:
        return False
    return all(map(_is_name, carry)) and len(set(carry)) == len(carry)


def _is_name(name: object) -> bool:
    if type(name) is not str or len(name) > LONGEST_NAME:
        return False
    return _NAME.fullmatch(name) is not None and _SURROGATE.search(name) is None
