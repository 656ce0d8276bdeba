"""A loaded model: contract, engine and decision, from parsed rows to predictions."""

from __future__ import annotations

from ratecard.contract import SteppedDecision, Steps
from ratecard.engines.manifest import LOG_ODDS
from ratecard.kernel.errors import ArtifactError
from ratecard.serving.contributions import ExactSource
from ratecard.serving.explanation import Explainer
from ratecard.serving.scores import score_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from ratecard.contract import Decision, ModelContract, PointsDecision, Row, Scored
    from ratecard.engines.engine import ColumnEngine, Engine
    from ratecard.engines.manifest import Calibration, Manifest
    from ratecard.serving.contributions import ContributionSource
    from ratecard.serving.wording import WordReasons

    DecideRow: TypeAlias = Callable[[Scored], Decision]
    Decide: TypeAlias = DecideRow | SteppedDecision
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
    source : ContributionSource or None
        Where contributions come from; None is the engine itself.
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        manifest: Manifest,
        decide: Decide,
        *,
        source: ContributionSource | None = None,
    ) -> None:
        self.contract = contract
        self._engine = engine
        self._read = score_reader(manifest.output, manifest.calibration)
        self._source = source or ExactSource(engine, manifest)
        self._decide = bind_decision(decide, engine, manifest)
        self._names = tuple(output.name for output in contract.outputs)
        calibration = self._calibration = manifest.calibration
        self._output = manifest.output
        self._explainer = Explainer(contract, calibration.slope, calibration.intercept)
        self._words: WordReasons | None = None
        if contract.names_words:
            from ratecard.serving.wording import WordReasons

            self._words = WordReasons(engine, calibration.slope)  # type: ignore[arg-type]  # a text engine: `load_model`

    def find_columnar(self) -> tuple[ColumnEngine, Calibration, PointsDecision] | None:
        """Return what scores a file's rows by columns: engine, calibration of its log-odds, and decision by points.

        None where the engine takes rows only, or the decision needs more than the points: rows are then scored as
        `predict` does.
        """
        from ratecard.contract.points import PointsDecision

        decide = self._decide
        if not isinstance(decide, PointsDecision) or self._output != LOG_ODDS:
            return None
        engine = self._engine
        return (engine, self._calibration, decide) if hasattr(engine, "score_columns") else None  # type: ignore[return-value]

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
        scored = self._engine.score(encoded)
        predictions: list[Prediction] = []
        owed: list[tuple[int, Decision]] = []
        for index, (row, scores) in enumerate(zip(rows, scored, strict=True)):
            decision = self._decide(self._read(row, scores))
            predictions.append(dict(zip(self._names, decision.outputs, strict=True)))
            if explain or (adverse and decision.adverse):
                owed.append((index, decision))
        if owed and self.contract.reasons:
            asked = [(encoded[index], scored[index], decision.explained) for index, decision in owed]
            for (index, decision), account in zip(owed, self._source.account(asked), strict=True):
                explained = self._explainer.explain(encoded[index], *account, adverse=decision.adverse, full=explain)
                if self._words is not None:
                    self._words.add(explained, encoded[index], decision.explained)
                predictions[index].update(explained)
        return predictions


def bind_decision(decide: Decide, engine: Engine, manifest: Manifest) -> DecideRow:
    """Return a decision ready for rows: one that asks for a column's steps is given those of the artifact.

    Raises
    ------
    ArtifactError
        If the artifact is no scorecard, or the column none of its numbers.
    """
    if not isinstance(decide, SteppedDecision):
        return decide
    find_steps = getattr(engine, "steps", None)
    if find_steps is None:
        raise ArtifactError(f"the decision asks for the steps of {decide.column}, which a {engine.name} model has not")
    edges, log_odds = find_steps(decide.column)
    slope = manifest.calibration.slope
    return decide.bind(Steps(edges, tuple([slope * one for one in log_odds])))
