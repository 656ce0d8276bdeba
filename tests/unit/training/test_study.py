"""A whole study on a small population: by cross-validation, without a holdout, by time; as JSON and as a card."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.support.training import PLAN

from ratecard.contract import ModelContract, Number, Probability
from ratecard_workbench.training.alternatives import Alternative
from ratecard_workbench.training.artifact import write_json
from ratecard_workbench.training.boosting import learn_lightgbm
from ratecard_workbench.training.calibration import compute_brier
from ratecard_workbench.training.costs import Costs
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.folds import Fold, cross_validation, keep_all, split_rows
from ratecard_workbench.training.intervals import compute_delong
from ratecard_workbench.training.layout import CardText, ReportError, render_card
from ratecard_workbench.training.learner import on_columns
from ratecard_workbench.training.measured import describe
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.rules import MasterScale, Rules
from ratecard_workbench.training.study import Study, compute_measured, run_protocol
from ratecard_workbench.training.timesplit import time_protocol
from ratecard_workbench.training.trained import compute_headline, train

CONTRACT = ModelContract(
    slug="small-model",
    version="0.1.0",
    title="Small",
    about="For tests.",
    features=tuple(
        Number(name, unit="points", minimum=-9, maximum=9, about="A number.", sample=0.0) for name in PLAN.column_names
    ),
    outputs=(Probability("probability", about="Chance."),),
)
RULES = Rules(
    decide=lambda log_odds, _: np.where(log_odds > 0.5, "decline", np.where(log_odds > -0.5, "refer", "approve")),
    decisions=("approve", "refer", "decline"),
    favourable=("approve",),
    scale=MasterScale((("A", 5), ("B", -5)), "C", lambda log_odds: round(-10 * log_odds)),
    costs=Costs(5.0, 1.0, "the test"),
    acted=("decline",),
    alert_rates=(0.1,),
)
CARD = """Owner: the tests
Tier: none
Status: for tests
Review: never
Artifact: $columns columns

## Purpose

To be tested at $$5 a row.

## Data

$tables

Made up; $rows rows.

## Inputs

Three.

## Method

Platt $slope.

## Decision

By log-odds.

## Reasons and advice

None.

## Fairness

Groups are drawn by lot.

## Limits

Many.
"""


@pytest.fixture(scope="module")
def people(population):
    """The population with segments."""
    segments = {"third": np.where(population.columns[:, 2] > 1, "high", "low")}
    return Population(population.columns, population.events, population.groups, segments)


def make_study(people, split, protocol):
    """Train, judge and gather."""
    learner = learn_lightgbm(PLAN)
    two = replace(PLAN, column_names=("risk", "safety"))
    rivals = [Alternative("Two columns", on_columns(learn_lightgbm(two), [0, 1]).as_fit())]
    trained = train(learner, people, split, seed=3, repeats=2)
    found, comparison = run_protocol(learner, people, protocol, rivals)
    return Study(
        population=people,
        trained=trained,
        rules=RULES,
        protocol=protocol,
        found=found,
        comparison=comparison,
        published=(Published("Theirs", "auc", 0.75, "another", "a paper", verified=False),),
        facts={"trees": trained.model.num_trees()},
    )


@pytest.fixture(scope="module")
def study(people):
    """With a holdout and cross-validation."""
    return make_study(people, split_rows(people.events, 0.3, 1), cross_validation(people.events, 3, 2, 1))


@pytest.fixture(scope="module")
def measured(study):
    """Its tables."""
    return compute_measured(study, draws=20)


@pytest.fixture
def text(tmp_path):
    """A card's own sentences."""
    (tmp_path / "card.md").write_text(CARD)
    return CardText(path=tmp_path / "card.md", data_sets=())


def test_figures_are_of_rows_the_model_had_not_seen(study, measured):
    """Holdout figures are recomputed from the model itself; development margins are not the model's own."""
    trained, holdout = study.trained, study.trained.split.test
    margins = np.asarray(trained.model.predict(study.population.columns[holdout], raw_score=True))
    chances = trained.calibration.probabilities(margins)
    events = study.population.events[holdout]
    assert measured.holdout["auc"].value == pytest.approx(compute_auc(margins, events))
    assert measured.holdout["brier"].value == pytest.approx(compute_brier(chances, events))
    development = trained.split.train
    assert not np.allclose(trained.margins[development], trained.own_margins[development])
    assert measured.pooled_auc == compute_delong(study.found.margins.mean(axis=0), study.population.events)


