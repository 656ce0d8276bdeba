"""The kinds of output a model can give, for each row."""

from __future__ import annotations

from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias


class Probability(Value):
    """A fraction in [0, 1]."""

    name: str
    about: str


class Points(Value):
    """A whole number on a published scale.

    Attributes
    ----------
    minimum, maximum : int
        Ends of the scale, both inclusive; values beyond are clamped by the model.
    """

    name: str
    minimum: int
    maximum: int
    about: str


class Choice(Value):
    """One of a fixed list of words, best first where they are ordered."""

    name: str
    values: tuple[str, ...]
    about: str


if TYPE_CHECKING:
    Output: TypeAlias = Probability | Points | Choice
else:
    Output = (Probability, Points, Choice)
