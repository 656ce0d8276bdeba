"""The rows that a sampled explanation compares with, chosen for the artifact's `background.json`."""

import numpy as np
from numpy.typing import NDArray

from ratecard.engines.background import FILE_NAME, FORMAT
from ratecard_workbench.training.artifact import write_json


def choose_background(margins: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Choose rows that stand for all: those in the middle of equal parts of the ordered margins.

    So the mean margin of few rows is close to that of all, which is the base an explanation starts from.

    Parameters
    ----------
    margins : array of float64, shape (rows,)
        The shipped model's, of the development rows.
    count : int
        Rows to choose, in [1, rows].

    Returns
    -------
    array of int, shape (count,)
        Their places, in ascending order of margin.
    """
    order = np.argsort(margins, kind="stable")
    middles = (np.arange(count) + 0.5) * margins.size / count
    return order[middles.astype(np.intp)]


def describe_background(rows: NDArray[np.float64], pairs: int) -> dict[str, bytes]:
    """Return `background.json` by name, for an export's other files; see `ratecard.engines.background`.

    Parameters
    ----------
    rows : array of float64, shape (rows, columns)
        Engine rows of the training data; NaN is missing. They are published with the artifact: never rows of people
        whose data may not be.
    pairs : int
        Orders of the columns tried against each row, each with its reverse, >= 2.
    """
    cells = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return {FILE_NAME: write_json({"format": FORMAT, "pairs": pairs, "rows": cells})}
