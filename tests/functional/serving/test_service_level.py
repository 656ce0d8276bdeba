"""A model offered at several levels: from the function's environment over the usage line to the level's price."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from support.contracts import EVERY_KIND
from support.ledger import BOOK, access
from support.served import proxy_event

from ratecard.billing.counting import count_lake
from ratecard.billing.lines import total_of
from ratecard.billing.periods import BillingCalendar, period_at
from ratecard.billing.pricebook import parse_price_book
from ratecard.billing.rating import rate_period
from ratecard.billing.scope import Guards, Scope
from ratecard.billing.segments import Assignment
from ratecard.contract.sample import sample_row
from ratecard.metering.usage import MAX_LEVEL, MAX_LINE_BYTES, SERVICE_LEVEL, STANDARD_LEVEL
from ratecard.serving.rest import answer_http

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
from types import SimpleNamespace
from credit_rating.contract import CONTRACT
from credit_rating.handler import lambda_handler
from ratecard.contract.sample import sample_row
event = json.loads(sys.argv[1])
event["body"] = json.dumps({"instances": [sample_row(CONTRACT)]})
assert lambda_handler(event, SimpleNamespace(aws_request_id="0f4b"))["statusCode"] == 200
"""


@pytest.fixture
def level():
    """Sets the level of this process, and takes it back."""
    yield SERVICE_LEVEL.set
    SERVICE_LEVEL.set(STANDARD_LEVEL)


def call(level, native_dir):
    """Call the shipped model's function in a process of its own; return its usage line."""
    places = [ROOT / "functions/models/credit_rating/src", ROOT / "layers/ratecard/src"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        "RATECARD_NATIVE_DIR": str(native_dir),
        **({} if level is None else {"RATECARD_LEVEL": level}),
    }
    event = json.dumps(proxy_event("/v1/models/credit-rating/predict", ""))
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, event], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("level", "price"), [(None, "0.02"), ("priority", "0.04")])
def test_a_functions_level_decides_the_price_of_its_calls(level, price, native_dir):
    """The line that the shipped function writes, counted and rated, costs what its level costs."""
    line = json.loads(call(level, native_dir).stdout)
    assert line["data"].get("level") == level
    at_ms = 1_795_342_272_345
    # The book's later price of the standard level is another one; this is about levels.
    book = parse_price_book(BOOK.replace('effective_from = 2026-06-10\nunit_price = "0.005"', PRICE_FAR_AWAY))
    june = period_at(BillingCalendar("UTC"), at_ms)
    subject = line["subject"]
    scope = Scope((Assignment(subject, "acme", "standard", 0),), book, {"acme": june}, Guards(june.to_ms))
    counted = count_lake([line], [access(line["id"], at_ms, subject)], scope=scope)
    (rated,) = rate_period(counted.counts, book, period=june)
    assert rated.key.level == (level or "standard")
    assert total_of([rated]) == Decimal(price)


PRICE_FAR_AWAY = 'effective_from = 2030-01-01\nunit_price = "0.005"'


@pytest.mark.parametrize("level", ["Priority", "a b", "", "x" * (MAX_LEVEL + 1), 'a"b'])
def test_a_function_with_an_impossible_level_does_not_start(level, native_dir):
    """A slip in the template shows when the function starts, not on an invoice."""
    with pytest.raises(ValueError, match="slug"):
        SERVICE_LEVEL.set(level)
    if level == "Priority":
        assert call(level, native_dir).returncode


def test_the_longest_line_stays_under_its_limit_at_the_longest_level(model, capsys, level):
    """Every part that a caller, a gateway or a template chooses, at its longest: at most 1 KB."""
    level("l" * MAX_LEVEL)
    event = proxy_event("/v1/models/every-kind/predict", json.dumps({"instances": [sample_row(EVERY_KIND)] * 5}))
    event["headers"]["Idempotency-Key"] = '"' * 64
    context = event["requestContext"]
    context.update(extendedRequestId="J" * 40, requestId="r" * 2000, apiId="a" * 10, stage="s" * 32)
    context["identity"]["apiKeyId"] = "k" * 32
    answer_http(model, event, "0" * 36)
    line = capsys.readouterr().out
    assert f'"level":"{"l" * MAX_LEVEL}"' in line
    assert len(line) <= MAX_LINE_BYTES
