"""Scorecards: what is fitted, and that the engine answers like it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ratecard.contract import Category, ModelContract, Number, Probability
from ratecard.engines import load_engine, load_manifest
from ratecard_workbench.training.artifact import ExportError, Provenance, Release
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.scorecard import Scorecard, ScorecardPlan, fit_nonnegative, fit_scorecard
from ratecard_workbench.training.scorecard_export import export_scorecard

WORDS = ("a", "b", "c", "d")
CONTRACT = ModelContract(
    slug="small-card",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=(
        Number("risk", unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0, missing=True),
        Number("safety", unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0),
        Category("word", values=WORDS, about="A word.", sample="a"),
    ),
    outputs=(Probability("probability", about="Chance."),),
)
PLAN = ScorecardPlan(column_names=CONTRACT.columns, categories={"word": 4}, monotone={"risk": 1, "safety": -1})


@pytest.fixture(scope="module")
def rows(population):
    """The population, with some of the first column missing."""
    columns = population.columns.copy()
    columns[::9, 0] = np.nan
    return columns


@pytest.fixture(scope="module")
def card(rows, population):
    """A fitted scorecard."""
    return fit_scorecard(rows, population.events, PLAN)


@pytest.fixture
def release(tmp_path, rows):
    """Where it is written to."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "recipe.py").write_text("print()\n")
    return Release(
        contract=CONTRACT,
        folder=tmp_path / "artifact",
        calibration=Platt(1.0, 0.0),
        metrics={},
        provenance=Provenance(tmp_path / "training" / "recipe.py", tmp_path, "0" * 64),
        checked_on=rows.copy(),
    )


def test_it_learns_in_the_directions_asked_for(card, rows, population):
    """More risk is worse, more safety better, the noise is left at almost nothing, and the ranking is good."""
    risk, safety, noise = card.columns
    assert list(risk.bins.weights) == sorted(risk.bins.weights)
    assert list(safety.bins.weights) == sorted(safety.bins.weights, reverse=True)
    assert max(noise.bins.weights) - min(noise.bins.weights) < 0.3
    assert compute_auc(card.compute_margins(rows), population.events) > 0.75


def test_the_engine_answers_like_the_card(card, release, rows):
    """Scores of the written file are the card's to the last bits of a sum; contributions add up to them."""
    export_scorecard(card, release)
    manifest = load_manifest(release.folder)
    engine = load_engine(str(release.folder), manifest, None)
    served = np.array([scores[0] for scores in engine.score(rows.tolist())])
    assert served == pytest.approx(card.compute_margins(rows), abs=1e-12)
    parts = np.array(engine.contributions(rows.tolist()))
    assert parts.sum(axis=1) == pytest.approx(served, abs=1e-12)
    # Contributions are against the training rows' mean: each column's are 0 on average.
    assert np.abs(parts[:, :-1].mean(axis=0)).max() < 1e-6
    assert (manifest.engine, manifest.output) == ("scorecard", "log_odds")
    first = (release.folder / "scorecard.json").read_bytes()
    export_scorecard(card, release)
    assert (release.folder / "scorecard.json").read_bytes() == first


def test_rows_that_lack_what_the_contract_asks_for_are_refused(card, release):
    """A missing value where the contract allows none would be a row that cannot be served."""
    release.checked_on[0, 1] = np.nan
    with pytest.raises(ExportError, match="safety"):
        export_scorecard(card, release)


def test_a_word_the_card_does_not_know_is_refused(card, release):
    """A code beyond the contract's words is seen at the recipe, not at a client's call."""
    release.checked_on[0, 2] = 17.0
    with pytest.raises(ExportError, match="refuses a training row"):
        export_scorecard(card, release)


def test_coefficients_are_those_of_logistic_regression(population):
    """Where none is negative nothing is left out; where one is, it is, and the rest is fitted without it."""
    evidence = population.columns[:, :2] * [1.0, -1.0]
    coefficients, intercept = fit_nonnegative(evidence, population.events, 1.0)
    reference = LogisticRegression(C=1.0, max_iter=1000).fit(evidence, population.events)
    assert coefficients == pytest.approx(reference.coef_[0])
    assert intercept == pytest.approx(reference.intercept_[0])
    turned, _ = fit_nonnegative(population.columns[:, :2], population.events, 1.0)
    alone = LogisticRegression(C=1.0, max_iter=1000).fit(population.columns[:, :1], population.events)
    assert turned.tolist() == pytest.approx([alone.coef_[0, 0], 0.0])


def test_columns_that_say_nothing_leave_the_event_rate(population):
    """Without a usable column every row has the log-odds of the event rate."""
    plan = ScorecardPlan(column_names=("nothing",))
    blind = fit_scorecard(np.zeros((len(population), 1)), population.events, plan)
    assert isinstance(blind, Scorecard)
    rate = population.events.mean()
    assert blind.compute_margins(np.zeros((1, 1)))[0] == pytest.approx(np.log(rate / (1 - rate)), abs=1e-6)
