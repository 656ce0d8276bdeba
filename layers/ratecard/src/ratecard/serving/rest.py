"""The REST doors: a proxy event of API Gateway (payload v1) in, a proxy response out."""

from __future__ import annotations

from time import perf_counter, time

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import (
    InvalidJsonError,
    NotFoundError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS
from ratecard.metering.usage import Caller, Work, parse_idempotency_key, record_usage
from ratecard.serving import jsontext
from ratecard.serving.prediction import parse_explain, parse_predict, predict_document
from ratecard.serving.refusal import refusal_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ratecard.serving.model import Model

MAX_BODY_BYTES = 4_000_000
"""Far more than any valid request, and small enough that the event around it stays under Lambda's 6 MB."""


def answer_http(model: Model, event: dict[str, Any], lambda_request_id: str) -> dict[str, Any]:
    """Answer one HTTP call.

    Parameters
    ----------
    model : Model
        Ready to score.
    event : dict
        REST proxy event, payload v1.
    lambda_request_id : str
        Id of this invocation; the call's id where no gateway made one (SAM CLI sends null).

    Returns
    -------
    dict
        Proxy response. A served answer has written its usage line; a refusal writes none.
    """
    started = perf_counter()
    context = event.get("requestContext") or {}
    call_id = context.get("extendedRequestId") or lambda_request_id
    try:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        caller = caller_of(context, headers, lambda_request_id)
        body = read_body(event, headers)
        document, operation, units = answer_document(model, event, headers, (body, call_id))
        text = jsontext.encode(document)
    except Exception as error:
        return refusal_response(error, call_id)
    content = body.encode("utf-8", "surrogatepass")
    latency_ms = round((perf_counter() - started) * 1000, 3)
    contract = model.contract
    record_usage(
        caller,
        Work(
            operation, contract.slug, contract.version, units, len(content), len(text), sha256_hex(content), latency_ms
        ),
    )
    return response(200, "application/json", text)


def answer_document(
    model: Model, event: dict[str, Any], headers: dict[str, str], request: tuple[str, str]
) -> tuple[dict[str, object], str, int]:
    """Route to the predict operation or the Open Inference Protocol; return document, operation and rows answered."""
    body, call_id = request
    path = event.get("path") or ""
    slug = model.contract.slug
    if event["httpMethod"] != "POST":
        raise NotFoundError("this route takes POST only")
    if path.endswith(f"/v1/models/{slug}/predict"):
        explain = parse_explain((event.get("queryStringParameters") or {}).get("explain", False), "")
        rows = parse_predict(model, jsontext.parse_json(body))
        return predict_document(model, rows, call_id, explain=explain), operation_of(explain=explain), len(rows)
    if path.endswith((f"/v2/models/{slug}/infer", f"/v2/models/{slug}/versions/{model.contract.version}/infer")):
        from ratecard.serving.inference import binary_refusal, infer_document

        if "inference-header-content-length" in headers:
            raise binary_refusal("")
        document, explain, units = infer_document(model, jsontext.parse_json(body), call_id)
        return document, operation_of(explain=explain), units
    raise NotFoundError("there is no such route")


def operation_of(*, explain: bool) -> str:
    """Name the metered operation."""
    return "explain" if explain else "predict"


def caller_of(context: dict[str, Any], headers: dict[str, str], lambda_request_id: str) -> Caller:
    """Read who called from the request context.

    Raises
    ------
    InvalidRequestError
        If the Idempotency-Key cannot be kept.
    """
    identity = context.get("identity") or {}
    gateway_id = context.get("extendedRequestId")
    key_id = identity.get("apiKeyId")
    return Caller(
        call_id=gateway_id or lambda_request_id,
        source=f"/{context.get('apiId')}/{context.get('stage')}" if gateway_id else "/direct",
        at_epoch_ms=context.get("requestTimeEpoch") or int(time() * 1000),
        subject=key_id or "direct",
        api_key_id=key_id,
        lambda_request_id=lambda_request_id,
        client_request_id=context.get("requestId"),
        idempotency_key=parse_idempotency_key(headers.get("idempotency-key")),
        billable=gateway_id is not None,
    )


def read_body(event: dict[str, Any], headers: dict[str, str]) -> str:
    """Return the body as text.

    Raises
    ------
    UnsupportedMediaTypeError
        If a media type is named and it is not JSON; clients of the Open Inference Protocol name none.
    PayloadTooLargeError
        Above `MAX_BODY_BYTES`.
    InvalidJsonError
        If there is none, or it is not UTF-8.
    """
    media_type = (headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaTypeError("the body must be application/json")
    body = event.get("body")
    if not body:
        raise InvalidJsonError("the body is empty")
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
    if event.get("isBase64Encoded"):
        from binascii import a2b_base64

        try:
            return a2b_base64(body).decode()
        except ValueError:  # not base64, or not UTF-8
            raise InvalidJsonError("the body is not UTF-8") from None
    text: str = body
    return text


def refusal_response(error: Exception, call_id: str) -> dict[str, Any]:
    """Answer an error as a problem document, with Retry-After where waiting helps."""
    document = refusal_document(error, call_id)
    answer = response(PROBLEMS[str(document["code"])].status, MEDIA_TYPE, jsontext.encode(document))
    retry_after = PROBLEMS[str(document["code"])].retry_after_seconds
    if retry_after is not None:
        answer["headers"]["Retry-After"] = str(retry_after)
    return answer


def response(status: int, media_type: str, body: str) -> dict[str, Any]:
    """Build a proxy response; nothing between here and the client may keep a copy."""
    headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
