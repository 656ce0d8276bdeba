"""The sample: all of it is read for what its columns hold, and rows spread evenly over it are kept for the model.

What a contract may allow has been compared, so the first row with a gap or with a word that those lack is kept, too.

Runs inside the fence. Memory is bounded whatever the file's size. Columns are kept as pandas reads them, for the model,
and as text, for what each of them is: a column of whole numbers, for example, stays one where a missing value made
pandas turn it into fractions, and `0012` stays a word for an encoder that learned words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from ratecard_workbench.bring.refusals import Refused

MOST_ROWS = 20_000
MOST_CELLS = 2_000_000
FEWEST_KEPT = 1000
"""Rows that are kept and compared, and read at a time: `MOST_ROWS`, or as many as have `MOST_CELLS` values."""

RARE_SHARE = 5
"""Rows that are kept beside those for their gaps and rare words: at most one for so many."""

MOST_TEXTS = 1000
"""Different texts of a column that are remembered; one with more has no words."""

MOST_WORDS = 200
"""A column with more different words is free text, or an identifier."""

FEW_ROWS = 100
"""A contract that is read off fewer deserves a second look, and its owner is told so."""

INTEGER = re.compile(r"[+-]?\d{1,15}")
TRUTHS = {"true": True, "false": False}
MISSING = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""Texts that pandas reads as missing. Source: documentation of pandas.read_csv, na_values."""


