"""The results of a file: scored rows and rejects as CSV, in the order of the input, in constant memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ratecard.contract.rows import refusal_of
from ratecard.kernel.digest import sha256
from ratecard.kernel.errors import Problem
from ratecard.serving.records import Record

if TYPE_CHECKING:
    from ratecard.contract import Row
    from ratecard.serving.model import Model, Prediction

CHUNK_ROWS = 1024
"""Rows scored in one call of the engine; bounds memory."""

SCORED = "scored.csv"
REJECTS = "rejects.csv"
MAX_PROBLEMS_A_ROW = 5
MAX_REJECTS_BYTES = 256_000_000
"""A file with more rejects is no file of this model's rows, and its results would be many times as large as itself."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Counts(NamedTuple):
    """Records of a file by what became of them; read = scored + rejected."""

    read: int
    scored: int
    rejected: int


def write_results(model: Model, records: Iterator[Record], folder: Path, *, explain: bool) -> Counts:
    """Score records into `scored.csv` and the others, with their problems, into `rejects.csv`.

    Parameters
    ----------
    model : Model
        Ready to score.
    records : iterator of Record
        Read as they are needed.
    folder : Path
        Where the two files are written.
    explain : bool
        Add the columns reasons (codes, strongest first, joined by ;) and advice.

    Returns
    -------
    Counts
        How many were read, scored and rejected.

    Raises
    ------
    InvalidRequestError
        With the code too_many_rejects above `MAX_REJECTS_BYTES` of rejects, and no_rows if there is no record.
    """
    read = scored_count = 0
    with (
        Path(folder, SCORED).open("w", encoding="utf-8", newline="") as scored_file,
        Path(folder, REJECTS).open("w", encoding="utf-8", newline="") as rejects_file,
    ):
        scored, rejects = csv.writer(scored_file, lineterminator="\n"), csv.writer(rejects_file, lineterminator="\n")
        names = [output.name for output in model.contract.outputs]
        scored.writerow(["line", "row_id", *names, *(("reasons", "advice") if explain else ())])
        rejects.writerow(["line", "row_id", "field", "code", "detail"])
        while chunk := list(islice(records, CHUNK_ROWS)):
            good, bad = parse_chunk(model, chunk)
            rejects.writerows(bad)
            predictions = model.predict([row for _, row in good], explain=explain, adverse=False) if good else []
            scored.writerows(
                scored_cells(record, names, prediction, explain=explain)
                for (record, _), prediction in zip(good, predictions, strict=True)
            )
            read += len(chunk)
            scored_count += len(good)
            if rejects_file.tell() > MAX_REJECTS_BYTES:
                problem = Problem("", "too_many_rejects", f"must not have over {MAX_REJECTS_BYTES} bytes of rejects")
                raise refusal_of(problem, whole="the file")
    if not read:
        raise refusal_of(Problem("", "no_rows", "must hold at least one row"), whole="the file")
    return Counts(read, scored_count, read - scored_count)


def parse_chunk(model: Model, chunk: list[Record]) -> tuple[list[tuple[Record, Row]], list[list[object]]]:
    """Parse records; return the good ones with their rows, and the cells of `rejects.csv` for the others."""
    good: list[tuple[Record, Row]] = []
    bad: list[list[object]] = []
    for record in chunk:
        row, problems = ((), [record.problem]) if record.problem else model.contract.parse_row(record.instance)
        if not problems:
            good.append((record, row))
        for problem in problems[:MAX_PROBLEMS_A_ROW]:
            field = neutral(problem.pointer.removeprefix("/"))
            bad.append([record.line, neutral(record.row_id), field, problem.code, problem.detail])
    return good, bad


def scored_cells(record: Record, names: list[str], prediction: Prediction, *, explain: bool) -> list[object]:
    """Write one prediction as cells."""
    cells = [record.line, neutral(record.row_id), *(prediction[name] for name in names)]
    if explain:
        reasons: Any = prediction.get("reasons", ())
        advice: Any = prediction.get("advice", ())
        cells += [";".join(reason["code"] for reason in reasons), " ".join(advice)]
    return cells


def neutral(text: str) -> str:
    """Keep a spreadsheet from running text of the caller's as a formula (OWASP, CSV injection)."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def describe_file(path: Path) -> dict[str, str | int]:
    """Return SHA-256 and size of a file, read in pieces."""
    digest, size = sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}
