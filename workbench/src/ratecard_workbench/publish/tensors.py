"""Schemas of the Open Inference Protocol's bodies for one model."""

from __future__ import annotations

from ratecard.contract import Feature, ModelContract
from ratecard.contract.protocol import REASONS, feature_datatypes, output_datatype
from ratecard.contract.schema import Dialect, Schema, closed_object, feature_schema

LONGEST_ID = 128
"""Characters of a request's own id, as the function takes it."""


def inference_request_schema(contract: ModelContract) -> Schema:
    """Return the schema of a request: one tensor for each field, all of one length, in any order."""
    names = output_names(contract)
    binary = {"type": "boolean", "enum": [False], "description": "Tensors are JSON."}
    wanted: Schema = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "enum": names},
            "parameters": {"type": "object", "properties": {"binary_data": binary}, "additionalProperties": False},
        },
        "additionalProperties": False,
    }
    outputs = {"type": "array", "maxItems": len(names), "uniqueItems": True, "items": wanted}
    parameters = {
        "type": "object",
        "properties": {"explain": {"type": "boolean"}, "binary_data_output": binary},
        "additionalProperties": False,
    }
    inputs = {
        "type": "array",
        "minItems": 1,
        "maxItems": len(contract.features),
        "items": {"oneOf": [input_schema(contract, feature) for feature in contract.features]},
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string", "maxLength": LONGEST_ID},
            "parameters": parameters,
            "inputs": inputs,
            "outputs": outputs,
        },
    }


def output_names(contract: ModelContract) -> list[str]:
    """Return the names of the tensors that an answer can hold."""
    names = [output.name for output in contract.outputs]
    return [*names, REASONS] if contract.reasons else names


def input_schema(contract: ModelContract, feature: Feature) -> Schema:
    """Return the schema of one field's tensor."""
    length = {"type": "integer", "minimum": 1, "maximum": contract.max_rows}
    element = feature_schema(feature, Dialect.OPENAPI_3_0)
    return closed_object(
        {
            "name": {"type": "string", "enum": [feature.name]},
            "shape": {"type": "array", "minItems": 1, "maxItems": 2, "items": length},
            "datatype": {"type": "string", "enum": list(feature_datatypes(feature))},
            "data": {"type": "array", "minItems": 1, "maxItems": contract.max_rows, "items": element},
        }
    )


def inference_answer_schema(contract: ModelContract) -> Schema:
    """Return the schema of an answer: one tensor for each output that was asked for."""
    kinds = [(output.name, output_datatype(output)) for output in contract.outputs]
    if contract.reasons:
        kinds.append((REASONS, "BYTES"))
    return closed_object(
        {
            "model_name": {"type": "string", "enum": [contract.slug]},
            "model_version": {"type": "string", "enum": [contract.version]},
            "id": {"type": "string"},
            "call_id": {"type": "string"},
            "outputs": {"type": "array", "items": {"oneOf": [output_schema(*kind) for kind in kinds]}},
        }
    )


def output_schema(name: str, datatype: str) -> Schema:
    """Return the schema of one output's tensor."""
    element = {"FP64": "number", "INT64": "integer", "BYTES": "string"}[datatype]
    return closed_object(
        {
            "name": {"type": "string", "enum": [name]},
            "datatype": {"type": "string", "enum": [datatype]},
            "shape": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "integer", "minimum": 1}},
            "data": {"type": "array", "items": {"type": element}},
        }
    )
