"""A loaded model: contract, engine and decision, from parsed rows to predictions."""

from __future__ import annotations

from math import exp

from ratecard.contract.decisions import Scored
from ratecard.serving.explanation import Explainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ratecard.contract import Decision, ModelContract, Row
    from ratecard.engines.engine import Engine
    from ratecard.engines.manifest import Manifest

    Decide: TypeAlias = Callable[[Scored], Decision]
    Prediction: TypeAlias = dict[str, object]


def probability_of(log_odds: float) -> float:
    """Turn log-odds into a fraction in [0, 1], without overflow at either end."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    odds = exp(log_odds)
    return odds / (1.0 + odds)


class Model:
    """One model, ready to score.

    Parameters
    ----------
    contract : ModelContract
        What goes in and out.
    engine : Engine
        Loaded from the model's artifact; gives one score a row, log-odds before calibration.
    manifest : Manifest
        The artifact's description; gives the Platt calibration.
    decide : callable
        From `Scored` to `Decision`.
    """

    def __init__(self, contract: ModelContract, engine: Engine, manifest: Manifest, decide: Decide) -> None:
        self.contract = contract
        self._engine = engine
        self._slope = manifest.calibration.slope
        self._intercept = manifest.calibration.intercept
        self._decide = decide
        self._names = tuple(output.name for output in contract.outputs)
        self._explainer = Explainer(contract, self._slope, self._intercept)

    def predict(self, rows: Sequence[Row], *, explain: bool, adverse: bool = True) -> list[Prediction]:
        """Score rows and decide on each.

        Parameters
        ----------
        rows : sequence of Row
            Parsed by the contract.
        explain : bool
            Give reasons, advice and every contribution for every row.
        adverse : bool
            Give reasons and advice, unasked, for rows with an adverse decision.

        Returns
        -------
        list of dict
            One prediction for each row, in order.
        """
        encoded = [self.contract.encode(row) for row in rows]
        predictions: list[Prediction] = []
        owed: list[tuple[int, bool]] = []
        for index, (row, scores) in enumerate(zip(rows, self._engine.score(encoded), strict=True)):
            margin = self._slope * scores[0] + self._intercept
            decision = self._decide(Scored(row, margin, probability_of(margin)))
            predictions.append(dict(zip(self._names, decision.outputs, strict=True)))
            if explain or (adverse and decision.adverse):
                owed.append((index, decision.adverse))
        if owed and self.contract.reasons:
            contributions = self._engine.contributions([encoded[index] for index, _ in owed])
            for (index, is_adverse), values in zip(owed, contributions, strict=True):
                predictions[index].update(self._explainer.explain(values, adverse=is_adverse, full=explain))
        return predictions
