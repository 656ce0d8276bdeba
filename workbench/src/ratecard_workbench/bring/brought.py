"""What came back from the fenced process, parsed: nothing of it is trusted to be more than text and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ratecard.engines.manifest import BY_CLASS, OUTPUTS, SUFFIXES
from ratecard_workbench.bring.jail import BringError, printable

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
KINDS = ("number", "integer", "category", "boolean")
MOST_CLASSES = 50


@dataclass(frozen=True, slots=True)
class BroughtField:
    """One field of the contract to be written; see `fields.Field`."""

    column: str
    name: str
    kind: str
    missing: bool
    smallest: float | int | None
    largest: float | int | None
    minimum: float | int | None
    maximum: float | int | None
    values: tuple[str, ...]
    sample: Any


@dataclass(frozen=True, slots=True)
class Brought:
    """A lowered model, as the parent process knows it.

    Attributes
    ----------
    engine, engine_version, output : str
        As the manifest names them.
    slope, intercept : float
        Calibration.
    classes : tuple of str
        Labels; empty for a value.
    fields : tuple of BroughtField
        In the order of the engine's columns.
    rows : list of dict
        The compared rows, as clients would send them.
    reference : list
        The training library's answers to them.
    sampled : int
        Rows of the sample.
    steps : str
        The model in a line.
    notes : tuple of str
        What its owner should know.
    trained_with, quality : mapping
        Library versions it was read with; its answers against the sample's target.
    """

    engine: str
    engine_version: str
    output: str
    slope: float
    intercept: float
    classes: tuple[str, ...]
    fields: tuple[BroughtField, ...]
    rows: list[dict[str, Any]]
    reference: list[Any]
    sampled: int
    steps: str
    notes: tuple[str, ...]
    trained_with: Mapping[str, str]
    quality: Mapping[str, float]


def parse_brought(answer: Mapping[str, Any]) -> Brought:
    """Parse the answer of the fenced process.

    Raises
    ------
    BringError
        If it is not what `reader` writes, or has more classes than can be served.
    """
    try:
        brought = Brought(
            engine=str(answer["engine"]),
            engine_version=printable(answer["engine_version"]),
            output=str(answer["output"]),
            slope=float(answer["slope"]),
            intercept=float(answer["intercept"]),
            classes=tuple(str(one)[:100] for one in answer["classes"]),
            fields=tuple(_parse_field(one) for one in answer["fields"]),
            rows=list(answer["rows"]),
            reference=list(answer["reference"]),
            sampled=int(answer["sampled"]),
            steps=printable(answer["steps"])[:500],
            notes=tuple(printable(one)[:300] for one in answer["notes"]),
            trained_with={str(name): printable(one) for name, one in answer["trained_with"].items()},
            quality={str(name): float(one) for name, one in answer["quality"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BringError("the process that opened the model did not answer as it should") from error
    if brought.engine not in SUFFIXES or brought.output not in OUTPUTS or not isfinite(brought.slope):
        raise BringError("the process that opened the model did not answer as it should")
    if len(brought.classes) > MOST_CLASSES or (brought.output in BY_CLASS and len(brought.classes) < 2):
        raise BringError(
            f"the model tells {len(brought.classes)} classes apart; from 2 to {MOST_CLASSES} can be served"
        )
    return brought


def _parse_field(raw: Mapping[str, Any]) -> BroughtField:
    name, kind = str(raw["name"]), str(raw["kind"])
    if not NAME.fullmatch(name) or kind not in KINDS:
        raise ValueError(name)
    return BroughtField(
        column=str(raw["column"])[:200],
        name=name,
        kind=kind,
        missing=bool(raw["missing"]),
        smallest=raw["smallest"],
        largest=raw["largest"],
        minimum=raw["minimum"],
        maximum=raw["maximum"],
        values=tuple(str(one) for one in raw["values"] or ()),
        sample=raw["sample"],
    )
