"""The contract of one model."""

from __future__ import annotations

from functools import cached_property

from ratecard.contract.features import Text
from ratecard.contract.ratio import Ratio, compute_ratio
from ratecard.contract.rows import parse_row, parse_rows
from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from ratecard.contract.features import Feature
    from ratecard.contract.outputs import Output
    from ratecard.contract.reasons import Reason
    from ratecard.contract.rows import Row
    from ratecard.contract.scale import ScoreScale
    from ratecard.kernel.errors import Problem

    Encode: TypeAlias = Callable[[Any], float | str]


class ModelContract(Value):
    """What a model takes and gives.

    Attributes
    ----------
    slug : str
        Name in URLs, kebab-case; the package has the same name in snake_case.
    version : str
        Semantic version of model and contract together.
    title, about : str
        For catalogues: a few words, and a sentence or two.
    features : tuple of Feature
        Input fields; the order is the order of the engine's columns.
    outputs : tuple of Output
        Fields of a prediction.
    derived : tuple of Ratio
        Engine columns computed from features; they follow the features.
    reasons : tuple of Reason
        What can be named as a reason. Empty: the model gives none.
    scale : ScoreScale or None
        Unit of contributions: points where there is a scale, log-odds where not.
    max_rows : int
        Most rows in one online call.
    predicts_value : bool
        The model gives one real number and neither a chance nor classes: contributions are in the number's own unit.
    sampled_reasons : bool
        Contributions are estimated by sampling, as those of an ONNX graph are, and come with standard errors.
    higher_is_better : bool
        What is predicted is wanted, a purchase and not a default: reasons then name what lowers it. Not with a scale,
        whose points fall as the event becomes likelier.
    """

    slug: str
    version: str
    title: str
    about: str
    features: tuple[Feature, ...]
    outputs: tuple[Output, ...]
    derived: tuple[Ratio, ...] = ()
    reasons: tuple[Reason, ...] = ()
    scale: ScoreScale | None = None
    max_rows: int = 256
    predicts_value: bool = False
    sampled_reasons: bool = False
    higher_is_better: bool = False

    @cached_property
    def effect_unit(self) -> str:
        """Unit of contributions, and the name under which a reason gives its effect: points, log_odds or value."""
        if self.scale:
            return "points"
        return "value" if self.predicts_value else "log_odds"

    @cached_property
    def names_words(self) -> bool:
        """Whether reasons name words: the engine reads a text and accounts for it exactly."""
        texts = any(feature.scored and isinstance(feature, Text) for feature in self.features)
        return texts and bool(self.reasons) and not self.sampled_reasons

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the engine's columns, in order."""
        scored = tuple(feature.name for feature in self.features if feature.scored)
        return scored + tuple(ratio.name for ratio in self.derived)

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each feature in a row."""
        return {feature.name: place for place, feature in enumerate(self.features)}

    def parse_rows(self, instances: object, pointer: str = "/instances") -> list[Row]:
        """Parse the rows of one request.

        Raises
        ------
        InvalidRequestError
            If any row breaks the contract; it names every place, up to a limit.
        """
        return parse_rows(self.features, instances, self.max_rows, pointer)

    def parse_row(self, instance: object, pointer: str = "") -> tuple[Row, list[Problem]]:
        """Parse one row; return its values and what is wrong with it."""
        return parse_row(self.features, instance, pointer)

    @cached_property
    def _scored(self) -> list[tuple[int, Encode]]:
        """Place in a row and encoding of each engine column that is a feature."""
        return [self._encoding(feature.name) for feature in self.features if feature.scored]

    @cached_property
    def _ratios(self) -> list[tuple[tuple[int, Encode], tuple[int, Encode]]]:
        """The same for numerator and denominator of each derived column."""
        return [(self._encoding(ratio.numerator), self._encoding(ratio.denominator)) for ratio in self.derived]

    def _encoding(self, name: str) -> tuple[int, Encode]:
        place = self.places[name]
        encode: Encode = self.features[place].encode  # takes what its own `parse` gives
        return place, encode

    def encode(self, row: Row) -> list[float | str]:
        """Return a row as the engine's columns: codes for words, NaN for what is missing, derived columns last."""
        columns = [encode(row[place]) for place, encode in self._scored]
        for (above, numerator), (below, denominator) in self._ratios:
            columns.append(compute_ratio(numerator(row[above]), denominator(row[below])))  # type: ignore[arg-type]
        return columns
