"""The model in each business segment."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.fairness import BOTH_OUTCOMES
from ratecard_workbench.training.intervals import Interval, compute_delong, compute_wilson


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """What was measured in one segment.

    Attributes
    ----------
    dimension, segment : str
        For example purpose, car (new).
    rows : int
        Size.
    mean_probability : float
        Mean predicted probability of the event.
    rate : Interval
        Measured event rate with its Wilson interval.
    auc : Interval or None
        With its DeLong interval; None where there are too few rows of either outcome.
    """

    dimension: str
    segment: str
    rows: int
    mean_probability: float
    rate: Interval
    auc: Interval | None


def compute_segments(
    segments: Mapping[str, NDArray[np.str_]], probabilities: NDArray[np.float64], events: NDArray[np.int8]
) -> list[SegmentRow]:
    """Measure each segment of each dimension, in the order of their names.

    Parameters
    ----------
    segments : mapping of str to array of str, shape (rows,)
        Segment of each row, by dimension.
    probabilities : array of float64, shape (rows,)
        Predicted, from models that did not see the row.
    events : array of int8, shape (rows,)
        1 where the event happened.
    """
    return [
        _compute_row(dimension, str(name), (probabilities[values == name], events[values == name]))
        for dimension, values in segments.items()
        for name in np.unique(values)
    ]


def _compute_row(dimension: str, segment: str, rows: tuple[NDArray[np.float64], NDArray[np.int8]]) -> SegmentRow:
    probabilities, events = rows
    happened = int(events.sum())
    enough = min(happened, events.size - happened) >= BOTH_OUTCOMES
    return SegmentRow(
        dimension,
        segment,
        int(events.size),
        float(probabilities.mean()),
        compute_wilson(happened, int(events.size)),
        compute_delong(probabilities, events) if enough else None,
    )
