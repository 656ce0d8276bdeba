"""Errors as problem documents, and failures as log lines without payload."""

from __future__ import annotations

import sys

from ratecard.kernel import jsontext
from ratecard.kernel.errors import RatecardError
from ratecard.kernel.problems import PROBLEMS, problem_document


def refusal_document(error: Exception, call_id: str) -> dict[str, object]:
    """Return the problem document for an error; an unforeseen one is logged and answered without its text."""
    if isinstance(error, RatecardError) and error.code in PROBLEMS:
        places = [{"pointer": one.pointer, "code": one.code, "detail": one.detail} for one in error.problems]
        return problem_document(error.code, call_id, error.detail, places)
    record_failure(error, call_id)
    return problem_document("internal_error", call_id, "the function failed; operators find it under the call_id", [])


def record_failure(error: Exception, call_id: str) -> None:
    """Log where an error was raised and its type; never its text, which could hold a value of the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "unknown"
    line = {"level": "ERROR", "call_id": call_id, "error": type(error).__name__, "where": where}
    sys.stdout.write(jsontext.encode(line) + "\n")
    sys.stdout.flush()
