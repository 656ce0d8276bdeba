"""REST proxy events (payload version 1) as API Gateway makes them, and the answers that functions give to them."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO
from urllib.parse import unquote

from ratecard_workbench.local.errors import FunctionFailedError
from ratecard_workbench.local.exchange import DROPPED_HEADERS, Exchange
from ratecard_workbench.local.openapi import Route, compile_resource

ACCOUNT_ID = "000000000000"
API_ID = "ratecard00"
DEPLOYMENT_ID = "local0"
DOMAIN_NAME = f"{API_ID}.execute-api.localhost"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Set by the gateway on every answer; a function's own would be a forgery.
_OWN_HEADERS = frozenset(("x-amz-apigw-id", "x-amzn-requestid", "x-amzn-trace-id", "date", "server"))

_ANONYMOUS = {
    "accessKey": None,
    "accountId": None,
    "caller": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": None,
    "sourceIp": "",
    "user": None,
    "userAgent": None,
    "userArn": None,
}


@lru_cache(maxsize=4)
def request_time(epoch_seconds: int) -> str:
    """Write an instant as `requestContext.requestTime`, for example ``22/Nov/2026:10:11:12 +0000``."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(epoch_seconds))


def proxy_event(exchange: Exchange, route: Route, *, stage: str) -> bytes:
    """Build the event of a request.

    Parameters
    ----------
    exchange : Exchange
        The request, with its body read and its key found.
    route : Route
        The method and resource that it matched.
    stage : str
        Name of the API's stage.

    Returns
    -------
    bytes
        JSON. It holds the key's secret as API Gateway's does: it must never be logged.

    Notes
    -----
    Source: the event recorded from AWS in LocalStack's apigateway snapshot tests; it has no member `version`.
    """
    headers, many = exchange.headers, exchange.multi_headers
    before_us = exchange.forwarded_for
    chain = f"{before_us}, {exchange.source_ip}" if before_us else exchange.source_ip
    for name, value in (
        ("X-Amzn-Trace-Id", exchange.trace),
        ("X-Forwarded-For", chain),
        ("X-Forwarded-Port", exchange.port),
        ("X-Forwarded-Proto", "http"),
    ):
        headers[name] = value
        many[name] = [value]
    query = exchange.query_parameters() if exchange.query else None
    last = None if query is None else {name: values[-1] for name, values in query.items()}
    identity: dict[str, object] = {**_ANONYMOUS, "sourceIp": exchange.source_ip, "userAgent": exchange.user_agent}
    if exchange.holder is not None:
        identity["apiKey"] = exchange.api_key
        identity["apiKeyId"] = exchange.holder.key_id
    if "{" in route.resource:
        before, context, after = _parts_of_path(route, exchange.path, stage)
    else:
        before, context, after = _fixed_parts(route.method, route.resource, route.resource_id, stage)
    # What is the same for every request of a route is JSON already; ids and times need no escaping.
    return (
        f'{before}"headers":{_encode(headers)},"multiValueHeaders":{_encode(many)},'
        f'"queryStringParameters":{_encode(last)},"multiValueQueryStringParameters":{_encode(query)},'
        f'"requestContext":{context}"extendedRequestId":"{exchange.extended_request_id}",'
        f'"identity":{_encode(identity)},"protocol":"{exchange.protocol}","requestId":"{exchange.request_id}",'
        f'"requestTime":"{request_time(exchange.received_ms // 1000)}","requestTimeEpoch":{exchange.received_ms}}},'
        f'"body":{_encode(exchange.body.decode("utf-8", "replace") if exchange.body else None)}{after}'
    ).encode("utf-8", "replace")


@lru_cache(maxsize=1024)
def _fixed_parts(method: str, resource: str, resource_id: str, stage: str) -> tuple[str, str, str]:
    """Return the beginning of a route's events, the beginning of their context, and their end."""
    return _parts((method, resource, resource_id), resource, None, stage)


def _parts_of_path(route: Route, path: str, stage: str) -> tuple[str, str, str]:
    """Return the same for one path of a route that has parameters."""
    match = compile_resource(route.resource).fullmatch(path)
    parameters = {name: unquote(value) for name, value in match.groupdict().items()} if match else None
    return _parts((route.method, route.resource, route.resource_id), path, parameters, stage)


def _parts(
    route: tuple[str, str, str], path: str, parameters: dict[str, str] | None, stage: str
) -> tuple[str, str, str]:
    method, resource, resource_id = route
    before = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "pathParameters": parameters,
        "stageVariables": None,
    }
    context = {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "deploymentId": DEPLOYMENT_ID,
        "domainName": DOMAIN_NAME,
        "domainPrefix": API_ID,
        "httpMethod": method,
        "path": f"/{stage}{path}",
        "resourceId": resource_id,
        "resourcePath": resource,
        "stage": stage,
    }
    return f"{_encode(before)[:-1]},", f"{_encode(context)[:-1]},", ',"isBase64Encoded":false}'


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client; a `file` is its body in place of `body`, and closed once it is sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    file: BinaryIO | None = None


def parse_proxy_answer(body: bytes) -> Answer:
    """Turn what a function returned into an HTTP answer.

    Parameters
    ----------
    body : bytes
        The function's return value as JSON.

    Raises
    ------
    FunctionFailedError
        If it is not a proxy answer; API Gateway calls that a malformed Lambda proxy response.
    """
    try:
        answer = json.loads(body.decode())
        status = int(answer["statusCode"])
        content = _content(answer)
        headers = _headers(answer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise FunctionFailedError("the function's answer is malformed") from None
    if not 200 <= status <= 599:
        raise FunctionFailedError("the function's answer has no valid status")
    return Answer(status, headers, content)


def _content(answer: Mapping[str, object]) -> bytes:
    text = answer.get("body")
    if text is None:
        return b""
    if not isinstance(text, str):
        raise TypeError("the body of an answer is text")
    if answer.get("isBase64Encoded") is True:
        return base64.b64decode(text, validate=True)
    return text.encode("utf-8", "replace")


def _headers(answer: Mapping[str, object]) -> list[tuple[bytes, bytes]]:
    """Return the answer's headers; a header in `multiValueHeaders` wins over one of the same name in `headers`."""
    found: list[tuple[bytes, bytes]] = []
    many = answer.get("multiValueHeaders") or {}
    single = answer.get("headers") or {}
    if not isinstance(many, dict) or not isinstance(single, dict):
        raise TypeError("headers are an object")
    has_type = False
    pairs = [(name, value) for name, values in many.items() for value in values]
    pairs += [(name, value) for name, value in single.items() if name not in many]
    for name, value in pairs:
        text = value if isinstance(value, str) else _encode(value)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError("a header of the answer is not valid")
        lower = name.lower()
        has_type = has_type or lower == "content-type"
        if lower not in DROPPED_HEADERS and lower not in _OWN_HEADERS:
            found.append((name.encode(), text.encode("latin-1")))
    if not has_type:
        found.append((b"Content-Type", b"application/json"))
    return found
