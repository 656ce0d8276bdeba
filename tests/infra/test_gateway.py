"""What API Gateway is asked to do: routes, keys, refusals, throttles and plans."""

import json
import re

import pytest
from support.models import MODELS
from support.translation import translate

from ratecard.kernel.problems import MEDIA_TYPE, PROBLEMS

INTEGRATION = "x-amazon-apigateway-integration"
RESPONSES = "x-amazon-apigateway-gateway-responses"
STATUSES = {
    "ACCESS_DENIED": 403,
    "BAD_REQUEST_BODY": 400,
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 500,
    "INTEGRATION_FAILURE": 503,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "MISSING_AUTHENTICATION_TOKEN": 404,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}


@pytest.fixture(scope="module")
def api(translated):
    """The API's definition, included and with SAM's references resolved."""
    return translated["Resources"]["Api"]["Properties"]["Body"]


ACCOUNT = {"/v1/usage", "/v1/invoices", "/v1/invoices/{number}", "/v1/batches/{id}"}
BATCHES = {f"/v1/models/{model.slug}/batches" for model in MODELS}


def operations(api):
    """Return every operation with its path and method."""
    return [(path, method, operation) for path, item in api["paths"].items() for method, operation in item.items()]


def test_routes_that_take_rows_or_tell_of_an_account_need_a_key_and_no_other_does(api):
    """Keys are asked for exactly where a function is called."""
    for path, method, operation in operations(api):
        calls_function = operation[INTEGRATION]["type"] == "aws_proxy"
        assert (method == "post" or path in ACCOUNT) is calls_function, path
        assert operation["security"] == ([{"api_key": []}] if calls_function else [])
    assert api["components"]["securitySchemes"]["api_key"] == {"type": "apiKey", "name": "x-api-key", "in": "header"}
    assert api["x-amazon-apigateway-api-key-source"] == "HEADER"


def test_all_doors_of_every_model_are_open(api):
    """REST, the Open Inference Protocol with and without a version, and the descriptions of both."""
    posts, gets = set(BATCHES), {"/v1/models", "/v2", "/v2/health/live", "/v2/health/ready"} | ACCOUNT
    for model in MODELS:
        base, version = f"/v2/models/{model.slug}", model.contract.version
        posts |= {f"/v1/models/{model.slug}/predict", f"{base}/infer", f"{base}/versions/{version}/infer"}
        gets |= {f"/v1/models/{model.slug}", base, f"{base}/ready"}
        gets |= {f"{base}/versions/{version}", f"{base}/versions/{version}/ready"}
    assert {path for path, method, _ in operations(api) if method == "post"} == posts
    assert {path for path, method, _ in operations(api) if method == "get"} == gets


def test_functions_are_called_by_their_alias_and_given_up_before_they_time_out(api, translated):
    """So a slow call ends as 504 at the gateway, not as 502 from a killed function."""
    functions = {model.slug: f"{model.stem}Function" for model in MODELS}
    for path, method, operation in operations(api):
        if method == "post":
            function = "BatchesFunction" if path in BATCHES else functions[path.split("/")[3]]
            seconds = translated["Resources"][function]["Properties"]["Timeout"]
            assert f"functions/${{{function}Aliaslive}}/" in operation[INTEGRATION]["uri"]["Fn::Sub"]
            assert 50 <= operation[INTEGRATION]["timeoutInMillis"] < 1000 * seconds
            assert operation[INTEGRATION]["timeoutInMillis"] <= 29_000


@pytest.mark.parametrize("slug", [model.slug for model in MODELS])
def test_the_gateway_checks_that_a_body_is_an_object_whatever_the_content_type(api, slug):
    """API Gateway checks no body whose content type has no model, hence `$default`."""
    predict = api["paths"][f"/v1/models/{slug}/predict"]["post"]
    validator = api["x-amazon-apigateway-request-validators"][predict["x-amazon-apigateway-request-validator"]]
    reference = {"schema": {"$ref": "#/components/schemas/AnyObject"}}
    assert validator["validateRequestBody"] is True
    assert predict["requestBody"]["content"] == {"application/json": reference, "$default": reference}
    assert api["components"]["schemas"] == {"AnyObject": {"type": "object", "title": "Any JSON object"}}


