"""Decisions that follow from whole points: the same for one row and for a column of them."""

from __future__ import annotations

from ratecard.contract.decisions import Decision
from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ratecard.contract.decisions import Scored
    from ratecard.contract.scale import ScoreScale


class PointsDecision(Value):
    """A model's `decide` whose outputs are the probability, whole points, and what follows from the points.

    Online it decides row by row; a file's rows are decided by columns, from a table of all scores.

    Attributes
    ----------
    scale : ScoreScale
        Turns log-odds into points.
    minimum, maximum : int
        Ends of the published scale, both inclusive; scores beyond are clamped.
    judge : callable
        From a score to the outputs after it and whether they are adverse. Must depend on nothing else.
    """

    scale: ScoreScale
    minimum: int
    maximum: int
    judge: Callable[[int], tuple[tuple[int | str, ...], bool]]

    def points(self, log_odds: float) -> int:
        """Return the score in whole points.

        Parameters
        ----------
        log_odds : float
            Calibrated log-odds of the bad outcome, finite.
        """
        return min(max(round(self.scale.score(log_odds)), self.minimum), self.maximum)

    def __call__(self, scored: Scored) -> Decision:
        """Decide on one row."""
        points = self.points(scored.margin)
        outputs, adverse = self.judge(points)
        return Decision((scored.probability, points, *outputs), adverse=adverse)

    def table(self) -> list[tuple[int | str, ...]]:
        """Return the outputs after the score, for each score from the lowest."""
        return [self.judge(points)[0] for points in range(self.minimum, self.maximum + 1)]
