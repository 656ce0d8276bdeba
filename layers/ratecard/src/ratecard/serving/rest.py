"""The REST doors: a proxy event of API Gateway (payload v1) in, a proxy response out."""

from __future__ import annotations

from time import perf_counter

from ratecard.kernel import jsontext
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import NotFoundError
from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS
from ratecard.metering.usage import Work, record_usage
from ratecard.serving.prediction import operation_of, parse_explain, parse_predict, predict_document
from ratecard.serving.refusal import refusal_document
from ratecard.serving.request import call_id_of, parse_body, parse_caller, parse_headers, parse_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ratecard.serving.model import Model


def answer_http(model: Model, event: dict[str, Any], lambda_request_id: str) -> dict[str, Any]:
    """Answer one HTTP call.

    Parameters
    ----------
    model : Model
        Ready to score.
    event : dict
        REST proxy event, payload v1.
    lambda_request_id : str
        Id of this invocation.

    Returns
    -------
    dict
        Proxy response. A served answer has written its usage line; a refusal writes none.
    """
    started = perf_counter()
    call_id = call_id_of(event, lambda_request_id)
    try:
        headers = parse_headers(event)
        caller = parse_caller(event, headers, lambda_request_id)
        answer = answer_predict if is_predict(model, event) else answer_inference
        body, document, operation, units = answer(model, event, headers, call_id)
        text = jsontext.encode(document)
    except Exception as error:
        return refusal_response(error, call_id)
    content = body.encode("utf-8", "surrogatepass")
    input_sha256 = sha256_hex(content)
    work = Work(
        operation,
        model.contract.slug,
        model.contract.version,
        units,
        len(content),
        len(text),
        input_sha256,
        round((perf_counter() - started) * 1000, 3),
    )
    record_usage(caller, work)
    answered = response(200, "application/json", text)
    # With the model's version, which the document names, this is the key under which a client may keep the answer.
    answered["headers"]["X-Input-SHA256"] = input_sha256
    return answered


def is_predict(model: Model, event: dict[str, Any]) -> bool:
    """Tell the predict route from those of the Open Inference Protocol.

    Raises
    ------
    NotFoundError
        If it is none of them.
    """
    path, slug = event.get("path") or "", model.contract.slug
    if event["httpMethod"] == "POST":
        if path.endswith(f"/v1/models/{slug}/predict"):
            return True
        if path.endswith((f"/v2/models/{slug}/infer", f"/v2/models/{slug}/versions/{model.contract.version}/infer")):
            return False
    raise NotFoundError("there is no such route")


def answer_predict(
    model: Model, event: dict[str, Any], headers: dict[str, str], call_id: str
) -> tuple[str, dict[str, object], str, int]:
    """Answer a predict call; return the body that came, the answer, the metered operation and the rows answered."""
    wish = parse_query(event, ("explain",)).get("explain", "false")
    explain = parse_explain({"true": True, "false": False}.get(wish), "")
    body = parse_body(event, headers)
    rows = parse_predict(model, jsontext.parse_json(body))
    return body, predict_document(model, rows, call_id, explain=explain), operation_of(explain=explain), len(rows)


def answer_inference(
    model: Model, event: dict[str, Any], headers: dict[str, str], call_id: str
) -> tuple[str, dict[str, object], str, int]:
    """Answer an inference call; return what `answer_predict` returns."""
    from ratecard.serving.inference import binary_refusal, infer_document

    if "inference-header-content-length" in headers:
        raise binary_refusal("")
    parse_query(event, ())
    body = parse_body(event, headers)
    document, explain, units = infer_document(model, jsontext.parse_json(body), call_id)
    return body, document, operation_of(explain=explain), units


def refusal_response(error: Exception, call_id: str) -> dict[str, Any]:
    """Answer an error as a problem document, with Retry-After where waiting helps."""
    document = refusal_document(error, call_id)
    problem = PROBLEMS[str(document["code"])]
    answer = response(problem.status, MEDIA_TYPE, jsontext.encode(document))
    if problem.retry_after_seconds is not None:
        answer["headers"]["Retry-After"] = str(problem.retry_after_seconds)
    return answer


def response(status: int, media_type: str, body: str) -> dict[str, Any]:
    """Build a proxy response; nothing between here and the client may keep a copy."""
    headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
