"""A function's answer becomes an HTTP answer, or it is malformed; ids and the demo's command."""

import base64
import contextlib
import json
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecard_workbench.local.demo import curl_line
from ratecard_workbench.local.errors import FunctionFailedError
from ratecard_workbench.local.ids import INVALID_REQUEST_ID, new_extended_request_id, new_uuid, request_id_from
from ratecard_workbench.local.openapi import LambdaIntegration, Route
from ratecard_workbench.local.proxy_event import parse_proxy_answer, request_time


def answer(**members):
    return parse_proxy_answer(json.dumps({"statusCode": 200, "body": "x", **members}).encode())


def test_status_headers_and_body_arrive():
    """The three members of a proxy answer."""
    found = answer(statusCode=400, headers={"Content-Type": "application/problem+json", "X-N": 3}, body="é")

    assert found.status == 400
    assert found.headers == [(b"Content-Type", b"application/problem+json"), (b"X-N", b"3")]
    assert found.body == "é".encode()


def test_what_is_left_out_has_awss_defaults():
    """No body is empty; no content type is JSON."""
    found = parse_proxy_answer(b'{"statusCode": 204}')

    assert (found.body, found.headers) == (b"", [(b"Content-Type", b"application/json")])


def test_many_values_of_a_header():
    """`multiValueHeaders` adds each value and wins over `headers` of the same name."""
    found = answer(headers={"A": "1", "B": "2"}, multiValueHeaders={"A": ["3", "4"]})

    assert [pair for pair in found.headers if pair[0] in (b"A", b"B")] == [(b"A", b"3"), (b"A", b"4"), (b"B", b"2")]


def test_binary_bodies_are_decoded():
    """isBase64Encoded says that the body is Base64."""
    assert answer(body=base64.b64encode(b"\x00\xff").decode(), isBase64Encoded=True).body == b"\x00\xff"


def test_headers_of_the_connection_and_of_the_gateway_are_the_gateways():
    """A function cannot forge the call's id nor break the framing of the answer."""
    found = answer(
        headers={
            "x-amz-apigw-id": "forged",
            "X-Amzn-RequestId": "forged",
            "Content-Length": "1",
            "Transfer-Encoding": "chunked",
            "Connection": "close",
        }
    )

    assert found.headers == [(b"Content-Type", b"application/json")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"statusCode":"x"}',
        '{"statusCode":99}',
        '{"statusCode":600}',
        '{"statusCode":101}',
        '{"statusCode":200,"body":{"a":1}}',
        '{"statusCode":200,"headers":[1]}',
        '{"statusCode":200,"headers":{"a b":"1"}}',
        '{"statusCode":200,"headers":{"a":"1\\r\\nb: 2"}}',
        '{"statusCode":200,"headers":{"a":"\\u20ac"}}',
        '{"statusCode":200,"body":"@@","isBase64Encoded":true}',
        '{"statusCode":200,"multiValueHeaders":{"a":5}}',
        "[" * 100_000,
    ],
)
def test_a_malformed_answer_is_a_failure_of_the_function(text):
    """API Gateway calls it a malformed Lambda proxy response; header injection is one."""
    with pytest.raises(FunctionFailedError):
        parse_proxy_answer(text.encode())


@given(st.binary(max_size=200))
def test_no_answer_breaks_the_gateway(content):
    """Any bytes are an answer or a failure of the function."""
    with contextlib.suppress(FunctionFailedError):
        assert parse_proxy_answer(content).status >= 200


def test_call_ids_have_awss_shape():
    """Sixteen characters of Base64 with one padding, as in reference/billing.md §4.1; never the same twice."""
    ids = {new_extended_request_id() for _ in range(10_000)}

    assert len(ids) == 10_000
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{15}=", one) for one in ids)


def test_request_ids_are_random_uuids_of_version_4():
    """RFC 9562: version 4, variant 10."""
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", new_uuid())
        for _ in range(1000)
    )


def test_a_caller_may_choose_the_request_id_if_it_is_a_uuid():
    """As `$context.requestId` is documented; anything else is replaced by a constant."""
    chosen = "D0270A67-10fc-4cb8-a088-f29c58c38d2a"
    assert request_id_from(chosen) == chosen
    assert request_id_from("12345678") == INVALID_REQUEST_ID
    assert request_id_from('x","billable":"no') == INVALID_REQUEST_ID
    assert request_id_from(None) != request_id_from(None)


def test_request_time_has_the_common_log_format():
    """1795342272 is 22 November 2026, 10:11:12 UTC, the instant of the reference's sample event."""
    assert request_time(1795342272) == "22/Nov/2026:10:11:12 +0000"


def test_the_printed_command_survives_a_shell():
    """Quotes in the sample do not end the argument."""
    route = Route("POST", "/v1/x", "r", needs_key=True, integration=LambdaIntegration("F", 1.0))

    words = shlex.split(curl_line("http://127.0.0.1:8080", "rk_a'b", route, {"a": "it's", "b": '"'}))

    assert words[2] == "http://127.0.0.1:8080/v1/x"
    assert "x-api-key: rk_a'b" in words
    assert json.loads(words[-1]) == {"a": "it's", "b": '"'}
