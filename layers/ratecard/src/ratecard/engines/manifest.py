"""An artifact's manifest: what was trained, from what, and the digest of every file that is deployed with it."""

from __future__ import annotations

import os
from math import isfinite

from ratecard.engines.files import load_bytes
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ArtifactError, InvalidJsonError
from ratecard.kernel.jsontext import parse_json
from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FORMAT = 1
FILE_NAME = "manifest.json"

#: How a model file of each engine ends; an artifact has exactly one.
SUFFIXES = {"lightgbm": ".txt", "xgboost": ".ubj", "onnx": ".onnx", "scorecard": "scorecard.json", "text": ".words"}

#: The manifest's members and their JSON types; nothing else may stand in it.
MEMBERS = {
    "format": int,
    "model": str,
    "version": str,
    "engine": str,
    "engine_version": str,
    "files": dict,
    "columns": list,
    "output": str,
    "calibration": dict,
    "metrics": dict,
    "recipe": dict,
    "data_sha256": str,
    "trained_with": dict,
}

#: What an engine's scores can be; `by_class` is one score for each of at least two classes.
LOG_ODDS, LOG_ODDS_BY_CLASS = "log_odds", "log_odds_by_class"
PROBABILITY, PROBABILITY_BY_CLASS = "probability", "probability_by_class"
VALUE = "value"
BY_CLASS = (LOG_ODDS_BY_CLASS, PROBABILITY_BY_CLASS)
OUTPUTS = (LOG_ODDS, PROBABILITY, *BY_CLASS, VALUE)

HEX_DIGITS = frozenset("0123456789abcdef")


class Calibration(Value):
    """Platt's fit on the margin: calibrated log-odds = slope * margin + intercept.

    Of scores by class only the slope is used, as an inverse temperature; a value is not calibrated.

    Attributes
    ----------
    slope : float
        Finite, above 0: calibration does not turn the order of the scores around.
    intercept : float
        Finite, in log-odds.
    """

    slope: float
    intercept: float


class Manifest(Value):
    """A verified manifest.

    Attributes
    ----------
    model, version : str
        The model's slug and version.
    engine : str
        "lightgbm", "xgboost", "onnx", "scorecard" or "text".
    engine_version : str
        Version of the library the artifact was made with, "major.minor.patch".
    model_file : str
        Name of the file the engine loads.
    files : mapping of str to str
        SHA-256 (64 lower-case hexadecimal digits) by file name, of every file beside the manifest.
    columns : tuple of str
        Names of the engine's columns, in order; unique.
    output : str
        What the engine's scores are: "log_odds" (one margin), "probability" (one fraction; its margin is its log-odds),
        "log_odds_by_class" (their softmax is the probabilities), "probability_by_class" (fractions that sum to 1) or
        "value" (one real number).
    calibration : Calibration
        From the engine's margin to calibrated log-odds.
    metrics, recipe, trained_with : mapping
        What was measured, the recipe it came from, and the versions used: for people and the workbench.
    data_sha256 : str
        Digest of the training data.
    """

    model: str
    version: str
    engine: str
    engine_version: str
    model_file: str
    files: Mapping[str, str]
    columns: tuple[str, ...]
    output: str
    calibration: Calibration
    metrics: Mapping[str, object]
    recipe: Mapping[str, object]
    trained_with: Mapping[str, object]
    data_sha256: str


def load_manifest(directory: str | os.PathLike[str]) -> Manifest:
    """Read an artifact's manifest and verify every file beside it.

    Parameters
    ----------
    directory : path
        The artifact's folder.

    Returns
    -------
    Manifest
        All files it lists are there with their digests, and there is no other file.

    Raises
    ------
    ArtifactError
        If the manifest is missing or malformed, or a file is missing, changed or not listed.
    """
    folder = os.fspath(directory)
    manifest = parse_manifest(_read(folder, FILE_NAME))
    found = {entry.name for entry in os.scandir(folder)} - {FILE_NAME}
    if extra := sorted(found - manifest.files.keys()):
        # A file nobody vouches for is a mistake in packing, or worse.
        raise ArtifactError(f"the artifact holds {extra[0]!r}, which its manifest does not list")
    for name, digest in manifest.files.items():
        if sha256_hex(_read(folder, name)) != digest:
            raise ArtifactError(f"the artifact's file {name} is not the one that was exported: its SHA-256 differs")
    return manifest


