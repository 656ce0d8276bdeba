"""The event that a function gets, field for field, and the world it runs in."""

import http.client
import json
import re

import pytest
from support.platform import wait_until

pytestmark = pytest.mark.xdist_group("local-events")

PREDICT = "/v1/models/echo/predict"
# Source: the event recorded from AWS, reference/billing.md §4.1.
MEMBERS = {
    "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
    "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext", "body", "isBase64Encoded",
}  # fmt: skip
CONTEXT_MEMBERS = {
    "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "identity",
    "path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "stage",
}  # fmt: skip
IDENTITY_MEMBERS = {
    "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
    "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent", "userArn",
    "apiKey", "apiKeyId",
}  # fmt: skip


def show(platform, path=PREDICT, **headers):
    """Call the function that answers with what it saw; headers are sent as spelt."""
    connection = http.client.HTTPConnection(platform.host, platform.port, timeout=30)
    sent = {"x-api-key": platform.key} | headers
    connection.request("POST", path, b'{"do":"show"}', sent)
    answer = connection.getresponse()
    assert answer.status == 200
    seen = json.loads(answer.read())
    connection.close()
    return seen, dict(answer.getheaders())


def test_the_event_has_the_members_of_awss_and_no_other(platform):
    """No `version`; nulls where nothing was sent."""
    seen, headers = show(platform)
    event = seen["event"]

    assert event.keys() == MEMBERS
    assert event["requestContext"].keys() == CONTEXT_MEMBERS
    assert event["requestContext"]["identity"].keys() == IDENTITY_MEMBERS
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"):
        assert event[name] is None
    assert event["body"] == '{"do":"show"}'
    assert event["isBase64Encoded"] is False
    assert headers["x-amz-apigw-id"] == event["requestContext"]["extendedRequestId"]
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"]


def test_the_context_says_where_and_when(platform):
    """The stage is in `requestContext.path` and not in `path`; times agree with each other."""
    event, _ = show(platform)
    event = event["event"]
    context = event["requestContext"]

    assert (event["path"], context["path"], context["stage"]) == (PREDICT, f"/dev{PREDICT}", "dev")
    assert (event["resource"], context["resourcePath"], context["httpMethod"]) == (PREDICT, PREDICT, "POST")
    assert context["protocol"] == "HTTP/1.1"
    assert isinstance(context["requestTimeEpoch"], int)
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["apiKeyId"] == platform.key_id
    assert context["identity"]["apiKey"] == platform.key


def test_headers_keep_their_spelling(platform):
    """As AWS does; the connection's own headers end at the gateway, which adds its own."""
    seen, _ = show(platform, **{"tEsT-HEADeR": "aValUE", "X-Forwarded-For": "1.2.3.4", "Connection": "keep-alive"})
    headers = seen["event"]["headers"]

    assert headers["tEsT-HEADeR"] == "aValUE"
    assert seen["event"]["multiValueHeaders"]["tEsT-HEADeR"] == ["aValUE"]
    assert headers["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
    assert (headers["X-Forwarded-Port"], headers["X-Forwarded-Proto"]) == (str(platform.port), "http")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["X-Amzn-Trace-Id"])
    assert not {"connection", "content-length", "transfer-encoding"} & {name.lower() for name in headers}


