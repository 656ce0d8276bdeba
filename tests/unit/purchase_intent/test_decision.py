"""From a probability to a band of intent, and what the contract promises of both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purchase_intent.contract import BANDS, CONTRACT, LOWEST_BAND, MONTHS
from purchase_intent.decision import compute_band, decide
from ratecard.contract import Integer, Number, Scored

ORDER = CONTRACT.outputs[-1].values


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_likelier_purchase_is_never_in_a_lower_band(one, other):
    """Bands follow the probability."""
    less, more = sorted((one, other))
    assert ORDER.index(compute_band(more)) <= ORDER.index(compute_band(less))


@pytest.mark.parametrize(("band", "lowest"), BANDS)
def test_a_cut_belongs_to_the_band_above_it(band, lowest):
    """At the cut the band holds, just below it the next."""
    assert compute_band(lowest) == band
    assert compute_band(lowest - 1e-9) == ORDER[ORDER.index(band) + 1]


def test_the_ends_are_in_the_first_and_last_band():
    """Certainty is high, impossibility is low; the bands of the contract are these."""
    assert (compute_band(1.0), compute_band(0.0)) == (ORDER[0], ORDER[-1])
    assert (*(band for band, _ in BANDS), LOWEST_BAND) == ORDER
    assert all(str(lowest) in CONTRACT.outputs[-1].about for _, lowest in BANDS)


@pytest.mark.parametrize("chance", [0.001, 0.2, 0.9])
def test_nothing_is_adverse(chance):
    """Nobody is refused anything: reasons are for those who ask."""
    decided = decide(Scored((), 0.0, chance))
    assert decided.outputs == (chance, compute_band(chance))
    assert decided.adverse is False


def test_every_column_has_exactly_one_reason():
    """What speaks against a purchase can be named, and is named once."""
    named = [column for reason in CONTRACT.reasons for column in reason.columns]
    assert sorted(named) == sorted(CONTRACT.columns)


def test_only_what_a_shop_can_change_has_advice():
    """Pages can be changed; the calendar and who the visitor is cannot."""
    fixed = {column for reason in CONTRACT.reasons if not reason.advice for column in reason.columns}
    assert fixed == {"month", "special_day", "visitor", "weekend"}


def test_the_contract_needs_no_data_set_to_be_filled():
    """Units and sentences are there, months have names, and no field is a code that nobody published."""
    for feature in CONTRACT.features:
        assert feature.about.endswith(".")
        assert not feature.missing
        if isinstance(feature, Number | Integer):
            assert feature.unit
    assert len(MONTHS) == 12
    assert not {"browser", "region", "operating_system", "traffic_type"} & set(CONTRACT.columns)
