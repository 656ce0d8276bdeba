"""The corporate-risk contract: what an accountant fills, and what a company is told."""

import re
from pathlib import Path

import pytest

from corporate_risk.contract import CONTRACT, GRADE_FLOORS, GRADES, NORMAL_FROM, TYPICAL, WATCH_FROM
from ratecard.contract import Number
from ratecard.contract.sample import sample_row

GUIDE = Path(__file__).resolve().parents[3] / "docs/guides/watch-companies.md"


@pytest.mark.parametrize("feature", CONTRACT.features, ids=lambda feature: feature.name)
def test_every_ratio_says_what_is_divided_by_what(feature):
    """A number that must be there, around the healthy median, and what to send where it lies beyond the bounds."""
    assert isinstance(feature, Number)
    assert not feature.missing
    assert "divided by" in feature.about
    assert "Send the bound" in feature.about
    assert feature.unit == ("days" if feature.name.endswith("_days") else "ratio")
    assert feature.minimum < TYPICAL[feature.name] < feature.maximum


def test_every_ratio_has_one_reason_that_shows_the_healthy_median():
    """What counts against a company is named once, beside what is typical of healthy ones."""
    named = [column for reason in CONTRACT.reasons for column in reason.columns]
    assert sorted(named) == sorted(CONTRACT.columns)
    assert len(CONTRACT.columns) == 16
    for reason in CONTRACT.reasons:
        assert reason.typical == tuple(TYPICAL[name] for name in reason.columns)


def test_grades_and_cut_offs_fit_together():
    """Six grades with falling floors; each cut-off is the floor of a grade."""
    floors = [floor for _, floor in GRADE_FLOORS]
    assert "".join(GRADES) == "ABCDEF"
    assert floors == sorted(set(floors), reverse=True)
    assert {NORMAL_FROM, WATCH_FROM} <= set(floors)
    assert NORMAL_FROM > WATCH_FROM
    about = CONTRACT.outputs[-1].about
    assert str(NORMAL_FROM) in about
    assert str(WATCH_FROM) in about


def test_the_base_rate_is_told():
    """A client reads beside the probability that it is at the rate of the training data."""
    assert "rate of the training data" in CONTRACT.outputs[0].about


def test_the_sample_is_a_row_the_contract_takes():
    """Documentation shows a request that works."""
    assert CONTRACT.parse_row(sample_row(CONTRACT))[1] == []


def test_the_guide_keeps_ratios_within_the_contracts_bounds():
    """The numbers that a reader copies from the guide are those that the service refuses beyond."""
    text = re.search(r"^BOUNDS = \{.*?^\}", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert text
    scope: dict[str, dict[str, tuple[float, float]]] = {}
    exec(text[0], scope)
    assert scope["BOUNDS"] == {feature.name: (feature.minimum, feature.maximum) for feature in CONTRACT.features}
