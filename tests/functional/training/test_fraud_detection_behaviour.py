"""What the served fraud model owes to card holders and analysts: monotone answers, reasons that are true and add up."""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

from fraud_detection.contract import BLOCK_FROM, CONTRACT, STEP_UP_FROM
from fraud_detection.decision import decide
from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.handlers import load_model

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "fraud_detection"
ARTIFACT = MODEL / "src" / "fraud_detection" / "artifact"
sys.path.append(str(MODEL / "training"))

from fraud_detection_data import compute_rows  # noqa: E402
from fraud_detection_simulator import World, simulate  # noqa: E402

SWEPT = {
    "amount": [0.0, 5.0, 20.0, 50.0, 90.0, 150.0, 219.0, 221.0, 500.0, 2_000.0, 100_000.0],
    "terminal_fraud_share_1d": [0.0, 0.05, 0.2, 0.5, 0.8, 1.0],
    "terminal_fraud_share_7d": [0.0, 0.05, 0.2, 0.5, 0.8, 1.0],
}
"""Values from the least to the most suspicious."""


@pytest.fixture(scope="module")
def model(native_dir):
    """The model as its function loads it."""
    return load_model(CONTRACT, decide, str(ARTIFACT), str(native_dir))


@pytest.fixture(scope="module")
def columns():
    """The last 4,000 payments of a small world, as engine columns; and whether each was a fraud."""
    transactions = simulate(World(customers=300, terminals=600, days=60, terminals_a_day=1, customers_a_day=1), 5)
    return compute_rows(transactions)[-4000:], transactions.frauds[-4000:]


@pytest.fixture(scope="module")
def payments(columns):
    """The same as a client sends them."""
    rows = []
    for values in columns[0].tolist():
        row = dict(zip(CONTRACT.columns, values, strict=True))
        rows.append(row | {"weekend": bool(row["weekend"]), "night": bool(row["night"])})
    return rows


def predict(model, rows, *, explain=False):
    """Predictions of rows as a client sends them."""
    parsed = [model.contract.parse_row(dict(row)) for row in rows]
    assert not [problem for _, problems in parsed for problem in problems]
    return model.predict([row for row, _ in parsed], explain=explain)


@pytest.mark.parametrize("field", sorted(SWEPT))
def test_more_suspicion_never_lowers_the_chance(model, payments, field):
    """Sweeping an amount or a terminal's share of frauds upwards over many payments: the chance never falls."""
    for payment in payments[::40]:
        found = predict(model, [payment | {field: value} for value in SWEPT[field]])
        assert all(one <= other for one, other in itertools.pairwise(row["probability_of_fraud"] for row in found))


def test_the_served_score_is_xgboosts_own(model, columns):
    """Through the C API and through the Python package: the same bits, on rows that a client's row is parsed into."""
    booster = xgboost.Booster({"nthread": 1}, model_file=str(ARTIFACT / "model.ubj"))
    matrix = xgboost.DMatrix(columns[0], feature_names=booster.feature_names)
    served = [scores[0] for scores in model._engine.score(columns[0].tolist())]
    assert np.array_equal(np.array(served, np.float32), booster.predict(matrix, output_margin=True))


def test_frauds_of_another_world_are_found(model, payments, columns):
    """In a small world with other sizes and another seed, most of what is blocked is fraud, and most is allowed."""
    events = columns[1] == 1
    actions = np.array([row["action"] for row in predict(model, payments)])
    assert events[actions == "block"].mean() > 0.7
    assert (actions[~events] == "allow").mean() > 0.9


def test_actions_follow_the_thresholds_and_a_block_says_why(model, payments):
    """The action is the contract's for the chance shown; reasons unasked for blocked payments, and for no others."""
    found = predict(model, payments)
    assert {row["action"] for row in found} == {"allow", "step_up", "block"}
    for row in found:
        chance = row["probability_of_fraud"]
        assert row["action"] == ("block" if chance >= BLOCK_FROM else "step_up" if chance >= STEP_UP_FROM else "allow")
        assert ("reasons" in row) is (row["action"] == "block")
        if row["action"] == "block":
            assert 1 <= len(row["reasons"]) <= 4
            assert row["advice"]


def test_the_account_adds_up_and_reasons_are_ranked(model, payments):
    """Base plus contributions are the log-odds of the chance; reasons sum their columns, strongest first."""
    known = {reason.code: reason for reason in CONTRACT.reasons}
    for row in predict(model, payments[::20], explain=True):
        account, chance = row["explanation"], row["probability_of_fraud"]
        assert account["total"] == pytest.approx(math.log(chance / (1 - chance)), abs=1e-4)  # XGBoost adds float32
        effects = [reason["log_odds"] for reason in row["reasons"]]
        assert effects == sorted(effects, reverse=True)
        assert all(effect >= 0.01 for effect in effects) or (row["action"] == "block" and len(effects) == 1)
        for reason in row["reasons"]:
            parts = [account["contributions"][column] for column in known[reason["code"]].columns]
            assert reason["log_odds"] == pytest.approx(sum(parts), abs=0.006)


def test_frauds_at_the_terminal_are_named_only_where_there_were_some(model, payments):
    """An analyst is never sent to a terminal without a known fraud."""
    shares = [column for column in CONTRACT.columns if column.startswith("terminal_fraud_share")]
    clean = [payment for payment in payments if not any(payment[column] for column in shares)]
    assert len(clean) > 2000
    for row in predict(model, clean, explain=True):
        assert "F05" not in {reason["code"] for reason in row["reasons"]}


def test_a_compromised_terminal_and_a_large_amount_are_blocked_with_the_reason(model):
    """The sample payment is allowed; at a terminal full of frauds, or for a large amount, it is not."""
    sample = sample_row(CONTRACT)
    terminal = sample | {f"terminal_fraud_share_{days}d": 1.0 for days in (1, 7)} | {"terminal_fraud_share_30d": 0.4}
    large = sample | {"amount": 450.0, "customer_mean_amount_1d": 250.0}
    allowed, at_terminal, by_amount = predict(model, [sample, terminal, large])
    assert allowed["action"] == "allow"
    assert at_terminal["action"] == by_amount["action"] == "block"
    assert at_terminal["reasons"][0]["code"] == "F05"
    assert by_amount["reasons"][0]["code"] == "F01"
    assert by_amount["reasons"][0]["values"] == [450.0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": -1.0}, "out_of_range"),
        ({"amount": "12.00"}, "wrong_type"),
        ({"night": 1}, "wrong_type"),
        ({"customer_transactions_1d": 0}, "out_of_range"),
        ({"terminal_fraud_share_7d": 1.01}, "out_of_range"),
        ({"customer_mean_amount_30d": None}, "wrong_type"),
        ({"terminal": "T-1"}, "unknown_field"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused(change, code):
    """By place and code; identities of cards or terminals are no fields."""
    with pytest.raises(InvalidRequestError) as refused:
        CONTRACT.parse_rows([sample_row(CONTRACT) | change])
    assert [problem.code for problem in refused.value.problems] == [code]
