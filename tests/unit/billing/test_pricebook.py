"""The price book: read strictly, and in force from a day on."""

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.billing.lint import lint_price_book
from ratecard.billing.plans import Operation, Period, Quota, UnknownPlanError, UnknownPriceError
from ratecard.billing.pricebook import PriceBookError, load_price_book, parse_price_book
from ratecard.billing.tiers import Mode, Tariff, Tier

BOOK = """
format = 1
currency = "USD"

[[plans]]
slug = "standard"
title = "Standard"
about = "One."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20
quota = { limit = 100, period = "DAY" }

[[plans]]
slug = "standard"
title = "Standard"
about = "Two."
effective_from = 2026-06-01
rate_per_second = 0.5
burst = 1

[[prices]]
model = "credit-rating"
operation = "predict"
effective_from = 2026-01-01
unit_price = "0.002"

[[prices]]
model = "credit-rating"
operation = "predict"
effective_from = 2026-06-01
unit_price = "0.000000000001"
"""


def test_every_field_arrives_typed():
    """A plan and a price hold what the file says."""
    book = parse_price_book(BOOK)

    plan = book.get_plan("standard", datetime(2026, 3, 1, tzinfo=UTC))
    assert (plan.rate_per_second, plan.burst, plan.quota) == (10, 20, Quota(100, Period.DAY))
    assert (plan.effective_on, plan.version) == (date(2026, 1, 1), "standard@2026-01-01")
    price = book.get_price("credit-rating", Operation.PREDICT, datetime(2026, 7, 1, tzinfo=UTC))
    assert (price.unit_price, price.version) == (Decimal("0.000000000001"), "credit-rating/predict@2026-06-01")


def test_a_version_is_in_force_from_midnight_utc():
    """The last millisecond of May has the old version, the first of June the new one, in any time zone."""
    book = parse_price_book(BOOK)
    june = datetime(2026, 6, 1, tzinfo=UTC)

    assert book.get_plan("standard", june - timedelta(milliseconds=1)).about == "One."
    assert book.get_plan("standard", june).about == "Two."
    tokyo = timezone(timedelta(hours=9))
    assert book.get_plan("standard", datetime(2026, 6, 1, 8, 59, tzinfo=tokyo)).about == "One."


def test_nothing_is_in_force_before_its_day():
    """Before the first version there is no plan and no price, and an instant without a zone is refused."""
    book = parse_price_book(BOOK)
    before = datetime(2025, 12, 31, tzinfo=UTC)

    with pytest.raises(UnknownPlanError, match="standard"):
        book.get_plan("standard", before)
    with pytest.raises(UnknownPriceError):
        book.get_price("credit-rating", Operation.PREDICT, before)
    with pytest.raises(ValueError, match="time zone"):
        book.get_plan("standard", datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = true", "format"),
        ('currency = "USD"', 'currency = "XXX"', "currency"),
        ('slug = "standard"', 'slug = "Standard Plan"', "slug"),
        ('title = "Standard"', 'titel = "Standard"', "title is missing"),
        ("burst = 20", "burst = 20\ncolour = 1", "colour is not a known field"),
        ("burst = 20", "burst = 0", "burst"),
        ("burst = 20", "burst = 5001", "burst"),
        ("rate_per_second = 10", 'rate_per_second = "10"', "rate_per_second"),
        ("rate_per_second = 10", "rate_per_second = nan", "rate_per_second"),
        ("rate_per_second = 10", "rate_per_second = 10001", "rate_per_second"),
        ("limit = 100", "limit = 0", "limit"),
        ('period = "DAY"', 'period = "YEAR"', "DAY, WEEK, MONTH"),
        ("effective_from = 2026-01-01", "effective_from = 2026-01-01T00:00:00Z", "effective_from"),
        ('unit_price = "0.002"', "unit_price = 0.002", "unit_price must be a decimal string"),
        ('unit_price = "0.002"', 'unit_price = "-1"', "decimal string"),
        ('unit_price = "0.002"', 'unit_price = "0.0000000000001"', "decimal string"),
        ('unit_price = "0.002"', 'unit_price = "NaN"', "decimal string"),
        ('operation = "predict"', 'operation = "guess"', "operation"),
        ("effective_from = 2026-06-01", "effective_from = 2026-01-01", "given twice"),
        ("[[prices]]", "[prices", "TOML"),
    ],
)
def test_a_slip_of_the_pen_is_refused(old, new, message):
    """Whatever is missing, unknown, of a wrong type or out of range names its place."""
    with pytest.raises(PriceBookError, match=message):
        parse_price_book(BOOK.replace(old, new))


TIERED = (
    BOOK.replace('currency = "USD"', 'currency = "KWD"').replace("burst = 20", 'burst = 20\nminimum_fee = "1.500"', 1)
    + """
[[prices]]
model = "credit-rating"
operation = "explain"
effective_from = 2026-01-01
mode = "volume"
fee_at_zero = true
tiers = [{ up_to = 1000, unit_price = "0.02", flat_fee = "1" }, { unit_price = "0.015" }]

[[prices]]
model = "credit-rating"
operation = "predict"
level = "priority"
plan = "standard"
effective_from = 2026-01-01
mode = "graduated"
tiers = [{ up_to = 1000, unit_price = "0" }, { unit_price = "0.015" }]
"""
)


