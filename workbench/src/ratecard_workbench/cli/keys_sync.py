"""`ratecard keys sync`: keys at API Gateway follow the accounts of a deployed stage."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ratecard.kernel.errors import ErrorKind, Problem, RatecardError
from ratecard.storage.gateway_keys import REPORTED, Step, StepKind
from ratecard_workbench.cli.options import json_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json
from ratecard_workbench.cloud.stages import open_stage

WORDS = {
    StepKind.RECORD: "note whose its id is",
    StepKind.LEAVE: "take out of plan",
    StepKind.JOIN: "put into plan",
    StepKind.ENABLE: "let through",
    StepKind.DISABLE: "stop",
    StepKind.RETIRE: "note that another took its place",
    StepKind.DELETE: "delete",
    StepKind.NO_SECRET: "has no secret at the gateway: rotate it",
    StepKind.NO_PLAN: "its plan is not deployed",
}


class KeysWaitingError(RatecardError):
    """Keys that only a person can mend."""

    code = "keys_waiting"
    kind = ErrorKind.CONFLICT


@click.command()
@click.option("--stage", required=True, help="The deployed stage, for example prod.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def sync(*, stage: str, dry_run: bool, as_json: bool) -> None:
    """Make the keys at API Gateway as the accounts say; a second run has nothing to do.

    The stage's own function does the same every five minutes. No secret is made or shown here.
    """
    keys = open_stage(stage).keys()
    steps = keys.preview() if dry_run else keys.sync(lambda step: message(_sentence(step)))
    done = [step for step in steps if step.kind not in REPORTED]
    waiting = [step for step in steps if step.kind in REPORTED]
    if as_json:
        result_json({"dry_run": dry_run, "steps": [_describe(step) for step in steps]})
    elif dry_run:
        _show(steps)
    else:
        message(f"{len(done)} change(s) at the gateway")
    if waiting:
        problems = tuple(Problem(step.key_id, step.kind.value, WORDS[step.kind]) for step in waiting)
        raise KeysWaitingError(f"{len(waiting)} key(s) wait for a person", problems)


def _show(steps: Sequence[Step]) -> None:
    rows = [(step.key_id or "unknown", step.gateway_id, WORDS[step.kind], step.plan) for step in steps]
    print_table(make_table(None, ("key", "gateway's key", "step", "plan"), rows))


def _sentence(step: Step) -> str:
    return " ".join(part for part in (step.key_id or "unknown", step.gateway_id, WORDS[step.kind], step.plan) if part)


def _describe(step: Step) -> dict[str, str]:
    return {"step": step.kind.value, "key_id": step.key_id, "gateway_id": step.gateway_id, "plan": step.plan}
