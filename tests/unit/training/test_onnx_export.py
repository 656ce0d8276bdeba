"""Pipelines as graphs: one output, faithful, refused where they are not; and the rows that explain them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ratecard.contract import ModelContract, Number, Probability
from ratecard.engines import load_engine, load_manifest
from ratecard.engines.background import load_background
from ratecard_workbench.training.artifact import ExportError, Provenance, Release
from ratecard_workbench.training.background_rows import choose_background, describe_background
from ratecard_workbench.training.learner import learn_classifier
from ratecard_workbench.training.onnx_export import compute_fidelity, export_pipeline, lower_pipeline, run_graph
from ratecard_workbench.training.platt import Platt

CONTRACT = ModelContract(
    slug="small-graph",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=tuple(
        Number(name, unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0)
        for name in ("risk", "safety", "noise")
    ),
    outputs=(Probability("probability", about="Chance."),),
)


@pytest.fixture(scope="module")
def machine(population):
    """A scaled kernel machine."""
    learner = learn_classifier(lambda: make_pipeline(StandardScaler(), SVC(gamma=0.3)))
    return learner.fit(population.columns[:500], population.events[:500])


@pytest.fixture
def release(tmp_path, population):
    """Where it is written to."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "recipe.py").write_text("print()\n")
    provenance = Provenance(tmp_path / "training" / "recipe.py", tmp_path, "0" * 64)
    rows = population.columns[500:]
    return Release(
        contract=CONTRACT,
        folder=tmp_path / "artifact",
        calibration=Platt(1.0, 0.0),
        metrics={"auc": 0.8},
        provenance=provenance,
        checked_on=rows,
    )


@pytest.mark.parametrize(
    ("make", "output"),
    [
        (lambda: make_pipeline(StandardScaler(), SVC(gamma=0.3)), "log_odds"),
        (LogisticRegression, "log_odds"),
        (lambda: RandomForestClassifier(10, random_state=1), "probability"),
    ],
)
def test_a_graph_has_one_output_that_is_the_pipelines(make, output, population):
    """The decision function where there is one, else the probability of the event; never the label."""
    pipeline = make().fit(population.columns, population.events)
    content, kind = lower_pipeline(pipeline, 3)
    scores = getattr(pipeline, "decision_function", None) or (lambda rows: pipeline.predict_proba(rows)[:, 1])
    assert kind == output
    assert run_graph(content, population.columns) == pytest.approx(scores(population.columns), abs=1e-4)


def test_the_engine_answers_like_the_pipeline(machine, release, native_dir):
    """Through the C API too; the manifest states the fidelity, and the background is read back."""
    chosen = choose_background(machine.decision_function(release.checked_on), 8)
    files = describe_background(release.checked_on[chosen], 2)
    manifest = export_pipeline(machine, release, thresholds=(0.0,), files=files)
    loaded = load_manifest(release.folder)
    engine = load_engine(str(release.folder), loaded, str(native_dir))
    served = np.array([scores[0] for scores in engine.score(release.checked_on.tolist())])
    assert served == pytest.approx(machine.decision_function(release.checked_on), abs=1e-4)
    assert engine.outputs == 1
    assert loaded.output == "log_odds"
    assert manifest["metrics"]["auc"] == 0.8
    assert manifest["metrics"]["fidelity"]["flips"] == 0
    assert manifest["metrics"]["fidelity"]["rows"] == len(release.checked_on)
    assert load_background(str(release.folder), loaded).rows == release.checked_on[chosen].tolist()


def test_an_unfaithful_graph_is_not_written(machine, release):
    """A tolerance below float32's own error, and thresholds that a row sits on, are both seen."""
    with pytest.raises(ExportError, match="differs"):
        export_pipeline(machine, release, tolerance=1e-12)
    assert not release.folder.exists()
    on_the_edge = float(machine.decision_function(release.checked_on)[0])
    wide = replace(release, checked_on=np.repeat(release.checked_on[:1], 3, axis=0))
    content, _ = lower_pipeline(machine, 3)
    lowered = run_graph(content, wide.checked_on)
    cut = (on_the_edge + float(lowered[0])) / 2
    if lowered[0] != on_the_edge:
        with pytest.raises(ExportError, match="flips"):
            export_pipeline(machine, wide, thresholds=(cut,), tolerance=1.0)


def test_fidelity_counts_flips_and_never_hides_a_nan():
    """Two of four rows change sides of a threshold; a NaN that only one side has is an infinite difference."""
    found = compute_fidelity(np.array([-1.0, 0.1, 0.4, 2.0]), np.array([-1.0, -0.1, 0.6, 2.5]), (0.0, 0.5))
    assert (found.rows, found.flips) == (4, 2)
    assert found.largest_difference == pytest.approx(0.5)
    assert compute_fidelity(np.array([np.nan]), np.array([1.0])).largest_difference == np.inf
    assert compute_fidelity(np.array([np.nan]), np.array([np.nan])).largest_difference == 0


def test_background_rows_stand_for_all():
    """Forty of a thousand skewed margins have their mean to a twentieth of their spread."""
    margins = np.random.default_rng(4).exponential(size=1000)
    chosen = choose_background(margins, 40)
    assert len(set(chosen.tolist())) == 40
    assert abs(margins[chosen].mean() - margins.mean()) < 0.05 * margins.std()
