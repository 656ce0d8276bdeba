"""What the served model owes to people: monotone answers, reasons that add up, nothing about who they are."""

import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_rating.contract import CONTRACT, MONTHS, SCALE
from credit_rating.decision import decide
from ratecard.contract.sample import sample_row
from ratecard.serving.handlers import load_model


@pytest.fixture(scope="module")
def model(repository, native_dir):
    """The model as its function loads it."""
    folder = repository / "functions/models/credit_rating/src/credit_rating/artifact"
    return load_model(CONTRACT, decide, str(folder), str(native_dir))


@pytest.fixture(scope="module")
def booster(repository):
    """The same artifact through LightGBM's Python package."""
    return lightgbm.Booster(
        model_file=str(repository / "functions/models/credit_rating/src/credit_rating/artifact/model.txt")
    )


AMOUNT = st.one_of(st.just(0.0), st.floats(0, 300_000), st.floats(0, 2_000_000))
PEOPLE = st.fixed_dictionaries(
    {"credit_limit": st.floats(10_000, 1_000_000), "education": st.sampled_from(CONTRACT.features[1].values)}
    | {f"repayment_status_{month}": st.integers(-2, 8) for month in MONTHS}
    | {f"statement_balance_{month}": AMOUNT for month in MONTHS}
    | {f"payment_{month}": AMOUNT for month in MONTHS}
)
LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORSE = {
    "repayment_status": [float(status) for status in range(-2, 9)],
    "statement_balance": [0.0, 500.0, 5_000.0, 20_000.0, 60_000.0, 200_000.0, 600_000.0, 2_000_000.0],
    "payment": [200_000.0, 20_000.0, 6_000.0, 3_000.0, 1_500.0, 800.0, 100.0, 0.0],
}
"""Values of a field from the best to the worst for the person."""


def chances(model, rows):
    """Probability of default of each row."""
    parsed = model.contract.parse_rows([dict(row) for row in rows], "")
    return [prediction["probability_of_default"] for prediction in model.predict(parsed, explain=False, adverse=False)]


@LOOSE
@given(person=PEOPLE, stem=st.sampled_from(sorted(WORSE)), month=st.sampled_from(MONTHS))
def test_more_arrears_more_debt_or_less_payment_never_helps(model, person, stem, month):
    """Sweeping what a client sends, from good to bad: the chance of default never falls."""
    swept = [person | {f"{stem}_{month}": value} for value in WORSE[stem]]
    found = chances(model, swept)
    assert all(better <= worse for better, worse in itertools.pairwise(found))


@LOOSE
@given(person=PEOPLE)
def test_a_higher_limit_never_harms_who_owes(model, person):
    """With the same balances, none below zero, more limit means less of it in use."""
    found = chances(
        model, [person | {"credit_limit": limit} for limit in (10_000, 50_000, 150_000, 400_000, 1_000_000)]
    )
    assert all(worse >= better for worse, better in itertools.pairwise(found))


@LOOSE
@given(person=PEOPLE)
def test_the_account_adds_up_to_the_score(model, person):
    """Base plus contributions is the unrounded score, which is the scale's of the probability."""
    row = model.contract.parse_rows([person], "")
    (prediction,) = model.predict(row, explain=True)
    account = prediction["explanation"]
    chance = prediction["probability_of_default"]
    assert account["base"] + sum(account["contributions"].values()) == pytest.approx(account["total"])
    assert account["total"] == pytest.approx(SCALE.score(math.log(chance / (1 - chance))), abs=1e-6)
    assert prediction["score"] == round(account["total"])


@LOOSE
@given(person=PEOPLE)
def test_reasons_are_at_most_four_ranked_and_against(model, person):
    """Strongest first, half a point at least, each one the sum of its columns; advice only from these reasons.

    Only a declined row is owed a reason, however small.
    """
    row = model.contract.parse_rows([person], "")
    (prediction,) = model.predict(row, explain=True)
    points = [reason["points"] for reason in prediction["reasons"]]
    assert len(points) <= 4
    assert points == sorted(points)
    assert all(point <= -0.5 for point in points) or (prediction["decision"] == "decline" and len(points) == 1)
    known = {reason.code: reason for reason in CONTRACT.reasons}
    for reason in prediction["reasons"]:
        parts = [prediction["explanation"]["contributions"][column] for column in known[reason["code"]].columns]
        assert reason["points"] == pytest.approx(sum(parts), abs=0.006)
    asked = [known[reason["code"]].advice for reason in prediction["reasons"]]
    assert prediction["advice"] == [advice for advice in asked if advice]


@LOOSE
@given(people=st.lists(PEOPLE, min_size=1, max_size=8))
def test_the_served_score_is_lightgbms_own(model, booster, people):
    """Through the C API and through the Python package: the same bits."""
    rows = model.contract.parse_rows(people, "")
    encoded = [model.contract.encode(row) for row in rows]
    served = [scores[0] for scores in model._engine.score(encoded)]
    assert np.array_equal(served, booster.predict(np.array(encoded), raw_score=True))


def test_a_declined_row_is_told_why_unasked(model):
    """Four months of delay and a card at its limit: declined, with reasons and advice; the sample gets neither."""
    good = sample_row(CONTRACT)
    bad = good | {f"repayment_status_{month}": 4 for month in MONTHS} | {"statement_balance_1": 200_000.0}
    approved, declined = model.predict(model.contract.parse_rows([good, bad], ""), explain=False)
    assert approved["decision"] == "approve"
    assert "reasons" not in approved
    assert declined["decision"] == "decline"
    assert {reason["code"] for reason in declined["reasons"]} >= {"R01", "R02"}
    assert declined["advice"]


def test_arrears_are_named_only_where_there_are_some(model):
    """Over the whole range of the other fields, a person without any delay is never told of one."""
    random = np.random.default_rng(5)
    people = [
        {
            "credit_limit": float(random.uniform(10_000, 500_000)),
            "education": "university",
            **{f"repayment_status_{month}": int(random.integers(-2, 1)) for month in MONTHS},
            **{f"statement_balance_{month}": float(random.uniform(0, 500_000)) for month in MONTHS},
            **{f"payment_{month}": float(random.choice([0, random.uniform(0, 20_000)])) for month in MONTHS},
        }
        for _ in range(250)
    ]
    for prediction in model.predict(model.contract.parse_rows(people, ""), explain=True):
        assert not {"R01", "R02"} & {reason["code"] for reason in prediction["reasons"]}
