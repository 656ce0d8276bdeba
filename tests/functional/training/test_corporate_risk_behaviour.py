"""What the served corporate-risk model owes to companies: monotone answers, reasons beside the healthy median."""

import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corporate_risk.contract import CONTRACT, SCALE, TYPICAL
from corporate_risk.decision import decide
from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.handlers import load_model

ARTIFACT = "functions/models/corporate_risk/src/corporate_risk/artifact"
LOOSE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

GOOD = ("current_ratio", "quick_ratio", "cash_ratio", "return_on_assets", "operating_profit_to_assets")
GOOD += ("operating_margin", "net_margin", "cash_flow_to_liabilities", "pretax_cash_flow_to_sales")
BAD = ("liabilities_to_assets", "short_term_liabilities_to_assets", "short_term_liability_days")

FAILING = {
    "current_ratio": 0.4,
    "quick_ratio": 0.2,
    "cash_ratio": 0.01,
    "liabilities_to_assets": 1.4,
    "short_term_liabilities_to_assets": 1.2,
    "return_on_assets": -0.5,
    "operating_profit_to_assets": -0.4,
    "operating_margin": -0.3,
    "net_margin": -0.35,
    "cash_flow_to_liabilities": -0.3,
    "pretax_cash_flow_to_sales": -0.3,
    "asset_turnover": 1.2,
    "inventory_days": 60.0,
    "receivable_days": 60.0,
    "short_term_liability_days": 350.0,
    "current_assets_to_assets": 0.5,
}


def anywhere(feature):
    """Values of a ratio: where companies are, and anywhere within the bounds."""
    middle = TYPICAL[feature.name]
    near = st.floats(max(feature.minimum, -3 * abs(middle)), min(feature.maximum, 4 * abs(middle)))
    return st.one_of(near, st.floats(feature.minimum, feature.maximum))


COMPANIES = st.fixed_dictionaries({feature.name: anywhere(feature) for feature in CONTRACT.features})


@pytest.fixture(scope="module")
def model(repository, native_dir):
    """The model as its function loads it."""
    return load_model(CONTRACT, decide, str(repository / ARTIFACT), str(native_dir))


@pytest.fixture(scope="module")
def booster(repository):
    """The same artifact through LightGBM's Python package."""
    return lightgbm.Booster(model_file=str(repository / ARTIFACT / "model.txt"))


def predict(model, rows, **options):
    """Answer rows as a client sends them."""
    return model.predict(model.contract.parse_rows([dict(row) for row in rows], ""), **options)


@LOOSE
@given(company=COMPANIES, name=st.sampled_from(GOOD + BAD))
def test_better_ratios_never_harm(model, company, name):
    """Sweeping one ratio over its bounds from good to bad, all else equal: the chance of distress never falls."""
    feature = next(feature for feature in CONTRACT.features if feature.name == name)
    near = np.linspace(-2 * abs(TYPICAL[name]), 4 * abs(TYPICAL[name]), 60)
    values = sorted({feature.minimum, feature.maximum, *near.clip(feature.minimum, feature.maximum).tolist()})
    swept = [company | {name: value} for value in (reversed(values) if name in GOOD else values)]
    found = [answer["probability_of_distress"] for answer in predict(model, swept, explain=False, adverse=False)]
    assert all(better <= worse for better, worse in itertools.pairwise(found))


@LOOSE
@given(company=COMPANIES)
def test_the_account_adds_up_and_reasons_compare(model, company):
    """Base plus contributions is the unrounded score; reasons sum their columns and show them beside the typical."""
    (answer,) = predict(model, [company], explain=True)
    account, chance = answer["explanation"], answer["probability_of_distress"]
    assert account["total"] == pytest.approx(SCALE.score(math.log(chance / (1 - chance))), abs=1e-6)
    assert answer["score"] == round(account["total"])
    assert len(answer["reasons"]) <= 4
    for reason in answer["reasons"]:
        parts = [account["contributions"][column] for column in reason["columns"]]
        assert reason["points"] == pytest.approx(sum(parts), abs=0.006)
        assert reason["points"] < 0
        assert reason["values"] == [company[column] for column in reason["columns"]]
        assert reason["typical"] == [TYPICAL[column] for column in reason["columns"]]


@LOOSE
@given(companies=st.lists(COMPANIES, min_size=1, max_size=8))
def test_the_served_score_is_lightgbms_own(model, booster, companies):
    """Through the C API and through the Python package: the same bits."""
    encoded = [model.contract.encode(row) for row in model.contract.parse_rows(companies, "")]
    served = [scores[0] for scores in model._engine.score(encoded)]
    assert np.array_equal(served, booster.predict(np.array(encoded), raw_score=True))


def test_a_failing_company_is_told_why_unasked(model):
    """Losses, little cash and more debt than assets: high risk, with reasons and advice; the sample gets neither."""
    healthy, failing = predict(model, [sample_row(CONTRACT), FAILING], explain=False)
    assert healthy["watch_list"] == "normal"
    assert "reasons" not in healthy
    assert failing["watch_list"] == "high_risk"
    assert failing["grade"] == "F"
    assert failing["probability_of_distress"] > 5 * healthy["probability_of_distress"]
    assert {reason["code"] for reason in failing["reasons"]} >= {"C03", "C04"}
    assert failing["advice"]


@pytest.mark.parametrize("value", [None, "1.6", math.nan, 101.0, -0.1])
def test_a_ratio_that_is_no_ratio_is_refused(model, value):
    """Missing, text, not a number, beyond the bounds: refused, never guessed."""
    row = sample_row(CONTRACT) | {"current_ratio": value}
    with pytest.raises(InvalidRequestError):
        model.contract.parse_rows([row], "")
