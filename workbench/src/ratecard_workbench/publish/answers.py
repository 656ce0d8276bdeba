"""Answers and refusals in the reference document: every status a client can meet, with headers and body."""

from __future__ import annotations

from ratecard.contract.schema import Schema, closed_object
from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX, ProblemType
from ratecard.metering.usage import MAX_IDEMPOTENCY_KEY
from ratecard_workbench.publish.mapping import PLACE

Document = dict[str, object]

EXAMPLE_CALL_ID = "JKJaXmPLvHcESHA="

ACCOUNT_CODES = ("no_usage", "no_invoice", "no_batch", "already_uploaded")
FUNCTION_REFUSALS = tuple(code for code in PROBLEMS if code not in ACCOUNT_CODES)
DESCRIPTION_REFUSALS = (
    "invalid_request",
    "forbidden",
    "not_found",
    "unsupported_media_type",
    "throttled",
    "internal_error",
)


def reference_to(name: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def idempotency_key(effect: str) -> Document:
    """Describe the header that makes a retry free.

    Parameters
    ----------
    effect : str
        A sentence on what it does.
    """
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY, "pattern": "^[ -~]+$"},
        "description": effect,
    }


def problem_schema() -> Schema:
    """Return the schema of a refusal (RFC 9457)."""
    place = closed_object(
        {
            "pointer": {"type": "string", "description": "JSON Pointer into the request; empty for the whole of it."},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        }
    )
    return closed_object(
        {
            "type": {"type": "string", "enum": [TYPE_PREFIX + code for code in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer", "enum": sorted({problem.status for problem in PROBLEMS.values()})},
            "code": {"type": "string", "enum": list(PROBLEMS)},
            "detail": {"type": "string"},
            "action": {"type": "string", "description": "What to do about it."},
            "call_id": {"type": "string"},
            "errors": {"type": "array", "items": place},
            "error": {"type": "string", "description": "Code and detail, for Open Inference Protocol clients."},
        }
    )


def function_responses(answer: Schema) -> Document:
    """Return all answers of a route that takes rows."""
    served = {"description": "Served, and billed.", "content": {"application/json": {"schema": answer}}}
    return {"200": served, **refusals(FUNCTION_REFUSALS)}


def description_responses(answer: Document) -> Document:
    """Return all answers of a route that describes."""
    schema = schema_of({**answer, "call_id": EXAMPLE_CALL_ID})
    example = {name: EXAMPLE_CALL_ID if value == PLACE else value for name, value in answer.items()}
    served = {
        "description": "The description.",
        "content": {"application/json": {"schema": schema, "example": example}},
    }
    return {"200": served, **refusals(DESCRIPTION_REFUSALS)}


def schema_of(answer: Document) -> Schema:
    """Return a schema of a description: which members it has and of which JSON type."""
    names: dict[type, str] = {str: "string", bool: "boolean", list: "array", dict: "object", int: "integer"}
    properties: dict[str, Schema] = {name: {"type": names[type(value)]} for name, value in answer.items()}
    for name, value in answer.items():
        if isinstance(value, list):
            properties[name]["items"] = {"type": names[type(value[0])]} if value else {}
    return closed_object(properties)


def refusals(codes: tuple[str, ...]) -> Document:
    """Return refusals by status; two codes with one status share an entry."""
    by_status: dict[int, list[ProblemType]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
    return {str(status): refusal(by_status[status]) for status in sorted(by_status)}


def refusal(problems: list[ProblemType]) -> Document:
    """Return one status."""
    described: Document = {
        "description": " / ".join(f"{problem.code}: {problem.title}. {problem.action}" for problem in problems),
        "content": {MEDIA_TYPE: {"schema": reference_to("Problem")}},
    }
    if any(problem.retry_after_seconds is not None for problem in problems):
        seconds = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait."}
        described["headers"] = {"Retry-After": seconds}
    return described
