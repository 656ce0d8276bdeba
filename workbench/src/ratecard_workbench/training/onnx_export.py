"""A scikit-learn pipeline as an ONNX graph with one output: the decision margin, or the probability of the event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from warnings import catch_warnings, filterwarnings

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
from sklearn.base import BaseEstimator

from ratecard_workbench.training.artifact import EngineFiles, ExportError, Release, store_release
from ratecard_workbench.training.kernel_graph import unroll_kernel

MODEL_FILE = "model.onnx"
EVENT = "event"
"""Name of the graph's output."""

TOLERANCE = 1e-3
"""Largest allowed difference of a margin: a graph computes in float32."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How closely a graph answers like the pipeline it was made of.

    Attributes
    ----------
    rows : int
        Rows compared.
    largest_difference : float
        Of a margin, or of a probability, >= 0.
    flips : int
        Rows that lie on other sides of a threshold.
    """

    rows: int
    largest_difference: float
    flips: int

    def describe(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"rows": self.rows, "largest_difference": round(self.largest_difference, 9), "flips": self.flips}


def export_pipeline(
    pipeline: BaseEstimator,
    release: Release,
    *,
    thresholds: tuple[float, ...] = (),
    files: Mapping[str, bytes] | None = None,
    tolerance: float = TOLERANCE,
    lowered: tuple[bytes, str] | None = None,
) -> dict[str, object]:
    """Write `model.onnx` and `manifest.json`, with the fidelity of the graph among the manifest's metrics.

    Parameters
    ----------
    pipeline : estimator
        Fitted on the contract's columns, in their order; a classifier of two classes. Not a calibrated one: that lowers
        wrongly, and the Platt line of the release calibrates outside the graph.
    release : Release
        What the artifact holds beside the model.
    thresholds : tuple of float
        Margins at which decisions change; a row on another side of one is a flip.
    files : mapping of str to bytes, optional
        What else the artifact holds, for example the background of Shapley sampling.
    tolerance : float
        Largest allowed difference of a margin.
    lowered : tuple of bytes and str, optional
        The graph and what its output is, where another writer than `lower_pipeline` suits the pipeline better; it is
        held to the pipeline in the same way.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ExportError
        If a margin differs by more than the tolerance, or a decision flips.
    """
    content, output = lowered or lower_pipeline(pipeline, release.checked_on.shape[1])
    reference = compute_pipeline_scores(pipeline, release.checked_on)
    found = compute_fidelity(reference, run_graph(content, release.checked_on), thresholds)
    if found.flips or not found.largest_difference <= tolerance:
        raise ExportError(f"the graph differs from the pipeline: {found.describe()}")
    stated = replace(release, metrics={**release.metrics, "fidelity": found.describe()})
    written = {MODEL_FILE: content, **(files or {})}
    libraries = ("scikit-learn", "skl2onnx", "onnxruntime")
    return store_release(stated, EngineFiles("onnx", version("onnxruntime"), written, output, libraries))


def lower_pipeline(pipeline: BaseEstimator, columns: int) -> tuple[bytes, str]:
    """Return a graph with one float output per row, and what it is: "log_odds" or "probability".

    Parameters
    ----------
    pipeline : estimator
        Fitted classifier of two classes, or a pipeline that ends in one.
    columns : int
        How many it takes, as one float32 matrix.
    """
    margin = hasattr(pipeline, "decision_function")
    last = pipeline[-1] if hasattr(pipeline, "steps") else pipeline
    options = {id(last): {"zipmap": False, **({"raw_scores": True} if margin else {})}}
    with catch_warnings():
        # The converter reads attributes of SVC that scikit-learn is about to drop.
        filterwarnings("ignore", category=FutureWarning)
        model = to_onnx(pipeline, np.zeros((1, columns), dtype=np.float32), options=options)
    return unroll_kernel(_keep_event(model)).SerializeToString(), "log_odds" if margin else "probability"


def _keep_event(model: ModelProto) -> ModelProto:
    """Keep only the second class's score of the second output; the label and what it needs are dropped."""
    scores = model.graph.output[1].name
    kept: ModelProto = select_model_inputs_outputs(model, outputs=[scores])
    kept.graph.initializer.append(helper.make_tensor("event_column", TensorProto.INT64, [1], [1]))
    kept.graph.node.append(helper.make_node("Gather", [scores, "event_column"], [EVENT], name="keep_event", axis=1))
    del kept.graph.output[:]
    kept.graph.output.append(helper.make_tensor_value_info(EVENT, TensorProto.FLOAT, [None, 1]))
    return kept


def compute_pipeline_scores(pipeline: BaseEstimator, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the graph should answer: decision function, or probability of the event where there is none."""
    if hasattr(pipeline, "decision_function"):
        return np.asarray(pipeline.decision_function(columns), dtype=np.float64)
    return np.asarray(pipeline.predict_proba(columns)[:, 1], dtype=np.float64)


def run_graph(content: bytes, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the graph's answers through ONNX Runtime's Python package, on one thread, shape (rows,)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (answer,) = session.run([EVENT], {session.get_inputs()[0].name: columns.astype(np.float32)})
    return np.asarray(answer[:, 0], dtype=np.float64)


def compute_fidelity(
    reference: NDArray[np.float64], lowered: NDArray[np.float64], thresholds: tuple[float, ...] = ()
) -> Fidelity:
    """Compare a graph's answers with those it should give; a NaN on either side only is an infinite difference."""
    same_gap = np.isnan(reference) & np.isnan(lowered)
    apart = np.where(same_gap, 0.0, np.nan_to_num(np.abs(reference - lowered), nan=np.inf))
    cuts = np.array(thresholds)[:, np.newaxis]
    flips = int(((reference >= cuts) != (lowered >= cuts)).any(axis=0).sum())
    return Fidelity(int(reference.size), float(apart.max(initial=0.0)), flips)
