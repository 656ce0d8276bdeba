"""ONNX graphs give reasons by sampling through the engine: they add up, say how sure they are, and repeat."""

import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
from support import graphs
from support.artifacts import add_file, write_model
from support.boosters import COLUMNS, NAMES
from tests.functional.serving.test_output_heads import contract_of, decide_class, decide_event

from ratecard.contract.schema import prediction_schema
from ratecard.kernel.errors import ArtifactError
from ratecard.serving.handlers import load_model
from ratecard.serving.model import Model
from ratecard.serving.scores import log_odds_of

CHANCE = np.random.default_rng(4)
BACKGROUND = CHANCE.normal(size=(8, COLUMNS)).astype(np.float32).astype(float).tolist()
ROWS = [tuple(row) for row in CHANCE.normal(size=(12, COLUMNS)).astype(np.float32).astype(float).tolist()]
SAMPLED = contract_of(sampled_reasons=True)


def write_graph(folder: Path, kind: str, **changes: object) -> Path:
    """Write a graph with background rows."""
    write_model(folder, "onnx", getattr(graphs, kind)().SerializeToString(), NAMES, **changes)
    add_file(folder, "background.json", json.dumps({"format": 1, "pairs": 2, "rows": BACKGROUND}).encode())
    return folder


@pytest.fixture
def halves(native_dir: Path, tmp_path: Path) -> Model:
    """A graph that ends in one fraction, calibrated."""
    changes = {"output": "probability", "calibration": {"slope": 1.5, "intercept": -0.25}}
    return load_model(SAMPLED, decide_event, str(write_graph(tmp_path, "halves", **changes)), str(native_dir))


def test_a_fraction_is_explained_in_calibrated_log_odds(halves: Model) -> None:
    """The graph is linear in log-odds: each column's share is 1.5/8 of its distance from the background's mean."""
    means = [statistics.fmean(column) for column in zip(*BACKGROUND, strict=True)]
    for row, prediction in zip(ROWS, halves.predict(ROWS, explain=True), strict=True):
        account = prediction["explanation"]
        expected = [1.5 / COLUMNS * (value - mean) for value, mean in zip(row, means, strict=True)]
        assert list(account["contributions"].values()) == pytest.approx(expected, abs=1e-5)
        assert account["base"] == pytest.approx(1.5 * statistics.fmean(means) - 0.25, abs=1e-5)
        assert account["total"] == pytest.approx(log_odds_of(prediction["chance"]), abs=1e-9)
        assert all(error < 1e-5 for error in account["standard_error"].values())


def test_reasons_against_a_wanted_event_name_what_lowers_it(native_dir: Path, tmp_path: Path) -> None:
    """The account of a row stays the same; the reasons are those of the other sign, the strongest first."""
    folder = str(write_graph(tmp_path, "halves", output="probability"))
    feared = load_model(SAMPLED, decide_event, folder, str(native_dir))
    wanted = load_model(contract_of(sampled_reasons=True, higher_is_better=True), decide_event, folder, str(native_dir))

    for one, other in zip(feared.predict(ROWS, explain=True), wanted.predict(ROWS, explain=True), strict=True):
        assert one["explanation"] == other["explanation"]
        assert all(reason["log_odds"] > 0 for reason in one["reasons"])
        against = [reason["log_odds"] for reason in other["reasons"]]
        assert against
        assert against == sorted(against)
        assert against[0] < 0 > against[-1]


def test_a_class_is_explained_against_the_others(native_dir: Path, tmp_path: Path) -> None:
    """A forest of three classes: base and contributions add up to the named class's centred log-probability."""
    folder = write_graph(tmp_path, "forest", output="probability_by_class")
    model = load_model(SAMPLED, decide_class, str(folder), str(native_dir))
    for prediction in model.predict(ROWS, explain=True):
        account = prediction["explanation"]
        parts = math.fsum((account["base"], *account["contributions"].values()))
        assert account["total"] == pytest.approx(parts, abs=1e-12)
        assert account["total"] > 0
        assert account["standard_error"].keys() == account["contributions"].keys() == set(NAMES)


def test_a_reason_within_its_error_is_not_named(native_dir: Path, tmp_path: Path) -> None:
    """Every named reason stands more than two standard errors from nothing."""
    folder = write_graph(tmp_path, "forest", output="probability_by_class")
    model = load_model(SAMPLED, decide_class, str(folder), str(native_dir))
    named = 0
    for prediction in model.predict(ROWS, explain=True):
        account = prediction["explanation"]
        reasons = prediction["reasons"]
        named += len(reasons)
        for reason in reasons:
            (column,) = reason["columns"]
            assert account["contributions"][column] > 2 * account["standard_error"][column]
    assert named > len(ROWS)


def test_the_same_row_is_explained_alike_alone_and_among_others(halves: Model) -> None:
    """Orders are drawn from the row: neither the rest of the call nor an earlier call matters."""
    together = halves.predict(ROWS, explain=True)
    alone = [halves.predict([row], explain=True)[0] for row in ROWS]

    for one, other in zip(together, alone, strict=True):
        assert one["explanation"]["contributions"] == pytest.approx(other["explanation"]["contributions"], abs=1e-6)
    assert halves.predict(ROWS[:1], explain=True) == alone[:1]


def test_the_schema_says_that_contributions_are_estimates(halves: Model) -> None:
    """Only where they are."""
    sampled = prediction_schema(SAMPLED)["properties"]["explanation"]
    exact = prediction_schema(contract_of())["properties"]["explanation"]
    (prediction,) = halves.predict(ROWS[:1], explain=True)

    assert sampled["properties"].keys() == prediction["explanation"].keys()
    assert "standard_error" not in exact["properties"]


def test_reasons_without_a_background_are_refused(native_dir: Path, tmp_path: Path) -> None:
    """There is nothing to compare with."""
    folder = write_model(tmp_path, "onnx", graphs.halves().SerializeToString(), NAMES, output="probability")

    with pytest.raises(ArtifactError, match=r"background\.json"):
        load_model(SAMPLED, decide_event, str(folder), str(native_dir))


def test_a_damaged_background_is_refused(native_dir: Path, tmp_path: Path) -> None:
    """As text, too, that is listed with its digest."""
    folder = write_graph(tmp_path, "halves", output="probability")
    add_file(folder, "background.json", b'{"format": 1')

    with pytest.raises(ArtifactError, match=r"background\.json is not JSON"):
        load_model(SAMPLED, decide_event, str(folder), str(native_dir))


def test_estimates_that_the_contract_does_not_announce_are_refused(native_dir: Path, tmp_path: Path) -> None:
    """A client must be able to know; and exact contributions are not announced as estimates."""
    folder = write_graph(tmp_path / "graph", "halves", output="probability")
    with pytest.raises(ArtifactError, match="sampled_reasons"):
        load_model(contract_of(), decide_event, str(folder), str(native_dir))
    with pytest.raises(ArtifactError, match="sampled_reasons"):
        load_model(contract_of(sampled_reasons=True, reasons=()), decide_event, str(folder), str(native_dir))
