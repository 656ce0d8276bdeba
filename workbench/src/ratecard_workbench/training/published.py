"""Figures that others published, beside the model's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One published figure.

    Attributes
    ----------
    name : str
        The model it is of, for example "XGBoost, untuned".
    figure : str
        Which figure, by its name in `summary.FIGURES` or in the study's own figures: "auc", "average_precision", ...
    value : float
        As published, in the figure's unit.
    protocol : str
        On which rows it was measured: the same as ours, or in what it differs.
    source : str
        Where it stands, so that a reader finds it.
    verified : bool
        Whether the project has seen it there; False for figures recalled from the literature.
    """

    name: str
    figure: str
    value: float
    protocol: str
    source: str
    verified: bool = True
