"""`ratecard models`: what this project publishes."""

from __future__ import annotations

from pathlib import Path

import click

from ratecard_workbench.cli.options import json_option, parameter_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import result_json
from ratecard_workbench.local.models import PublishedModel, list_models
from ratecard_workbench.local.platform import load_project


@click.command()
@project_option
@parameter_option
@json_option
def models(*, project: Path, parameters: dict[str, str], as_json: bool) -> None:
    """List the models with their functions and limits."""
    found = list_models(load_project(project.resolve(), parameters))
    if as_json:
        result_json([_describe(model) for model in found])
        return
    columns = ("model", "version", "title", "function", "memory MB", "timeout s", "at once", "files")
    rows = [
        (
            model.slug,
            model.version,
            model.title,
            model.function.name,
            model.function.memory_megabytes,
            model.function.timeout_seconds,
            model.function.concurrency,
            "yes" if model.batch else "no",
        )
        for model in found
    ]
    print_table(make_table(None, columns, rows))


def _describe(model: PublishedModel) -> dict[str, object]:
    function = model.function
    return {
        "model": model.slug,
        "version": model.version,
        "title": model.title,
        "function": function.name,
        "handler": function.handler,
        "memory_megabytes": function.memory_megabytes,
        "timeout_seconds": function.timeout_seconds,
        "concurrency": function.concurrency,
        "batch_function": model.batch.name if model.batch else None,
        "routes": list(model.routes),
    }
