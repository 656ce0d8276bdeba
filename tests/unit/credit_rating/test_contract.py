"""The credit-rating contract: what it promises to clients, regulators and the engine."""

import pytest

from credit_rating.contract import APPROVE_FROM, CONTRACT, GRADE_FLOORS, GRADES, MONTHS, REFER_FROM
from ratecard.contract import Category, Integer, Number
from ratecard.contract.sample import sample_row

PROTECTED = ("sex", "gender", "male", "female", "marital", "married", "single", "age ", " age", "race", "religion")


def test_the_columns_are_the_agreed_ones():
    """Limit, education, six months each of status, payment and utilisation; the balance only within utilisation."""
    stems = ("repayment_status", "payment", "utilisation")
    expected = ["credit_limit", "education", *(f"{stem}_{month}" for stem in stems for month in MONTHS)]
    assert list(CONTRACT.columns) == expected
    assert {ratio.denominator for ratio in CONTRACT.derived} == {"credit_limit"}
    assert [ratio.numerator for ratio in CONTRACT.derived] == [f"statement_balance_{month}" for month in MONTHS]


def test_no_protected_attribute_is_named_anywhere():
    """Neither a field nor a word that a client reads is about sex, marital status or age."""
    words = [feature.name + " " + feature.about for feature in CONTRACT.features]
    words += [f"{reason.text} {reason.advice or ''}" for reason in CONTRACT.reasons]
    words += [output.about for output in CONTRACT.outputs] + [CONTRACT.about]
    for text in words:
        assert not [word for word in PROTECTED if word in f" {text.lower()} "], text


def test_every_column_has_exactly_one_reason():
    """What counts against a person can be named, and is named once."""
    named = [column for reason in CONTRACT.reasons for column in reason.columns]
    assert sorted(named) == sorted(CONTRACT.columns)
    codes = [reason.code for reason in CONTRACT.reasons]
    assert codes == sorted(set(codes))


def test_only_what_a_person_can_change_has_advice():
    """Arrears, utilisation and payments can be changed; a limit and a degree cannot."""
    advised = {column for reason in CONTRACT.reasons if reason.advice for column in reason.columns}
    assert advised == set(CONTRACT.columns) - {"credit_limit", "education"}


@pytest.mark.parametrize("feature", CONTRACT.features, ids=lambda feature: feature.name)
def test_every_field_has_bounds_a_unit_and_a_sentence(feature):
    """A client can fill the field from its description alone."""
    assert feature.about.endswith(".")
    assert not feature.missing
    if isinstance(feature, Number | Integer):
        assert feature.unit
        assert feature.minimum <= feature.sample <= feature.maximum
    else:
        assert isinstance(feature, Category)
        assert "other" in feature.values


def test_months_are_told_apart():
    """The six fields of a kind differ in their sentence, and the first is the latest."""
    for stem in ("repayment_status", "statement_balance", "payment"):
        about = [feature.about for feature in CONTRACT.features if feature.name.startswith(stem)]
        assert len(set(about)) == len(MONTHS)
        assert "in the latest month" in about[0]


def test_grades_and_cut_offs_fit_together():
    """Ten grades with falling floors; each cut-off is the floor of a grade."""
    floors = [floor for _, floor in GRADE_FLOORS]
    assert "".join(GRADES) == "ABCDEFGHIJ"
    assert [grade for grade, _ in GRADE_FLOORS] == list(GRADES[:-1])
    assert floors == sorted(set(floors), reverse=True)
    assert {APPROVE_FROM, REFER_FROM} <= set(floors)
    assert APPROVE_FROM > REFER_FROM
    decision = CONTRACT.outputs[-1]
    assert str(APPROVE_FROM) in decision.about
    assert str(REFER_FROM) in decision.about


def test_the_sample_is_a_row_the_contract_takes():
    """Documentation shows a request that works."""
    assert CONTRACT.parse_row(sample_row(CONTRACT))[1] == []
