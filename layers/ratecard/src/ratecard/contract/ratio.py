"""Columns that the platform computes from two fields, the same in training and in serving."""

from __future__ import annotations

from ratecard.kernel.value import Value


class Ratio(Value):
    """One number divided by another, as an engine column.

    Attributes
    ----------
    name : str
        Name of the engine's column.
    numerator, denominator : str
        Names of two numeric features.
    about : str
        One sentence a client understands.
    """

    name: str
    numerator: str
    denominator: str
    about: str


def compute_ratio(numerator: float, denominator: float) -> float:
    """Divide as the engines see it: NaN where the denominator is zero or either part is missing."""
    return numerator / denominator if denominator else float("nan")
