"""Tables of data sets, read by DuckDB into one numpy array per column."""

import os
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.catalogue import DataSet, DataSetMissingError, find_original, get_path

Table = dict[str, NDArray[np.generic]]


def load_table(data_set: DataSet, file: str | None = None, environ: Mapping[str, str] = os.environ) -> Table:
    """Read one CSV file of a data set, or the publisher's own file of the same table.

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
        return load_csv(get_path(data_set, file, environ))
    except DataSetMissingError:
        original = find_original(data_set, environ)
        if data_set.original is None or original is None:
            raise
        return dict(zip(data_set.original.columns, load_csv(original).values(), strict=True))


def load_csv(path: Path) -> Table:
    """Read a CSV file with headings, plain or gzipped; a missing number is NaN, a missing word None."""
    with duckdb.connect() as connection:
        # One thread keeps the rows in the order of the file.
        connection.execute("SET threads = 1")
        columns = connection.execute("SELECT * FROM read_csv(?, header = true)", [str(path)]).fetchnumpy()
    return {name: _plain(values) for name, values in columns.items()}


def _plain(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn DuckDB's masked array into a plain one."""
    if not np.ma.is_masked(values):
        return np.asarray(values)
    missing = np.ma.getmaskarray(values)
    plain = np.asarray(values.astype(np.float64 if np.issubdtype(values.dtype, np.number) else object))
    plain[missing] = np.nan if plain.dtype == np.float64 else None
    return plain
