"""Graphs that cannot be scored row by row are refused when they are loaded, with a sentence that says why."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from support import graphs
from support.artifacts import open_engine, write_model
from support.boosters import COLUMNS, NAMES
from support.graphs import by_hand, tensor

from ratecard.kernel.errors import ArtifactError, EngineError

FLOAT = TensorProto.FLOAT


def copied(input_port: object, output_port: object) -> ModelProto:
    """A graph that gives back what it takes."""
    return by_hand([input_port], [helper.make_node("Identity", ["X"], ["Y"])], [output_port])


def labels_only() -> ModelProto:
    """A graph whose only output is of integers."""
    node = helper.make_node("Cast", ["X"], ["Y"], to=TensorProto.INT64)
    return by_hand([tensor("X", FLOAT, None, COLUMNS)], [node], [tensor("Y", TensorProto.INT64, None, COLUMNS)])


def deeper() -> ModelProto:
    """A graph with a three-dimensional output."""
    node = helper.make_node("Unsqueeze", ["X", "axes"], ["Y"])
    outputs = [tensor("Y", FLOAT, None, COLUMNS, 1)]
    return by_hand([tensor("X", FLOAT, None, COLUMNS)], [node], outputs, {"axes": np.array([2])})


def unknown_operator() -> ModelProto:
    """A graph with an operator that does not exist."""
    node = helper.make_node("NoSuchOperator", ["X"], ["Y"])
    return by_hand([tensor("X", FLOAT, None, COLUMNS)], [node], [tensor("Y", FLOAT, None, COLUMNS)])


def newer_operators() -> ModelProto:
    """A graph of an operator set from the future."""
    model = copied(tensor("X", FLOAT, None, COLUMNS), tensor("Y", FLOAT, None, COLUMNS))
    model.opset_import[0].version = 99
    return model


def outside_weights() -> ModelProto:
    """A graph whose weights lie in a file beside it."""
    model = graphs.open_shapes()
    model.graph.initializer[0].ClearField("float_data")
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return model


CASES: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "map": (graphs.zipped, "zipmap=False"),
    "labels": (labels_only, "no output of floating-point numbers"),
    "three dimensions": (deeper, "more than one value per row"),
    "unknown operator": (unknown_operator, "not taken"),
    "newer operators": (newer_operators, "not taken"),
    "weights in another file": (outside_weights, "not taken"),
    "fixed rows": (lambda: copied(tensor("X", FLOAT, 1, COLUMNS), tensor("Y", FLOAT, 1, COLUMNS)), r"\[any, 8\]"),
    "one dimension": (lambda: copied(tensor("X", FLOAT, None), tensor("Y", FLOAT, None)), r"\[any, 8\]"),
    "int32": (
        lambda: by_hand(
            [tensor("X", TensorProto.INT32, None, COLUMNS)],
            [helper.make_node("Cast", ["X"], ["Y"], to=FLOAT)],
            [tensor("Y", FLOAT, None, COLUMNS)],
        ),
        "not of float, double, int64 or string",
    ),
    "other inputs": (graphs.mixed, "neither one tensor nor"),
}


@pytest.mark.parametrize("case", CASES)
def test_unfit_graphs_are_refused(case: str, native_dir: Path, tmp_path: Path) -> None:
    """The artifact is refused before anything is scored."""
    make, sentence = CASES[case]
    folder = write_model(tmp_path, "onnx", make().SerializeToString(), NAMES)

    with pytest.raises(ArtifactError, match=sentence):
        open_engine(folder, native_dir)


def test_a_wrong_column_count_shows_without_declared_widths(native_dir: Path, tmp_path: Path) -> None:
    """A graph that declares no width is tried on a row of zeros when it is loaded."""
    folder = write_model(tmp_path, "onnx", graphs.open_shapes().SerializeToString(), NAMES[:-1])

    with pytest.raises(ArtifactError, match="cannot score the manifest's columns"):
        open_engine(folder, native_dir)


def test_a_graph_that_answers_other_rows_than_asked_is_refused(native_dir: Path, tmp_path: Path) -> None:
    """It does not write beside the memory that it is given: an error, and again an error."""
    node = helper.make_node("Concat", ["X", "X"], ["Y"], axis=0)
    doubled = by_hand([tensor("X", FLOAT, None, COLUMNS)], [node], [tensor("Y", FLOAT, None, COLUMNS)])
    engine = open_engine(write_model(tmp_path, "onnx", doubled.SerializeToString(), NAMES), native_dir)

    for count in (1, 3, 3):
        with pytest.raises(EngineError):
            engine.score([[0.5] * COLUMNS] * count)
    engine.close()
