"""Decisions that ask what else a scorecard would have said: how the score moves with one number, all else equal."""

from __future__ import annotations

from bisect import bisect_right

from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ratecard.contract.decisions import Decision, Scored


class Steps(Value):
    """What one number adds to a scorecard's log-odds, bin by bin; the other columns have no say in it.

    Attributes
    ----------
    edges : tuple of float
        Ascending, in the number's unit; bin i holds edge i-1 <= value < edge i.
    log_odds : tuple of float
        Calibrated log-odds that each bin adds, one more than edges.
    """

    edges: tuple[float, ...]
    log_odds: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return the log-odds that a value adds."""
        return self.log_odds[bisect_right(self.edges, value)]


class SteppedDecision(Value):
    """A model's `decide` that must know what its rows would score with another value of one column.

    Only a scorecard can say so, and exactly: it adds columns up. `serve` reads the bins from the artifact.

    Attributes
    ----------
    column : str
        A number among the engine's columns.
    judge : callable
        From `Scored` and the column's `Steps` to `Decision`.
    """

    column: str
    judge: Callable[[Scored, Steps], Decision]

    def bind(self, steps: Steps) -> Callable[[Scored], Decision]:
        """Return the decision with the artifact's bins in place."""
        judge = self.judge
        return lambda scored: judge(scored, steps)
