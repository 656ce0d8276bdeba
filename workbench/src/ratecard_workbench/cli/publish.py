"""`ratecard generate`, `events` and `seal`: what AWS is given, derived from contracts, rate card and build."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from ratecard_workbench.cli.options import json_option, project_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.publish.events import event_texts
from ratecard_workbench.publish.files import StaleFilesError, find_stale, store_stale
from ratecard_workbench.publish.generate import generated_texts
from ratecard_workbench.publish.seal import seal_build

BUILD = Path(".aws-sam") / "build"
NATIVE = Path("build") / "native"
check_option = click.option("--check", is_flag=True, help="Write nothing; fail if a file is not up to date.")


@click.command()
@check_option
@project_option
@json_option
def generate(*, check: bool, project: Path, as_json: bool) -> None:
    """Write the files that follow from contracts and prices: the OpenAPI documents and the plans' stack."""
    bring_up_to_date(generated_texts, project.resolve(), check=check, as_json=as_json)


@click.command()
@check_option
@project_option
@json_option
def events(*, check: bool, project: Path, as_json: bool) -> None:
    """Write sample events of every model, each beside the reply of its function with the artifact of today."""
    root = project.resolve()
    os.environ.setdefault("RATECARD_NATIVE_DIR", str(root / NATIVE / machine() / "lib"))
    bring_up_to_date(event_texts, root, check=check, as_json=as_json)


def machine() -> str:
    """Return Lambda's name of this machine's processor."""
    return {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def bring_up_to_date(texts: Callable[[Path], dict[str, str]], root: Path, *, check: bool, as_json: bool) -> None:
    """Write the files that differ from their texts, or only name them.

    Raises
    ------
    StaleFilesError
        If a check finds one that differs.
    """
    changed = find_stale(root, texts(root)) if check else store_stale(root, texts(root))
    if as_json:
        result_json({"stale" if check else "written": changed})
    else:
        for path in changed:
            click.echo(path)
    if check and changed:
        raise StaleFilesError("not up to date; run the command without --check and commit what it writes")
    message(f"{len(changed)} written" if changed else "all up to date")


@click.command()
@click.option("--arch", type=click.Choice(["x86_64", "arm64"]), default="x86_64", help="Processor to be deployed for.")
@click.option(
    "--build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=BUILD,
    show_default=True,
    help="What sam build wrote.",
)
@json_option
def seal(*, arch: str, build: Path, as_json: bool) -> None:
    """Check what sam build made and write into its template a digest of each function: zip, layers, properties."""
    sealed = seal_build(build, arch)
    if as_json:
        result_json([asdict(function) for function in sealed])
        return
    rows = [(one.name, one.sha256[:16], f"{one.zip_bytes / 1e6:.2f}", f"{one.total_bytes / 1e6:.1f}") for one in sealed]
    print_table(make_table(None, ("function", "digest", "zip MB", "with layers MB"), rows))
