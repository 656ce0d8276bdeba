"""The one writer of a model's template entry and prices: exact, reversible, and blind to everything else."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.models import MODELS, ROOT

from ratecard.billing.plans import Operation
from ratecard.billing.pricebook import load_price_book, parse_price_book
from ratecard_workbench.bring.entries import entry_of
from ratecard_workbench.publish.blocks import insert_block, remove_blocks
from ratecard_workbench.publish.entry import (
    EntryError,
    ModelEntry,
    StartingPrices,
    append_prices,
    entry_names,
    find_changed_parts,
    has_entry,
    insert_entry,
    names_in,
    remove_entry,
    remove_overrides,
    remove_prices,
)

TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
RATE_CARD = (ROOT / "infra" / "ratecard.toml").read_text(encoding="utf-8")
ENTRY = ModelEntry("late-payers", "2.0.0", "0.0005 USD", "0.001 USD")


@pytest.mark.parametrize("model", MODELS, ids=[model.slug for model in MODELS])
def test_every_models_entry_is_exactly_what_the_writer_writes(model):
    """No model is deployed in a way of its own; a change to all of them is made in the writer's texts."""
    entry = entry_of(model.contract, load_price_book(ROOT / "infra" / "ratecard.toml"))
    assert find_changed_parts(TEMPLATE, entry) == []


def test_what_is_put_in_and_taken_out_again_leaves_every_byte():
    """Comments, order and empty lines of the rest stay."""
    with_it = insert_entry(TEMPLATE, ENTRY)
    assert has_entry(with_it, ENTRY.slug)
    assert find_changed_parts(with_it, ENTRY) == []
    assert remove_entry(with_it, ENTRY.slug) == TEMPLATE


def test_of_two_new_models_each_can_be_taken_out_alone():
    """One slug may be the beginning of the other."""
    other = ModelEntry("late-payers-abroad", "1.0.0", "0.0005 USD", "0.001 USD")
    both = insert_entry(insert_entry(TEMPLATE, ENTRY), other)
    assert remove_entry(both, ENTRY.slug) == insert_entry(TEMPLATE, other)
    assert remove_entry(both, other.slug) == insert_entry(TEMPLATE, ENTRY)


def test_an_entry_that_somebody_changed_is_taken_out_whole():
    """Another timeout and another comment inside an entry go with it."""
    with_it = insert_entry(TEMPLATE, ENTRY)
    changed = with_it.replace("Answers the calls of late-payers.", "Ours. # by hand\n      # and more")
    assert find_changed_parts(changed, ENTRY) == ["online.yaml"]
    assert remove_entry(changed, ENTRY.slug) == TEMPLATE


def test_the_lines_of_a_longer_slug_are_not_those_of_a_shorter_one():
    """`credit-rating` is on the list of models that take files, which says nothing of `credit`."""
    assert "models.yaml" in find_changed_parts(TEMPLATE, ModelEntry("credit", "1.0.0", "0.1 USD", "0.2 USD"))


def test_what_others_add_to_the_template_stays():
    """Resources, parameters and routes between, before and behind the models are not the writer's."""
    grown = (
        TEMPLATE.replace("  KeylessRate:\n", "  Mine: {Type: String, Default: x} # mine\n  KeylessRate:\n")
        .replace("  # -- the gateway ", "  Mine:\n    Type: AWS::SNS::Topic\n\n  # -- the gateway ")
        .replace(
            "  ApiErrorsAlarm:\n",
            "        - ResourcePath: /~1v1~1usage\n          HttpMethod: GET\n  ApiErrorsAlarm:\n",
        )
    )
    assert remove_entry(insert_entry(grown, ENTRY), ENTRY.slug) == grown


def test_a_template_without_the_usual_neighbours_takes_an_entry_at_its_sections_ends():
    """Somebody who renames the gateway's heading can still add a model."""
    bare = TEMPLATE.replace("# -- the gateway ", "# == gateway ").replace("  KeylessRate:", "  RateWithoutKey:")
    with_it = insert_entry(bare, ENTRY)
    assert find_changed_parts(with_it, ENTRY) == []
    assert names_in(with_it)[-1] == names_in(bare)[-1]


