"""Quantities and amounts: how they are written, and how every description of a contract shows them."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.contracts import EVERY_KIND

from ratecard.contract import Amount
from ratecard.contract.outputs import AMOUNT_PATTERN
from ratecard.contract.protocol import model_metadata
from ratecard.contract.schema import prediction_schema
from ratecard_workbench.publish.descriptions import model_description

EURO = Amount("loss", currency="EUR", about="Loss.")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.5", "12.50"),
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("-0.001", "0.00"),
        ("0", "0.00"),
        ("1E+7", "10000000.00"),
        ("2.675", "2.68"),
    ],
)
def test_an_amount_is_rounded_half_up_to_cents(amount: str, text: str) -> None:
    """The kernel's rounding of money, and no sign on nothing."""
    assert EURO.write(Decimal(amount)) == text


def test_a_currency_has_its_own_minor_unit() -> None:
    """ISO 4217: the yen has none, the Kuwaiti dinar has thousandths."""
    assert Amount("loss", currency="JPY", about="Loss.").write(Decimal("12.5")) == "13"
    assert Amount("loss", currency="KWD", about="Loss.").write(Decimal("12.5")) == "12.500"


@given(st.decimals(-(10**12), 10**12, allow_nan=False))
def test_every_amount_is_a_plain_decimal(amount: Decimal) -> None:
    """No exponent, no leading zeros: what the published pattern says; it is at most half a cent off."""
    text = EURO.write(amount)

    assert re.fullmatch(AMOUNT_PATTERN, text)
    assert abs(Decimal(text) - amount) <= Decimal("0.005")


def test_every_description_names_unit_and_currency() -> None:
    """Schema, protocol metadata and model description agree on a quantity and on an amount."""
    schema = prediction_schema(EVERY_KIND)["properties"]
    described = {one["name"]: one for one in model_description(EVERY_KIND)["outputs"]}  # type: ignore[attr-defined]
    tensors = {one["name"]: one["datatype"] for one in model_metadata(EVERY_KIND)["outputs"]}  # type: ignore[attr-defined]

    assert schema["rate"]["type"] == described["rate"]["type"] == "number"
    assert (schema["rate"]["minimum"], schema["rate"]["maximum"]) == (0.0, 0.5)
    assert described["rate"]["unit"] == "fraction"
    assert "fraction" in schema["rate"]["description"]
    assert schema["expected_loss"]["type"] == described["expected_loss"]["type"] == "string"
    assert schema["expected_loss"]["pattern"] == described["expected_loss"]["pattern"] == AMOUNT_PATTERN
    assert described["expected_loss"]["currency"] == "EUR"
    assert "EUR" in schema["expected_loss"]["description"]
    assert (tensors["rate"], tensors["expected_loss"]) == ("FP64", "BYTES")
