"""What decisions cost: by a matrix of costs, at a budget of alerts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Costs:
    """What the two kinds of error cost, in any one unit; a right decision costs nothing.

    Attributes
    ----------
    missed_event : float
        Of acting as if the event would not happen where it does, for example granting a loan that defaults; > 0.
    false_alarm : float
        Of acting as if it would where it does not, for example refusing a good customer; > 0.
    source : str
        Who says so, for the model card.
    """

    missed_event: float
    false_alarm: float
    source: str

    @property
    def threshold(self) -> float:
        """Return the probability above which acting is cheaper.

        Notes
        -----
        Source: Elkan, The Foundations of Cost-Sensitive Learning, IJCAI (2001).
        """
        return self.false_alarm / (self.false_alarm + self.missed_event)


def compute_cost(costs: Costs, acted: NDArray[np.bool_], events: NDArray[np.int8]) -> float:
    """Return the mean cost of a row, in the unit of the costs.

    Parameters
    ----------
    costs : Costs
        Of the two errors.
    acted : array of bool, shape (rows,)
        Whether the row was treated as if the event would happen.
    events : array of int8, shape (rows,)
        1 where it did.
    """
    missed = int((~acted & (events == 1)).sum())
    alarms = int((acted & (events == 0)).sum())
    return (missed * costs.missed_event + alarms * costs.false_alarm) / events.size


def compute_expected_cost(costs: Costs, probabilities: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the mean cost of a row if one acts wherever the calibrated probability says it is cheaper."""
    return compute_cost(costs, probabilities >= costs.threshold, events)


def compute_cheapest_blind(costs: Costs, events: NDArray[np.int8]) -> float:
    """Return the mean cost of a row without a model: of acting on all rows or on none, whichever is cheaper."""
    rate = float(events.mean())
    return min(rate * costs.missed_event, (1 - rate) * costs.false_alarm)


def compute_recall_at(share: float, scores: NDArray[np.float64], events: NDArray[np.int8]) -> float:
    """Return the fraction of events among the alerts, when a fixed share of the rows is alerted, highest scores first.

    Parameters
    ----------
    share : float
        Alerts over rows, in (0, 1].
    scores : array of float64, shape (rows,)
        Higher means the event is likelier.
    events : array of int8, shape (rows,)
        1 where it happened; at least one.

    Notes
    -----
    Rows whose scores tie at the border count in proportion, so that the figure does not depend on the rows' order.
    """
    budget = share * scores.size
    order = np.argsort(-scores, kind="stable")
    border = scores[order[min(int(np.ceil(budget)), scores.size) - 1]]
    above, at = scores > border, scores == border
    part = (budget - above.sum()) / at.sum()
    return float((events[above].sum() + part * events[at].sum()) / events.sum())
