"""Scorecards: an intercept and, for each column, bins with their log-odds. Pure Python, no native library.

The file, `scorecard.json`, is one JSON object::

    {"format": 1, "intercept": -1.2, "columns": [
      {"name": "duration", "edges": [12, 24], "log_odds": [-0.4, 0.1, 0.7], "missing": 0.2, "expected": 0.05},
      {"name": "purpose", "log_odds": [0.3, -0.1], "missing": null, "unknown": 0.0, "expected": 0.12}]}

A column with `edges` is a number: bin i holds edge i-1 <= value < edge i, so n edges part n + 1 bins. A column without
is a category: its bins are the codes 0, 1, 2, ... `missing` is for NaN and `unknown` for every other code; null says
that neither can be, and a row that has one is refused. `expected` is the column's mean log-odds over the rows it was
trained on: a contribution is the bin's log-odds less that, and the base is the intercept and all that is expected, so
that they add up to the score. For such additive models that is the exact Shapley value.
"""

from __future__ import annotations

from bisect import bisect_right
from math import fsum, isfinite, isnan  # fsum: sum() adds in another way from Python 3.12 on

from ratecard.engines.versions import check_version
from ratecard.kernel.errors import ArtifactError, EngineError, InvalidJsonError
from ratecard.kernel.jsontext import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from ratecard.engines.manifest import Manifest

    LogOddsOf: TypeAlias = Callable[[float | int | str], float]

FORMAT = 1
VERSION = "1.0.0"
"""Of the format: a scorecard has no library, and its manifest's `engine_version` is this."""

MEMBERS = {"format", "intercept", "columns"}
COLUMN_MEMBERS = (
    {"name", "edges", "log_odds", "missing", "expected"},
    {"name", "log_odds", "missing", "unknown", "expected"},
)

WRONG = "the scorecard"
NO_BIN = "a row has a value that no bin of its column holds"


class ScorecardEngine:
    """A scorecard; see `ratecard.engines.engine.Engine`."""

    name = "scorecard"
    library_version = VERSION
    outputs = 1

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        check_version(self.name, manifest.engine_version, VERSION)
        card = _parse_card(content)
        names = tuple(column["name"] for column in card["columns"])
        if names != manifest.columns:
            raise ArtifactError("the scorecard's columns are not the manifest's, or in another order")
        self.columns = len(names)
        self._intercept = _finite(card["intercept"])
        self._readers = [_reader(column) for column in card["columns"]]
        self._numbers = {column["name"]: column for column in card["columns"] if "edges" in column}
        self._expected = [_finite(column["expected"]) for column in card["columns"]]
        self._base = fsum((self._intercept, *self._expected))
        self._closed = False

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score rows: the log-odds of each, one per row."""
        intercept = self._intercept
        return [(fsum((intercept, *self._bins(row))),) for row in rows]

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Explain rows: each bin's log-odds less what is expected of its column, then the base."""
        expected, base = self._expected, self._base
        return [(*(one - usual for one, usual in zip(self._bins(row), expected, strict=True)), base) for row in rows]

    def steps(self, column: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the edges of a number's bins and the log-odds of each.

        Raises
        ------
        ArtifactError
            If the card has no number of that name.
        """
        if column not in self._numbers:
            raise ArtifactError(f"{WRONG} has no number {column}")
        found = self._numbers[column]
        return tuple(_numbers(found["edges"])), tuple(_numbers(found["log_odds"]))

    def close(self) -> None:
        """Refuse what comes after, as the other engines do."""
        self._closed = True

    def _bins(self, row: Sequence[float | int | str]) -> list[float]:
        """Return the log-odds of the bin that each value falls into."""
        if self._closed:
            raise EngineError("the engine is closed")
        try:
            return [read(value) for read, value in zip(self._readers, row, strict=True)]
        except (TypeError, ValueError, OverflowError) as cause:
            raise EngineError(f"a row is not {self.columns} numbers") from cause


def _reader(column: dict[str, Any]) -> LogOddsOf:
    bins = _numbers(column["log_odds"])
    missing = _optional(column["missing"])
    if "edges" not in column:
        return _category(bins, missing, _optional(column["unknown"]))
    edges = _numbers(column["edges"])
    if len(bins) != len(edges) + 1 or sorted(set(edges)) != edges:
        raise ArtifactError(f"{WRONG} has a column whose edges do not rise, or do not part its bins")
    return _number(edges, bins, missing)


def _number(edges: list[float], bins: list[float], missing: float | None) -> LogOddsOf:
    def log_odds_of(value: float | int | str) -> float:
        if isnan(value):  # type: ignore[arg-type]  # a text is a TypeError, and the caller's to word
            return _require(missing)
        return bins[bisect_right(edges, value)]

    return log_odds_of


def _category(bins: list[float], missing: float | None, unknown: float | None) -> LogOddsOf:
    if not bins:
        raise ArtifactError(f"{WRONG} has a category without codes")
    codes = {float(code): log_odds for code, log_odds in enumerate(bins)}

    def log_odds_of(value: float | int | str) -> float:
        if isnan(value):  # type: ignore[arg-type]
            return _require(missing)
        found = codes.get(value)  # type: ignore[arg-type]
        return _require(unknown) if found is None else found

    return log_odds_of


def _require(log_odds: float | None) -> float:
    if log_odds is None:
        raise EngineError(NO_BIN)
    return log_odds


def _parse_card(content: bytes) -> dict[str, Any]:
    try:
        raw: Any = parse_json(content.decode())
    except (InvalidJsonError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{WRONG} is not JSON") from error
    if type(raw) is not dict or raw.keys() != MEMBERS:
        raise ArtifactError(f"{WRONG} is not an object of {', '.join(sorted(MEMBERS))}")
    if raw["format"] != FORMAT:
        raise ArtifactError(f"{WRONG} is of another format than {FORMAT}")
    columns = raw["columns"]
    if type(columns) is not list or not columns:
        raise ArtifactError(f"{WRONG} has no columns")
    for column in columns:
        if type(column) is not dict or column.keys() not in COLUMN_MEMBERS or type(column["name"]) is not str:
            raise ArtifactError(f"{WRONG} has a column with other members than its kind has")
    return raw


def _numbers(raw: object) -> list[float]:
    if type(raw) is not list:
        raise ArtifactError(f"{WRONG} has bins or edges that are no array")
    return [_finite(one) for one in raw]


def _optional(raw: object) -> float | None:
    return None if raw is None else _finite(raw)


def _finite(raw: object) -> float:
    if type(raw) is float and isfinite(raw):
        return raw
    if type(raw) is int and abs(raw) < 1 << 53:
        return float(raw)
    raise ArtifactError(f"{WRONG} has a number that is none, or is not finite")
