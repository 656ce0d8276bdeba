"""Every refusal of the gateway: exact status, headers and body, and what it leaves in lake and counters."""

import json

import pytest
from support.platform import wait_until

pytestmark = pytest.mark.xdist_group("local-refusals")

PREDICT = "/v1/models/echo/predict"


def assert_refused(reply, status, code, error_type, **headers):
    """Check a refusal whole: its shape is the same for all."""
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-amzn-errortype"] == error_type
    assert reply.headers["content-length"] == str(len(reply.body))
    assert len(reply.headers["x-amzn-requestid"]) == 36
    document = reply.json()
    assert (document["status"], document["code"], document["call_id"]) == (status, code, reply.call_id)
    assert {name: reply.headers.get(name) for name in headers} == headers
    always = {"date", "content-type", "x-amzn-errortype", "content-length", "x-amzn-requestid", "x-amz-apigw-id"}
    assert set(reply.headers) == always | set(headers)


def access_line(platform, reply):
    """Return the access line of an answer."""
    found = []
    wait_until(
        lambda: (
            found.extend(
                line for line in platform.access_lines() if line["extendedRequestId"] == reply.call_id and not found
            )
            or found
        )
    )
    return found[0]


@pytest.mark.parametrize(
    "headers", [{}, {"x-api-key": ""}, {"x-api-key": "rk_unknown"}, {"x-api-key": "é"}, {"authorization": "x"}]
)
def test_a_missing_or_unknown_key_is_forbidden(platform, headers):
    """403 before the body is looked at; the same for no key and a wrong one."""
    encoded = {name: value.encode("utf-8") for name, value in headers.items()}
    reply = platform.call("POST", PREDICT, "not even JSON", headers=encoded)

    assert_refused(reply, 403, "forbidden", "ForbiddenException")
    line = access_line(platform, reply)
    assert (line["status"], line["responseType"], line["apiKeyId"]) == ("403", "INVALID_API_KEY", "-")
    assert line["integrationStatus"] == "-"


def test_a_disabled_key_and_one_without_a_plan_are_forbidden(platform):
    """The same 403 as an unknown key."""
    import contextlib

    from ratecard.storage.accounts import SqliteAccounts

    disabled, planless = platform.issue_key(), platform.issue_key(plan="nowhere")
    with contextlib.closing(SqliteAccounts(platform.home / "accounts.sqlite")) as accounts:
        accounts.set_key_enabled(disabled.key.id, enabled=False)
    wait_until(lambda: platform.predict({"do": "echo"}, key=disabled.secret).status == 403, 2.0)

    assert_refused(platform.predict({"do": "echo"}, key=disabled.secret), 403, "forbidden", "ForbiddenException")
    assert_refused(platform.predict({"do": "echo"}, key=planless.secret), 403, "forbidden", "ForbiddenException")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", PREDICT),
        ("DELETE", PREDICT),
        ("POST", PREDICT + "/"),
        ("POST", "/v1/models/none/predict"),
        ("POST", "/v1/models/echo/predict%00"),
        ("POST", "/v1/models/../models/echo/predict"),
        ("POST", "/%76%31/models/echo/predict/x"),
        ("PUT", "/v1/inbox"),
    ],
)
def test_an_unknown_route_is_not_found(platform, method, path):
    """404 with or without a key."""
    reply = platform.call(method, path)

    assert_refused(reply, 404, "not_found", "MissingAuthenticationTokenException")
    assert access_line(platform, reply)["responseType"] == "MISSING_AUTHENTICATION_TOKEN"


def test_a_key_is_throttled_by_its_plans_bucket(platform):
    """Burst 3, then 429 at once; other keys are not affected, and nothing refused is counted or metered."""
    key = platform.issue_key(plan="slow")
    before = len(platform.usage_lines())

    replies = [platform.predict({"do": "echo"}, key=key.secret) for _ in range(5)]

    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert_refused(replies[-1], 429, "throttled", "TooManyRequestsException", **{"retry-after": "1"})
    assert platform.predict({"do": "echo"}).status == 200
    assert platform.counts()[key.key.id] == 3
    assert len(platform.usage_lines()) == before + 4
    line = access_line(platform, replies[-1])
    assert (line["responseType"], line["apiKeyId"]) == ("THROTTLED", key.key.id)


