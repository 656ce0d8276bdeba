"""Where the contributions of a row's columns come from: exactly from the engine, or sampled through it."""

from __future__ import annotations

from ratecard.engines.manifest import BY_CLASS
from ratecard.serving.scores import centred, margin_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol, TypeAlias

    from ratecard.engines.engine import Engine
    from ratecard.engines.manifest import Manifest
    from ratecard.engines.shapley import ShapleySampler

    EngineRow: TypeAlias = Sequence[float | str]
    Asked: TypeAlias = tuple[EngineRow, Sequence[float], int]
    Account: TypeAlias = tuple[Sequence[float], Sequence[float]]
else:
    Protocol = object


class ContributionSource(Protocol):
    """Accounts for the margins of rows."""

    def account(self, asked: Sequence[Asked]) -> list[Account]:
        """Account for rows.

        Parameters
        ----------
        asked : sequence of tuples
            Of each row the engine's columns, the engine's scores, and the place of the class to explain (0 where there
            are no classes).

        Returns
        -------
        list of tuples
            For each row: contribution of every column and then the base, which add up to its margin (of a class: to its
            log-probability against the mean over the classes, before calibration); and the standard error of every
            contribution, empty where they are exact.

        Raises
        ------
        EngineError
            If the engine refuses.
        """


class ExactSource:
    """An engine's own contributions."""

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        self._engine = engine
        self._width = len(manifest.columns) + 1
        self._by_class = manifest.output in BY_CLASS

    def account(self, asked: Sequence[Asked]) -> list[Account]:
        """Account for rows in one call of the engine."""
        contributions = self._engine.contributions([row for row, _, _ in asked])
        if not self._by_class:
            return [(parts, ()) for parts in contributions]
        return [
            (self._of_class(parts, explained), ())
            for parts, (_, _, explained) in zip(contributions, asked, strict=True)
        ]

    def _of_class(self, contributions: Sequence[float], explained: int) -> list[float]:
        """Return one class's contributions and base, each against its mean over the classes.

        What is added to the scores of all classes alike decides nothing, and is no reason.
        """
        return [centred(contributions[place :: self._width])[explained] for place in range(self._width)]


class SampledSource:
    """Shapley values by sampling, for an engine that has no contributions of its own."""

    def __init__(self, sampler: ShapleySampler, output: str) -> None:
        self._sampler = sampler
        self._output = output

    def account(self, asked: Sequence[Asked]) -> list[Account]:
        """Account for rows, each in one call of the engine: many rows' changed rows together would fill the memory."""
        return [
            self._sampler.explain(row, scores, margin_reader(self._output, explained))
            for row, scores, explained in asked
        ]