def test_tensors_are_checked_by_the_function_alone(api):
    """A client that sends binary tensors gets the function's words, not the gateway's."""
    for path, method, operation in operations(api):
        if method == "post" and path.startswith("/v2"):
            assert "x-amazon-apigateway-request-validator" not in operation
            assert "requestBody" not in operation


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_the_gateways_own_refusals_are_problem_documents(api, kind, status):
    """Status, media type, Retry-After and the members of the catalogue, with the call's id to be filled in."""
    response = api[RESPONSES][kind]
    body = json.loads(response["responseTemplates"]["application/json"])
    problem = PROBLEMS[body["code"]]
    headers = response["responseParameters"]
    assert response["statusCode"] == body["status"] == problem.status == status
    assert headers["gatewayresponse.header.Content-Type"] == f"'{MEDIA_TYPE}'"
    assert body["call_id"] == "$context.extendedRequestId"
    assert body["action"] == problem.action
    assert body["error"].startswith(f"{problem.code}: ")
    wait = problem.retry_after_seconds
    assert headers.get("gatewayresponse.header.Retry-After") == (None if wait is None else f"'{wait}'")


def test_retry_after_is_on_throttles_quotas_and_the_concurrency_limit(api):
    """Waiting helps there, and nowhere else."""
    waiting = {
        kind
        for kind, response in api[RESPONSES].items()
        if "gatewayresponse.header.Retry-After" in response["responseParameters"]
    }
    assert waiting == {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_FAILURE"}


def test_no_template_echoes_anything_of_the_request(api):
    """The only variable in any answer of the gateway is the call's id."""
    texts = [json.dumps(api[RESPONSES])]
    texts += [
        json.dumps(one[INTEGRATION]) for path, method, one in operations(api) if method == "get" and path not in ACCOUNT
    ]
    found = {variable for text in texts for variable in re.findall(r"\$[\w.{]+", text)}
    assert found == {"$context.extendedRequestId"}


def test_descriptions_are_answered_by_the_gateway_itself(api):
    """Mock integrations: valid JSON, status 200, with a call_id."""
    for path, method, operation in operations(api):
        if method == "get" and path not in ACCOUNT:
            integration = operation[INTEGRATION]
            answer = integration["responses"]["default"]
            body = json.loads(answer["responseTemplates"]["application/json"])
            assert integration["type"] == "mock", path
            assert json.loads(integration["requestTemplates"]["application/json"]) == {"statusCode": 200}
            assert (answer["statusCode"], body["call_id"]) == ("200", "$context.extendedRequestId")


def test_routes_without_a_key_are_throttled_by_the_stage_and_those_with_one_by_plan(translated, api):
    """The stage's default is the keyless limit; what takes rows or is polled has an entry of its own."""
    settings = translated["Resources"]["ApiStage"]["Properties"]["MethodSettings"]
    default, *others = settings
    rows = [path for path, method, _ in operations(api) if method == "post" and path not in BATCHES]
    posts = {"/" + path.replace("/", "~1") for path in rows}
    assert (default["ResourcePath"], default["HttpMethod"]) == ("/*", "*")
    assert default["ThrottlingRateLimit"] == {"Ref": "KeylessRate"}
    listed = {(setting["HttpMethod"], setting["ResourcePath"]) for setting in others}
    assert listed == {("POST", path) for path in posts} | {("GET", "/~1v1~1batches~1{id}")}
    assert not any(setting["DataTraceEnabled"] or setting["LoggingLevel"] != "OFF" for setting in settings)


def test_the_stage_lets_every_plan_have_what_it_sells(template, plans):
    """A method's limit below a plan's would sell what nobody can have."""
    sold = [resource["Properties"]["Throttle"] for resource in plans["Resources"].values()]
    assert template["Parameters"]["ModelRate"]["Default"] >= max(throttle["RateLimit"] for throttle in sold)
    assert template["Parameters"]["ModelBurst"]["Default"] >= max(throttle["BurstLimit"] for throttle in sold)


def test_another_definition_is_deployed_again(repository, translated, tmp_path):
    """SAM names the deployment after the definition, so a changed route reaches the stage."""
    for name in ("template.yaml", "infra/openapi.yaml"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (repository / name).read_text()
        target.write_text(text.replace("timeoutInMillis: 9000", "timeoutInMillis: 8000"))
    changed = translate(tmp_path / "template.yaml")

    def deployments(template):
        return {name for name, one in template["Resources"].items() if one["Type"] == "AWS::ApiGateway::Deployment"}

    assert len(deployments(changed)) == 1
    assert deployments(changed) != deployments(translated)


def test_there_are_at_least_three_plans_and_cloudformation_makes_no_keys(translated, plans):
    """Plans belong to the stack and keys to the API, or a key would vanish with a stack's update."""
    kinds = {resource["Type"] for stack in (translated, plans) for resource in stack["Resources"].values()}
    assert len(plans["Resources"]) >= 3
    assert {resource["Type"] for resource in plans["Resources"].values()} == {"AWS::ApiGateway::UsagePlan"}
    assert not {"AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlanKey"} & kinds
    assert translated["Resources"]["Plans"]["Properties"]["Parameters"] == {
        "Api": {"Ref": "Api"},
        "Stage": {"Ref": "ApiStage"},
    }