def test_a_callers_own_gateway_headers_do_not_stay_beside_the_gateways(platform):
    """However they are written: a function that looks for one without regard to case finds the true one alone."""
    names = ("x-forwarded-port", "X-FORWARDED-PROTO", "x-amzn-trace-id")
    ours = {"x-forwarded-for": "1.2.3.4"} | dict.fromkeys(names, "forged")
    seen, _ = show(platform, **ours)

    for headers in (seen["event"]["headers"], seen["event"]["multiValueHeaders"]):
        found = [name for name in headers if name.lower() in {name.lower() for name in ours}]
        assert sorted(found) == ["X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"]
    assert seen["event"]["headers"]["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
    assert "forged" not in seen["event"]["headers"]["X-Amzn-Trace-Id"]


def test_repeated_headers_and_parameters_keep_all_values(platform):
    """The last value alone, and all values beside it."""
    connection = http.client.HTTPConnection(platform.host, platform.port, timeout=30)
    connection.putrequest("POST", PREDICT + "?a=1&b=x%20y&a=2&empty=&c=%C3%A9")
    connection.putheader("x-api-key", platform.key)
    connection.putheader("X-Many", "1")
    connection.putheader("X-Many", "2")
    connection.putheader("Content-Length", "13")
    connection.endheaders(b'{"do":"show"}')
    event = json.loads(connection.getresponse().read())["event"]
    connection.close()

    assert (event["headers"]["X-Many"], event["multiValueHeaders"]["X-Many"]) == ("2", ["1", "2"])
    assert event["queryStringParameters"] == {"a": "2", "b": "x y", "empty": "", "c": "é"}
    assert event["multiValueQueryStringParameters"]["a"] == ["1", "2"]


def test_a_caller_may_choose_the_request_id_but_never_the_call_id(platform):
    """A UUID in x-amzn-RequestId is taken over, other text replaced; x-amz-apigw-id cannot be set."""
    chosen = "d0270a67-10fc-4cb8-a088-f29c58c38d2a"
    seen, headers = show(platform, **{"x-amzn-RequestId": chosen, "x-amz-apigw-id": "AAAAAAAAAAAAAAA="})
    assert seen["event"]["requestContext"]["requestId"] == headers["x-amzn-requestid"] == chosen
    assert seen["event"]["requestContext"]["extendedRequestId"] == headers["x-amz-apigw-id"] != "AAAAAAAAAAAAAAA="

    seen, headers = show(platform, **{"x-amzn-RequestId": "12345678"})
    assert headers["x-amzn-requestid"] == "UUID_REPLACED_INVALID_REQUEST_ID"


def test_a_thousand_calls_under_one_chosen_id_are_a_thousand_calls(platform):
    """Reference/billing.md §1, rule 2: a thousand calls with the same x-amzn-RequestId are a thousand units."""
    before = len({line["id"] for line in platform.usage_lines()})
    connection = http.client.HTTPConnection(platform.host, platform.port, timeout=30)
    headers = {"x-api-key": platform.key, "x-amzn-RequestId": "d0270a67-10fc-4cb8-a088-f29c58c38d2a"}
    for _ in range(1000):
        connection.request("POST", PREDICT, b'{"do":"echo"}', headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()

    assert len({line["id"] for line in platform.usage_lines()}) == before + 1000


@pytest.mark.parametrize("text", ["é€😀", "\\u0000", '"quoted" \\ back', "line\\nend"])
def test_the_body_arrives_as_it_was_sent(platform, text):
    """Unicode and escapes pass through the event unchanged."""
    body = f'{{"do":"show","text":"{text}"}}' if '"' not in text else json.dumps({"do": "show", "text": text})
    reply = platform.predict(body.encode())

    assert reply.json()["event"]["body"] == body


def test_the_functions_world_is_lambdas(platform):
    """Its limits and names as Lambda sets them, its layers importable, and nothing of the caller's environment."""
    seen, _ = show(platform)
    environment = seen["environment"]

    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "EchoFunction"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == seen["memory"] == "128"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["LAMBDA_TASK_ROOT"].endswith("functions/echo/src")
    assert (environment["TZ"], environment["STAGE"], environment["FROM_GLOBALS"]) == (":UTC", "dev-local", "yes")
    assert seen["layer"] == "from the layer"
    assert 0 < seen["remaining_ms"] <= 20_000
    assert seen["arn"].endswith(":function:EchoFunction")
    assert "RATECARD_CANARY" not in environment
    assert "HOME" not in environment
    assert "environment-canary" not in json.dumps(seen)


def test_a_function_sees_no_package_of_the_workbench(platform):
    """Only its code, its layers, the runtime client and the standard library are on its path."""
    seen, _ = show(platform)

    assert not [path for path in seen["path"] if path.endswith("site-packages")]


def test_each_call_has_a_lambda_request_id_of_its_own(platform):
    """It is in the context, the usage line and the access line: the join that proves which call ran where."""
    seen, headers = show(platform)

    line = next(line for line in platform.usage_lines() if line["id"] == headers["x-amz-apigw-id"])
    assert line["data"]["lambda_request_id"] == seen["request_id"]
    # It is written once the answer has left, so the client may be here first.
    own = {"extendedRequestId": headers["x-amz-apigw-id"]}
    wait_until(lambda: any(own.items() <= line.items() for line in platform.access_lines()))
    access = next(line for line in platform.access_lines() if own.items() <= line.items())
    assert access["lambdaRequestId"] == seen["request_id"]
    assert (access["status"], access["integrationStatus"], access["apiKeyId"]) == ("200", "200", platform.key_id)
