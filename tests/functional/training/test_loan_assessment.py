"""The loan-assessment model as it is served, its artifact, its measurements and its card."""

import itertools
import json
import math
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loan_assessment.contract import APPROVE_BELOW, CONTRACT, LARGEST_AMOUNT, SCALE, SMALLEST_AMOUNT
from loan_assessment.decision import decide
from ratecard.contract import Category
from ratecard.contract.sample import sample_row
from ratecard.engines.manifest import load_manifest
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.handlers import load_model
from ratecard_workbench.training.artifact import Provenance

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "loan_assessment"
ARTIFACT = MODEL / "src" / "loan_assessment" / "artifact"
RECIPE = MODEL / "training" / "recipe.py"
MEASURED = json.loads((MODEL / "training" / "measured.json").read_text())
CARD = json.loads((ARTIFACT / "scorecard.json").read_text())

PEOPLE = st.fixed_dictionaries(
    {feature.name: st.sampled_from(feature.values) for feature in CONTRACT.features if isinstance(feature, Category)}
    | {
        "duration_months": st.integers(4, 72),
        "amount": st.integers(SMALLEST_AMOUNT * 100, LARGEST_AMOUNT * 100).map(lambda pfennigs: pfennigs / 100),
        "savings": st.none() | st.floats(0, 3_000),
        "employment_years": st.none() | st.floats(0, 40),
    }
)
LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORSE = {
    "duration_months": [4, 8, 9, 12, 18, 24, 36, 48, 72],
    "amount": [250.0, 1_000.0, 2_500.0, 4_000.0, 7_000.0, 9_500.0, 15_000.0, 20_000.0],
    "savings": [100_000.0, 1_000.0, 500.0, 100.0, 99.0, 0.0],
    "employment_years": [40.0, 7.0, 4.0, 1.0, 0.5, 0.0],
}
"""Values of a field from the best to the worst for the person."""


@pytest.fixture(scope="module")
def model():
    """The model as its function loads it: a scorecard needs no native library."""
    return load_model(CONTRACT, decide, str(ARTIFACT), None)


def predict(model, *rows, explain=False):
    """Answer rows as a client would get them, reasons of refusals included."""
    return model.predict(model.contract.parse_rows([dict(row) for row in rows], ""), explain=explain)


def look_up(column, value):
    """Find a value's log-odds by trying the bins one after another, as the card prints them."""
    if value is None:
        return column["missing"]
    if "edges" in column:
        return column["log_odds"][sum(value >= edge for edge in column["edges"])]
    words = next(feature.values for feature in CONTRACT.features if feature.name == column["name"])
    return column["log_odds"][words.index(value)]


@LOOSE
@given(person=PEOPLE, name=st.sampled_from(sorted(WORSE)))
def test_what_is_worse_never_helps(model, person, name):
    """Sweeping what a client sends, from good to bad: neither chance nor decision gets better."""
    found = predict(model, *(person | {name: value} for value in WORSE[name]))
    chances = [one["probability_of_default"] for one in found]
    decisions = [CONTRACT.outputs[0].values.index(one["decision"]) for one in found]
    assert chances == sorted(chances)
    assert decisions == sorted(decisions)


@LOOSE
@given(person=PEOPLE)
def test_the_largest_amount_passes_and_a_pfennig_more_does_not(model, person):
    """Asked again with the amount the model names, it approves; one pfennig above, it does not."""
    (asked,) = predict(model, person)
    largest = Decimal(asked["largest_amount"])
    if asked["decision"] == "approve":
        assert largest >= Decimal(str(person["amount"]))
    if not largest:
        (least,) = predict(model, person | {"amount": SMALLEST_AMOUNT})
        assert least["decision"] != "approve"
        return
    (there,) = predict(model, person | {"amount": float(largest)})
    assert there["decision"] == "approve"
    assert there["largest_amount"] == asked["largest_amount"]
    if largest < LARGEST_AMOUNT:
        (above,) = predict(model, person | {"amount": float(largest + Decimal("0.01"))})
        assert above["decision"] != "approve"


