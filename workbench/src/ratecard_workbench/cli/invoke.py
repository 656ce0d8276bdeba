"""`ratecard invoke`: one event, one function, no gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import click
import uvloop

from ratecard.kernel.errors import InvalidJsonError, NotFoundError
from ratecard.kernel.jsontext import describe_syntax
from ratecard_workbench.cli.options import home_option, json_option, parameter_option, project_option
from ratecard_workbench.cli.terminal import message
from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.home import Home
from ratecard_workbench.local.invocation import LineListener, invoke_once
from ratecard_workbench.local.models import PublishedModel, get_model
from ratecard_workbench.local.platform import load_project, make_surroundings


@click.command()
@click.argument("model")
@click.argument("event", type=click.File("rb"))
@click.option("--batch", is_flag=True, help="Run the function that scores files.")
@project_option
@home_option
@parameter_option
@json_option
def invoke(
    *,
    model: str,
    event: BinaryIO,
    batch: bool,
    project: Path,
    home: Path,
    parameters: dict[str, str],
    as_json: bool,
) -> None:
    """Run a MODEL's function once with the EVENT in a file (- is stdin), as `sam local invoke` does.

    Prints what the function returned; its log and its usage line go to stderr. Such a call is not billed.
    """
    root = project.resolve()
    read = load_project(root, parameters)
    place = Home(home.resolve())
    place.prepare()
    spec = _choose(get_model(read, model), batch=batch)
    surroundings = make_surroundings(root, place, read.application)
    content = _parse_event(event.read())
    listener = LineListener(lambda kind, line: message(f"[{kind}] {line}"))
    reply = json.loads(uvloop.run(invoke_once(spec, surroundings, content, listener)))
    # Pretty for people; one line for programs.
    click.echo(json.dumps(reply, ensure_ascii=False, indent=None if as_json else 2))


def _choose(model: PublishedModel, *, batch: bool) -> FunctionSpec:
    if not batch:
        return model.function
    if model.batch is None:
        raise NotFoundError(f"{model.slug} has no function that scores files")
    return model.batch


def _parse_event(content: bytes) -> bytes:
    try:
        json.loads(content)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(f"the event is {describe_syntax(error)}") from None
    except (ValueError, RecursionError):
        raise InvalidJsonError("the event is not JSON") from None
    return content
