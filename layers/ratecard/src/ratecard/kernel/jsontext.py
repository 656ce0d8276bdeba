"""Strict JSON in, compact JSON out."""

from __future__ import annotations

import json

from ratecard.kernel.errors import InvalidJsonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Write a document; the text is ASCII, so its length is its size in bytes."""


def refused_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser takes and JSON does not have."""
    raise InvalidJsonError("NaN and Infinity are not JSON")


def unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object, refusing a name that occurs twice: two readers could see two different requests."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJsonError("an object has a member twice")
    return members


_decode = json.JSONDecoder(parse_constant=refused_constant, object_pairs_hook=unique_members).decode


def describe_syntax(error: json.JSONDecodeError) -> str:
    """Say what is wrong with a text that is not JSON, and where; the parser's words quote nothing of it."""
    wrong = error.msg.rstrip(": ").removesuffix(" at")
    return f"not JSON: {wrong[:1].lower()}{wrong[1:]} at line {error.lineno}, column {error.colno}"


def parse_json(text: str) -> object:
    """Parse one JSON text.

    Raises
    ------
    InvalidJsonError
        If it is not JSON (RFC 8259), holds NaN or Infinity, repeats a member's name, nests too deeply or has a number
        of absurd length.
    """
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(describe_syntax(error)) from None
    except (RecursionError, ValueError):
        raise InvalidJsonError("JSON that nests too deeply or has too long a number") from None
