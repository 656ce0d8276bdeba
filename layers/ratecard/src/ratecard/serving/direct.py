"""The direct door: `sam local invoke`, `aws lambda invoke` and tests send the body itself as the event."""

from __future__ import annotations

from time import perf_counter, time

from ratecard.kernel import jsontext
from ratecard.kernel.digest import sha256_hex
from ratecard.metering.usage import Caller, Work, record_usage
from ratecard.serving.prediction import operation_of, parse_explain, parse_predict, predict_document
from ratecard.serving.refusal import refusal_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ratecard.serving.model import Model


def answer_direct(model: Model, event: dict[str, Any], lambda_request_id: str) -> dict[str, Any]:
    """Answer one direct invocation.

    Parameters
    ----------
    model : Model
        Ready to score.
    event : dict
        The body of a predict call, with an optional member `explain` beside `instances`.
    lambda_request_id : str
        The call's id. No gateway counted it, so it is never billable.

    Returns
    -------
    dict
        The document that the REST door would answer with, refusals included.
    """
    started = perf_counter()
    try:
        body = dict(event) if type(event) is dict else {}
        # Beside `instances`, `explain` is the wish for reasons; in a bare row it could only be a field.
        explain = parse_explain(body.pop("explain", False), "/explain") if "instances" in body else False
        rows = parse_predict(model, body)
        document = predict_document(model, rows, lambda_request_id, explain=explain)
        text = jsontext.encode(document)
    except Exception as error:
        return refusal_document(error, lambda_request_id)
    content = jsontext.encode(event).encode()
    contract = model.contract
    caller = Caller(
        lambda_request_id, "/direct", int(time() * 1000), "direct", None, lambda_request_id, None, None, billable=False
    )
    work = Work(
        operation=operation_of(explain=explain),
        model=contract.slug,
        model_version=contract.version,
        units=len(rows),
        request_bytes=len(content),
        response_bytes=len(text),
        input_sha256=sha256_hex(content),
        latency_ms=round((perf_counter() - started) * 1000, 3),
    )
    record_usage(caller, work)
    return document