@LOOSE
@given(person=PEOPLE)
def test_the_answer_follows_from_the_printed_card(model, person):
    """Adding the bins up by hand and drawing the line gives the served chance; loss and decision follow from it."""
    slope, intercept = (load_manifest(ARTIFACT).calibration.slope, load_manifest(ARTIFACT).calibration.intercept)
    total = CARD["intercept"] + math.fsum(look_up(column, person[column["name"]]) for column in CARD["columns"])
    (answer,) = predict(model, person)
    chance = 1 / (1 + math.exp(-(slope * total + intercept)))
    assert answer["probability_of_default"] == pytest.approx(chance, abs=1e-12)
    assert float(answer["expected_loss"]) == pytest.approx(chance * 0.45 * person["amount"], abs=0.0051)
    assert (answer["decision"] == "approve") == (chance < APPROVE_BELOW)


@LOOSE
@given(person=PEOPLE)
def test_points_add_up_and_reasons_are_the_strongest(model, person):
    """Base plus the points of every column is the unrounded score; reasons are at most four, against, ranked."""
    (answer,) = predict(model, person, explain=True)
    account = answer["explanation"]
    assert account["unit"] == "points"
    assert set(account["contributions"]) == set(CONTRACT.columns)
    assert account["base"] + sum(account["contributions"].values()) == pytest.approx(account["total"])
    chance = answer["probability_of_default"]
    assert account["total"] == pytest.approx(SCALE.score(math.log(chance / (1 - chance))), abs=1e-6)
    assert answer["score"] == round(account["total"])
    points = [reason["points"] for reason in answer["reasons"]]
    assert points == sorted(points)
    assert len(points) <= 4
    assert all(point <= -0.5 for point in points) or (answer["decision"] == "decline" and len(points) == 1)


@LOOSE
@given(person=PEOPLE)
def test_sentences_are_true_of_the_row(model, person):
    """What a reason says of a row holds for it: nobody with savings or a guarantor is told otherwise."""
    (answer,) = predict(model, person, explain=True)
    named = {reason["code"] for reason in answer["reasons"]}
    assert not ("L01" in named and person["checking_account"] == "from_200_or_salary")
    assert not ("L05" in named and person["amount"] < 1_500)
    assert not ("L06" in named and (person["savings"] or 0) >= 1_000)
    assert not ("L07" in named and (person["employment_years"] or 0) >= 7)
    assert not ("L08" in named and person["other_debtors"] == "guarantor")
    assert not ("L09" in named and person["other_instalments"] == "none")


def test_a_declined_row_is_told_why_unasked(model):
    """No account, a late payer, four years: declined with reasons and advice; the sample is approved without."""
    bad = sample_row(CONTRACT) | {
        "checking_account": "none",
        "credit_history": "delay_in_the_past",
        "duration_months": 48,
        "amount": 9_000,
        "savings": None,
    }
    approved, declined = predict(model, sample_row(CONTRACT), bad)
    assert approved["decision"] == "approve"
    assert "reasons" not in approved
    assert declined["decision"] == "decline"
    assert {reason["code"] for reason in declined["reasons"]} >= {"L01", "L02", "L03"}
    assert declined["advice"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "education"},
        {"checking_account": None},
        {"amount": 249.99},
        {"amount": "2500"},
        {"duration_months": 12.5},
        {"sex": "female"},
        {"loss_given_default": 1.01},
        {"savings": float("nan")},
    ],
)
def test_what_the_card_has_no_bin_for_is_refused(model, wrong):
    """Unknown words, numbers out of bounds, protected fields: refused, never scored as something else."""
    with pytest.raises(InvalidRequestError):
        model.contract.parse_rows([sample_row(CONTRACT) | wrong], "")


def test_the_card_is_monotone_where_it_promises():
    """Log-odds of the bins rise with term and amount and fall with savings and employment; no bin is a lone word's."""
    columns = {column["name"]: column["log_odds"] for column in CARD["columns"]}
    for name, sign in (("duration_months", 1), ("amount", 1), ("savings", -1), ("employment_years", -1)):
        steps = columns[name]
        assert len(steps) > 1
        assert all(sign * (above - below) > 0 for below, above in itertools.pairwise(steps))
    assert all(column["missing"] is None for column in CARD["columns"] if column["name"] not in WORSE)


