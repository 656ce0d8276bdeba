"""Models of classes and of values, through the real engines: what is served, what is explained, what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax
from support import graphs
from support.artifacts import write_model
from support.boosters import NAMES, made_rows, train_lightgbm, train_xgboost

from ratecard.contract import (
    Choice,
    Decision,
    ModelContract,
    Number,
    Points,
    Probability,
    Reason,
    Scored,
    ScoreScale,
)
from ratecard.kernel.errors import ArtifactError
from ratecard.serving.handlers import load_model

CLASSES = ("low", "middle", "high")
LARGEST = 1e15
ROWS = np.nan_to_num(made_rows(30))


def contract_of(**changes: object) -> ModelContract:
    """A contract over the boosters' columns, with a reason for each."""
    members = {
        "slug": "any-model",
        "version": "1.0.0",
        "title": "Any model",
        "about": "Any model.",
        "features": tuple(
            Number(name, unit="units", minimum=-LARGEST, maximum=LARGEST, about="A number.", sample=0.5)
            for name in NAMES
        ),
        "outputs": (Choice("answer", values=CLASSES, about="Answer."), Probability("chance", about="Its chance.")),
        "reasons": tuple(Reason(f"R{place}", (name,), f"{name} spoke for it.") for place, name in enumerate(NAMES)),
    }
    return ModelContract(**{**members, **changes})


def decide_class(scored: Scored) -> Decision:
    """Answer the likeliest class, and explain that one."""
    place = scored.classes.index(scored.probability)
    return Decision((CLASSES[place], scored.probability), explained=place)


def decide_event(scored: Scored) -> Decision:
    """Answer by one half."""
    return Decision((CLASSES[scored.probability > 0.5], scored.probability))


def content_of(engine: str, kind: str) -> bytes:
    """A trained booster's file."""
    if engine == "lightgbm":
        return train_lightgbm(kind).model_to_string().encode()
    return bytes(train_xgboost(kind).save_raw("ubj"))


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost"])
def test_a_model_of_classes_explains_the_class_it_names(engine: str, native_dir: Path, tmp_path: Path) -> None:
    """Softmax at the temperature; base and contributions add up to the centred log-probability of the named class."""
    calibration = {"slope": 0.7, "intercept": 0.0}
    changes = {"output": "log_odds_by_class", "calibration": calibration}
    folder = write_model(tmp_path, engine, content_of(engine, "multi-class"), NAMES, **changes)
    model = load_model(contract_of(), decide_class, str(folder), str(native_dir))
    margins = (
        train_lightgbm("multi-class").predict(ROWS, raw_score=True)
        if engine == "lightgbm"
        else train_xgboost("multi-class").inplace_predict(ROWS, predict_type="margin")
    )

    predictions = model.predict([tuple(row) for row in ROWS.tolist()], explain=True)

    expected = softmax(0.7 * np.asarray(margins, dtype=float), axis=1)
    assert [one["chance"] for one in predictions] == pytest.approx(expected.max(axis=1).tolist(), rel=1e-6)
    assert [one["answer"] for one in predictions] == [CLASSES[place] for place in expected.argmax(axis=1)]
    logs = np.log(expected)
    for prediction, row in zip(predictions, logs, strict=True):
        assert prediction["explanation"]["unit"] == "log_odds"
        assert prediction["explanation"]["total"] == pytest.approx((row - row.mean()).max(), abs=1e-5)
        assert all(reason["log_odds"] >= 0.01 for reason in prediction["reasons"])


@pytest.mark.parametrize(("engine", "kind"), [("lightgbm", "dart"), ("xgboost", "dart")])
def test_a_model_of_a_value_explains_it_in_its_own_unit(
    engine: str, kind: str, native_dir: Path, tmp_path: Path
) -> None:
    """The value is the margin, uncalibrated; base and contributions add up to it."""
    folder = write_model(tmp_path, engine, content_of(engine, kind), NAMES, output="value")
    contract = contract_of(predicts_value=True, outputs=(Probability("value", about="The value."),))

    def decide(scored: Scored) -> Decision:
        assert scored.probability == 0.0
        return Decision((scored.margin,))

    model = load_model(contract, decide, str(folder), str(native_dir))
    for prediction in model.predict([tuple(row) for row in ROWS.tolist()], explain=True):
        assert prediction["explanation"]["unit"] == "value"
        assert prediction["explanation"]["total"] == pytest.approx(prediction["value"], rel=1e-5, abs=1e-5)
        assert all(reason["value"] > 0 for reason in prediction["reasons"])


def test_a_graph_of_fractions_is_calibrated_on_log_odds(native_dir: Path, tmp_path: Path) -> None:
    """One fraction out of a graph: Platt's line is laid over its log-odds."""
    changes = {"output": "probability", "calibration": {"slope": 2.0, "intercept": 0.5}}
    content = graphs.halves().SerializeToString()
    folder = write_model(tmp_path, "onnx", content, NAMES, **changes)
    model = load_model(contract_of(reasons=()), decide_event, str(folder), str(native_dir))

    (prediction,) = model.predict([(0.0,) * len(NAMES)], explain=False)

    assert prediction["chance"] == pytest.approx(expit(0.5))


def test_a_graph_of_fractions_by_class_is_served(native_dir: Path, tmp_path: Path) -> None:
    """A forest's probabilities of three classes, as they are."""
    content = graphs.forest().SerializeToString()
    folder = write_model(tmp_path, "onnx", content, NAMES, output="probability_by_class")
    model = load_model(contract_of(reasons=()), decide_class, str(folder), str(native_dir))

    (prediction,) = model.predict([tuple(ROWS[0].tolist())], explain=False)

    assert 1 / 3 <= prediction["chance"] <= 1
    assert math.isfinite(prediction["chance"])


POINTS = (Points("points", minimum=0, maximum=1000, about="Points."),)
REFUSED = {
    "one score as classes": ("binary", {"output": "log_odds_by_class"}, {}),
    "classes as one score": ("multi-class", {"output": "log_odds"}, {}),
    "a value as a chance": ("binary", {"output": "value"}, {}),
    "a chance as a value": ("binary", {"output": "log_odds"}, {"predicts_value": True}),
    "points of a value": ("binary", {"output": "value"}, {"predicts_value": True, "scale": ScoreScale()}),
    "points of classes": ("multi-class", {"output": "log_odds_by_class"}, {"scale": ScoreScale(), "outputs": POINTS}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_artifact_of_another_kind_than_its_contract_is_refused(case: str, native_dir: Path, tmp_path: Path) -> None:
    """The function does not start: number of scores, value or chance, and scale must fit."""
    kind, manifest, contract = REFUSED[case]
    folder = write_model(tmp_path, "lightgbm", content_of("lightgbm", kind), NAMES, **manifest)

    with pytest.raises(ArtifactError):
        load_model(contract_of(**contract), decide_event, str(folder), str(native_dir))
