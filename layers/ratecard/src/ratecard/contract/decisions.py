"""What passes between the platform and a model's `decide`."""

from __future__ import annotations

from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract.rows import Row


class Scored(Value):
    """One row with its score.

    Attributes
    ----------
    values : tuple
        The parsed row, in the order of the contract's features.
    margin : float
        Calibrated log-odds of the event the model predicts; of the likeliest class in a model of classes; the value
        itself, in the unit it was trained in, in a model of a value.
    probability : float
        The same as a fraction in [0, 1]; 0 in a model of a value, which predicts no event.
    classes : tuple of float
        Calibrated probabilities by class, in the order the model was trained with, which sum to 1; empty in a model
        of one event or value.
    """

    values: Row
    margin: float
    probability: float
    classes: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return "Scored(...)"  # the values are somebody's data, and a repr ends in logs


class Decision(Value):
    """What the business acts on, for one row.

    Attributes
    ----------
    outputs : tuple
        Values in the order of the contract's outputs: float for a probability or quantity, int for points, str for a
        choice or, as `Amount.write` gives it, an amount.
    adverse : bool
        Whether the row is owed reasons unasked, as a person refused credit is (Regulation B, 12 CFR 1002.9).
    explained : int
        Place of the class that reasons speak for, in `Scored.classes`; 0 in a model of one event or value.
    """

    outputs: tuple[float | int | str, ...]
    adverse: bool = False
    explained: int = 0
