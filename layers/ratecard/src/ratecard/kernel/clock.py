"""Instants as text."""

from __future__ import annotations

from time import gmtime

INSTANT = "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ"


def rfc3339_from_epoch_ms(epoch_ms: int) -> str:
    """Write an instant as RFC 3339 in UTC with milliseconds.

    Parameters
    ----------
    epoch_ms : int
        Milliseconds since 1970-01-01T00:00:00Z, not negative.

    Returns
    -------
    str
        For example ``2026-11-22T10:11:12.345Z``.
    """
    seconds, milliseconds = divmod(epoch_ms, 1000)
    return INSTANT % (*gmtime(seconds)[:6], milliseconds)
