"""ONNX Runtime through its C API gives what the Python package gives on the same graph."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto
from support import graphs
from support.artifacts import open_engine, write_model
from support.boosters import COLUMNS, NAMES, made_rows
from support.rows import engine_rows, numbers

from ratecard.engines import Engine

#: The bar of the platform: absolute, and relative to the value.
TOLERANCE = 1e-6

Pair = tuple[onnxruntime.InferenceSession, Engine]


def open_pair(graph: ModelProto, columns: list[str], folder: Path, native_dir: Path) -> Pair:
    """The Python package's session and our engine on the same file."""
    content = graph.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session, open_engine(write_model(folder, "onnx", content, columns), native_dir)


@pytest.fixture(scope="module", params=graphs.NUMERIC)
def numeric(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, native_dir: Path) -> Pair:
    """A graph of one tensor of numbers, of each kind."""
    return open_pair(graphs.NUMERIC[request.param](), NAMES, tmp_path_factory.mktemp("onnx"), native_dir)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, native_dir: Path) -> Pair:
    """The graph of one tensor of strings."""
    return open_pair(graphs.texts(), ["degree", "other"], tmp_path_factory.mktemp("onnx"), native_dir)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, native_dir: Path) -> Pair:
    """The graph of a tensor per column."""
    return open_pair(graphs.mixed(), graphs.MIXED_NAMES, tmp_path_factory.mktemp("onnx"), native_dir)


def reference(session: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]) -> np.ndarray:
    """The Python package's floating-point outputs side by side."""
    wanted = [port.name for port in session.get_outputs() if port.type in ("tensor(float)", "tensor(double)")]
    return np.hstack([np.asarray(part).reshape(len(part), -1) for part in session.run(wanted, feed)])


def cast(session: onnxruntime.InferenceSession, rows: list[list[float]]) -> dict[str, np.ndarray]:
    """Rows of numbers as the session's one tensor."""
    port = session.get_inputs()[0]
    element = {"tensor(float)": np.float32, "tensor(double)": np.float64}[port.type]
    with np.errstate(over="ignore"):
        return {port.name: np.array(rows).astype(element)}


def check(engine: Engine, rows: list[list[float | int | str]], expected: np.ndarray) -> None:
    """Compare a call of all rows."""
    np.testing.assert_allclose(np.array(engine.score(rows)), expected, rtol=TOLERANCE, atol=TOLERANCE)


@settings(max_examples=40)
@given(rows=engine_rows(COLUMNS))
def test_scores_are_the_python_packages(numeric: Pair, rows: list[list[float]]) -> None:
    """Missing, infinite and extreme values score the same, row by row and together."""
    session, engine = numeric

    check(engine, rows, reference(session, cast(session, rows)))
    for row in rows:
        check(engine, [row], reference(session, cast(session, [row])))


def test_many_rows_are_one_call(numeric: Pair) -> None:
    """Two thousand rows score as the Python package scores them, and fewer after them."""
    session, engine = numeric
    rows = made_rows(2000).tolist()

    check(engine, rows, reference(session, cast(session, rows)))
    check(engine, rows[:3], reference(session, cast(session, rows[:3])))


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.lists(
            st.sampled_from(["graduate", "university", "school", "other"]) | st.text(max_size=20),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=20,
    )
)
def test_texts_are_scored(texts: Pair, rows: list[list[str]]) -> None:
    """Known, unknown, empty and non-Latin texts score the same."""
    session, engine = texts
    clean = [[text.replace("\0", "") for text in row] for row in rows]

    check(engine, clean, reference(session, {"X": np.array(clean, dtype=object)}))


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            numbers(),
            st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100).map(float),
            st.sampled_from(["own", "rent", "unseen", ""]),
            numbers(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_tensor_per_column_is_matched_by_name(mixed: Pair, rows: list[tuple[float, int, str, float]]) -> None:
    """Columns of float, int64, string and double reach their inputs, whatever the graph's order; outputs are joined."""
    session, engine = mixed
    income, count, kind, ratio = zip(*rows, strict=True)
    with np.errstate(over="ignore"):
        feed = {
            "income": np.array(income).astype(np.float32).reshape(-1, 1),
            "count": np.array([int(value) for value in count], dtype=np.int64).reshape(-1, 1),
            "kind": np.array(kind, dtype=object).reshape(-1, 1),
            "ratio": np.array(ratio).reshape(-1, 1),
        }

    assert engine.outputs == 3
    check(engine, list(rows), reference(session, feed))


def test_whole_numbers_are_scored(native_dir: Path, tmp_path: Path) -> None:
    """One tensor of int64 takes the contract's floats as long as they are whole; its output has one dimension."""
    session, engine = open_pair(graphs.whole_numbers(), NAMES, tmp_path, native_dir)
    rows = [[1.0, 2, 3.0, -4, 0.0, 5, 6, 7], [0.0] * COLUMNS]

    assert engine.outputs == 1
    check(engine, rows, reference(session, {"X": np.array(rows, dtype=np.int64)}))


def test_open_shapes_are_found_out(native_dir: Path, tmp_path: Path) -> None:
    """A graph that declares no widths shows them on a row of zeros, when it is loaded."""
    _, engine = open_pair(graphs.open_shapes(), NAMES, tmp_path, native_dir)

    assert engine.outputs == 3
