"""The score scale: log-odds as points."""

from __future__ import annotations

from math import log

from ratecard.kernel.value import Value


class ScoreScale(Value):
    """Points that rise with the odds of the good outcome.

    Attributes
    ----------
    points : float
        Score at `odds`.
    odds : float
        Good to bad, for example 50 for 50:1.
    points_to_double : float
        Points that double the odds.

    Notes
    -----
    score = offset + factor * ln(odds), factor = points_to_double / ln 2, offset = points - factor * ln(odds at points).
    Source: Siddiqi, Credit Risk Scorecards (2006), ch. 6.
    """

    points: float = 600.0
    odds: float = 50.0
    points_to_double: float = 20.0

    @property
    def factor(self) -> float:
        """Points per unit of log-odds."""
        return self.points_to_double / log(2)

    def score(self, bad_log_odds: float) -> float:
        """Return the unrounded score of a row.

        Parameters
        ----------
        bad_log_odds : float
            ln(p / (1 - p)) of the bad outcome, any finite number.
        """
        return self.points - self.factor * (log(self.odds) + bad_log_odds)
