"""How far a lowered model's answers lie from those of the library that trained it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratecard.engines.manifest import BY_CLASS, VALUE

TOLERANCE = 1e-5
"""Largest difference that is taken: of a chance, or of a value as a share of the range of the sample's answers."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What was measured on the sample.

    Attributes
    ----------
    rows : int
        Compared rows.
    largest : float
        Largest difference of a chance, or of a value relative to the range of the reference.
    flips : int
        Rows whose prediction is another one: the likeliest class, or what lies above one half.
    """

    rows: int
    largest: float
    flips: int

    @property
    def holds(self) -> bool:
        """Whether the lowered model may stand for the trained one unasked."""
        return self.largest <= TOLERANCE and self.flips == 0

    def sentence(self) -> str:
        """Say what was measured."""
        return (
            f"on {self.rows} rows the largest difference from the training library is {self.largest:.2g} and "
            f"{self.flips} predictions flip (allowed: {TOLERANCE:g} and none)"
        )


def compare_answers(output: str, scored: Sequence[Sequence[float]], reference: Sequence[object]) -> Fidelity:
    """Compare what `decide` saw with the training library's answers, row by row.

    Parameters
    ----------
    output : str
        As the manifest names it.
    scored : sequence of sequences
        Chances by class, or the one chance or value, of each row.
    reference : sequence
        The same from the training library; a plain number where there is one.
    """
    pairs = [
        (one, [float(value) for value in other] if isinstance(other, list) else [float(other)])  # type: ignore[arg-type]
        for one, other in zip(scored, reference, strict=True)
    ]
    largest = max(abs(ours - theirs) for one, other in pairs for ours, theirs in zip(one, other, strict=True))
    if output == VALUE:
        values = [other[0] for _, other in pairs]
        span = max(values) - min(values) or max(abs(values[0]), 1.0)
        return Fidelity(len(pairs), largest / span, 0)
    return Fidelity(len(pairs), largest, sum(_called(output, one) != _called(output, other) for one, other in pairs))


def _called(output: str, chances: Sequence[float]) -> int:
    return list(chances).index(max(chances)) if output in BY_CLASS else int(chances[0] > 0.5)
