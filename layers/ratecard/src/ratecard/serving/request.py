"""An HTTP call as API Gateway brings it (REST proxy event, payload v1): who sent it, and its body."""

from __future__ import annotations

from time import time

from ratecard.kernel.errors import (
    InvalidJsonError,
    InvalidRequestError,
    PayloadTooLargeError,
    Problem,
    UnsupportedMediaTypeError,
)
from ratecard.metering.usage import Caller, parse_idempotency_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_BODY_BYTES = 4_000_000
"""Far more than any valid request, and small enough that the event around it stays under Lambda's 6 MB."""

MAX_CLIENT_REQUEST_ID = 64
"""A gateway sends a UUID; whoever invokes the function directly could send anything, and the line is to stay short."""


def parse_headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers under lower-case names: a proxy event keeps the case in which they were sent."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def call_id_of(event: dict[str, Any], lambda_request_id: str) -> str:
    """Return the gateway's id of the call; Lambda's where no gateway made one (SAM CLI sends null)."""
    call_id: str = (event.get("requestContext") or {}).get("extendedRequestId") or lambda_request_id
    return call_id


def parse_caller(event: dict[str, Any], headers: dict[str, str], lambda_request_id: str) -> Caller:
    """Read who called.

    Raises
    ------
    InvalidRequestError
        If the Idempotency-Key cannot be kept.
    """
    context = event.get("requestContext") or {}
    gateway_id = context.get("extendedRequestId")
    key_id = (context.get("identity") or {}).get("apiKeyId")
    return Caller(
        call_id=gateway_id or lambda_request_id,
        source=f"/{context.get('apiId')}/{context.get('stage')}" if gateway_id else "/direct",
        at_epoch_ms=context.get("requestTimeEpoch") or int(time() * 1000),
        subject=key_id or "direct",
        api_key_id=key_id,
        lambda_request_id=lambda_request_id,
        client_request_id=(context.get("requestId") or "")[:MAX_CLIENT_REQUEST_ID] or None,
        idempotency_key=parse_idempotency_key(headers.get("idempotency-key")),
        billable=gateway_id is not None,
    )


def parse_query(event: dict[str, Any], known: tuple[str, ...]) -> dict[str, str]:
    """Return the query's parameters.

    Raises
    ------
    InvalidRequestError
        If one is not known: a misspelt wish must not be answered, and billed, as if it had not been there.
    """
    query: dict[str, str] = event.get("queryStringParameters") or {}
    if query and not query.keys() <= set(known):
        detail = f"the query may only have: {', '.join(known)}" if known else "this route takes no query"
        raise InvalidRequestError(detail, (Problem("", "bad_parameter", detail),))
    return query


def parse_body(event: dict[str, Any], headers: dict[str, str]) -> str:
    """Return the body as text.

    Raises
    ------
    UnsupportedMediaTypeError
        If a media type is named and it is not JSON (clients of the Open Inference Protocol name none), or if the
        body is compressed.
    PayloadTooLargeError
        Above `MAX_BODY_BYTES`.
    InvalidJsonError
        If there is none, or it is not UTF-8.
    """
    media_type = (headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaTypeError("the body must be application/json")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed")
    body = event.get("body")
    if not body:
        raise InvalidJsonError("the body is empty")
    if len(body) > MAX_BODY_BYTES or not (body.isascii() or len(body.encode("utf-8", "replace")) <= MAX_BODY_BYTES):
        raise PayloadTooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
    return decode_base64(body) if event.get("isBase64Encoded") else body


def decode_base64(body: str) -> str:
    """Decode a body that the gateway took for binary.

    Raises
    ------
    InvalidJsonError
        If it is not UTF-8.
    """
    from binascii import a2b_base64

    try:
        return a2b_base64(body).decode()
    except ValueError:  # not base64, or not UTF-8
        raise InvalidJsonError("the body is not UTF-8") from None
