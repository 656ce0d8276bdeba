"""From untrusted JSON to typed rows: the one place where a row is accepted or refused."""

from __future__ import annotations

from ratecard.contract.features import Refusal
from ratecard.kernel.errors import InvalidRequestError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from ratecard.contract.features import Feature

    Row: TypeAlias = tuple[float | int | str | bool | None, ...]
else:
    Row = tuple

MAX_PROBLEMS = 32
"""A refusal lists at most so many problems."""

MAX_NAME = 64
"""Longer names of unknown fields are cut in a pointer."""


def pointer_step(name: str) -> str:
    """Write one member name as a step of a JSON Pointer (RFC 6901), cut to a harmless length and alphabet."""
    shown = "".join(character if character.isprintable() else "?" for character in name[:MAX_NAME])
    return "/" + shown.replace("~", "~0").replace("/", "~1")


def parse_row(features: Sequence[Feature], instance: object, pointer: str) -> tuple[Row, list[Problem]]:
    """Parse one row.

    Parameters
    ----------
    features : sequence of Feature
        The contract's features.
    instance : object
        What JSON gave.
    pointer : str
        JSON Pointer to the row.

    Returns
    -------
    tuple
        Values in the order of the features, and what is wrong; the values count only if nothing is.
    """
    if type(instance) is not dict:
        return (), [Problem(pointer, "wrong_type", "must be an object with one member for each feature")]
    values: list[float | int | str | bool | None] = []
    problems: list[Problem] = []
    absent = 0
    for feature in features:
        name = feature.name
        if name not in instance:
            absent += 1
            values.append(None)
            if not feature.missing:
                problems.append(Problem(f"{pointer}/{name}", "missing_field", "is required"))
            continue
        try:
            values.append(feature.parse(instance[name]))
        except Refusal as refusal:
            problems.append(Problem(f"{pointer}/{name}", refusal.code, refusal.detail))
    if len(instance) + absent > len(features):
        known = {feature.name for feature in features}
        unknown = sorted(name for name in instance if name not in known)[:MAX_PROBLEMS]
        problems += [Problem(pointer + pointer_step(name), "unknown_field", "is not a feature") for name in unknown]
    return tuple(values), problems


def parse_rows(features: Sequence[Feature], instances: object, max_rows: int, pointer: str) -> list[Row]:
    """Parse the rows of one request.

    Raises
    ------
    InvalidRequestError
        With up to `MAX_PROBLEMS` problems, in the order of the rows.
    """
    if type(instances) is not list:
        raise refusal_of(Problem(pointer, "wrong_type", "must be an array of rows"))
    if not instances:
        raise refusal_of(Problem(pointer, "no_rows", "must hold at least one row"))
    if len(instances) > max_rows:
        raise refusal_of(Problem(pointer, "too_many_rows", f"must hold at most {max_rows} rows"))
    rows: list[Row] = []
    problems: list[Problem] = []
    for index, instance in enumerate(instances):
        row, found = parse_row(features, instance, f"{pointer}/{index}")
        rows.append(row)
        problems += found
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise refusal_of(*problems)
    return rows


def refusal_of(*problems: Problem, whole: str = "the body") -> InvalidRequestError:
    """Build the error that carries the first `MAX_PROBLEMS` of these problems and counts the others.

    Parameters
    ----------
    problems : Problem
        At least one.
    whole : str
        What the pointer "" means, in words.
    """
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidRequestError(f"{first.pointer or whole} {first.detail}{more}", problems[:MAX_PROBLEMS])