@pytest.mark.parametrize("slug", ["api", "credit-rating"])
def test_a_slug_whose_names_are_taken_is_refused(slug):
    """A model called `api` would have a second ApiErrorsAlarm."""
    entry = ModelEntry(slug, "1.0.0", "0.1 USD", "0.2 USD")
    with pytest.raises(EntryError, match="already has"):
        insert_entry(TEMPLATE, entry)


def test_a_model_that_others_refer_to_is_not_taken_out():
    """The line is named; a template with a dangling reference would fail in AWS, half deployed."""
    outputs = TEMPLATE.replace("Outputs:\n", "Outputs:\n  Late:\n    Value: !Ref LatePayersFunction\n")
    with pytest.raises(EntryError, match="LatePayersFunction elsewhere, at line"):
        remove_entry(insert_entry(outputs, ENTRY), ENTRY.slug)


def test_a_service_of_the_platform_is_no_model():
    """A function called LakeFunction does not make `lake` a model that can be removed."""
    service = TEMPLATE.replace(
        "  # -- the gateway ", "  LakeFunction:\n    Type: AWS::Serverless::Function\n\n  # -- the gateway "
    )
    assert not has_entry(service, "lake")
    with pytest.raises(EntryError, match="no entry of lake"):
        remove_entry(service, "lake")


def test_a_template_without_a_section_is_named():
    """It is not ours to invent."""
    with pytest.raises(EntryError, match="MethodSettings"):
        insert_entry(TEMPLATE.replace("MethodSettings:", "Settings:"), ENTRY)


def test_prices_are_put_in_and_taken_out_again():
    """Four operations, in the proportions that are stated; other models' prices keep their bytes."""
    priced = append_prices(RATE_CARD, ENTRY.slug, StartingPrices(Decimal("0.0030"), date(2026, 12, 1)))
    prices = {price.operation: price for price in parse_price_book(priced).prices if price.model == ENTRY.slug}
    assert {operation.value: str(price.unit_price) for operation, price in prices.items()} == {
        "predict": "0.003",
        "explain": "0.006",
        "batch": "0.00075",
        "batch_explain": "0.0015",
    }
    assert set(prices) == set(Operation)
    assert {str(price.effective_on) for price in prices.values()} == {"2026-12-01"}
    assert remove_prices(priced, ENTRY.slug) == RATE_CARD


def test_values_of_a_removed_models_parameters_go_too():
    """Those of others stay; both ways to write a list are read."""
    text = (
        '["Stage=x", "LatePayersConcurrency=3", "LatePayersAbroadConcurrency=4"]\n  "LatePayersBatchConcurrency=5",\n'
    )
    assert remove_overrides(text, ENTRY.slug) == '["Stage=x", "LatePayersAbroadConcurrency=4"]\n'


def test_all_names_of_an_entry_begin_with_the_models_own():
    """No name of one model can be another's, unless one slug ends in -batch, which is found when it is written."""
    assert all(name.removeprefix("Reserve").startswith("LatePayers") for name in entry_names(ENTRY.slug))
    assert len(entry_names(ENTRY.slug)) == len(set(entry_names(ENTRY.slug)))
    with pytest.raises(EntryError, match="already has"):
        insert_entry(insert_entry(TEMPLATE, ENTRY), ModelEntry("late-payers-batch", "1.0.0", "1 USD", "1 USD"))


@given(st.lists(st.sampled_from(["  A:\n", "    x: 1\n", "\n", "  # note\n", "  B: 1\n", "      deep\n"]), max_size=12))
def test_any_text_keeps_its_bytes_when_a_block_comes_and_goes(lines):
    """Empty lines, comments and odd indents around a block do not matter."""
    text = ["Top:\n", "  Own: 1\n", *lines, "  Last: 1\n", "End: 1\n"]
    grown = insert_block(text, "Top:", ["  Mine:\n", "    deep: 1\n"])
    assert grown != text
    assert remove_blocks(grown, lambda line: line.startswith("  Mine:")) == text
