"""Files for the offline benchmark: credit-card holders as the real data has them, drawn with a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

MONTHS = range(1, 7)
CHUNK = 250_000
WORDS = np.array(["graduate", "university", "high_school", "other"])
HOSTILE = (
    lambda line: b",".join(line.split(b",")[:5]) + b"\n",
    lambda line: b"A,abc," + line.split(b",", 2)[2],
    lambda line: line.replace(b",", b",\xff,", 1),
    lambda line: b'"A\nB",' + line.split(b",", 1)[1],
    lambda line: line.replace(b",", b",\0", 1),
    lambda line: b"=1+1,=cmd()," + line.split(b",", 2)[2],
    lambda line: b'"' + line,
)


def draw(rows: int, first: int, generator: np.random.Generator) -> pa.Table:
    """Draw some rows."""
    limit = generator.integers(1, 80, rows) * 10_000
    habit = generator.choice([-2, -1, 0, 0, 0, 0, 1, 2], rows)
    columns: dict[str, object] = {
        "row_id": pa.array([f"A-{number}" for number in range(first, first + rows)]),
        "credit_limit": limit,
        "education": pa.array(WORDS[generator.choice(4, rows, p=[0.35, 0.47, 0.16, 0.02])]),
    }
    for month in MONTHS:
        columns[f"repayment_status_{month}"] = np.clip(habit + generator.choice([-1, 0, 0, 0, 1], rows), -2, 8)
    for month in MONTHS:
        columns[f"statement_balance_{month}"] = (limit * generator.beta(0.6, 1.2, rows)).astype(int)
    for month in MONTHS:
        columns[f"payment_{month}"] = np.minimum(generator.lognormal(7.5, 1.6, rows), 1_900_000).astype(int)
    return pa.table(columns)


def tables(rows: int) -> Iterator[pa.Table]:
    """Draw the rows of a file, a piece at a time: a larger file begins as a smaller one does."""
    generator = np.random.default_rng(20261122)
    for first in range(0, rows, CHUNK):
        yield draw(min(CHUNK, rows - first), first, generator)


def write_plain(folder: Path, rows: int) -> Path:
    """Write a CSV; one that is there is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / f"rows{rows}.csv"
    if not plain.exists():
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
        with plain.with_suffix(".partial").open("wb") as file:
            for number, table in enumerate(tables(rows)):
                if not number:
                    file.write((",".join(table.column_names) + "\n").encode())
                arrow_csv.write_csv(table, file, options)
        plain.with_suffix(".partial").replace(plain)
    return plain


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write the same rows as CSV and as Parquet."""
    plain = write_plain(folder, rows)
    columns = plain.with_suffix(".parquet")
    if not columns.exists():
        partial = columns.with_suffix(".partial")
        first, *_ = tables(1)
        with pq.ParquetWriter(partial, first.schema) as writer:
            for table in tables(rows):
                writer.write_table(table)
        partial.replace(columns)
    return plain, columns


def write_hostile(plain: Path) -> tuple[Path, int]:
    """Copy a file with a hostile row after every hundredth, and a field of 10 MB after every 200,000th.

    Returns
    -------
    tuple
        The file, and how many of its rows are bad.
    """
    hostile, count = plain.with_name(f"hostile-{plain.name}"), plain.with_name(f"hostile-{plain.stem}.count")
    if not count.exists():
        bad = 0
        with plain.open("rb") as source, hostile.open("wb") as file:
            file.write(source.readline())
            for number, line in enumerate(source):
                file.write(line)
                if number % 100 == 37:
                    file.write(HOSTILE[number // 100 % len(HOSTILE)](line))
                    bad += 1
                if number % 200_000 == 100_000:
                    file.write(b"A," + b"9" * 10_000_000 + b"\n")
                    bad += 1
        count.write_text(str(bad))
    return hostile, int(count.read_text())
