"""The predict operation, the same for REST and for direct invocation."""

from __future__ import annotations

from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import InvalidJsonError, InvalidRequestError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Row
    from ratecard.serving.model import Model


def parse_predict(model: Model, document: object) -> list[Row]:
    """Parse the body of a predict call: one row, or ``{"instances": [row, ...]}``.

    Raises
    ------
    InvalidJsonError
        If it is no object.
    InvalidRequestError
        If it breaks the contract, with a JSON Pointer for every problem.
    """
    if type(document) is not dict:
        raise InvalidJsonError('the body must be a JSON object: one row, or {"instances": [row, ...]}')
    if "instances" not in document:
        return parse_single(model, document)
    extra = sorted(name for name in document if name != "instances")
    if extra:
        raise refusal_of(Problem("", "unknown_field", "must have no member beside instances"))
    return model.contract.parse_rows(document["instances"])


def parse_single(model: Model, row: object) -> list[Row]:
    """Parse a body that is one row.

    Raises
    ------
    InvalidRequestError
        If it breaks the contract.
    """
    values, problems = model.contract.parse_row(row)
    if problems:
        raise refusal_of(*problems)
    return [values]


def predict_document(model: Model, rows: list[Row], call_id: str, *, explain: bool) -> dict[str, object]:
    """Score rows and write the answer, predictions in the order of the rows."""
    return {
        "model": model.contract.slug,
        "version": model.contract.version,
        "call_id": call_id,
        "predictions": model.predict(rows, explain=explain),
    }


def operation_of(*, explain: bool) -> str:
    """Name the metered operation."""
    return "explain" if explain else "predict"


def parse_explain(value: object, pointer: str) -> bool:
    """Read the wish for reasons: true or false.

    Raises
    ------
    InvalidRequestError
        If it is anything else.
    """
    if type(value) is bool:
        return value
    raise InvalidRequestError(
        "explain must be true or false", (Problem(pointer, "bad_parameter", "explain must be true or false"),)
    )
