"""Late events: what was billed is taken back and billed anew, never edited.

A later invoice carries, for each line of an earlier period that would now be different, the old line with negative sign
and the new one. Both name the period and the price version of that time, and over all invoices the sum is what a single
invoice would have been, had everything been known in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ratecard.billing.lines import Correction, Line, LineKey, reverse


def compute_adjustments(billed: Iterable[Line], rated: Iterable[Line]) -> tuple[Line, ...]:
    """Compute the lines that turn what was billed of a period into what it is now rated at.

    Parameters
    ----------
    billed : iterable of Line
        All lines of earlier invoices, oldest first, that name the period, adjustments included.
    rated : iterable of Line
        The whole period as it is rated now.

    Returns
    -------
    tuple of Line
        Sorted, each reversal before its replacement; empty if nothing changed.

    Raises
    ------
    ValueError
        If the billed lines cannot have been billed: two lines for the same thing, or a reversal of what was not there.
    """
    old, new = standing_lines(billed), {line.key: line for line in rated}
    found: list[Line] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is not None and after is not None and _same(before, after):
            continue
        if before is not None:
            found.append(reverse(before))
        if after is not None:
            found.append(replace(after, correction=Correction.REPLACEMENT))
    return tuple(found)


def standing_lines(billed: Iterable[Line]) -> dict[LineKey, Line]:
    """Return the lines that stand after all reversals and replacements, by what they are about.

    Raises
    ------
    ValueError
        See `compute_adjustments`.
    """
    standing: dict[LineKey, Line] = {}
    for line in billed:
        if line.correction is Correction.REVERSAL:
            earlier = standing.pop(line.key, None)
            if earlier is None or reverse(earlier) != line:
                raise ValueError("a reversal does not take back what was billed")
        elif line.key in standing:
            raise ValueError("the same thing was billed twice")
        else:
            standing[line.key] = line
    return standing


def _same(before: Line, after: Line) -> bool:
    return replace(before, correction=Correction.NONE) == replace(after, correction=Correction.NONE)
