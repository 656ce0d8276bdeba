"""JSON Schemas of a contract, in the subset that draft 4 (API Gateway) and OpenAPI 3.0 read alike.

The one place where the two differ is a value that may be missing: draft 4 lists the type null, OpenAPI 3.0 has a member
`nullable`. Every function here takes the `Dialect` it writes for. Imported by the workbench and by tests, never by a
function.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from ratecard.contract.features import Boolean, Category, Feature, Integer, Number, Text
from ratecard.contract.model import ModelContract
from ratecard.contract.outputs import AMOUNT_PATTERN, Amount, Output, Points, Probability, Quantity

Schema = dict[str, Any]

REASONS = (
    "Principal reasons, the strongest first. Effects too small to matter are not named, but where a reason is owed."
)

NO_NUL = r"^[^\u0000]*$"
"""Text without NUL, as `Text.parse` asks."""


class Dialect(Enum):
    """How a value that may be missing is written."""

    DRAFT_4 = "draft-4"
    OPENAPI_3_0 = "openapi-3.0"


def feature_schema(feature: Feature, dialect: Dialect = Dialect.DRAFT_4) -> Schema:
    """Return the schema of one field of a row."""
    schema = {**kind_schema(feature), "description": feature.about}
    if isinstance(feature, Number | Integer):
        schema["description"] = f"{feature.about} Unit: {feature.unit}."
    if not feature.missing:
        return schema
    if dialect is Dialect.OPENAPI_3_0:
        schema["nullable"] = True
    else:
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


def kind_schema(feature: Feature) -> Schema:
    """Return type and bounds of a field that is there."""
    if isinstance(feature, Number | Integer):
        kind = "integer" if isinstance(feature, Integer) else "number"
        return {"type": kind, "minimum": feature.minimum, "maximum": feature.maximum}
    if isinstance(feature, Category):
        return {"type": "string", "enum": list(feature.values)}
    if isinstance(feature, Boolean):
        return {"type": "boolean"}
    if isinstance(feature, Text):
        return {"type": "string", "maxLength": feature.maximum_length, "pattern": NO_NUL}
    raise TypeError(f"no schema for {type(feature).__name__}")


def row_schema(contract: ModelContract, dialect: Dialect = Dialect.DRAFT_4) -> Schema:
    """Return the schema of one row; the function takes whole numbers written as 3.0, too."""
    schema: Schema = {
        "type": "object",
        "title": f"One row for {contract.slug}",
        "additionalProperties": False,
        "properties": {feature.name: feature_schema(feature, dialect) for feature in contract.features},
    }
    required = [feature.name for feature in contract.features if not feature.missing]
    if required:
        schema["required"] = required
    return schema


def instances_schema(contract: ModelContract, row: Schema) -> Schema:
    """Return the schema of a body with many rows; `row` is the row's schema or a reference to it."""
    return {
        "type": "object",
        "title": f"Up to {contract.max_rows} rows for {contract.slug}",
        "additionalProperties": False,
        "required": ["instances"],
        "properties": {
            "instances": {"type": "array", "minItems": 1, "maxItems": contract.max_rows, "items": row},
        },
    }


def output_schema(output: Output) -> Schema:
    """Return the schema of one field of a prediction."""
    if isinstance(output, Probability):
        return {"type": "number", "minimum": 0, "maximum": 1, "description": output.about}
    if isinstance(output, Points):
        bounds = {"minimum": output.minimum, "maximum": output.maximum}
        return {"type": "integer", **bounds, "description": output.about}
    if isinstance(output, Quantity):
        words = f"{output.about} Unit: {output.unit}."
        return {"type": "number", "minimum": output.minimum, "maximum": output.maximum, "description": words}
    if isinstance(output, Amount):
        words = f"{output.about} A decimal number in {output.currency}."
        return {"type": "string", "pattern": AMOUNT_PATTERN, "description": words}
    return {"type": "string", "enum": list(output.values), "description": output.about}


def prediction_schema(contract: ModelContract) -> Schema:
    """Return the schema of one prediction, with the reasons it may carry."""
    properties = {output.name: output_schema(output) for output in contract.outputs}
    if contract.reasons:
        properties |= explanation_properties(contract)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [output.name for output in contract.outputs],
        "properties": properties,
    }


def explanation_properties(contract: ModelContract) -> dict[str, Schema]:
    """Return the schemas of reasons, advice and the full account."""
    unit = contract.effect_unit
    reason = closed_object(
        {
            "code": {"type": "string", "enum": [reason.code for reason in contract.reasons]},
            "text": {"type": "string"},
            "columns": {"type": "array", "items": {"type": "string"}},
            unit: {"type": "number", "description": "What the reason moved, in the unit the name says."},
        }
    )
    if any(reason.typical for reason in contract.reasons):
        reason["properties"] = reason["properties"] | compared_properties()
    if contract.names_words:
        words = "The words that spoke most for it, with what each moved."
        reason["properties"] = reason["properties"] | {"words": words_schema(words)}
    by_column = closed_object({column: {"type": "number"} for column in contract.columns})
    members: dict[str, Schema] = {
        "unit": {"type": "string", "enum": [unit]},
        "base": {"type": "number"},
        "contributions": by_column,
        "total": {"type": "number", "description": "Base and contributions added up: the score before rounding."},
    }
    if contract.sampled_reasons:
        words = "Contributions are estimates; by so much would they differ if the sampling were done again."
        members["standard_error"] = {**by_column, "description": words}
    if contract.names_words:
        members["words"] = words_schema("Every word that counts; together they are the text's contribution.")
    account = closed_object(members)
    return {
        "reasons": {"type": "array", "items": reason, "description": REASONS},
        "advice": {"type": "array", "items": {"type": "string"}, "description": "What the person scored can change."},
        "explanation": {**account, "description": "Given with explain=true."},
    }


def words_schema(about: str) -> Schema:
    """Return the schema of words with their effects."""
    word = closed_object({"word": {"type": "string"}, "log_odds": {"type": "number"}})
    return {"type": "array", "items": word, "description": about}


def compared_properties() -> dict[str, Schema]:
    """Return the schemas of what a reason shows beside its columns, where the contract knows their typical values."""
    return {
        "values": {
            "type": "array",
            "items": {"type": "number", "nullable": True},
            "description": "The row's own values of the columns; null is missing.",
        },
        "typical": {
            "type": "array",
            "items": {"type": "number"},
            "description": "Typical values of the columns where the outcome is good.",
        },
    }


def closed_object(properties: dict[str, Schema]) -> Schema:
    """Return an object of exactly these members."""
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def answer_schema(contract: ModelContract, prediction: Schema) -> Schema:
    """Return the schema of a predict answer; `prediction` is the prediction's schema or a reference to it."""
    return closed_object(
        {
            "model": {"type": "string", "enum": [contract.slug]},
            "version": {"type": "string", "enum": [contract.version]},
            "call_id": {"type": "string", "description": "The id under which operators find the call."},
            "predictions": {"type": "array", "minItems": 1, "maxItems": contract.max_rows, "items": prediction},
        }
    )
