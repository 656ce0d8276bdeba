"""The catalogue of refusals a client can meet: one stable code each, the same from the gateway and from a function."""

from __future__ import annotations

from ratecard.kernel.value import Value

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ratecard:problem:"


class ProblemType(Value):
    """One kind of refusal.

    Attributes
    ----------
    code : str
        Stable name; the problem's `type` is ``urn:ratecard:problem:<code>``.
    status : int
        HTTP status.
    title : str
        What it means, the same for every occurrence.
    action : str
        What the client can do about it.
    retry_after_seconds : int or None
        Value of the Retry-After header where waiting helps.
    """

    code: str
    status: int
    title: str
    action: str
    retry_after_seconds: int | None = None


PROBLEMS: dict[str, ProblemType] = {
    problem.code: problem
    for problem in (
        ProblemType(
            "invalid_json", 400, "The body is not a JSON object", "Send one JSON object (RFC 8259), encoded as UTF-8."
        ),
        ProblemType(
            "invalid_request",
            400,
            "The request breaks the model's contract",
            "Correct every place named in errors and send the request again; it was not billed.",
        ),
        ProblemType(
            "forbidden",
            403,
            "The API key is missing, unknown, disabled or not in a plan for this API",
            "Send a valid key in the header x-api-key.",
        ),
        ProblemType(
            "not_found",
            404,
            "There is no such route",
            "Check the method and the path; GET /v1/models lists the models.",
        ),
        ProblemType(
            "no_usage",
            404,
            "Nothing has been counted for that period",
            "Name a period as year and month, or wait: calls are counted once a minute.",
        ),
        ProblemType(
            "no_invoice",
            404,
            "You have no such invoice or credit note",
            "GET /v1/invoices lists what you have.",
        ),
        ProblemType(
            "no_batch",
            404,
            "You have no such batch",
            "Send the id that POST /v1/models/{slug}/batches answered, with a key of the same customer.",
        ),
        ProblemType(
            "already_uploaded",
            412,
            "The batch has its file",
            "Read what has become of it; for another file, ask for another batch.",
        ),
        ProblemType(
            "payload_too_large", 413, "The body is too large", "Send fewer rows a call, or the rows as a file."
        ),
        ProblemType(
            "unsupported_media_type",
            415,
            "The body's media type is not supported",
            "Send JSON with Content-Type: application/json.",
        ),
        ProblemType(
            "throttled",
            429,
            "Too many requests a second for this plan",
            "Wait as Retry-After says, then retry with backoff.",
            retry_after_seconds=1,
        ),
        ProblemType(
            "quota_exceeded",
            429,
            "The plan's quota is used up",
            "Wait for the next quota period or move to a larger plan; retrying does not help.",
            retry_after_seconds=3600,
        ),
        ProblemType(
            "internal_error",
            500,
            "The platform failed to answer",
            "Retry once; if it fails again, report the call_id. The call was not billed.",
        ),
        ProblemType(
            "concurrency_limit",
            503,
            "The model is at its concurrency limit",
            "Wait as Retry-After says, then retry with backoff. The call was not billed.",
            retry_after_seconds=1,
        ),
        ProblemType(
            "timeout",
            504,
            "The model did not answer in time",
            "Retry with fewer rows. The call was not billed.",
        ),
    )
}


def problem_document(code: str, call_id: str, detail: str, errors: list[dict[str, str]]) -> dict[str, object]:
    """Build the body of a refusal (RFC 9457, with the members `code`, `action`, `call_id`, `errors` and `error`).

    Parameters
    ----------
    code : str
        A key of `PROBLEMS`; any other is answered as internal_error.
    call_id : str
        The id under which operators find the call.
    detail : str
        One sentence on this occurrence.
    errors : list of dict
        Members pointer, code and detail for each place that is wrong.

    Returns
    -------
    dict
        `error` repeats code and detail in one string, for clients of the Open Inference Protocol.
    """
    known = PROBLEMS.get(code) or PROBLEMS["internal_error"]
    return {
        "type": TYPE_PREFIX + known.code,
        "title": known.title,
        "status": known.status,
        "code": known.code,
        "detail": detail,
        "action": known.action,
        "call_id": call_id,
        "errors": errors,
        "error": f"{known.code}: {detail}",
    }
