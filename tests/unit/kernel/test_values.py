"""Values, money, digests and instants."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.money import Money, parse_money
from ratecard.kernel.problems import PROBLEMS, problem_document
from ratecard.kernel.value import Value


class Pair(Value):
    """A value for these tests."""

    left: int
    right: str = "r"


def test_a_value_is_equal_and_hashed_by_its_fields():
    """Two values with the same fields are one."""
    assert Pair(1) == Pair(left=1, right="r")
    assert len({Pair(1), Pair(1, "r"), Pair(2)}) == 2
    assert Pair(1) != (1, "r")


def test_a_value_never_changes():
    """A field can be neither set nor deleted; replace gives a new value."""
    value = Pair(1)
    with pytest.raises(AttributeError):
        value.left = 2
    with pytest.raises(AttributeError):
        del value.left
    assert value.replace(right="x") == Pair(1, "x")
    assert repr(value) == "Pair(left=1, right='r')"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, "a", 3), {}),
        ((1,), {"left": 2}),
        ((1,), {"other": 2}),
        ((1, "r"), {"other": 2}),
        ((), {"other": 2}),
    ],
)
def test_a_value_takes_just_its_fields(args, kwargs):
    """A missing, repeated or unknown field is a TypeError."""
    with pytest.raises(TypeError):
        Pair(*args, **kwargs)


@given(st.binary(max_size=2000))
def test_the_digest_is_sha256(content):
    """The shortcut gives what hashlib gives."""
    assert sha256_hex(content) == hashlib.sha256(content).hexdigest()


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_are_rfc3339(moment):
    """The text reads back as the same millisecond."""
    epoch_ms = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    text = rfc3339_from_epoch_ms(epoch_ms)
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    # Half up, to the minor unit of ISO 4217: JPY has none, KWD three digits.
    [
        ("0.005", "USD", "0.01"),
        ("0.0149", "USD", "0.01"),
        ("154.985", "USD", "154.99"),
        ("0.5", "JPY", "1"),
        ("0.0005", "KWD", "0.001"),
    ],
)
def test_money_rounds_half_up_to_the_minor_unit(amount, currency, rounded):
    """154.985 is 154.99, where banker's rounding would give 154.98."""
    assert Money(Decimal(amount), currency).rounded() == Money(Decimal(rounded), currency)


@pytest.mark.parametrize("text", ["", "1", "x USD", "NaN USD", "1 XXX", "Infinity USD", "1USD"])
def test_money_that_cannot_be_read_is_refused(text):
    """An amount and a known currency, or an error."""
    with pytest.raises(ValueError, match="money is"):
        parse_money(text)


def test_currencies_are_not_mixed():
    """Adding two currencies is an error, not an exchange."""
    with pytest.raises(ValueError, match="cannot add"):
        parse_money("1 USD") + parse_money("1 EUR")
    assert (parse_money("1.25 USD") + parse_money("2 USD")).times(2) == parse_money("6.50 USD")


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_says_what_to_do(code):
    """A problem document has the members of RFC 9457, a code, an action and a member `error`."""
    document = problem_document(code, "id-1", "Why.", [])
    assert document["status"] == PROBLEMS[code].status
    assert document["type"] == f"urn:ratecard:problem:{code}"
    assert document["action"]
    assert document["call_id"] == "id-1"
    assert document["error"] == f"{code}: Why."
