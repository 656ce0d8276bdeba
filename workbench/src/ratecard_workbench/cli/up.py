"""`ratecard up`: the platform on this machine."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click
import uvloop

from ratecard_workbench.cli.options import home_option, json_option, parameter_option, project_option
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.local.demo import curl_line, find_sample_call
from ratecard_workbench.local.platform import Options, Platform, Standing
from ratecard_workbench.local.server import is_loopback


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--idle-seconds", default=300.0, show_default=True, help="How long an idle process is kept.")
@click.option("--drain-seconds", default=30.0, show_default=True, help="How long calls may still take at the end.")
@click.option(
    "--refresh-seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1.0),
    help="How often usage is counted for customers, and prepaid balances are netted.",
)
@project_option
@home_option
@parameter_option
@json_option
def up(  # noqa: PLR0913 - one parameter for each option
    *,
    host: str,
    port: int,
    idle_seconds: float,
    drain_seconds: float,
    refresh_seconds: float,
    project: Path,
    home: Path,
    parameters: dict[str, str],
    as_json: bool,
) -> None:
    """Run the platform on this machine until Ctrl-C."""
    options = Options(
        root=project.resolve(),
        home=home,
        host=host,
        port=port,
        parameters=parameters,
        idle_seconds=idle_seconds,
        drain_seconds=drain_seconds,
        refresh_seconds=refresh_seconds,
    )
    if not is_loopback(host):
        message(f"warning: {host} lets other machines call this platform, without encryption")
    uvloop.run(_run(options, as_json=as_json))


async def _run(options: Options, *, as_json: bool) -> None:
    platform = Platform(options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, platform.stop)
    await platform.run(_announce_json if as_json else _announce)
    message("stopped")


def _curl(standing: Standing) -> str | None:
    sample = find_sample_call(standing.project.application, standing.project.definition)
    return curl_line(standing.base_url, standing.demo.secret, *sample) if sample else None


def _announce(standing: Standing) -> None:
    stage = standing.project.application.stage.name
    message(f"The platform stands (stage {stage}). Ctrl-C stops it.\n")
    click.echo(f"address    {standing.base_url}")
    click.echo(f"demo key   {standing.demo.secret}   (key {standing.demo.key.id}, plan {standing.demo.key.plan})")
    click.echo(f"files      {standing.inbox}/{standing.demo.key.customer_id}/<model>/")
    curl = _curl(standing)
    if curl is not None:
        message("\nYour first call:\n")
        click.echo(curl)


def _announce_json(standing: Standing) -> None:
    key = standing.demo.key
    result_json(
        {
            "url": standing.base_url,
            "inbox": str(standing.inbox),
            "host": standing.host,
            "port": standing.port,
            "stage": standing.project.application.stage.name,
            "demo": {"key_id": key.id, "plan": key.plan, "customer": key.customer_id, "key": standing.demo.secret},
            "curl": _curl(standing),
        }
    )
