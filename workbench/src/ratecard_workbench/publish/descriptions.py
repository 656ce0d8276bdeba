"""What the platform says about itself and its models, without a key: the answers of the descriptive routes."""

from __future__ import annotations

from ratecard.contract import Feature, Integer, ModelContract, Number
from ratecard.contract.outputs import AMOUNT_PATTERN, Amount, Choice, Output, Points, Quantity
from ratecard.contract.protocol import model_metadata
from ratecard.contract.sample import sample_row
from ratecard.contract.schema import kind_schema
from ratecard_workbench.publish.mapping import PLACE

Document = dict[str, object]

PLATFORM = "ratecard"
DATA_PLANE_VERSION = "1.0.0"
"""Version of the routes and of the shape of their answers, not of any model."""


def described_routes(contracts: tuple[ModelContract, ...]) -> dict[str, Document]:
    """Return the answer of every keyless GET route, by path, in a fixed order."""
    routes: dict[str, Document] = {
        "/v1/models": {"models": [model_summary(contract) for contract in contracts], "call_id": PLACE},
        "/v2": {"name": PLATFORM, "version": DATA_PLANE_VERSION, "extensions": [], "call_id": PLACE},
        "/v2/health/live": {"live": True, "call_id": PLACE},
        "/v2/health/ready": {"ready": True, "call_id": PLACE},
    }
    for contract in contracts:
        routes[f"/v1/models/{contract.slug}"] = {**model_description(contract), "call_id": PLACE}
        ready = {"name": contract.slug, "ready": True, "call_id": PLACE}
        metadata = {**model_metadata(contract), "call_id": PLACE}
        for base in (f"/v2/models/{contract.slug}", f"/v2/models/{contract.slug}/versions/{contract.version}"):
            routes[base] = metadata
            routes[f"{base}/ready"] = ready
    return routes


def model_summary(contract: ModelContract) -> Document:
    """Return a model's line in the list of models."""
    return {"model": contract.slug, "version": contract.version, "title": contract.title, "about": contract.about}


def model_description(contract: ModelContract) -> Document:
    """Return all a client needs to call a model."""
    return {
        **model_summary(contract),
        "max_rows": contract.max_rows,
        "features": [feature_description(feature) for feature in contract.features],
        "outputs": [output_description(output) for output in contract.outputs],
        "reasons": [{"code": reason.code, "text": reason.text} for reason in contract.reasons],
        "sample": {"instances": [sample_row(contract)]},
    }


def feature_description(feature: Feature) -> Document:
    """Return one input field as a client sees it."""
    described: Document = {"name": feature.name, "about": feature.about, "required": not feature.missing}
    described |= kind_schema(feature)
    if isinstance(feature, Number | Integer):
        described["unit"] = feature.unit
    return described


def output_description(output: Output) -> Document:
    """Return one field of a prediction as a client sees it."""
    described: Document = {"name": output.name, "about": output.about}
    if isinstance(output, Points):
        return {**described, "type": "integer", "minimum": output.minimum, "maximum": output.maximum}
    if isinstance(output, Choice):
        return {**described, "type": "string", "enum": list(output.values)}
    if isinstance(output, Quantity):
        return {
            **described,
            "type": "number",
            "minimum": output.minimum,
            "maximum": output.maximum,
            "unit": output.unit,
        }
    if isinstance(output, Amount):
        return {**described, "type": "string", "pattern": AMOUNT_PATTERN, "currency": output.currency}
    return {**described, "type": "number", "minimum": 0, "maximum": 1}
