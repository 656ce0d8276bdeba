"""From a calibrated probability to decision, expected loss, price and the largest amount that would pass."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from math import log

from loan_assessment.contract import (
    APPROVE_BELOW,
    CONTRACT,
    DECLINE_FROM,
    FUNDING_RATE,
    HIGHEST_SCORE,
    LARGEST_AMOUNT,
    LARGEST_RATE,
    LOSS_GIVEN_DEFAULT,
    LOWEST_SCORE,
    MARGIN_RATE,
    SCALE,
)
from ratecard.contract import Decision, SteppedDecision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Amount, Scored, Steps

MONTHS_A_YEAR = 12
PFENNIG = Decimal("0.01")
APPROVE_BELOW_LOG_ODDS = log(APPROVE_BELOW / (1 - APPROVE_BELOW))
DECLINE_FROM_LOG_ODDS = log(DECLINE_FROM / (1 - DECLINE_FROM))

_AMOUNT, _MONTHS = CONTRACT.places["amount"], CONTRACT.places["duration_months"]
_TERMS = tuple(
    (CONTRACT.places[name], usual)
    for name, usual in (
        ("loss_given_default", LOSS_GIVEN_DEFAULT),
        ("funding_rate", FUNDING_RATE),
        ("margin_rate", MARGIN_RATE),
    )
)
_LOSS: Amount = CONTRACT.outputs[3]  # type: ignore[assignment]  # outputs are of many kinds; a test reads these two
_LARGEST: Amount = CONTRACT.outputs[5]  # type: ignore[assignment]


def compute_decision(log_odds: float) -> str:
    """Return "approve", "refer" or "decline" by the contract's cut-offs.

    Parameters
    ----------
    log_odds : float
        Calibrated log-odds of default, finite.
    """
    if log_odds < APPROVE_BELOW_LOG_ODDS:
        return "approve"
    return "refer" if log_odds < DECLINE_FROM_LOG_ODDS else "decline"


def compute_score(log_odds: float) -> int:
    """Return the score in whole points, in [LOWEST_SCORE, HIGHEST_SCORE]."""
    return min(max(round(SCALE.score(log_odds)), LOWEST_SCORE), HIGHEST_SCORE)


def compute_expected_loss(probability: float, loss_given_default: float, amount: float) -> Decimal:
    """Return PD x LGD x EAD in DEM, not rounded.

    Parameters
    ----------
    probability, loss_given_default : float
        Fractions in [0, 1].
    amount : float
        Exposure at default in DEM: the amount asked for.

    Notes
    -----
    Source: Basel Framework CRE35.2.
    """
    return Decimal(probability) * Decimal(loss_given_default) * Decimal(amount)


def compute_rate(probability: float, months: int, terms: tuple[float, float, float]) -> float:
    """Return the yearly interest, as a fraction of what is still owed, that covers funding, margin and expected loss.

    Parameters
    ----------
    probability : float
        Of default over the term, in [0, 1].
    months : int
        Term, >= 1.
    terms : tuple of float
        Loss given default in [0, 1]; funding and margin as fractions a year, >= 0.

    Returns
    -------
    float
        In [0, LARGEST_RATE].

    Notes
    -----
    With equal monthly repayments a mark is owed for (months + 1) / 24 years on average. Funding and margin are owed for
    all loans; interest comes from those that are repaid, and a loan that fails pays none and is lost in full:
    (1 - PD) x rate x years = (funding + margin) x years + PD x LGD. That is careful on both counts.
    """
    loss_given_default, funding, margin = terms
    years = (months + 1) / (2 * MONTHS_A_YEAR)
    needed = funding + margin + probability * loss_given_default / years
    repaid = 1.0 - probability
    return needed / repaid if needed < LARGEST_RATE * repaid else LARGEST_RATE


def compute_largest_amount(log_odds: float, amount: float, steps: Steps) -> Decimal:
    """Return the largest amount that would be approved with all else the same, in whole pfennigs; 0 if none would.

    Parameters
    ----------
    log_odds : float
        Calibrated log-odds of default with the amount asked for.
    amount : float
        The amount asked for, in DEM.
    steps : Steps
        What each range of amounts adds.
    """
    here = steps.at(amount)
    # The highest range first; each ends one pfennig below the next, the last with the contract.
    for place in range(len(steps.edges), -1, -1):
        if log_odds + (steps.log_odds[place] - here) < APPROVE_BELOW_LOG_ODDS:
            if place == len(steps.edges):
                return Decimal(LARGEST_AMOUNT)
            return Decimal(steps.edges[place]).quantize(PFENNIG, ROUND_CEILING) - PFENNIG
    return Decimal(0)


def judge(scored: Scored, steps: Steps) -> Decision:
    """Decide on one row. Only a refusal is adverse: a referred person is not refused."""
    values = scored.values
    amount, months = values[_AMOUNT], values[_MONTHS]
    terms = tuple([usual if values[place] is None else values[place] for place, usual in _TERMS])
    decision = compute_decision(scored.margin)
    outputs = (
        decision,
        scored.probability,
        compute_score(scored.margin),
        _LOSS.write(compute_expected_loss(scored.probability, terms[0], amount)),  # type: ignore[arg-type]
        compute_rate(scored.probability, months, terms),  # type: ignore[arg-type]  # the contract says what they are
        _LARGEST.write(compute_largest_amount(scored.margin, amount, steps)),  # type: ignore[arg-type]
    )
    return Decision(outputs, adverse=decision == "decline")


decide = SteppedDecision("amount", judge)
"""From a calibrated probability to everything the contract gives."""