def parse_manifest(text: bytes) -> Manifest:
    """Parse a manifest's text.

    Raises
    ------
    ArtifactError
        If it is not JSON, lacks a member, has an unknown one, or one of them is malformed.
    """
    try:
        raw: Any = parse_json(text.decode())
    except (InvalidJsonError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{FILE_NAME} is not JSON") from error
    _check_members(raw)
    if raw["format"] != FORMAT:
        raise ArtifactError(f"{FILE_NAME} is of format {raw['format']}; this library reads format {FORMAT}")
    if raw["engine"] not in SUFFIXES:
        raise ArtifactError(f"{FILE_NAME}: engine is none of {', '.join(SUFFIXES)}")
    files = _parse_files(raw["files"])
    return Manifest(
        model=raw["model"],
        version=raw["version"],
        engine=raw["engine"],
        engine_version=raw["engine_version"],
        model_file=_parse_model_file(files, SUFFIXES[raw["engine"]]),
        files=files,
        columns=_parse_columns(raw["columns"]),
        output=_parse_output(raw["output"], raw["engine"]),
        calibration=_parse_calibration(raw["calibration"], raw["output"]),
        metrics=raw["metrics"],
        recipe=raw["recipe"],
        trained_with=raw["trained_with"],
        data_sha256=raw["data_sha256"],
    )


def _check_members(raw: Any) -> None:
    if type(raw) is not dict:
        raise ArtifactError(f"{FILE_NAME} is not a JSON object")
    if unknown := sorted(raw.keys() - MEMBERS.keys()):
        raise ArtifactError(f"{FILE_NAME}: unknown member {unknown[0]!r}")
    for name, kind in MEMBERS.items():
        if name not in raw:
            raise ArtifactError(f"{FILE_NAME}: {name} is missing")
        if type(raw[name]) is not kind:
            raise ArtifactError(f"{FILE_NAME}: {name} has the wrong type")


def _parse_files(raw: dict[str, Any]) -> dict[str, str]:
    for name, digest in raw.items():
        plain = bool(name) and name.isascii() and name not in (".", "..", FILE_NAME) and not set(name) & set("/\\\0")
        if not plain or type(digest) is not str or len(digest) != 64 or not HEX_DIGITS.issuperset(digest):
            raise ArtifactError(f"{FILE_NAME}: files must map plain file names to SHA-256 digests in lower case")
    return raw


def _parse_model_file(files: dict[str, str], suffix: str) -> str:
    names = [name for name in files if name.endswith(suffix)]
    if len(names) != 1:
        raise ArtifactError(f"{FILE_NAME}: files must list exactly one *{suffix}, the model")
    return names[0]


def _parse_columns(raw: list[Any]) -> tuple[str, ...]:
    if not raw or not all(type(name) is str and name for name in raw) or len(set(raw)) != len(raw):
        raise ArtifactError(f"{FILE_NAME}: columns must be different names, at least one")
    return tuple(raw)


def _parse_output(raw: str, engine: str) -> str:
    if raw not in OUTPUTS:
        raise ArtifactError(f"{FILE_NAME}: output is none of {', '.join(OUTPUTS)}")
    if raw in (PROBABILITY, PROBABILITY_BY_CLASS) and engine != "onnx":
        # Their scores and contributions are margins; only a graph may end in fractions.
        raise ArtifactError(f"{FILE_NAME}: output of a {engine} model is never {raw}: its scores are margins")
    return raw


def _parse_calibration(raw: dict[str, Any], output: str) -> Calibration:
    if raw.keys() != {"slope", "intercept"} or not all(type(value) in (int, float) for value in raw.values()):
        raise ArtifactError(f"{FILE_NAME}: calibration must be a slope and an intercept")
    try:
        slope, intercept = float(raw["slope"]), float(raw["intercept"])
    except OverflowError:
        slope = intercept = float("inf")
    if not (isfinite(slope) and isfinite(intercept) and slope > 0):
        raise ArtifactError(f"{FILE_NAME}: calibration must be finite, with a slope above 0")
    if output in (VALUE, *BY_CLASS) and intercept:
        raise ArtifactError(f"{FILE_NAME}: calibration of {output} has intercept 0")
    if output == VALUE and slope != 1:
        raise ArtifactError(f"{FILE_NAME}: calibration of a value has slope 1")
    return Calibration(slope, intercept)


def _read(folder: str, name: str) -> bytes:
    try:
        return load_bytes(folder, name)
    except OSError as error:
        raise ArtifactError(f"the artifact's {name} cannot be read: {error.strerror}") from error
