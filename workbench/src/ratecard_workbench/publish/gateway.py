"""infra/openapi.yaml: what API Gateway imports. Routes, keys, body checks, integrations and refusals.

Clients read the reference document (`reference.py`) instead: the gateway would enforce every schema given here.
"""

from __future__ import annotations

from ratecard_workbench.publish.account import account_gateway_paths
from ratecard_workbench.publish.batches import batches_gateway_paths
from ratecard_workbench.publish.catalogue import ContractedModel
from ratecard_workbench.publish.descriptions import DATA_PLANE_VERSION, described_routes
from ratecard_workbench.publish.mapping import template_of
from ratecard_workbench.publish.refusals import gateway_responses

Document = dict[str, object]

OPENAPI_VERSION = "3.0.1"
"""The version whose import API Gateway documents."""

KEYED: list[Document] = [{"api_key": []}]
KEYLESS: list[Document] = []

VALIDATOR = "body"

ANY_OBJECT: Document = {"type": "object", "title": "Any JSON object"}
"""What API Gateway checks of a predict body: what else is wrong, the function says, and where."""

INVOCATION = (
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${FUNCTION.Alias}/invocations"
)


def gateway_document(
    models: tuple[ContractedModel, ...], account: str | None = None, batches: str | None = None
) -> Document:
    """Return the whole document, in a fixed order.

    Parameters
    ----------
    models : tuple of ContractedModel
        What is published.
    account : str, optional
        Logical id of the function that answers a key's owner about their own usage.
    batches : str, optional
        Logical id of the function that gives places to upload files to.
    """
    contracts = tuple(model.contract for model in models)
    paths: dict[str, Document] = {
        path: {"get": mock_operation(answer)} for path, answer in described_routes(contracts).items()
    }
    for model in models:
        paths |= model_paths(model)
    if account is not None:
        paths |= account_gateway_paths(account)
    if batches is not None:
        paths |= batches_gateway_paths(batches, [contract.slug for contract in contracts])
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": "ratecard", "version": DATA_PLANE_VERSION},
        "x-amazon-apigateway-api-key-source": "HEADER",
        "x-amazon-apigateway-request-validators": {
            VALIDATOR: {"validateRequestBody": True, "validateRequestParameters": False},
        },
        "x-amazon-apigateway-gateway-responses": gateway_responses(),
        "paths": paths,
        "components": {
            "securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
            "schemas": {"AnyObject": ANY_OBJECT},
        },
    }


def model_paths(model: ContractedModel) -> dict[str, Document]:
    """Return a model's routes that take rows.

    Notes
    -----
    The check sits on ``$default`` as well: API Gateway checks no body whose content type has no model. The routes of
    the Open Inference Protocol have none: a client that sends binary tensors is owed the function's own words.
    """
    slug, version = model.contract.slug, model.contract.version
    schema = {"schema": {"$ref": "#/components/schemas/AnyObject"}}
    predict: Document = {
        **function_operation(model),
        "x-amazon-apigateway-request-validator": VALIDATOR,
        "requestBody": {"required": True, "content": {"application/json": schema, "$default": schema}},
    }
    infer = function_operation(model)
    return {
        f"/v1/models/{slug}/predict": {"post": predict},
        f"/v2/models/{slug}/infer": {"post": infer},
        f"/v2/models/{slug}/versions/{version}/infer": {"post": infer},
    }


def function_operation(model: ContractedModel) -> Document:
    """Return an operation that the model's function answers, for callers with a key."""
    return {
        "security": KEYED,
        "responses": {"200": {"description": "The function's answer."}},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": {"Fn::Sub": INVOCATION.replace("FUNCTION", model.function)},
            "passthroughBehavior": "when_no_match",
            "timeoutInMillis": model.gateway_timeout_milliseconds,
        },
    }


def mock_operation(answer: Document) -> Document:
    """Return an operation that the gateway answers by itself, without a key."""
    return {
        "security": KEYLESS,
        "responses": {
            "200": {
                "description": "A description.",
                "headers": {"Cache-Control": {"schema": {"type": "string"}}},
                "content": {"application/json": {}},
            }
        },
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "passthroughBehavior": "when_no_templates",
            "requestTemplates": {"application/json": '{"statusCode":200}'},
            "responses": {
                "default": {
                    "statusCode": "200",
                    "responseParameters": {"method.response.header.Cache-Control": "'no-store'"},
                    "responseTemplates": {"application/json": template_of(answer)},
                }
            },
        },
    }
