"""A support vector machine written out as matrix operations is the same function."""

import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from skl2onnx import to_onnx
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from ratecard_workbench.training.kernel_graph import OPERATOR, unroll_kernel
from ratecard_workbench.training.onnx_export import lower_pipeline

CHANCE = np.random.default_rng(8)
ROWS = np.column_stack([CHANCE.normal(size=(400, 5)) * [1, 10, 100, 1, 1], CHANCE.integers(0, 4, 400)])
LABELS = (ROWS[:, 0] * ROWS[:, 1] / 10 + ROWS[:, 5] - 2 + CHANCE.normal(size=400) > 0).astype(int)


def lowered(model: BaseEstimator) -> onnx.ModelProto:
    """Fit and lower a pipeline to a graph of its scores."""
    model.fit(ROWS, LABELS)
    last = model[-1] if hasattr(model, "steps") else model
    sample = np.zeros((1, ROWS.shape[1]), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        graph = to_onnx(model, sample, options={id(last): {"zipmap": False, "raw_scores": True}})
    return select_model_inputs_outputs(graph, outputs=[graph.graph.output[1].name])


def run_graph(graph: onnx.ModelProto) -> np.ndarray:
    """Score the rows."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: ROWS.astype(np.float32)})[0]


PIPELINES = {
    "scaled": make_pipeline(StandardScaler(), SVC(C=2.0)),
    "encoded": make_pipeline(
        make_column_transformer((StandardScaler(), [0, 1, 2, 3, 4]), (OneHotEncoder(sparse_output=False), [5])),
        SVC(gamma=0.1, class_weight="balanced"),
    ),
}


@pytest.mark.parametrize("kind", PIPELINES)
def test_the_margins_are_those_of_the_pipeline(kind: str) -> None:
    """Sign, scale and intercept, within float32 of a sum over all support vectors."""
    pipeline = PIPELINES[kind]
    graph = lowered(pipeline)
    before, after = run_graph(graph), run_graph(unroll_kernel(graph))

    assert OPERATOR not in {node.op_type for node in unroll_kernel(graph).graph.node}
    assert after == pytest.approx(before, abs=5e-4)
    assert after[:, 1] == pytest.approx(pipeline.decision_function(ROWS), abs=5e-4)


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), make_pipeline(StandardScaler(), SVC(kernel="poly"))],
    ids=["no machine", "polynomial"],
)
def test_other_models_stay_as_they_are(model: BaseEstimator) -> None:
    """Nothing to write out, or a kernel that is not radial."""
    graph = lowered(model)

    assert unroll_kernel(graph) is graph


def test_a_graph_whose_label_is_asked_for_stays_as_it_is() -> None:
    """Only the operator gives labels."""
    graph = lowered(PIPELINES["scaled"])
    node = next(node for node in graph.graph.node if node.op_type == OPERATOR)
    graph.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.INT64, [None]))

    assert unroll_kernel(graph) is graph


def test_an_exported_pipeline_is_written_out() -> None:
    """The export does it by itself."""
    content, output = lower_pipeline(PIPELINES["scaled"].fit(ROWS, LABELS), ROWS.shape[1])

    assert output == "log_odds"
    assert OPERATOR not in {node.op_type for node in onnx.load_from_string(content).graph.node}
