"""Reasons: what a client is told about why a row scored as it did."""

from __future__ import annotations

from ratecard.kernel.value import Value


class Reason(Value):
    """One principal reason, and the engine columns it stands for.

    Attributes
    ----------
    code : str
        Stable code, for example R03.
    columns : tuple of str
        Engine columns whose contributions are summed under this reason. A column belongs to one reason at most; a
        column of none is never named to a client.
    text : str
        One sentence for the person who is scored, true when the columns count against them.
    advice : str or None
        What that person can do about it; None where it cannot be changed.
    typical : tuple of float
        For each column, which must then be a number, its typical value where the outcome is good, for example the
        median of healthy companies. An answer then shows the row's values beside them. Empty: nothing is compared.
    """

    code: str
    columns: tuple[str, ...]
    text: str
    advice: str | None = None
    typical: tuple[float, ...] = ()
