"""From a calibrated probability to an action."""

from __future__ import annotations

from fraud_detection.contract import BLOCK_FROM, STEP_UP_FROM
from ratecard.contract import Decision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Scored


def compute_action(probability: float) -> str:
    """Return "allow", "step_up" or "block" by the contract's thresholds.

    Parameters
    ----------
    probability : float
        Of fraud, in [0, 1].
    """
    if probability >= BLOCK_FROM:
        return "block"
    return "step_up" if probability >= STEP_UP_FROM else "allow"


def decide(scored: Scored) -> Decision:
    """From a calibrated probability to probability_of_fraud and action.

    Only a blocked payment is adverse: one that is stepped up goes through once its card holder has confirmed it.
    """
    action = compute_action(scored.probability)
    return Decision((scored.probability, action), action == "block")
