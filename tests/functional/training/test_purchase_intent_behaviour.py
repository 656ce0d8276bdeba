"""What the served model says of visits: near scikit-learn's own answers, with reasons that add up and speak against."""

import itertools
import json
import math

import pytest

from purchase_intent.contract import CONTRACT
from purchase_intent.decision import compute_band, decide
from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.handlers import load_model

MODEL = "functions/models/purchase_intent"
BOUNCED = {
    "administrative_pages": 0,
    "administrative_seconds": 0.0,
    "product_pages": 1,
    "product_seconds": 0.0,
    "bounce_rate": 0.2,
    "exit_rate": 0.2,
    "page_value": 0.0,
}
"""One page and away again, as hundreds of visits of the data."""


@pytest.fixture(scope="module")
def model(repository, native_dir):
    """The model as its function loads it."""
    return load_model(CONTRACT, decide, str(repository / MODEL / "src/purchase_intent/artifact"), str(native_dir))


@pytest.fixture(scope="module")
def synthetic(repository):
    """Visits of nobody, with the margins that scikit-learn gave when the machine was trained."""
    return json.loads((repository / MODEL / "training/measured.json").read_text())["synthetic"]


@pytest.fixture(scope="module")
def visits(synthetic):
    """The same visits as a client would send them."""
    return [
        {
            feature.name: feature.values[int(value)] if hasattr(feature, "values") else type(feature.sample)(value)
            for feature, value in zip(CONTRACT.features, row, strict=True)
        }
        for row in synthetic["rows"]
    ]


def predict(model, rows, **options):
    """Predictions of rows as a client would send them."""
    return model.predict(
        model.contract.parse_rows([dict(row) for row in rows], ""), explain=options.get("explain", False)
    )


def test_the_served_margin_is_scikit_learns(model, synthetic):
    """Through the graph and the C API: a thousandth of a margin at most, as the manifest promises."""
    served = [scores[0] for scores in model._engine.score(synthetic["rows"])]
    assert served == pytest.approx(synthetic["margins"], abs=1e-3)


def test_more_page_value_never_lowers_the_chance(model, visits):
    """The strongest column, swept over its range: from page to page with more value, a purchase is likelier."""
    for visit in visits:
        swept = [visit | {"page_value": value} for value in (0.0, 1.0, 5.0, 20.0, 80.0, 300.0)]
        chances = [prediction["probability_of_purchase"] for prediction in predict(model, swept)]
        assert all(less < more for less, more in itertools.pairwise(chances))


def test_sweeping_a_visit_passes_through_all_bands_in_order(model):
    """A visit of a page that nobody stays on is low, one like visits that bought is high, and medium lies between."""
    good = sample_row(CONTRACT)
    swept = [good | BOUNCED, *(good | {"page_value": value} for value in (0.0, 1.0, 3.0, 10.0, 30.0, 100.0))]
    found = predict(model, swept)
    bands = [prediction["intent"] for prediction in found]
    assert list(dict.fromkeys(bands)) == ["low", "medium", "high"]
    assert all(one["intent"] == compute_band(one["probability_of_purchase"]) for one in found)


def test_the_account_adds_up_and_reasons_speak_against(model, visits):
    """Base plus contributions is the log-odds; reasons are at most four, all negative, strongest first."""
    known = {reason.code: reason for reason in CONTRACT.reasons}
    for prediction in predict(model, visits[:12], explain=True):
        chance, account = prediction["probability_of_purchase"], prediction["explanation"]
        assert account["base"] + math.fsum(account["contributions"].values()) == pytest.approx(account["total"])
        assert account["total"] == pytest.approx(math.log(chance / (1 - chance)), abs=1e-6)
        effects = [reason["log_odds"] for reason in prediction["reasons"]]
        assert len(effects) <= 4
        assert effects == sorted(effects)
        assert all(effect <= -0.01 for effect in effects)
        for reason in prediction["reasons"]:
            parts = [account["contributions"][column] for column in known[reason["code"]].columns]
            assert reason["log_odds"] == pytest.approx(sum(parts), abs=0.006)


def test_a_visit_of_pages_without_value_is_told_why_on_request_only(model):
    """Reasons come to who asks, with the visit's values beside the typical ones, and advice for the shop."""
    row = sample_row(CONTRACT) | {"page_value": 0.0, "month": "may"}
    (plain,), (explained,) = predict(model, [row]), predict(model, [row], explain=True)
    assert plain.keys() == {"probability_of_purchase", "intent"}
    reasons = {reason["code"]: reason for reason in explained["reasons"]}
    assert list(reasons)[:2] == ["R06", "R01"]
    assert reasons["R01"]["values"] == [0.0]
    assert reasons["R01"]["typical"] == [16.7]
    assert explained["advice"]


def test_sampling_errors_are_small_against_what_they_are_of(model, visits):
    """Few orders are enough: the largest error is below a tenth of the largest contribution, on the mean of visits."""
    ratios = []
    for prediction in predict(model, visits[:12], explain=True):
        account = prediction["explanation"]
        largest = max(abs(part) for part in account["contributions"].values())
        ratios.append(max(account["standard_error"].values()) / largest)
    assert sum(ratios) / len(ratios) < 0.1


@pytest.mark.parametrize("month", ["january", "april"])
def test_months_without_data_are_near_the_middle_of_the_others(model, month):
    """A month that the machine has never seen is no extreme: its chance lies between those of the seen months."""
    row = sample_row(CONTRACT)
    seen = [name for name in CONTRACT.features[10].values if name not in ("january", "april")]
    chances = [one["probability_of_purchase"] for one in predict(model, [row | {"month": name} for name in seen])]
    (found,) = predict(model, [row | {"month": month}])
    assert min(chances) < found["probability_of_purchase"] < max(chances)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("bounce_rate", 0.5, "out_of_range"),
        ("product_pages", 1.5, "wrong_type"),
        ("product_pages", -1, "out_of_range"),
        ("month", "Nov", "not_a_choice"),
        ("weekend", 1, "wrong_type"),
        ("page_value", float("nan"), "not_finite"),
        ("product_seconds", None, "wrong_type"),
    ],
)
def test_bad_fields_are_refused_by_name(model, field, value, code):
    """What the machine has not learned is refused, not repaired."""
    with pytest.raises(InvalidRequestError) as caught:
        model.contract.parse_rows([sample_row(CONTRACT) | {field: value}], "")
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [(f"/0/{field}", code)]