@dataclass(slots=True)
class Seen:
    """What a column holds in the whole file.

    Attributes
    ----------
    texts : set of str or None
        Its different texts; None where there are more than `MOST_TEXTS`.
    absent : set of str
        What it holds where pandas reads it as missing.
    truths, whole, numeric : bool
        Whether all that is there is true or false, a whole number, a number.
    smallest, largest : float
        Of numbers.
    """

    texts: set[str] | None = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    truths: bool = True
    whole: bool = True
    numeric: bool = True
    smallest: float = inf
    largest: float = -inf

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there in any row."""
        return self.texts is not None and not self.texts

    @property
    def words(self) -> set[str]:
        """Its different texts, where they are few enough for a column of words."""
        return self.texts if self.texts is not None and len(self.texts) <= MOST_WORDS else set()

    def forget(self, texts: set[str]) -> None:
        """Take out texts that were not compared."""
        self.absent -= texts
        if self.texts is not None:
            self.texts -= texts

    def add(self, column: pd.Series) -> None:
        """Look at further rows, as texts in which an empty one is missing."""
        found = pd.Series(column.fillna("").unique(), dtype=object)
        missing = found.isin([*MISSING, ""])
        self.absent |= set(found[missing])
        texts = found[~missing]
        if self.texts is not None:
            self.texts |= set(texts)
            self.texts = None if len(self.texts) > MOST_TEXTS else self.texts
        bare = texts.str.strip()
        self.truths = self.truths and bool(bare.str.lower().isin(list(TRUTHS)).all())
        self.whole = self.whole and bool(bare.map(lambda one: bool(INTEGER.fullmatch(one))).all())
        if self.numeric and len(bare):
            numbers = pd.to_numeric(bare, errors="coerce")
            self.numeric = not numbers.isna().any()
            self.smallest = min(self.smallest, float(numbers.min()))
            self.largest = max(self.largest, float(numbers.max()))


@dataclass(slots=True)
class Sample:
    """The sample.

    Attributes
    ----------
    frame, texts : DataFrame
        The kept rows as the model takes them, and as text.
    target : Series or None
        The target of the kept rows, if there is one.
    seen : dict of str to Seen
        What the columns hold in the whole file.
    rows : int
        Rows of the file.
    """

    frame: pd.DataFrame
    texts: pd.DataFrame
    target: pd.Series | None
    seen: dict[str, Seen]
    rows: int

    def notes(self) -> list[str]:
        """Say what its size means for what was read off it."""
        if self.rows < FEW_ROWS:
            return [f"bounds, words and what may be missing are read off few rows: {self.rows}"]
        if self.rows > len(self.frame):
            kept = f"{len(self.frame)} of them, spread evenly and with every word and gap, were compared"
            return [f"all {self.rows} rows of the sample were read for bounds, words and what may be missing; {kept}"]
        return []


def read_sample(path: Path, target: str | None) -> Sample:
    """Read a CSV file.

    Raises
    ------
    Refused
        If it cannot be read, has no rows, no such target, or a heading twice.
    """
    try:
        room = room_for(count_columns(path))
        seen, texts, rows = scan_rows(path, room)
        inputs = {name: one for name, one in seen.items() if name != target}
        texts = add_rare_rows(_parts(path, room), room // RARE_SHARE, inputs, texts)
        frame = pd.read_csv(StringIO(texts.to_csv(index=False)), low_memory=False)
    except UnicodeDecodeError as error:
        raise Refused(f"{path.name} is not written in UTF-8; save it as CSV with commas, in UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, IndexError) as error:
        raise Refused(f"{path.name} cannot be read as CSV with headings: {str(error).splitlines()[0][:200]}") from error
    for column, one in seen.items():
        # The kept rows may look like numbers where other rows of the file do not.
        if not (one.numeric or one.truths) and pd.api.types.is_numeric_dtype(frame[column]):
            frame[column] = texts[column].mask(texts[column].isin(list(MISSING)))
    if target is None:
        return Sample(frame, texts, None, seen, rows)
    if target not in frame:
        raise Refused(f"{path.name} has no column {target!r}, which --target names; it has: {listed(frame.columns)}")
    return Sample(frame.drop(columns=target), texts.drop(columns=target), frame[target], seen, rows)


def room_for(columns: int) -> int:
    """Return how many rows of so many columns are kept at most."""
    return max(min(MOST_ROWS, MOST_CELLS // columns), FEWEST_KEPT)


def count_columns(path: Path) -> int:
    """Count the headings.

    Raises
    ------
    Refused
        If two of them are alike, or something else than commas stands between them.
    """
    headings = pd.read_csv(path, nrows=1, header=None, dtype=str, keep_default_na=False).iloc[0].tolist()
    repeated = sorted({str(one) for one in headings if headings.count(one) > 1})
    if "" in repeated:
        raise Refused(f"{path.name} has two columns without a heading")
    if repeated:
        raise Refused(f"{path.name} has the column {repeated[0]!r} twice")
    if len(headings) == 1 and re.search(r"[;\t|]", str(headings[0])):
        raise Refused(
            f"{path.name} has one column, {str(headings[0])[:60]!r}: something else than a comma stands between its "
            "columns; save it as CSV with commas, in UTF-8"
        )
    return len(headings)


def scan_rows(path: Path, room: int) -> tuple[dict[str, Seen], pd.DataFrame, int]:
    """Read the whole file: what its columns hold, at most `room` rows spread evenly over it, and how many it has.

    Raises
    ------
    Refused
        If it has no rows, or more columns than headings.
    """
    seen: dict[str, Seen] = {}
    kept: list[pd.DataFrame] = []
    rows, step = 0, 1
    for part in _parts(path, room):
        if not isinstance(part.index, pd.RangeIndex):
            raise Refused(f"{path.name} has rows with more values than there are headings")
        part.index = pd.RangeIndex(rows, rows + len(part))
        rows += len(part)
        for column in part.columns:
            seen.setdefault(column, Seen()).add(part[column])
        kept.append(part[part.index % step == 0])
        while sum(map(len, kept)) > room:
            step *= 2
            kept = [one[one.index % step == 0] for one in kept]
    if not rows:
        raise Refused(f"{path.name} has headings but no rows; a contract is inferred from rows, some hundred of them")
    return seen, pd.concat(kept), rows


def add_rare_rows(parts: Iterable[pd.DataFrame], room: int, seen: dict[str, Seen], kept: pd.DataFrame) -> pd.DataFrame:
    """Keep the first row with each gap or word that the kept rows lack, too, at most as many as there is room for.

    What finds no room is forgotten: the contract refuses it, because nobody asked the model.
    """
    found = {name: one.absent | one.words for name, one in seen.items()}
    lacking = {name: texts - set(kept[name].fillna("")) for name, texts in found.items()}
    chosen: list[pd.DataFrame] = []
    rows = 0
    for part in parts if any(lacking.values()) else ():
        part.index = pd.RangeIndex(rows, rows + len(part))
        rows += len(part)
        left = room - sum(map(len, chosen))
        chosen.append(part.loc[_first_rows(part, lacking)[:left]])
        for name, texts in lacking.items():
            texts.difference_update(chosen[-1][name].fillna(""))
        if len(chosen[-1]) == left or not any(lacking.values()):
            break
    for name, texts in lacking.items():
        seen[name].forget(texts)
    return pd.concat([kept, *chosen]).sort_index().reset_index(drop=True)


def _first_rows(part: pd.DataFrame, lacking: dict[str, set[str]]) -> list[int]:
    """Return the rows of a part in which something that is lacking stands for the first time."""
    first: set[int] = set()
    for name, texts in lacking.items():
        if texts:
            column = part[name].fillna("")
            first |= set(column[column.isin(texts)].drop_duplicates().index)
    return sorted(first)


def _parts(path: Path, size: int) -> Iterator[pd.DataFrame]:
    with pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], chunksize=size) as parts:
        yield from parts


def listed(names: Any) -> str:
    """List names for a message, the first ten of them."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def are_words(known: list[Any] | None) -> bool:
    """Whether a model knows a column's categories as texts."""
    return bool(known) and all(isinstance(one, str) for one in known or ())
