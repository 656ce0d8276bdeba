"""Canonical JSON: one document, one sequence of bytes; numbers are whole, decimals are strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from ratecard.kernel import jsontext
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import EXACT


class NotCanonicalError(RatecardError):
    """Bytes that are not the canonical form of a document, or a value that has none."""

    code = "not_canonical"
    kind = ErrorKind.INVALID


def canonical(document: Mapping[str, object]) -> bytes:
    """Write a document: members sorted, no white space, ASCII.

    Raises
    ------
    NotCanonicalError
        If it holds a float (a binary fraction is no amount) or what JSON does not have.
    """
    _refuse_inexact(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse_canonical(content: bytes) -> dict[str, object]:
    """Read a document back.

    Raises
    ------
    NotCanonicalError
        If it is not exactly what `canonical` writes.
    """
    try:
        document = jsontext.parse_json(content.decode("ascii"))
    except (UnicodeDecodeError, RatecardError):
        raise NotCanonicalError("the document is not JSON") from None
    if not isinstance(document, dict) or canonical(document) != content:
        raise NotCanonicalError("the document is not in canonical form")
    return document


def decimal_text(amount: Decimal) -> str:
    """Write a decimal in one way: no exponent, no zeros at the end."""
    return format(EXACT.normalize(amount), "f") if amount else "0"


def _refuse_inexact(value: object) -> None:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if not isinstance(name, str):
                raise NotCanonicalError("names of members are text")
            _refuse_inexact(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_inexact(member)
    elif not (value is None or isinstance(value, str | int)):
        raise NotCanonicalError(f"a document cannot hold a value of type {type(value).__name__}")
