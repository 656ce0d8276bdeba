"""Finishing touches on an ONNX graph: one input of all columns, one output of scores, nothing that serves neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ratecard_workbench.bring.fields import Field
from ratecard_workbench.bring.refusals import Refused

OUTPUT = "ratecard_score"
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
KINDS = (*FLOATS, TensorProto.INT64, TensorProto.STRING)
MISSING_TEXT = ""


def keep_scores(model: onnx.ModelProto, output: str, *, column: int | None) -> onnx.ModelProto:
    """Make a graph's only output the scores.

    Parameters
    ----------
    output : str
        Name of the tensor of scores, [rows, width].
    column : int or None
        The one column to keep; None keeps all.
    """
    graph = model.graph
    # Converters declare types that their nodes do not always give; as float64 both are exact.
    graph.node.append(helper.make_node("Cast", [output], ["ratecard_score_wide"], to=TensorProto.DOUBLE))
    if column is None:
        graph.node.append(helper.make_node("Identity", ["ratecard_score_wide"], [OUTPUT]))
    else:
        graph.initializer.append(numpy_helper.from_array(np.array([column], dtype=np.int64), "ratecard_score_column"))
        graph.node.append(
            helper.make_node("Gather", ["ratecard_score_wide", "ratecard_score_column"], [OUTPUT], axis=1)
        )
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, None if column is None else 1])
    )
    return prune(model)


def prune(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take out nodes and constants that no output needs; texts of the converter go too."""
    graph = model.graph
    needed, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    nodes = list(reversed(kept))
    constants = [one for one in graph.initializer if one.name in needed]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    model.doc_string = graph.doc_string = ""
    opsets = {one.domain: one.version for one in model.opset_import}
    used = {node.domain for node in nodes} | {""}
    del model.opset_import[:]
    model.opset_import.extend(
        helper.make_opsetid(domain, version) for domain, version in opsets.items() if domain in used
    )
    return model


def score_tensor(model: onnx.ModelProto) -> tuple[str, list[Any] | None, bool]:
    """Find the tensor of scores of somebody's own graph.

    Returns
    -------
    tuple of str, list or None, bool
        Its name; the labels of its classes where a ZipMap names them; whether the graph also gives a label.

    Raises
    ------
    Refused
        If there is none, or more than one.
    """
    maps = {node.output[0]: node for node in model.graph.node if node.op_type == "ZipMap"}
    found: list[tuple[str, list[Any] | None]] = []
    label = False
    for value in model.graph.output:
        if value.name in maps:
            found.append((maps[value.name].input[0], _labels(maps[value.name])))
        elif value.type.tensor_type.elem_type in FLOATS:
            found.append((value.name, None))
        else:
            label = True
    if len(found) != 1:
        raise Refused(f"the graph has {len(found)} outputs of floating-point numbers; one is needed, the scores")
    return (*found[0], label)


def _labels(node: onnx.NodeProto) -> list[Any]:
    for attribute in node.attribute:
        values = list(attribute.strings) or list(attribute.ints)
        if values:
            return [value.decode() if isinstance(value, bytes) else value for value in values]
    return []


def input_names(model: onnx.ModelProto) -> tuple[list[str] | None, int]:
    """Return names and number of a graph's columns; one tensor of all columns has no names.

    Raises
    ------
    Refused
        If its inputs are neither.
    """
    constants = {one.name for one in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    widths = [_width(value) for value in inputs]
    for value in inputs:
        if value.type.tensor_type.elem_type not in KINDS:
            raise Refused(f"the graph's input {value.name!r} is not of float, double, int64 or string")
    if len(inputs) == 1 and widths[0] != 1:
        if inputs[0].type.tensor_type.elem_type == TensorProto.STRING:
            raise Refused("the graph takes all columns as text; give it an input for each column")
        return None, widths[0]
    if any(width != 1 for width in widths):
        raise Refused("the graph's inputs are neither one tensor of all columns nor one [rows, 1] for each column")
    return [value.name for value in inputs], len(inputs)


def _width(value: onnx.ValueInfoProto) -> int:
    sizes = [one.dim_value for one in value.type.tensor_type.shape.dim]
    return sizes[1] if len(sizes) == 2 else 0


def take_codes(model: onnx.ModelProto, fields: Sequence[Field]) -> onnx.ModelProto:
    """Put one input of all columns, words as codes, in the place of a graph's own inputs."""
    constants = {one.name for one in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    before: list[onnx.NodeProto] = []

    def constant(name: str, values: Any) -> str:
        model.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    if len(inputs) == 1 and len(fields) > 1:
        before.append(helper.make_node("Cast", ["rows"], [inputs[0].name], to=inputs[0].type.tensor_type.elem_type))
        inputs = inputs[:1]
    else:
        for place, value in enumerate(inputs):
            column = f"ratecard_column_{place}"
            index = constant(f"ratecard_place_{place}", np.array([place], dtype=np.int64))
            before.append(helper.make_node("Gather", ["rows", index], [column], axis=1))
            before += _as_own_type(value, fields[place], column, constant)
    nodes = [*before, *model.graph.node]
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend(nodes)
    model.graph.input.append(helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, len(fields)]))
    return model


def _as_own_type(value: onnx.ValueInfoProto, field: Field, column: str, constant: Any) -> list[onnx.NodeProto]:
    """Return the nodes from a column of the contract to one input of the graph."""
    element = value.type.tensor_type.elem_type
    if field.kind != "category":
        return [helper.make_node("Cast", [column], [value.name], to=element)]
    if element != TensorProto.STRING:
        raise Refused(f"the sample has words in {field.column!r}, and the graph takes numbers there")
    words = np.array([*(field.values or []), MISSING_TEXT], dtype=object)
    last = constant(f"{column}_missing", np.array([len(words) - 1], dtype=np.float64))
    table = constant(f"{column}_words", words)
    return [
        helper.make_node("IsNaN", [column], [f"{column}_nan"]),
        helper.make_node("Where", [f"{column}_nan", last, column], [f"{column}_known"]),
        helper.make_node("Cast", [f"{column}_known"], [f"{column}_code"], to=TensorProto.INT64),
        helper.make_node("Gather", [table, f"{column}_code"], [value.name], axis=0),
    ]
