"""What offline scoring is compared to, each in a process of its own: `batch_peers.py WHAT FILE MODEL OUT`.

Prints one line of JSON: seconds and rows. What a peer is given ready is not timed.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

THREADS = 2
CHUNK = 500_000
EDUCATION = {"graduate": 0, "university": 1, "high_school": 2, "other": 3}


class Stopwatch:
    """Time on the wall and on all processors, from its making to its stop."""

    def __init__(self) -> None:
        self.seconds, self.processor_seconds = -time.perf_counter(), -time.process_time()

    def stop(self) -> None:
        """Stop it."""
        self.seconds += time.perf_counter()
        self.processor_seconds += time.process_time()


def engine_columns(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return the engine's columns of a part of the file."""
    columns = []
    for name in names:
        if name == "education":
            columns.append(frame[name].map(EDUCATION).to_numpy(float))
        elif name.startswith("utilisation"):
            columns.append((frame[f"statement_balance_{name[-1]}"] / frame["credit_limit"]).to_numpy(float))
        else:
            columns.append(frame[name].to_numpy(float))
    return np.column_stack(columns)


def load_matrix(file: str, names: list[str]) -> np.ndarray:
    """Return the whole file as the engine's matrix; it is read from its text once only."""
    ready = Path(file).with_suffix(".npy")
    if not ready.exists():
        np.save(ready, np.concatenate([engine_columns(frame, names) for frame in pd.read_csv(file, chunksize=CHUNK)]))
    matrix: np.ndarray = np.load(ready)
    return matrix


def write_numbers(matrix: np.ndarray, ready: Path) -> None:
    """Write the matrix as the file of bare numbers that LightGBM's command reads."""
    options = arrow_csv.WriteOptions(include_header=False)
    with ready.open("wb") as file:
        for first in range(0, len(matrix), CHUNK):
            columns = np.ascontiguousarray(matrix[first : first + CHUNK].T)
            table = pa.table({str(place): column for place, column in enumerate(columns)})
            arrow_csv.write_csv(table, file, options)


def run_predict(booster: lightgbm.Booster, file: str, _out: str) -> tuple[Stopwatch, int]:
    """Time LightGBM's own predict on a numpy array that is there already."""
    matrix = load_matrix(file, booster.feature_name())
    booster.predict(matrix[:1000], num_threads=THREADS)
    watch = Stopwatch()
    booster.predict(matrix, num_threads=THREADS)
    watch.stop()
    return watch, len(matrix)


def run_pandas(booster: lightgbm.Booster, file: str, out: str) -> tuple[Stopwatch, int]:
    """Time what a notebook does: read_csv, predict, to_csv."""
    watch = Stopwatch()
    frame = pd.read_csv(file)
    scores = booster.predict(engine_columns(frame, booster.feature_name()), num_threads=THREADS)
    frame[["row_id"]].assign(probability=scores).to_csv(out, index=False)
    watch.stop()
    return watch, len(frame)


def run_command(booster: lightgbm.Booster, file: str, out: str) -> tuple[Stopwatch, int]:
    """Time LGBM_BoosterPredictForFile, which is what LightGBM's command runs for task=predict, on a file of numbers."""
    ready = Path(out).with_suffix(".numbers.csv")
    matrix = load_matrix(file, booster.feature_name())
    write_numbers(matrix, ready)
    library = lightgbm.basic._LIB  # noqa: SLF001 - the Python package has no other door to it
    watch = Stopwatch()
    failed = library.LGBM_BoosterPredictForFile(
        booster._handle,  # noqa: SLF001
        str(ready).encode(), ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(-1),
        f"num_threads={THREADS} label_column=-1 predict_disable_shape_check=true".encode(), str(out).encode(),
    )  # fmt: skip
    watch.stop()
    if failed:
        raise RuntimeError("LGBM_BoosterPredictForFile failed")
    return watch, len(matrix)


if __name__ == "__main__":
    what, file, model, out = sys.argv[1:5]
    peers = {"predict": run_predict, "pandas": run_pandas, "command": run_command}
    watch, rows = peers[what](lightgbm.Booster(model_file=model), file, out)
    print(json.dumps({"seconds": watch.seconds, "processor_seconds": watch.processor_seconds, "rows": rows}))
