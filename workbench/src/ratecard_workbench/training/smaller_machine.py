"""A radial-basis machine with fewer support vectors, which repeats the margins of a larger one.

A machine that parts two classes keeps every row that it cannot part as a vector: where classes overlap, that is a
share of all rows, however simple its border is. A regression on its margins keeps only the rows that it needs to stay
within a tube around them.

Source: Osuna and Girosi, "Reducing the run-time complexity of support vector machines", ICPR 1998.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC, SVR


class SmallerMachine(SVR):  # type: ignore[misc]  # scikit-learn has no types
    """A regression on margins: what it predicts is a margin."""

    def decision_function(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return margins, under the name that classifiers have for them."""
        return np.asarray(self.predict(columns), dtype=np.float64)


def make_smaller(pipeline: Pipeline, columns: NDArray[np.float64], tube: float) -> Pipeline:
    """Return a pipeline with the same first step and a smaller machine.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted: one step that prepares columns, then a radial `SVC` of two classes, whose kernel and penalty are kept.
    columns : array of float64, shape (rows, columns)
        Rows it was trained on.
    tube : float
        Margins may differ by so much, > 0, before a row counts as missed.

    Raises
    ------
    TypeError
        If the pipeline is another.
    """
    prepare, machine = pipeline[0], pipeline[-1]
    if len(pipeline) != 2 or not isinstance(machine, SVC):
        raise TypeError("only a support vector machine behind one step is made smaller")
    prepared = prepare.transform(columns)
    smaller = SmallerMachine(C=machine.C, gamma=machine.gamma, epsilon=tube, cache_size=machine.cache_size)
    return make_pipeline(prepare, smaller.fit(prepared, machine.decision_function(prepared)))
