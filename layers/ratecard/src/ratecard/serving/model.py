"""A loaded model: contract, engine and decision, from parsed rows to predictions."""

from __future__ import annotations

from ratecard.engines.manifest import BY_CLASS
from ratecard.serving.explanation import Explainer
from ratecard.serving.scores import centred, score_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ratecard.contract import Decision, ModelContract, Row, Scored
    from ratecard.engines.engine import Engine
    from ratecard.engines.manifest import Manifest

    Decide: TypeAlias = Callable[[Scored], Decision]
    Prediction: TypeAlias = dict[str, object]


class Model:
    """One model, ready to score.

    Parameters
    ----------
    contract : ModelContract
        What goes in and out.
    engine : Engine
        Loaded from the model's artifact.
    manifest : Manifest
        The artifact's description; says what the engine's scores are and how they are calibrated.
    decide : callable
        From `Scored` to `Decision`.
    """

    def __init__(self, contract: ModelContract, engine: Engine, manifest: Manifest, decide: Decide) -> None:
        self.contract = contract
        self._engine = engine
        self._read = score_reader(manifest.output, manifest.calibration)
        self._by_class = manifest.output in BY_CLASS
        self._decide = decide
        self._names = tuple(output.name for output in contract.outputs)
        calibration = manifest.calibration
        self._explainer = Explainer(contract, calibration.slope, calibration.intercept)

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
        owed: list[tuple[int, Decision]] = []
        for index, (row, scores) in enumerate(zip(rows, self._engine.score(encoded), strict=True)):
            decision = self._decide(self._read(row, scores))
            predictions.append(dict(zip(self._names, decision.outputs, strict=True)))
            if explain or (adverse and decision.adverse):
                owed.append((index, decision))
        if owed and self.contract.reasons:
            contributions = self._engine.contributions([encoded[index] for index, _ in owed])
            for (index, decision), values in zip(owed, contributions, strict=True):
                parts = self._of_class(values, decision.explained) if self._by_class else values
                explained = self._explainer.explain(encoded[index], parts, adverse=decision.adverse, full=explain)
                predictions[index].update(explained)
        return predictions

    def _of_class(self, contributions: Sequence[float], explained: int) -> list[float]:
        """Return one class's contributions and base, each against its mean over the classes.

        What is added to the scores of all classes alike decides nothing, and is no reason.
        """
        width = len(self.contract.columns) + 1
        return [centred(contributions[place::width])[explained] for place in range(width)]
