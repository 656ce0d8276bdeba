"""From log-odds to decision, expected loss, price and the largest amount."""

from decimal import Decimal
from math import inf, log, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loan_assessment.contract import (
    APPROVE_BELOW,
    CONTRACT,
    DECLINE_FROM,
    HIGHEST_SCORE,
    LARGEST_AMOUNT,
    LARGEST_RATE,
    LOWEST_SCORE,
)
from loan_assessment.decision import (
    compute_decision,
    compute_expected_loss,
    compute_largest_amount,
    compute_rate,
    compute_score,
    judge,
)
from ratecard.contract import Scored, Steps
from ratecard.contract.sample import sample_row
from ratecard_workbench.training.costs import Costs

STEPS = Steps((1_000.0, 5_000.5), (-0.5, 0.0, 0.75))
APPROVE_AT, DECLINE_AT = (log(chance / (1 - chance)) for chance in (APPROVE_BELOW, DECLINE_FROM))
SAMPLE, _ = CONTRACT.parse_row(sample_row(CONTRACT))
PROTECTED = ("sex", "gender", "male", "female", "marital", "married", "single", " age", "foreign", "nationality", "job")


def test_the_cut_off_is_the_cost_matrix_own():
    """Five for a loan that fails and one for a good customer refused meet at one sixth (Elkan 2001)."""
    assert pytest.approx(APPROVE_BELOW) == Costs(5, 1, "the publisher").threshold


@pytest.mark.parametrize(
    ("log_odds", "decision"),
    [
        (-700.0, "approve"),
        (nextafter(APPROVE_AT, -inf), "approve"),
        (APPROVE_AT, "refer"),
        (nextafter(DECLINE_AT, -inf), "refer"),
        (DECLINE_AT, "decline"),
        (700.0, "decline"),
    ],
)
def test_a_cut_off_belongs_to_the_worse_decision(log_odds, decision):
    """Below one sixth is approved, from one third declined."""
    assert compute_decision(log_odds) == decision


@given(st.floats(-700, 700), st.floats(-700, 700))
def test_more_risk_never_fares_better(one, other):
    """Decision and score follow the risk, the score within its ends."""
    less, more = sorted((one, other))
    order = CONTRACT.outputs[0].values
    assert order.index(compute_decision(less)) <= order.index(compute_decision(more))
    assert LOWEST_SCORE <= compute_score(more) <= compute_score(less) <= HIGHEST_SCORE


@pytest.mark.parametrize(("good_to_bad", "score"), [(50, 600), (25, 580), (100, 620), (1, 487)])
def test_the_scale_is_the_published_one(good_to_bad, score):
    """600 at 50:1, and 20 points double the odds; even odds are 600 - 20 log2(50) = 487.1."""
    assert compute_score(-log(good_to_bad)) == score


def test_expected_loss_is_the_product():
    """CRE35.2: 2 % x 45 % x 10,000 = 90."""
    assert float(compute_expected_loss(0.02, 0.45, 10_000.0)) == pytest.approx(90.0)


@given(
    st.floats(0, 0.3),
    st.integers(4, 72),
    st.tuples(st.floats(0, 1), st.floats(0, 0.05), st.floats(0, 0.05)),
)
def test_the_rate_pays_for_the_loan(chance, months, terms):
    """Cash flow by cash flow: interest of the loans that are repaid pays funding, margin and losses of all."""
    loss, funding, margin = terms
    rate = compute_rate(chance, months, terms)
    owed = [1 - month / months for month in range(months)]  # a mark repaid in equal parts, at the start of each month
    years = sum(owed) / 12
    earned = (1 - chance) * sum(rate * balance / 12 for balance in owed)
    spent = (funding + margin) * years + chance * loss
    if rate < LARGEST_RATE:
        assert earned == pytest.approx(spent)
    else:
        assert earned <= spent + 1e-9


def test_a_rate_never_exceeds_the_contracts():
    """Where nearly all loans fail, no rate pays: the largest is given, also at certainty."""
    assert compute_rate(0.99, 4, (0.45, 0.03, 0.02)) == LARGEST_RATE
    assert compute_rate(1.0, 4, (0.0, 0.0, 0.0)) == LARGEST_RATE


def test_without_risk_the_rate_is_funding_and_margin():
    """Nothing else is to be paid for."""
    assert compute_rate(0.0, 12, (0.45, 0.03, 0.02)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("log_odds", "amount", "largest"),
    [
        (APPROVE_AT - 2.0, 3_000.0, Decimal(LARGEST_AMOUNT)),
        (APPROVE_AT - 0.1, 3_000.0, Decimal("5000.49")),
        (APPROVE_AT, 3_000.0, Decimal("999.99")),
        (APPROVE_AT + 0.6, 3_000.0, Decimal(0)),
        (APPROVE_AT + 0.6, 9_000.0, Decimal("5000.49")),
    ],
)
def test_the_largest_amount_ends_one_pfennig_below_a_step(log_odds, amount, largest):
    """Steps at 1,000 and 5,000.50: room above, none, a counter-offer below, and no amount at all."""
    assert compute_largest_amount(log_odds, amount, STEPS) == largest


def test_outputs_stand_in_the_contracts_order():
    """Each of the six where the contract has it, with terms of the caller's own."""
    row, problems = CONTRACT.parse_row(
        sample_row(CONTRACT) | {"amount": 1_000, "duration_months": 23, "loss_given_default": 0.5, "margin_rate": 0.0}
    )
    decided = judge(Scored(row, log(1 / 9), 0.1), STEPS)
    assert problems == []
    assert [output.name for output in CONTRACT.outputs] == [
        "decision",
        "probability_of_default",
        "score",
        "expected_loss",
        "risk_based_rate",
        "largest_amount",
    ]
    decision, probability, score, loss, rate, largest = decided.outputs
    assert (decision, probability, score, loss, largest) == ("approve", 0.1, 551, "50.00", "5000.49")
    assert rate == pytest.approx((0.03 + 0.05) / 0.9)


def test_terms_that_are_not_given_are_the_contracts():
    """Null and absent mean the same as the stated defaults, which are the sample's."""
    place = [CONTRACT.places[name] for name in ("loss_given_default", "funding_rate", "margin_rate")]
    bare = tuple(None if at in place else value for at, value in enumerate(SAMPLE))
    assert judge(Scored(bare, -2.0, 0.12), STEPS) == judge(Scored(SAMPLE, -2.0, 0.12), STEPS)


@pytest.mark.parametrize(("log_odds", "adverse"), [(-4.0, False), (-1.0, False), (1.0, True)])
def test_only_a_refusal_is_adverse(log_odds, adverse):
    """Approved and referred rows are owed no reasons unasked; a declined one is."""
    assert judge(Scored(SAMPLE, log_odds, 0.5), STEPS).adverse is adverse


def test_nothing_protected_is_an_input_or_a_reason():
    """Neither names nor sentences of inputs and reasons speak of who somebody is."""
    said = [f" {feature.name} {feature.about}" for feature in CONTRACT.features]
    said += [f" {reason.text} {reason.advice or ''}" for reason in CONTRACT.reasons]
    for word in PROTECTED:
        assert not any(word in text.lower() for text in said), word


def test_every_column_has_one_reason():
    """What counts against a person can always be named."""
    assert [column for reason in CONTRACT.reasons for column in reason.columns] == list(CONTRACT.columns)