def test_a_keys_quota_ends(platform):
    """Limit 5 a month: the sixth is 429 with words of its own."""
    key = platform.issue_key(plan="small")

    replies = [platform.predict({"do": "echo"}, key=key.secret) for _ in range(7)]

    assert [reply.status for reply in replies] == [200] * 5 + [429] * 2
    assert_refused(replies[-1], 429, "quota_exceeded", "LimitExceededException", **{"retry-after": "3600"})
    assert platform.counts()[key.key.id] == 5
    assert access_line(platform, replies[-1])["responseType"] == "QUOTA_EXCEEDED"


def test_a_keyless_route_is_throttled_for_all_callers_together(platform):
    """The stage's setting: rate 2, burst 3."""
    statuses = [platform.call("GET", "/v1/models", headers={}).status for _ in range(10)]

    assert statuses[:3] == [200] * 3
    assert 429 in statuses
    reply = platform.call("GET", "/v1/models", headers={})
    assert_refused(reply, 429, "throttled", "TooManyRequestsException", **{"retry-after": "1"})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "minProperties"),
        (b"{}", "minProperties"),
        (b"[1]", "type"),
        (b'"x"', "type"),
        (b"null", "type"),
        (b'{"instances":[]}', "minItems"),
        (b'{"instances":{}}', "type"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"do":"echo"} x', "not JSON"),
    ],
)
def test_a_body_outside_the_envelope_is_refused(platform, body, detail):
    """400 with the rule that was broken and no word of the body."""
    reply = platform.predict(body)

    assert_refused(reply, 400, "invalid_request", "BadRequestException")
    document = reply.json()
    assert detail in document["detail"]
    assert (document["message"], document["type"]) == ("Invalid request body", "BAD_REQUEST_BODY")
    assert access_line(platform, reply)["responseType"] == "BAD_REQUEST_BODY"


def test_every_content_type_is_checked(platform):
    """The model sits on `$default`: another type, or none, is no way around the check."""
    for content_type in ("text/plain", "application/xml", "application/json; charset=utf-8", None):
        headers = {"x-api-key": platform.key} | ({"Content-Type": content_type} if content_type else {})
        assert platform.call("POST", PREDICT, b"{}", headers=headers).status == 400


def test_the_gateway_describes_the_models_by_itself(platform):
    """A MOCK integration: its status, headers and body, with the call's id filled in; no key, no function."""
    reply = platform.call("GET", "/v1", headers={})

    assert reply.status == 200
    assert reply.json() == {"models": ["echo"], "call_id": reply.call_id}
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert "x-amzn-errortype" not in reply.headers
    assert access_line(platform, reply)["integrationStatus"] == "-"


def test_a_body_over_ten_megabytes_is_too_large(platform):
    """413, although the whole of it was sent; the connection ends."""
    reply = platform.predict(json.dumps({"pad": "x" * (10 * 1024 * 1024)}).encode())

    assert_refused(reply, 413, "payload_too_large", "RequestTooLargeException", connection="close")


def test_an_event_over_six_megabytes_is_too_large(platform):
    """Lambda's limit is of the event, in which quotes and backslashes count twice."""
    assert platform.predict(json.dumps({"pad": "x" * 5_500_000})).status == 200
    reply = platform.predict(json.dumps({"pad": '"' * 2_500_000}))

    assert_refused(reply, 413, "payload_too_large", "RequestTooLargeException")


def test_no_refusal_is_metered(platform):
    """Usage lines exist for answered calls only: as many as access lines with 200 from a function."""
    served = {line["extendedRequestId"] for line in platform.access_lines() if line["integrationStatus"] == "200"}

    assert served == {line["id"] for line in platform.usage_lines()}