def test_the_headline_is_the_holdouts(study, measured):
    """The manifest states the same figures, with DeLong's interval."""
    headline = compute_headline(study.population, study.trained, {"trees": 7})
    assert headline["rows"] == {"development": 1050, "holdout": 450}
    assert headline["trees"] == 7
    assert headline["holdout"]["auc"] == round(measured.holdout["auc"].value, 6)


def test_decisions_costs_and_segments_add_up(study, measured):
    """Every row has a decision and a segment; the model costs less than none; a tenth alerted finds more events."""
    assert sum(row.rows for row in measured.decisions) == sum(row.rows for row in measured.segments) == 1500
    assert [row.decision for row in measured.decisions] == list(RULES.decisions)
    assert measured.costs.at_threshold < measured.costs.without_model
    assert measured.costs.at_threshold == pytest.approx(measured.all_rows["expected_cost"].value)
    assert measured.all_rows["recall_at_0.1"].value > 0.15
    assert {row.group for row in measured.fairness} == {"x", "y"}


def test_what_was_measured_is_json_that_says_how(study, measured):
    """The protocol, the published figures, and a baseline of every column are in it."""
    described = json.loads(write_json(describe(study, measured, CONTRACT)))
    assert described["protocol"] == {
        "about": "2 repeats of stratified 3-fold cross-validation",
        "folds": 3,
        "repeats": 2,
    }
    assert described["published"][0]["verified"] is False
    assert set(described["stability"]["columns"]) == set(CONTRACT.columns)
    assert described["comparison"][1]["name"] == "Two columns"


def test_a_card_has_every_section_in_order(study, measured, text):
    """The owner's sentences, the tables where they belong, and no gap; what was not measured has no section."""
    card = render_card(study, measured, CONTRACT, text)
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "Purpose",
        "Data",
        "Inputs",
        "Method",
        "Discrimination and calibration",
        "Published scores",
        "Alternatives, on the same folds",
        "Decision",
        "Cost of errors",
        "Segments",
        "Reasons and advice",
        "Fairness",
        "Stability and monitoring",
        "Limits",
        "How to reproduce",
    ]
    assert card.count("$") == 1
    assert "at $5 a row" in card
    assert "a paper (recalled, not seen)" in card
    assert "1,500 rows" in card


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("## Limits", "## Limit", ReportError, "Limits"),
        ("## Limits", "## Excuses\n\nNone.\n\n## Limits", ReportError, "Excuses"),
        ("Owner: the tests\n", "", ReportError, "Owner"),
        ("$slope", "$slop", KeyError, "slop"),
    ],
)
def test_a_card_that_does_not_fit_the_layout_is_not_written(old, new, error, words, study, measured, text):
    """A missing or unknown section, a missing owner and an open gap each stop the recipe and are named."""
    text.path.write_text(CARD.replace(old, new))
    with pytest.raises(error, match=words):
        render_card(study, measured, CONTRACT, text)


def test_grades_out_of_order_stop_the_recipe(study, measured, text):
    """Rates that do not rise from grade to grade contradict the contract."""
    turned = replace(measured, grades=list(reversed(measured.grades)))
    with pytest.raises(ReportError, match="strictly ordered"):
        render_card(study, turned, CONTRACT, text)


def test_few_rows_need_no_holdout(people, text):
    """All rows train the model; every figure is out of fold, and the manifest and the card say so."""
    part = people.take(np.arange(600))
    study = make_study(part, keep_all(600), cross_validation(part.events, 3, 1, 1))
    measured = compute_measured(study, draws=20)
    assert measured.holdout is None
    assert measured.unseen is measured.all_rows
    assert "out_of_fold" in compute_headline(part, study.trained)
    assert "too few to set some aside" in render_card(study, measured, CONTRACT, text)
    assert describe(study, measured, CONTRACT)["stability"]["holdout"] is None


def test_one_division_by_time_is_judged_on_its_test_rows(people, text):
    """Alternatives are compared there too, on the same rows, with DeLong's interval in place of the folds'."""
    split = Fold(np.arange(900), np.arange(900, 1500))
    study = make_study(people, split, time_protocol("first 900 rows, then 600", (split,)))
    measured = compute_measured(study, draws=20)
    assert study.found.tested.tolist() == split.test.tolist()
    assert measured.cross_validated_auc is None
    assert measured.pooled_auc.value == pytest.approx(measured.holdout["auc"].value)
    assert study.comparison[0].auc == measured.pooled_auc
    assert "first 900 rows, then 600" in render_card(study, measured, CONTRACT, text)
