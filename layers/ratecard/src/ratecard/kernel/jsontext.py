"""Strict JSON in, compact JSON out."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii

from ratecard.kernel.errors import InvalidJsonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn


def make_writer(encoder: json.JSONEncoder) -> Callable[[object, int], Iterable[str]]:
    """Return what an encoder without indent makes anew for every document: its writer in C, where Python has one."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda document, _: encoder.iterencode(document)
    separators = encoder.key_separator, encoder.item_separator
    writer: Callable[[object, int], Iterable[str]] = make(
        None, encoder.default, encode_basestring_ascii, None, *separators, encoder.sort_keys, False, encoder.allow_nan
    )
    return writer


_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_write = make_writer(_encoder)


def encode(document: object) -> str:
    """Write a document; the text is ASCII, so its length is its size in bytes.

    Raises
    ------
    TypeError, ValueError
        If it holds what JSON has not.
    """
    return "".join(_write(document, 0))


quote = encode_basestring_ascii
"""Write one text: what `encode` writes, without the steps that a document needs."""


def refused_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser takes and JSON does not have."""
    raise InvalidJsonError("NaN and Infinity are not JSON")


def unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object, refusing a name that occurs twice: two readers could see two different requests."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJsonError("an object has a member twice")
    return members


_decoder = json.JSONDecoder(parse_constant=refused_constant, object_pairs_hook=unique_members)


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
        if text.startswith("{"):
            document, end = _decoder.raw_decode(text)
            if end == len(text):
                return document
        # White space around it, or something that must not be there: the slower way knows which, and where.
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(describe_syntax(error)) from None
    except (RecursionError, ValueError):
        raise InvalidJsonError("JSON that nests too deeply or has too long a number") from None