def test_tiers_levels_and_minimum_fees_arrive_typed():
    """Tiers, the service level, a plan's own price and its minimum fee hold what the file says."""
    book = parse_price_book(TIERED)
    at = datetime(2026, 3, 1, tzinfo=UTC)

    assert book.get_plan("standard", at).minimum_fee == Decimal("1.500")
    explain = book.get_price("credit-rating", Operation.EXPLAIN, at).tariff
    tiers = (Tier(1000, Decimal("0.02"), Decimal(1)), Tier(None, Decimal("0.015")))
    assert explain == Tariff(Mode.VOLUME, tiers, fee_at_zero=True)
    priority = book.get_price("credit-rating", Operation.PREDICT, at, level="priority", plan="standard")
    assert priority.version == "credit-rating/predict;level=priority;plan=standard@2026-01-01"
    assert priority.unit_price == Decimal("0.015")
    assert book.find_price("credit-rating", Operation.PREDICT, at, level="priority", plan="other") is None


def test_a_plans_own_price_comes_first():
    """A plan that has a price for itself does not get everybody's, even a later one; the others do."""
    own = (
        BOOK
        + """
[[prices]]
model = "credit-rating"
operation = "predict"
plan = "standard"
effective_from = 2026-02-01
unit_price = "0.001"
"""
    )
    book = parse_price_book(own)

    def price(month: int, plan: str) -> Decimal:
        at = datetime(2026, month, 1, tzinfo=UTC)
        return book.get_price("credit-rating", Operation.PREDICT, at, plan=plan).unit_price

    assert (price(1, "standard"), price(2, "standard"), price(7, "standard")) == tuple(
        map(Decimal, ("0.002", "0.001", "0.001"))
    )
    assert price(2, "other") == Decimal("0.002")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('minimum_fee = "1.500"', 'minimum_fee = "1.5000"', "at most 3 decimals in KWD"),
        ('minimum_fee = "1.500"', "minimum_fee = 1.5", "minimum_fee"),
        ('mode = "volume"', 'mode = "cubic"', "flat, graduated, volume"),
        ('mode = "volume"', 'mode = "flat"', "one tier"),
        ("up_to = 1000", "up_to = 0", "up_to"),
        ('{ unit_price = "0.015" }]', '{ up_to = 2000, unit_price = "0.015" }]', "above it would have no price"),
        ('{ unit_price = "0.015" }]', '{ up_to = 1000, unit_price = "0.015" }, { unit_price = "1" }]', "overlap"),
        ('{ unit_price = "0.015" }]', '{ up_to = 900, unit_price = "0.015" }, { unit_price = "1" }]', "overlap"),
        ('{ unit_price = "0.015" }]', '{ unit_price = "0.015" }, { unit_price = "1" }]', "overlap"),
        ('mode = "graduated"', 'mode = "graduated"\nunit_price = "1"', "unit_price is not a known field"),
        ('plan = "standard"\n', 'plan = "gold"\n', "no plan gold"),
        ("fee_at_zero = true", "fee_at_zero = 1", "fee_at_zero"),
    ],
)
def test_a_broken_tier_is_refused(old, new, message):
    """Gaps, overlaps, unsorted tiers and prices of plans that are not there are refused."""
    with pytest.raises(PriceBookError, match=message):
        parse_price_book(TIERED.replace(old, new, 1))


def test_the_linter_warns_of_volume_cliffs_and_plans_without_a_price():
    """Two fils below the bound the customer pays more; a plan that has no price is named."""
    other = TIERED.replace(
        "[[prices]]",
        """[[plans]]
slug = "other"
title = "Other"
about = "Three."
effective_from = 2026-01-01
rate_per_second = 1
burst = 1

[[prices]]""",
        1,
    )
    cliff, unsold = lint_price_book(parse_price_book(other))

    assert (cliff.code, cliff.version) == ("volume_cliff", "credit-rating/explain@2026-01-01")
    assert cliff.detail == "1000 units cost 21.000 KWD, one more costs 15.015"
    assert (unsold.code, unsold.detail.split(";")[0]) == ("unsold_in_plan", "not on sale in: other")


def test_a_missing_file_says_so(tmp_path):
    """No file is an error with the path in it."""
    with pytest.raises(PriceBookError, match=r"none\.toml"):
        load_price_book(tmp_path / "none.toml")


@given(st.text(max_size=300))
def test_any_text_is_a_book_or_an_error(text):
    """No text makes the parser fail in another way."""
    with contextlib.suppress(PriceBookError):
        parse_price_book(text)


def test_the_repositorys_own_book_sells_the_credit_rating(repository: Path):
    """Three plans and a price for each operation of credit-rating are in force."""
    book = load_price_book(repository / "infra" / "ratecard.toml")
    at = datetime(2026, 11, 22, tzinfo=UTC)

    assert {"free", "standard", "business"} <= book.plans_at(at).keys()
    assert lint_price_book(book) == ()
    for operation in Operation:
        assert book.get_price("credit-rating", operation, at).unit_price > 0
