"""The comparison's model decides nothing: it answers the probability, as its peers do."""

from __future__ import annotations

from ratecard.contract import Decision, Scored


def decide(scored: Scored) -> Decision:
    """Return the probability as the only output."""
    return Decision((scored.probability,))
