"""The words behind a reason: what a model of texts shows beside a reason for its text column."""

from __future__ import annotations

from math import fsum  # sum() adds in another way from Python 3.12 on, and would differ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from ratecard.engines.engine import Engine

    class WordEngine(Engine, Protocol):
        """An engine that tells what each word of a text contributed."""

        def word_contributions(self, row: Sequence[float | int | str]) -> list[tuple[str, tuple[float, ...]]]:
            """See `ratecard.engines.text.TextEngine`."""


MAX_WORDS = 8
"""Words under one reason."""

SMALLEST_EFFECT = 0.005
"""In log-odds: what would be shown as 0.00 is not shown as a reason."""


class WordReasons:
    """Puts words into the reasons of a text model's rows.

    Parameters
    ----------
    engine : WordEngine
        Explains its one text word by word.
    slope : float
        Inverse temperature: calibrated log-odds = slope * the engine's.
    """

    def __init__(self, engine: WordEngine, slope: float) -> None:
        self._engine = engine
        self._slope = slope

    def add(self, explained: dict[str, Any], row: Sequence[float | str], explained_class: int) -> None:
        """Add the words that spoke most for a class to every reason, and all words to the full account.

        Parameters
        ----------
        explained : dict
            What `Explainer.explain` gave for the row; it is changed.
        row : sequence
            The engine's columns: one text.
        explained_class : int
            Place of the class. A word's effect is its log-odds for it, less the mean over the classes.
        """
        effects = [
            (word, self._slope * (parts[explained_class] - fsum(parts) / len(parts)))
            for word, parts in self._engine.word_contributions(row)
        ]
        strongest = sorted(effects, key=lambda pair: -pair[1])[:MAX_WORDS]
        shown = [
            {"word": word, "log_odds": round(effect, 2)} for word, effect in strongest if effect >= SMALLEST_EFFECT
        ]
        for reason in explained["reasons"]:
            reason["words"] = shown
        if "explanation" in explained:
            explained["explanation"]["words"] = [{"word": word, "log_odds": effect} for word, effect in effects]
