"""Tables of data sets, read by DuckDB into one numpy array per column."""

import gzip
import os
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.catalogue import DataSet, DataSetMissingError, find_original, get_path

Table = dict[str, NDArray[np.generic]]


def load_table(data_set: DataSet, file: str | None = None, environ: Mapping[str, str] = os.environ) -> Table:
    """Read one table of a data set, or the publisher's own file of the same table.

    Parameters
    ----------
    data_set : DataSet
        From the catalogue.
    file : str, optional
        One of its files; needed if it has several.
    environ : mapping
        Environment variables.

    Returns
    -------
    dict of str to array
        Columns by name, rows in the order of the file.

    Raises
    ------
    DataSetMissingError
        If neither is on this machine.
    DataSetChangedError
        If the file is not the one the catalogue names.
    """
    try:
        return load_file(get_path(data_set, file, environ))
    except DataSetMissingError:
        original = find_original(data_set, environ)
        if data_set.original is None or original is None:
            raise
        return dict(zip(data_set.original.columns, load_csv(original).values(), strict=True))


def load_file(path: Path) -> Table:
    """Read a table by what its name says it is: .arff, .asc (headings and spaces), else CSV; plain or gzipped."""
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind == ".arff":
        return load_arff(path)
    return load_csv(path, " " if kind == ".asc" else None)


def load_csv(path: Path, delimiter: str | None = None) -> Table:
    """Read a CSV file with headings, plain or gzipped; a missing number is NaN, a missing word None.

    Parameters
    ----------
    path : Path
        The file.
    delimiter : str, optional
        Between its cells; found out if not given, which a space is not.
    """
    query, values = "SELECT * FROM read_csv(?, header = true)", [str(path)]
    if delimiter is not None:
        query, values = "SELECT * FROM read_csv(?, header = true, delim = ?)", [str(path), delimiter]
    with duckdb.connect() as connection:
        # One thread keeps the rows in the order of the file.
        connection.execute("SET threads = 1")
        columns = connection.execute(query, values).fetchnumpy()
    return {name: _plain(found) for name, found in columns.items()}


def load_arff(path: Path) -> Table:
    """Read a Weka file whose attributes are all numbers, or classes named by numbers; `?` is NaN.

    Raises
    ------
    ValueError
        If a cell is no number, or a row has another number of cells than there are attributes.
    """
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line.strip() for line in content.decode().splitlines() if line.strip() and not line.startswith("%")]
    start = next(place for place, line in enumerate(lines) if line.lower() == "@data")
    names = [line.split()[1] for line in lines[:start] if line.lower().startswith("@attribute")]
    rows = [[float("nan") if cell == "?" else float(cell) for cell in line.split(",")] for line in lines[start + 1 :]]
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f"{path.name} has a row with another number of cells than attributes")
    return dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))


def _plain(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn DuckDB's masked array into a plain one."""
    if not np.ma.is_masked(values):
        return np.asarray(values)
    missing = np.ma.getmaskarray(values)
    plain = np.asarray(values.astype(np.float64 if np.issubdtype(values.dtype, np.number) else object))
    plain[missing] = np.nan if plain.dtype == np.float64 else None
    return plain
