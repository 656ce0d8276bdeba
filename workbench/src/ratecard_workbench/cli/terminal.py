"""How commands speak: results to stdout, messages to stderr, failures as exit codes."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import click

from ratecard.kernel.errors import ErrorKind, RatecardError

# 2 is click's own code for a wrong command line.
EXIT_CODES = {
    ErrorKind.INVALID: 65,
    ErrorKind.FORBIDDEN: 77,
    ErrorKind.NOT_FOUND: 66,
    ErrorKind.TOO_LARGE: 65,
    ErrorKind.UNSUPPORTED: 65,
    ErrorKind.THROTTLED: 75,
    ErrorKind.CONFLICT: 73,
    ErrorKind.INTERNAL: 70,
    ErrorKind.UNAVAILABLE: 69,
    ErrorKind.TIMEOUT: 75,
}
"""Exit code by error kind, after BSD's sysexits.h."""


def message(text: str) -> None:
    """Tell the person something that is not the result."""
    click.echo(text, err=True)


def result_json(result: Any) -> None:
    """Print the result as one line of JSON, for programs."""
    click.echo(json.dumps(result, ensure_ascii=False, default=str))


def fail(error: RatecardError) -> NoReturn:
    """Print what went wrong and end with the code of the error's kind."""
    click.echo(f"ratecard: {error.detail}", err=True)
    for problem in error.problems:
        click.echo(f"  {problem.pointer}: {problem.detail}", err=True)
    raise SystemExit(EXIT_CODES[error.kind])