def test_the_artifact_was_made_by_the_recipe_that_is_committed():
    """A changed recipe asks for a new training: its digest is in the manifest."""
    described = Provenance(RECIPE, MODEL.parents[2], "").describe_recipe()
    assert load_manifest(ARTIFACT).recipe["sha256"] == described["sha256"]
    assert sum(path.stat().st_size for path in ARTIFACT.iterdir()) < 10_000


def test_the_auc_is_the_published_scorecards():
    """About .79; the interval holds it, and nothing lies above .81, where a leak would be suspected."""
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert auc["lower"] < 0.79 < auc["upper"]
    assert 0.78 <= auc["value"] <= 0.81


def test_the_probabilities_are_calibrated():
    """Slope 1 and intercept 0 lie within the intervals out of fold."""
    figures = MEASURED["measured"]["all_rows"]
    assert figures["calibration_slope"]["lower"] < 1 < figures["calibration_slope"]["upper"]
    assert figures["calibration_intercept"]["lower"] < 0 < figures["calibration_intercept"]["upper"]


def test_decisions_are_ordered_and_cheaper_than_none():
    """Rates rise from approved to declined, and errors cost less than without a model."""
    rates = [row["rate"]["value"] for row in MEASURED["measured"]["decisions"]]
    costs = MEASURED["measured"]["costs"]
    assert rates == sorted(rates)
    assert costs["threshold"] == pytest.approx(APPROVE_BELOW, abs=1e-6)
    assert costs["by_decisions"] == pytest.approx(costs["at_threshold"])
    assert costs["by_decisions"] < 0.6 < costs["without_model"]


def test_the_asked_for_alternatives_are_measured():
    """All nine of the issue beside the card, on the same folds, each with its difference."""
    names = [row["name"] for row in MEASURED["comparison"]]
    asked = ("Decision tree", "Random forest", "Support", "Naive Bayes", "AdaBoost", "GBDT", "XGBoost", "LightGBM")
    assert all(any(name.startswith(one) for name in names) for one in (*asked, "Logistic regression"))
    assert all(row["difference"] for row in MEASURED["comparison"][1:])


def test_term_is_shown_to_leak_in_small_business_loans():
    """Both files: with Term the procedure looks better by far than what is known at application allows."""
    for one in MEASURED["small_business"].values():
        assert one["with_term"]["lower"] > one["cross_validated"]["upper"]
        assert one["rows"] > one["tested"] > 1_000


def test_the_card_says_what_was_measured():
    """Headline figures, protected attributes, the cost and both data sets are in the card, and no gap is open."""
    card = (MODEL / "MODEL_CARD.md").read_text()
    auc = MEASURED["measured"]["cross_validated_auc"]
    assert f"{auc['value']:.4f} [{auc['lower']:.4f}, {auc['upper']:.4f}]" in card
    assert f"{MEASURED['measured']['costs']['by_decisions']:.3f} by the model's decisions" in card
    for name, one in MEASURED["small_business"].items():
        assert f"| {name} | {one['rows']:,} |" in card
        assert f"{one['forward']['value']:.3f} [" in card
    for word in ("personal status and sex", "foreign worker", "dependants", "Brier", "KS", "South German Credit"):
        assert word in card
    assert "$" not in card


@pytest.mark.slow
def test_two_runs_write_the_committed_bytes(tmp_path, requires_shared):
    """The recipe is seeded from the order of the rows on; another machine may differ in the last digits."""
    environ = os.environ | {"RATECARD_DATA_DIR": str(requires_shared / "data")}
    files = []
    for name in ("one", "two"):
        command = [sys.executable, str(RECIPE), "--quiet", "--artifact-only", "--target", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True, env=environ)
        folder = tmp_path / name / "src" / "loan_assessment" / "artifact"
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1]
    again = json.loads(files[0]["scorecard.json"])
    for ours, theirs in zip(CARD["columns"], again["columns"], strict=True):
        assert ours.get("edges") == theirs.get("edges")
        assert np.allclose(ours["log_odds"], theirs["log_odds"], atol=1e-4)
