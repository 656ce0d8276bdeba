"""ONNX graphs of several kinds: lowered from scikit-learn and LightGBM, and made by hand."""

from collections.abc import Callable

import lightgbm
import numpy as np
from onnx import ModelProto, TensorProto, helper
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType as LightgbmFloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from support.boosters import COLUMNS, NAMES, made_labels, made_rows

#: Of the graphs made by hand: the operator sets, and the version of the file format, that ONNX Runtime 1.31 reads.
OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
IR_VERSION = 9

RAW_OUTPUT = {"zipmap": False}


def _training(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.nan_to_num(made_rows(400))
    return (rows / np.array([1, 1, 1e-3, 1e6, 1e12, 1, 1, 1])).astype(np.float32), made_labels(rows, classes)


def logistic() -> ModelProto:
    """Scaled logistic regression, two probabilities."""
    rows, labels = _training(2)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    return to_onnx(model, rows[:1], options=RAW_OUTPUT)


def zipped() -> ModelProto:
    """The same as skl2onnx makes it by default: probabilities as a sequence of maps."""
    rows, labels = _training(2)
    return to_onnx(LogisticRegression().fit(rows, labels), rows[:1])


def forest() -> ModelProto:
    """Random forest, three classes."""
    rows, labels = _training(3)
    model = RandomForestClassifier(30, max_depth=6, random_state=5).fit(rows, labels)
    return to_onnx(model, rows[:1], options=RAW_OUTPUT)


def support_vectors() -> ModelProto:
    """Support vector machine with a radial kernel: decision values."""
    rows, labels = _training(2)
    return to_onnx(SVC().fit(rows, labels), rows[:1], options=RAW_OUTPUT)


def regression() -> ModelProto:
    """Gradient-boosted regression, one value."""
    rows, labels = _training(3)
    return to_onnx(GradientBoostingRegressor(n_estimators=30, random_state=5).fit(rows, labels), rows[:1])


def doubles() -> ModelProto:
    """Linear regression in float64."""
    rows, labels = _training(3)
    types = [("X", DoubleTensorType([None, COLUMNS]))]
    return to_onnx(LinearRegression().fit(rows.astype(np.float64), labels), initial_types=types)


def boosted() -> ModelProto:
    """LightGBM lowered to ONNX."""
    rows, labels = _training(2)
    model = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(rows, labels), 20)
    return convert_lightgbm(model, initial_types=[("X", LightgbmFloatTensorType([None, COLUMNS]))], zipmap=False)


def texts() -> ModelProto:
    """One-hot encoded texts in one tensor of strings; an unknown text is none of the known ones."""
    chance = np.random.default_rng(5)
    rows = np.array([["graduate", "school"], ["university", "other"]], dtype=object)[
        chance.integers(0, 2, (200, 1)), [0, 1]
    ]
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(rows, (rows[:, 0] == "graduate").astype(int))
    return to_onnx(model, initial_types=[("X", StringTensorType([None, 2]))], options=RAW_OUTPUT)


def by_hand(inputs: list, nodes: list, outputs: list, constants: dict[str, np.ndarray] | None = None) -> ModelProto:
    """Put a graph together."""
    initializers = [
        helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape, value.ravel())
        for name, value in (constants or {}).items()
    ]
    graph = helper.make_graph(nodes, "made", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=IR_VERSION)


def tensor(name: str, element: int, *shape: int | str | None) -> object:
    """Describe an input or output."""
    return helper.make_tensor_value_info(name, element, shape)


def mixed() -> ModelProto:
    """A tensor per column: a number, a whole number, a text, and a number of float64; two outputs."""
    inputs = [
        tensor("kind", TensorProto.STRING, None, 1),
        tensor("income", TensorProto.FLOAT, None, 1),
        tensor("count", TensorProto.INT64, None, 1),
        tensor("ratio", TensorProto.DOUBLE, None, 1),
    ]
    codes = {"keys_strings": ["own", "rent"], "values_floats": [1.0, 2.0], "default_float": -1.0}
    nodes = [
        helper.make_node("LabelEncoder", ["kind"], ["code"], domain="ai.onnx.ml", **codes),
        helper.make_node("Cast", ["count"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["income", "number", "code"], ["all"], axis=1),
        helper.make_node("MatMul", ["all", "weights"], ["scores"]),
        helper.make_node("Mul", ["ratio", "half"], ["halved"]),
    ]
    outputs = [tensor("scores", TensorProto.FLOAT, None, 2), tensor("halved", TensorProto.DOUBLE, None, 1)]
    weights = np.array([[0.5, -1], [2, 0.25], [3, 1]], dtype=np.float32)
    return by_hand(inputs, nodes, outputs, {"weights": weights, "half": np.array([0.5])})


def whole_numbers() -> ModelProto:
    """All columns in one tensor of int64, one output without a second dimension."""
    nodes = [
        helper.make_node("Cast", ["X"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["number", "axes"], ["total"], keepdims=0),
    ]
    inputs, outputs = [tensor("X", TensorProto.INT64, "n", COLUMNS)], [tensor("total", TensorProto.FLOAT, "n")]
    return by_hand(inputs, nodes, outputs, {"axes": np.array([1])})


def halves() -> ModelProto:
    """The logistic function of the columns' mean: one fraction."""
    weights = np.full((COLUMNS, 1), 1 / COLUMNS, dtype=np.float32)
    nodes = [helper.make_node("MatMul", ["X", "weights"], ["mean"]), helper.make_node("Sigmoid", ["mean"], ["Y"])]
    inputs, outputs = [tensor("X", TensorProto.FLOAT, "n", COLUMNS)], [tensor("Y", TensorProto.FLOAT, "n", 1)]
    return by_hand(inputs, nodes, outputs, {"weights": weights})


def open_shapes() -> ModelProto:
    """A graph that declares neither how many columns it takes nor how many values it gives."""
    weights = np.linspace(-1, 1, COLUMNS * 3, dtype=np.float32).reshape(COLUMNS, 3)
    nodes = [helper.make_node("MatMul", ["X", "weights"], ["Y"])]
    inputs, outputs = [tensor("X", TensorProto.FLOAT, "n", "k")], [tensor("Y", TensorProto.FLOAT, "n", "m")]
    return by_hand(inputs, nodes, outputs, {"weights": weights})


#: Graphs that take the COLUMNS columns in one tensor of numbers.
NUMERIC: dict[str, Callable[[], ModelProto]] = {
    "logistic": logistic,
    "forest": forest,
    "support-vectors": support_vectors,
    "regression": regression,
    "doubles": doubles,
    "boosted": boosted,
    "open-shapes": open_shapes,
}
NUMERIC_NAMES = NAMES
MIXED_NAMES = ["income", "count", "kind", "ratio"]
