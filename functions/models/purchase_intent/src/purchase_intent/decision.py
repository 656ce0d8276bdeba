"""From a calibrated probability to an intent band."""

from __future__ import annotations

from purchase_intent.contract import BANDS, LOWEST_BAND
from ratecard.contract import Decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Scored


def compute_band(probability: float) -> str:
    """Return "high", "medium" or "low".

    Parameters
    ----------
    probability : float
        Calibrated chance of a purchase, in [0, 1].
    """
    for band, lowest in BANDS:
        if probability >= lowest:
            return band
    return LOWEST_BAND


def decide(scored: Scored) -> Decision:
    """Return probability_of_purchase and intent.

    None is adverse: nobody is refused anything, so reasons are given to those who ask.
    """
    return Decision((scored.probability, compute_band(scored.probability)))
