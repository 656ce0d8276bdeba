"""The rows that a sampled explanation compares with: `background.json`, listed in the manifest like every file.

One JSON object::

    {"format": 1, "pairs": 2, "rows": [[200000.0, 1.0, null], ...]}

`rows` are engine rows of the population the model was trained on, null for a missing value and text only where the
graph takes text. `pairs` is how many orders of the columns, each with its reverse, are tried against each of them: what
an explanation costs is 2 * pairs * rows * (columns - 1) scores, and its error falls with the root of that.
"""

from __future__ import annotations

from math import isfinite

from ratecard.engines.files import load_bytes
from ratecard.kernel.errors import ArtifactError, InvalidJsonError
from ratecard.kernel.jsontext import parse_json
from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from ratecard.engines.manifest import Manifest

    EngineRow: TypeAlias = list[float | str]

FILE_NAME = "background.json"
FORMAT = 1

FEWEST_PAIRS = 2
"""One pair against each row would tell nothing of how much two pairs differ."""

MOST_SCORES = 100_000
"""Scores an explanation may take: more than any function has time for."""


class Background(Value):
    """What a row is compared with.

    Attributes
    ----------
    rows : list of lists
        At least one, of the engine's columns; NaN is missing.
    pairs : int
        Orders of the columns tried against each row, each with its reverse; at least 2.
    """

    rows: list[EngineRow]
    pairs: int


def load_background(directory: str, manifest: Manifest) -> Background:
    """Read an artifact's background rows.

    Parameters
    ----------
    directory : str
        The artifact's folder.
    manifest : Manifest
        What `load_manifest` answered for that folder; it has verified the digests.

    Raises
    ------
    ArtifactError
        If the artifact has none, or they are malformed or of other columns.
    """
    if FILE_NAME not in manifest.files:
        raise ArtifactError(f"an ONNX graph explains its rows against {FILE_NAME}, which the artifact does not list")
    try:
        raw: Any = parse_json(load_bytes(directory, FILE_NAME).decode())
    except OSError as error:
        raise ArtifactError(f"{FILE_NAME} cannot be read: {error.strerror}") from error
    except (InvalidJsonError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{FILE_NAME} is not JSON") from error
    return parse_background(raw, len(manifest.columns))


def parse_background(raw: Any, columns: int) -> Background:
    """Check what the file holds.

    Raises
    ------
    ArtifactError
        If it is not what this module's description says, or its explanations would take more than `MOST_SCORES` scores.
    """
    if type(raw) is not dict or raw.keys() != {"format", "pairs", "rows"} or raw["format"] != FORMAT:
        raise ArtifactError(f"{FILE_NAME} is not an object of format {FORMAT}, with pairs and rows")
    pairs, rows = raw["pairs"], raw["rows"]
    if type(pairs) is not int or pairs < FEWEST_PAIRS:
        raise ArtifactError(f"{FILE_NAME}: pairs must be a whole number from {FEWEST_PAIRS}")
    if type(rows) is not list or not rows:
        raise ArtifactError(f"{FILE_NAME} has no rows")
    if 2 * pairs * len(rows) * columns > MOST_SCORES:
        raise ArtifactError(f"{FILE_NAME} asks for more than {MOST_SCORES} scores for an explanation")
    return Background([_parse_row(row, columns) for row in rows], pairs)


def _parse_row(row: Any, columns: int) -> EngineRow:
    if type(row) is not list or len(row) != columns:
        raise ArtifactError(f"{FILE_NAME} has a row of other columns than the manifest's")
    return [_parse_value(value) for value in row]


def _parse_value(value: Any) -> float | str:
    if value is None:
        return float("nan")
    if type(value) is str or (type(value) is float and isfinite(value)):
        return value
    if type(value) is int and abs(value) < 1 << 53:
        return float(value)
    raise ArtifactError(f"{FILE_NAME} has a value that is no finite number, text or null")
