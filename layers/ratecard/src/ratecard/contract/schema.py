"""The contract as JSON Schema, draft 4: the dialect that API Gateway validates with and that OpenAPI 3.0 is based on.

`row_schema` is what clients read and generate code from. `envelope_schema` is what the gateway enforces: so coarse that
every refusal with a place in it comes from the function, with a JSON Pointer (docs/decisions).
"""

from __future__ import annotations

from ratecard.contract.features import Boolean, Category, Integer, Text
from ratecard.contract.outputs import Points, Probability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from ratecard.contract.features import Feature
    from ratecard.contract.model import ModelContract
    from ratecard.contract.outputs import Output

    Schema: TypeAlias = dict[str, object]


def feature_schema(feature: Feature) -> Schema:
    """Describe one feature; `nullable` is OpenAPI's word for a feature that may be missing."""
    schema: Schema = {"description": feature.about, **value_schema(feature), "example": feature.sample}
    if feature.missing:
        schema["nullable"] = True
        if "enum" in schema:  # OpenAPI 3.0.3: null must be listed even where nullable is true
            schema["enum"] = [*feature.values, None] if isinstance(feature, Category) else schema["enum"]
    return schema


def value_schema(feature: Feature) -> Schema:
    """Describe the values a feature takes."""
    if isinstance(feature, Category):
        return {"type": "string", "enum": list(feature.values)}
    if isinstance(feature, Boolean):
        return {"type": "boolean"}
    if isinstance(feature, Text):
        return {"type": "string", "maxLength": feature.maximum_length}
    bounds: Schema = {"type": "number", "minimum": feature.minimum, "maximum": feature.maximum, "x-unit": feature.unit}
    # 3 and 3.0 are one number in JSON; draft 4's "integer" is read either way, multipleOf is not.
    return bounds | {"multipleOf": 1} if isinstance(feature, Integer) else bounds


def row_schema(contract: ModelContract) -> Schema:
    """Describe one row of a request."""
    return {
        "type": "object",
        "description": contract.about,
        "properties": {feature.name: feature_schema(feature) for feature in contract.features},
        "required": [feature.name for feature in contract.features if not feature.missing],
        "additionalProperties": False,
    }


def envelope_schema() -> Schema:
    """Describe what the gateway enforces of a predict body: a JSON object, with rows in `instances` if it has that."""
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {"instances": {"type": "array", "minItems": 1}},
    }


def output_schema(output: Output) -> Schema:
    """Describe one output."""
    if isinstance(output, Probability):
        return {"type": "number", "minimum": 0, "maximum": 1, "description": output.about}
    if isinstance(output, Points):
        bounds = {"minimum": output.minimum, "maximum": output.maximum}
        return {"type": "integer", **bounds, "description": output.about}
    return {"type": "string", "enum": list(output.values), "description": output.about}


def prediction_schema(contract: ModelContract) -> Schema:
    """Describe one prediction of an answer."""
    properties: Schema = {output.name: output_schema(output) for output in contract.outputs}
    if contract.reasons:
        properties |= explanation_properties(contract)
    return {"type": "object", "properties": properties, "required": [output.name for output in contract.outputs]}


def explanation_properties(contract: ModelContract) -> Schema:
    """Describe the members that explain a prediction."""
    unit = "points" if contract.scale else "log_odds"
    reason = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": [reason.code for reason in contract.reasons]},
            "text": {"type": "string"},
            "columns": {"type": "array", "items": {"type": "string", "enum": list(contract.columns)}},
            unit: {"type": "number", "description": "Effect on the score against the average applicant."},
        },
        "required": ["code", "text", "columns", unit],
    }
    account = {
        "type": "object",
        "description": "Every column's contribution; base and contributions add up to total, the unrounded score.",
        "properties": {
            "unit": {"type": "string", "enum": [unit]},
            "base": {"type": "number"},
            "contributions": {"type": "object", "additionalProperties": {"type": "number"}},
            "total": {"type": "number"},
        },
        "required": ["unit", "base", "contributions", "total"],
    }
    return {
        "reasons": {
            "type": "array",
            "maxItems": 4,
            "items": reason,
            "description": "Principal reasons, strongest first.",
        },
        "advice": {"type": "array", "items": {"type": "string"}, "description": "What the person can do, same order."},
        "explanation": account,
    }


def answer_schema(contract: ModelContract) -> Schema:
    """Describe the answer of a predict call."""
    return {
        "type": "object",
        "properties": {
            "model": {"type": "string", "enum": [contract.slug]},
            "version": {"type": "string"},
            "call_id": {"type": "string", "description": "Names this call in invoices and in questions to operators."},
            "predictions": {"type": "array", "items": prediction_schema(contract)},
        },
        "required": ["model", "version", "call_id", "predictions"],
    }
