"""How far counting a large lake is, on one line of the terminal that is gone afterwards."""

from __future__ import annotations

import sys

_CLEAR = "\r\033[K"


def show_counting(what: str, done: int, total: int) -> None:
    """Show a step of `SqlLake`; nothing where nobody looks.

    Parameters
    ----------
    what : str
        `reading` or `counting`, which comes last.
    done, total : int
        How much of it is done, and how much there is.
    """
    if not sys.stderr.isatty():
        return
    if what == "counting" and done >= total:
        sys.stderr.write(_CLEAR)
    else:
        sys.stderr.write(f"{_CLEAR}{what} the lake: {100 * done // max(total, 1)} %")
    sys.stderr.flush()
