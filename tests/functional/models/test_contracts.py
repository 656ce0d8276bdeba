"""What must hold of every model's contract and cannot be checked where it costs a cold start."""

import importlib
import json
import math
import re
from pathlib import Path

import pytest

from ratecard.contract import Amount, Category, Integer, Number, Points, Quantity, Text
from ratecard.contract.sample import sample_row
from ratecard.kernel.money import MINOR_UNIT_DIGITS

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = sorted(path.name for path in ROOT.glob("functions/models/*") if (path / "src" / path.name).is_dir())
RESERVED = {"instances", "explain", "row_id", "line", "reasons", "advice", "explanation"}


@pytest.fixture(params=PACKAGES)
def contract(request):
    """Each model's contract."""
    return importlib.import_module(f"{request.param}.contract").CONTRACT


def test_names_are_unique_and_mean_nothing_else(contract):
    """Fields, derived columns and outputs have names of their own, in snake_case, that no door uses for itself."""
    inputs = [feature.name for feature in contract.features] + [ratio.name for ratio in contract.derived]
    outputs = [output.name for output in contract.outputs]
    assert len(set(inputs)) == len(inputs)
    assert len(set(outputs)) == len(outputs)
    assert not RESERVED & {*inputs, *outputs}
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) for name in inputs + outputs)
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", contract.slug)
    assert re.fullmatch(r"\d+\.\d+\.\d+", contract.version)


def test_reasons_and_ratios_speak_of_columns_that_exist(contract):
    """A column belongs to one reason at most; a ratio divides two numbers, the lower of which is never zero."""
    named = [column for reason in contract.reasons for column in reason.columns]
    assert set(named) <= set(contract.columns)
    assert len(set(named)) == len(named)
    assert len({reason.code for reason in contract.reasons}) == len(contract.reasons)
    features = {feature.name: feature for feature in contract.features}
    for ratio in contract.derived:
        assert isinstance(features[ratio.numerator], Number | Integer)
        assert features[ratio.denominator].minimum > 0


def test_typical_values_are_of_numbers(contract):
    """A reason that compares does so for each of its columns, none of which is a code or a text."""
    numbers = {feature.name for feature in contract.features if isinstance(feature, Number | Integer)}
    numbers |= {ratio.name for ratio in contract.derived}
    for reason in contract.reasons:
        if reason.typical:
            assert len(reason.typical) == len(reason.columns)
            assert set(reason.columns) <= numbers
            assert all(math.isfinite(value) for value in reason.typical)


def test_a_wanted_event_has_no_score_scale(contract):
    """Points fall as the event becomes likelier; where it is what one hopes for, they would say the opposite."""
    assert not (contract.scale and contract.higher_is_better)


def test_outputs_are_bounded_and_in_known_money(contract):
    """Scales and quantities have a lower and an upper end, amounts a currency whose minor unit is known."""
    for output in contract.outputs:
        if isinstance(output, Points | Quantity):
            assert output.minimum < output.maximum
        if isinstance(output, Quantity):
            assert output.unit
        if isinstance(output, Amount):
            assert output.currency in MINOR_UNIT_DIGITS


def test_the_sample_is_a_row_that_is_taken(contract):
    """Bounds are in order, and the sample that documentation shows fits."""
    for feature in contract.features:
        assert feature.about.endswith((".", ";")) or feature.about
        if isinstance(feature, Number | Integer):
            assert feature.minimum < feature.maximum
            assert feature.unit
        if isinstance(feature, Category):
            assert len(set(feature.values)) == len(feature.values) > 1
    assert len(contract.parse_rows([sample_row(contract)])) == 1


def test_boosters_are_given_no_text(contract):
    """A booster's columns are numbers: only a graph or a text model scores a text; others may let `decide` read it."""
    manifest = ROOT / "functions/models" / contract.slug.replace("-", "_") / "src" / contract.slug.replace("-", "_")
    if json.loads((manifest / "artifact/manifest.json").read_text())["engine"] not in {"onnx", "text"}:
        assert not [feature.name for feature in contract.features if isinstance(feature, Text) and feature.scored]
