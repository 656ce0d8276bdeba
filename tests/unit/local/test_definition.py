"""What the platform reads out of the OpenAPI document: routes, body checks, the gateway's own answers."""

import json

import fastjsonschema
import pytest
import yaml
from support.platform import FIXTURE_APP

from ratecard_workbench.local.application import load_application
from ratecard_workbench.local.errors import ConfigurationError
from ratecard_workbench.local.openapi import LambdaIntegration, MockIntegration, load_definition
from ratecard_workbench.local.refusals import RESPONSE_TYPES, parse_refusals
from ratecard_workbench.local.router import Router
from ratecard_workbench.local.templates import ContextTemplate, parse_parameters


@pytest.fixture(scope="module")
def definition():
    return load_definition(FIXTURE_APP / "infra/openapi.yaml")


def test_integrations_name_functions_and_timeouts(definition):
    """The function is read out of the invocation's address, with or without an alias."""
    by_resource = {route.resource: route for route in definition.routes}

    echo = by_resource["/v1/models/echo/predict"]
    assert echo.integration == LambdaIntegration("EchoFunction", 15.0)
    assert echo.needs_key
    assert by_resource["/v1/models/once/predict"].integration.function == "OnceFunction"
    listing = by_resource["/v1/models"]
    assert isinstance(listing.integration, MockIntegration)
    assert not listing.needs_key


def test_a_body_check_depends_on_the_content_type_or_falls_back(definition):
    """`$default` catches every other type; a route without a validator checks nothing."""
    by_resource = {route.resource: route for route in definition.routes}
    echo = by_resource["/v1/models/echo/predict"]

    for content_type in ("application/json", "text/plain"):
        validate = echo.find_validator(content_type)
        validate({"instances": [1]})
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            validate({"instances": []})
    assert by_resource["/v1/models/once/predict"].find_validator("application/json") is None


def test_routes_are_found_by_method_and_path(definition):
    """Neither another method nor a longer or shorter path matches."""
    router = Router(definition.routes, load_application(FIXTURE_APP, {}).stage)

    assert router.find("POST", "/v1/models/echo/predict").route.resource == "/v1/models/echo/predict"
    for method, path in (
        ("GET", "/v1/models/echo/predict"),
        ("POST", "/v1/models/echo/predict/"),
        ("POST", "/v1/models/echo"),
        ("POST", "//v1/models/echo/predict"),
        ("POST", "/test/v1/models/echo/predict"),
    ):
        assert router.find(method, path) is None
    assert router.find("PUT", "/v1/inbox/echo/a.csv").route.needs_key


def test_a_response_type_left_out_follows_the_default_of_its_class():
    """API Gateway falls back to DEFAULT_4XX and DEFAULT_5XX; without them, to its own words."""
    shaped = parse_refusals({"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 418}}})
    assert shaped["INVALID_API_KEY"].status == 418
    assert shaped["INTEGRATION_TIMEOUT"].status == 504

    plain = parse_refusals({})
    headers, body = plain["INVALID_API_KEY"].render({})
    assert plain["INVALID_API_KEY"].status == 403
    assert (dict(headers)["Content-Type"], body) == ("application/json", b'{"message":"Forbidden"}')


# Source: reference/billing.md §4.4, captured on the wire.
@pytest.mark.parametrize(
    ("name", "status", "error_type", "message"),
    [
        ("INVALID_API_KEY", 403, "ForbiddenException", "Forbidden"),
        ("MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        ("THROTTLED", 429, "TooManyRequestsException", "Too Many Requests"),
        ("QUOTA_EXCEEDED", 429, "LimitExceededException", "Limit Exceeded"),
    ],
)
def test_the_gateways_own_words_are_awss(name, status, error_type, message):
    """Status, error type and message of each refusal before an API shapes it."""
    kind = RESPONSE_TYPES[name]

    assert (kind.status, kind.error_type, kind.message) == (status, error_type, message)


def test_variables_are_filled_in_and_escaped():
    """A value cannot break out of the JSON string it stands in; an unknown variable is empty."""
    template = ContextTemplate('{"a":"$context.identity.userAgent","b":"${context.requestId}","c":"$context.nope"}')

    filled = json.loads(template.render({"identity.userAgent": 'x","b":"y\n', "requestId": "r"}))

    assert filled == {"a": 'x","b":"y\n', "b": "r", "c": ""}


def test_headers_are_constants_or_variables():
    """Anything else is refused when the platform starts, not when a client asks."""
    headers = parse_parameters({"p.A": "'x'", "p.B": "context.requestId", "other.C": "'y'"}, "p.")
    assert [(name, template.render({"requestId": "r"})) for name, template in headers] == [("A", "x"), ("B", "r")]

    with pytest.raises(ConfigurationError, match="neither"):
        parse_parameters({"p.A": "method.request.header.X"}, "p.")


@pytest.mark.parametrize(
    "integration",
    [None, {"type": "http_proxy", "uri": "https://example.org"}, {"type": "aws_proxy", "uri": "arn:nothing"}],
)
def test_an_integration_that_cannot_run_here_is_refused(tmp_path, integration):
    """A route that nobody could answer stops the start."""
    operation = {"x-amazon-apigateway-integration": integration} if integration else {}
    path = tmp_path / "openapi.yaml"
    path.write_text(yaml.safe_dump({"paths": {"/a": {"get": operation}}}))

    with pytest.raises(ConfigurationError, match="/a"):
        load_definition(path)
