"""The functions that are compared get the same, whole event."""

import json

from benchmarks.contestants import PATH, load_contract, proxy_event
from benchmarks.rowmodel import load_contract as load_row_contract

from ratecard.contract.sample import sample_row


def test_the_event_is_a_whole_rest_proxy_event() -> None:
    """The contract's own sample row travels in an event with the members of payload v1, key and ids included."""
    row = sample_row(load_contract())

    event = json.loads(proxy_event(row, explain=True))

    assert json.loads(event["body"]) == row
    assert event["queryStringParameters"] == {"explain": "true"}
    assert event["path"] == PATH == event["resource"]
    assert event["requestContext"]["identity"]["apiKeyId"]
    assert event["requestContext"]["extendedRequestId"]


def test_the_comparison_model_has_24_features() -> None:
    """The model behind all servers is the one the issue names: 24 features in the peers' order."""
    assert load_row_contract().columns == tuple(f"feature_{place:02d}" for place in range(1, 25))
