"""infra/openapi.public.yaml: the API as clients read it, with every row, answer and refusal spelled out.

API Gateway never sees it: it would enforce the schemas, and the function's words on a bad row are better.
"""

from __future__ import annotations

from ratecard.contract import ModelContract
from ratecard.contract.sample import sample_inference, sample_row
from ratecard.contract.schema import (
    Dialect,
    Schema,
    answer_schema,
    instances_schema,
    prediction_schema,
    row_schema,
)
from ratecard_workbench.publish.account import account_reference_paths, account_schemas
from ratecard_workbench.publish.answers import (
    description_responses,
    function_responses,
    idempotency_key,
    problem_schema,
    reference_to,
)
from ratecard_workbench.publish.batches import batches_reference_paths, batches_schemas
from ratecard_workbench.publish.descriptions import DATA_PLANE_VERSION, described_routes
from ratecard_workbench.publish.tensors import inference_answer_schema, inference_request_schema

Document = dict[str, object]

BILLED_ONCE = "The same key with the same body within 24 hours is billed once."

ABOUT = """Financial models as metered functions. Send the API key in the header `x-api-key`. Every answer, refusals \
included, carries `call_id`; only a served answer is billed."""


def reference_document(
    contracts: tuple[ModelContract, ...], *, with_account: bool = False, with_batches: bool = False
) -> Document:
    """Return the whole document, in a fixed order."""
    paths: dict[str, Document] = {
        path: {"get": describing_operation(path, answer)} for path, answer in described_routes(contracts).items()
    }
    schemas: dict[str, Schema] = {"Problem": problem_schema()}
    for contract in contracts:
        paths |= model_paths(contract)
        schemas |= model_schemas(contract)
    if with_account:
        paths |= account_reference_paths()
        schemas |= account_schemas()
    if with_batches:
        paths |= batches_reference_paths([contract.slug for contract in contracts])
        schemas |= batches_schemas()
    return {
        "openapi": "3.0.3",
        "info": {"title": "Ratecard", "version": DATA_PLANE_VERSION, "description": ABOUT},
        "servers": [{"url": "{base}", "variables": {"base": {"default": "http://127.0.0.1:8080"}}}],
        "paths": paths,
        "components": {
            "securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
            "schemas": schemas,
        },
    }


def schema_name(contract: ModelContract, part: str) -> str:
    """Name a schema of one model, for example ``CreditRatingRow``."""
    return "".join(word.capitalize() for word in contract.slug.split("-")) + part


def model_schemas(contract: ModelContract) -> dict[str, Schema]:
    """Return the schemas of one model's rows, predictions and tensors."""
    row = reference_to(schema_name(contract, "Row"))
    return {
        schema_name(contract, "Row"): {**row_schema(contract, Dialect.OPENAPI_3_0), "example": sample_row(contract)},
        schema_name(contract, "Rows"): instances_schema(contract, row),
        schema_name(contract, "Prediction"): prediction_schema(contract),
        schema_name(contract, "Answer"): answer_schema(contract, reference_to(schema_name(contract, "Prediction"))),
        schema_name(contract, "InferenceRequest"): inference_request_schema(contract),
        schema_name(contract, "InferenceAnswer"): inference_answer_schema(contract),
    }


def model_paths(contract: ModelContract) -> dict[str, Document]:
    """Return the routes that take a model's rows."""
    slug = contract.slug
    inference = {
        "tags": [slug],
        "summary": f"{contract.title}: rows as tensors, one for each field (Open Inference Protocol v2)",
        "security": [{"api_key": []}],
        "parameters": [idempotency_key(BILLED_ONCE)],
        "requestBody": body(reference_to(schema_name(contract, "InferenceRequest")), sample_inference(contract)),
        "responses": function_responses(reference_to(schema_name(contract, "InferenceAnswer"))),
    }
    return {
        f"/v1/models/{slug}/predict": {"post": predict_operation(contract)},
        f"/v2/models/{slug}/infer": {"post": {"operationId": f"{slug}-infer", **inference}},
        f"/v2/models/{slug}/versions/{contract.version}/infer": {
            "post": {"operationId": f"{slug}-infer-version", **inference}
        },
    }


def predict_operation(contract: ModelContract) -> Document:
    """Return the operation that takes one row or many."""
    either = {"oneOf": [reference_to(schema_name(contract, "Row")), reference_to(schema_name(contract, "Rows"))]}
    explain = {
        "name": "explain",
        "in": "query",
        "schema": {"type": "boolean", "default": False},
        "description": "Give reasons, advice and every contribution for every row; priced as explain.",
    }
    return {
        "operationId": f"{contract.slug}-predict",
        "tags": [contract.slug],
        "summary": f"{contract.title}: {contract.about}",
        "security": [{"api_key": []}],
        "parameters": [explain, idempotency_key(BILLED_ONCE)],
        "requestBody": body(either, {"instances": [sample_row(contract)]}),
        "responses": function_responses(reference_to(schema_name(contract, "Answer"))),
    }


def body(schema: Schema, example: Document) -> Document:
    """Return a JSON body."""
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def describing_operation(path: str, answer: Document) -> Document:
    """Return a route that needs no key."""
    words = path.strip("/").replace("/", " ")
    return {
        "operationId": "get-" + path.strip("/").replace("/", "-"),
        "tags": ["descriptions"],
        "summary": f"Describe {words}",
        "security": [],
        "responses": description_responses(answer),
    }
