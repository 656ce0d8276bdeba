"""Answers are what the published schema says, with and without reasons."""

import json

import fastjsonschema
from hypothesis import given, settings
from support.contracts import EVERY_KIND, good_rows
from support.served import proxy_event

from ratecard.contract.sample import sample_row
from ratecard.contract.schema import prediction_schema
from ratecard.serving.rest import answer_http


def draft_4(schema):
    """Write OpenAPI's `nullable` as a type, which JSON Schema knows."""
    if isinstance(schema, list):
        return [draft_4(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: draft_4(one) for name, one in schema.items() if name != "nullable"}
    return plain | {"type": [schema["type"], "null"]} if schema.get("nullable") is True else plain


FITS = fastjsonschema.compile(
    {"$schema": "http://json-schema.org/draft-04/schema#", **draft_4(prediction_schema(EVERY_KIND))}
)


def predict(model, row, query=None):
    """Call the REST door with one row."""
    event = proxy_event("/v1/models/every-kind/predict", json.dumps(row), queryStringParameters=query)
    return json.loads(answer_http(model, event, "x")["body"])["predictions"][0]


@settings(max_examples=100)
@given(row=good_rows(EVERY_KIND))
def test_every_answer_fits_the_schema(model, row):
    """Unasked and explained answers of any good row."""
    for query in (None, {"explain": "true"}):
        FITS(predict(model, row, query))


def test_a_reason_shows_the_rows_value_beside_the_typical_one(model, capsys):
    """Only where the contract knows what is typical."""
    reasons = predict(model, sample_row(EVERY_KIND) | {"income": 10.0, "debt": 10.0}, {"explain": "true"})["reasons"]
    by_code = {reason["code"]: reason for reason in reasons}

    assert (by_code["R01"]["values"], by_code["R01"]["typical"]) == ([10.0], [48_000.0])
    assert "values" not in by_code["R02"]
    assert "typical" not in by_code["R02"]
