"""Texts on a page: numbers with thousands separators, and names that cannot change what stands around them."""

from __future__ import annotations

import unicodedata

from ratecard.kernel.money import MINOR_UNIT_DIGITS

_LAYOUT_CONTROLS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
UNREADABLE = "\ufffd"

STATUS_WORDS = {
    "400": "invalid request",
    "403": "no valid key",
    "404": "no such address",
    "413": "too large",
    "415": "wrong content type",
    "429": "too many requests, or the quota was used up",
    "499": "the caller had gone",
    "504": "timed out",
}


def grouped(number: str) -> str:
    """Write a decimal of a document with thousands separators; no digit is changed.

    Parameters
    ----------
    number : str
        Digits, perhaps with a sign and a point, for example ``-1234567.50``.
    """
    sign = "-" if number.startswith("-") else ""
    whole, point, fraction = number.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def counted(number: int) -> str:
    """Write a count with thousands separators."""
    return f"{number:,}"


def priced(unit_price: str, currency: str) -> str:
    """Write a unit price with at least the decimals of its currency."""
    whole, _, fraction = unit_price.partition(".")
    fraction = fraction.ljust(MINOR_UNIT_DIGITS[currency], "0")
    return grouped(f"{whole}.{fraction}" if fraction else whole)


def readable(text: str) -> str:
    """Return a text as one line without what has no shape: control characters, and those that turn the direction."""
    kept = "".join(
        " " if letter.isspace() else UNREADABLE if unicodedata.category(letter) in {"Cc", "Cs", "Cn"} else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter not in _LAYOUT_CONTROLS
    )
    return " ".join(kept.split())


def free_reason(reason: str) -> str:
    """Say why something costs nothing."""
    if reason == "retry":
        return "Repeated calls (same Idempotency-Key and body)"
    if reason == "not billable":
        return "Not for sale (called without the gateway)"
    kind, _, status = reason.partition(": ")
    if not status:
        return readable(reason)
    about = STATUS_WORDS.get(status, "")
    said = {"refused": "Refused calls", "failed": "Failed calls", "not delivered": "Answers that did not arrive"}
    return f"{said.get(kind, readable(kind))}: {status}{f', {about}' if about else ''}"
