"""scikit-learn models and somebody's own ONNX graphs: one ONNX graph, in the precision that answers as they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxruntime.capi.onnxruntime_pybind11_state as binding
from numpy.typing import NDArray

from ratecard_workbench.bring.fields import Field
from ratecard_workbench.bring.graphs import keep_scores, score_tensor, take_codes
from ratecard_workbench.bring.lowered import Lowered, class_names
from ratecard_workbench.bring.opening import Opened
from ratecard_workbench.bring.pipelines import convert_pipeline, every_part, first_step, refuse_text
from ratecard_workbench.bring.refusals import Refused, first_line
from ratecard_workbench.bring.sample import Sample

PRECISIONS = ("double", "mixed", "single")
"""In this order: what counts as the training library does comes first."""

RUNTIME_ERRORS = (
    RuntimeError,
    *(getattr(binding, name) for name in ("Fail", "NotImplemented", "InvalidGraph", "InvalidArgument")),
)

NEAR = 1e-6
"""A precision whose answers are nearer than this everywhere is taken without looking at the next."""


def estimator_columns(model: Any) -> tuple[list[str] | None, int]:
    """Return names and number of the columns an estimator was fitted on."""
    names = getattr(model, "feature_names_in_", None)
    count = getattr(model, "n_features_in_", None)
    if count is None:
        refuse_text(first_step(model))
        raise Refused(f"the {type(model).__name__} is not fitted: train it before it is brought")
    return (None if names is None else [str(name) for name in names]), int(count)


def lower_estimator(opened: Opened, fields: list[Field], sample: Sample, codes: NDArray[np.float64]) -> Lowered:
    """Convert a fitted scikit-learn estimator or pipeline.

    Raises
    ------
    Refused
        If it gives neither chances nor one value a row, or a step cannot be lowered.
    """
    model = opened.model
    frame = sample.frame if estimator_columns(model)[0] is not None else sample.frame.to_numpy()
    reference, output, labels = answers_of(model, frame)
    best: tuple[float, bytes] | None = None
    refusal: Refused | None = None
    for precision in PRECISIONS:
        try:
            graph = convert_pipeline(model, fields, sample.frame, precision=precision)
            graph = keep_scores(graph, graph.graph.output[-1].name, column=1 if output == "probability" else None)
            distance = _distance(graph, codes, precision == "single", reference)
        except Refused as refused:
            refusal = refused
            continue
        if best is None or distance < best[0]:
            best = (distance, graph.SerializeToString())
        if distance <= NEAR * max(float(np.ptp(reference)), 1.0):
            break
    if best is None:
        raise refusal or Refused("the pipeline cannot be lowered")
    return Lowered(
        engine="onnx",
        content=best[1],
        output=output,
        reference=reference,
        classes=class_names(labels, 0),
        steps=" > ".join(type(part).__name__ for part in every_part(model)),
    )


def answers_of(model: Any, frame: Any) -> tuple[NDArray[np.float64], str, list[Any] | None]:
    """Ask the model itself: its answers to the sample, what they are, and the labels of its classes."""
    try:
        if hasattr(model, "predict_proba"):
            chances = np.asarray(model.predict_proba(frame), dtype=np.float64)
            labels = np.asarray(model.classes_).tolist()
            if chances.ndim != 2 or len(labels) < 2 or chances.shape[1] != len(labels):
                raise Refused("the model predicts several labels at once, or one class only; neither can be served")
            return (
                (chances[:, 1], "probability", labels)
                if len(labels) == 2
                else (chances, "probability_by_class", labels)
            )
        if hasattr(model, "decision_function") or not hasattr(model, "predict"):
            raise Refused(
                f"the {type(every_part(model)[-1]).__name__} gives scores but no chances: train it inside "
                'CalibratedClassifierCV(method="sigmoid"), which gives them'
            )
        values = np.asarray(model.predict(frame), dtype=np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(f"the model does not take the sample: {first_line(error)}") from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise Refused(f"the model gives {values.shape[1]} values a row; one is needed")
    return values, "value", None


def _distance(graph: onnx.ModelProto, codes: NDArray[np.float64], single: bool, expected: NDArray[np.float64]) -> float:
    """Return the largest difference of the graph's scores from what is expected."""
    try:
        scores = run_graph(graph.SerializeToString(), codes.astype(np.float32) if single else codes)
    except RUNTIME_ERRORS as error:
        # A type that an operator of the runtime lacks: another precision may be there.
        raise Refused(f"ONNX Runtime does not run the lowered pipeline: {first_line(error)}") from error
    if scores.shape[0] != expected.shape[0] or scores.size != expected.size:
        raise Refused("the lowered graph gives another number of scores than the model")
    return float(np.max(np.abs(scores.reshape(expected.shape) - expected), initial=0.0))


def run_graph(content: bytes, rows: NDArray[Any]) -> NDArray[np.float64]:
    """Score rows with ONNX Runtime's Python package, on one thread as the engine does."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"rows": rows})[0], dtype=np.float64)


def lower_graph(opened: Opened, fields: list[Field], sample: Sample, codes: NDArray[np.float64]) -> Lowered:
    """Make somebody's own graph take the contract's columns and give scores only.

    Raises
    ------
    Refused
        If it has no one tensor of scores, or does not take the sample.
    """
    name, labels, has_label = score_tensor(opened.model)
    own = _ask_own_graph(opened.model, name, fields, sample)
    width = own.shape[1]
    is_chances = width > 1 and bool((own >= -1e-3).all() and np.allclose(own.sum(axis=1), 1.0, atol=1e-3))
    if width > 1 and not is_chances:
        raise Refused(f"the graph gives {width} scores a row that are no chances: they do not sum to 1")
    if width == 1 and has_label:
        raise Refused("the graph gives a label and one score; export it with the chance of each class")
    graph = keep_scores(take_codes(opened.model, fields), name, column=1 if width == 2 else None)
    reference = own if width > 2 else own[:, width - 1]
    return Lowered(
        engine="onnx",
        content=graph.SerializeToString(),
        output="value" if width == 1 else "probability" if width == 2 else "probability_by_class",
        reference=reference,
        classes=[] if width == 1 else class_names(labels, width),
        steps=f"ONNX graph of {len(graph.graph.node)} nodes",
    )


def _ask_own_graph(model: onnx.ModelProto, name: str, fields: list[Field], sample: Sample) -> NDArray[np.float64]:
    """Score the sample with the graph as it was brought, through its own inputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if name not in {value.name for value in copy.graph.output}:
        copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    inputs = session.get_inputs()
    try:
        if len(inputs) == 1 and len(fields) > 1:
            fed = {inputs[0].name: sample.frame.to_numpy(dtype=kinds[inputs[0].type])}
        else:
            fed = {}
            for place, one in enumerate(inputs):
                column = sample.frame.iloc[:, place]
                values = column.astype(object).where(column.notna(), "") if one.type == "tensor(string)" else column
                fed[one.name] = values.to_numpy(dtype=kinds.get(one.type, object)).reshape(-1, 1)
        scores = np.asarray(session.run([name], fed)[0], dtype=np.float64)
    except (ValueError, TypeError, KeyError, *RUNTIME_ERRORS) as error:
        raise Refused(f"the graph does not take the sample: {first_line(error)}") from error
    return scores.reshape(len(sample.frame), -1)
