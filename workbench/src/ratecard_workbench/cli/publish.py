"""`ratecard generate` and `ratecard seal`: what AWS is given, derived from contracts, rate card and build."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ratecard_workbench.publish.generate import stale_files, store_generated
from ratecard_workbench.publish.seal import SealedFunction, seal_build

BUILD = Path(".aws-sam") / "build"

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The project's folder.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is not up to date.")
@root_option
@json_option
def generate(*, check: bool, root: Path, as_json: bool) -> None:
    """Write the files that follow from contracts and prices: the OpenAPI documents and the plans' stack."""
    changed = stale_files(root) if check else store_generated(root)
    if as_json:
        click.echo(json.dumps({"stale" if check else "written": changed}))
    else:
        for path in changed:
            click.echo(path)
    if check and changed:
        raise click.ClickException("not up to date; run `make generate` and commit what it writes")
    click.echo("nothing to write" if not changed else f"{len(changed)} written", err=True)


@click.command()
@click.option("--arch", type=click.Choice(["x86_64", "arm64"]), default="x86_64", help="Processor to be deployed for.")
@click.option(
    "--build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=BUILD,
    help="What sam build wrote.",
)
@json_option
def seal(*, arch: str, build: Path, as_json: bool) -> None:
    """Check what sam build made and write each function's digest, over zip and layers, into its template."""
    sealed = seal_build(build, arch)
    if as_json:
        click.echo(json.dumps([describe(function) for function in sealed]))
        return
    for function in sealed:
        megabytes = f"{function.zip_bytes / 1e6:.2f} MB, {function.total_bytes / 1e6:.1f} MB with layers"
        click.echo(f"{function.name}\t{function.sha256}\t{megabytes}")


def describe(function: SealedFunction) -> dict[str, object]:
    """Return a sealed function as JSON."""
    return {
        "function": function.name,
        "sha256": function.sha256,
        "zip_bytes": function.zip_bytes,
        "total_bytes": function.total_bytes,
    }
