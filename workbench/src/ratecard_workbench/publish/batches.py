"""The routes of batches by id, in both documents of the API."""

from __future__ import annotations

from collections.abc import Iterable

from ratecard.contract.schema import Schema, closed_object
from ratecard.serving.batch.order import ENDINGS, LONGEST_NAME, MOST_BYTES, MOST_CARRIED, NAME
from ratecard.serving.batch.settle import LIST_PRICE
from ratecard_workbench.local.application import Application
from ratecard_workbench.publish.account import COUNT, INSTANT, MONEY, REFUSALS, TEXT
from ratecard_workbench.publish.answers import idempotency_key, reference_to, refusals

Document = dict[str, object]

HANDLER = "batches_service.handler.batches_handler"
BATCH = "/v1/batches/{id}"
SAME_BATCH = "The same key with the same body within 24 hours is given the same batch, and a new link to its place."
BASIS: Schema = {
    "type": "string",
    "enum": [LIST_PRICE],
    "description": "The invoice rates all rows of a period together, by the customer's plan and tiers.",
}
STATUSES = ["waiting", "planned", "scoring", "succeeded", "failed"]
SENT = (*REFUSALS, "invalid_json", "invalid_request", "not_found", "payload_too_large", "unsupported_media_type")


def find_batches_function(application: Application) -> str | None:
    """Return the logical id of the template's function of batches, if it has one."""
    return next((name for name, spec in application.functions.items() if spec.handler == HANDLER), None)


def batches_path(slug: str) -> str:
    """Return the route on which a batch of a model is asked for."""
    return f"/v1/models/{slug}/batches"


def batches_gateway_paths(function: str, slugs: Iterable[str]) -> dict[str, Document]:
    """Return what API Gateway is told.

    Notes
    -----
    A route for each model: API Gateway takes `/v1/models/credit-rating` literally where there is such a resource, and
    does not come back from it to one with a parameter in its place.
    """
    from ratecard_workbench.publish.gateway import INVOCATION, KEYED

    def operation(parameters: list[Document]) -> Document:
        described: Document = {"parameters": parameters} if parameters else {}
        return described | {
            "security": KEYED,
            "responses": {"200": {"description": "The function's answer."}},
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": {"Fn::Sub": INVOCATION.replace("FUNCTION", function)},
                "passthroughBehavior": "when_no_match",
                "timeoutInMillis": 9_000,
            },
        }

    number: Document = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    posts: dict[str, Document] = {batches_path(slug): {"post": operation([])} for slug in slugs}
    return posts | {BATCH: {"get": operation([number])}}


def batches_reference_paths(slugs: Iterable[str]) -> dict[str, Document]:
    """Return the routes as clients read them."""
    batch: Document = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "description": "As it was answered when the batch was asked for.",
    }
    body: Document = {
        "required": True,
        "content": {
            "application/json": {
                "schema": reference_to("BatchRequest"),
                "example": {"format": "csv", "bytes": 1_048_576, "carry": ["customer_number"]},
            }
        },
    }
    posts = {
        batches_path(slug): _operation(
            "post", f"{slug}-batches", "Ask for a place to upload a file of rows to", "BatchPlace"
        )
        for slug in slugs
    }
    paths: dict[str, Document] = {}
    for path, operation in posts.items():
        paths[path] = {"post": {**operation, "parameters": [idempotency_key(SAME_BATCH)], "requestBody": body}}
    read = _operation("get", "get-batch", "What has become of a batch of yours", "Batch")
    paths[BATCH] = {"get": {**read, "parameters": [batch]}}
    return paths


def batches_schemas() -> dict[str, Schema]:
    """Return the schemas of what is sent and answered."""
    carry: Schema = {
        "type": "array",
        "maxItems": MOST_CARRIED,
        "uniqueItems": True,
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": NAME},
        "description": "Columns of the file that are carried through to the results.",
    }
    wish: dict[str, Schema] = {
        "format": {"type": "string", "enum": list(ENDINGS)},
        "bytes": {"type": "integer", "minimum": 1, "maximum": MOST_BYTES, "description": "The file's size, exactly."},
        "explain": {"type": "boolean", "default": False, "description": "Give reasons; priced as batch_explain."},
        "carry": carry,
    }
    order: dict[str, Schema] = {**wish, "id": TEXT, "model": TEXT, "created_at": INSTANT}
    upload = closed_object(
        {
            "method": TEXT,
            "url": {**TEXT, "description": "One that begins with a slash is of this API, and takes the API key."},
            "headers": {"type": "object", "additionalProperties": TEXT, "description": "To be sent just so."},
            "expires_at": {**INSTANT, "nullable": True},
        }
    )
    price = closed_object({"amount": MONEY, "currency": TEXT})
    request = closed_object(wish)
    request["required"] = ["format", "bytes"]
    place = {**order, "upload": upload, "row_price": price, "links": closed_object({"self": TEXT}), "call_id": TEXT}
    batch = closed_object(
        {
            **order,
            "status": {"type": "string", "enum": STATUSES},
            "is_uploaded": {"type": "boolean"},
            "call_id": TEXT,
        }
    )
    properties = batch["properties"]
    assert isinstance(properties, dict)
    # Not required: they are there once there is something to say.
    properties |= _finished()
    return {"BatchRequest": request, "BatchPlace": closed_object(place), "Batch": batch}


def _finished() -> dict[str, Schema]:
    cost = closed_object({"amount": MONEY, "currency": TEXT, "unit_price": MONEY, "basis": BASIS})
    return {
        "parts": closed_object({"planned": COUNT, "scored": COUNT}),
        "rows": closed_object({"read": COUNT, "scored": COUNT, "rejected": COUNT}),
        "cost": {**cost, "nullable": True},
        "model_version": TEXT,
        "finished_at": INSTANT,
        "reason": TEXT,
        "problems": {"type": "array", "items": {"type": "object"}},
        "links": {"type": "object", "additionalProperties": TEXT, "description": "Results by name; for an hour."},
    }


def _operation(method: str, name: str, summary: str, schema: str) -> Document:
    served = {"description": "Yours.", "content": {"application/json": {"schema": reference_to(schema)}}}
    told = (
        {"201": served, **refusals(SENT)}
        if method == "post"
        else {
            "200": served,
            **refusals((*REFUSALS, "invalid_request", "not_found", "no_batch")),
        }
    )
    return {
        "operationId": name,
        "tags": ["batches"],
        "summary": summary,
        "security": [{"api_key": []}],
        "responses": told,
    }
