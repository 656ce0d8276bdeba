"""How an unexpected error is told: by its type and place, never by its message, which may hold anything."""

from __future__ import annotations

import traceback


def place_of(error: BaseException) -> str:
    """Name an error and where it was raised.

    Returns
    -------
    str
        For example ``KeyError in find, keyring.py line 46``.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} in {last.name}, {last.filename.rpartition('/')[2]} line {last.lineno}"
