"""One suite for every place where the platform runs; it sees a URL and a key, and the published contract."""

import json
import math

import pytest

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_inference, sample_row

PREDICT = f"/v1/models/{CONTRACT.slug}/predict"
INFER = f"/v2/models/{CONTRACT.slug}/infer"
ROW = sample_row(CONTRACT)
LATE = (
    {**ROW}
    | {f"repayment_status_{month}": 4 for month in range(1, 7)}
    | {f"payment_{month}": 0 for month in range(1, 7)}
)
PROBLEM_MEMBERS = {"type", "title", "status", "code", "detail", "action", "call_id", "errors", "error"}

pytestmark = pytest.mark.xdist_group("blackbox")


def test_one_row_is_rated(target):
    """A typical applicant gets every output of the contract."""
    answer = target.call("POST", PREDICT, json=ROW)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    prediction = body["predictions"][0]
    assert (body["model"], body["version"]) == (CONTRACT.slug, CONTRACT.version)
    assert body["call_id"]
    assert {output.name for output in CONTRACT.outputs} <= set(prediction)
    assert 0 < prediction["probability_of_default"] < 1


def test_rows_are_answered_in_order_and_alike(target):
    """The same row gives the same prediction wherever it stands; every call has an id of its own."""
    first = target.call("POST", PREDICT, json={"instances": [ROW, LATE, ROW]}).json()
    second = target.call("POST", PREDICT, json={"instances": [LATE]}).json()
    assert first["predictions"][0] == first["predictions"][2]
    assert first["predictions"][1] == second["predictions"][0]
    assert first["call_id"] != second["call_id"]


def test_a_declined_applicant_reads_why_and_what_to_do(target):
    """An adverse decision carries up to four ranked reasons, and advice, unasked."""
    prediction = target.call("POST", PREDICT, json=LATE).json()["predictions"][0]
    assert prediction["decision"] == "decline"
    assert 1 <= len(prediction["reasons"]) <= 4
    effects = [reason["points"] for reason in prediction["reasons"]]
    assert effects == sorted(effects)
    assert max(effects) < 0
    assert prediction["advice"]
    told = json.dumps(prediction).lower()
    assert not any(word in told for word in ("gender", "marital", "married", '"age"', "sex"))


def test_asked_for_reasons_add_up_to_the_score(target):
    """With explain=true the base and every contribution, in points, are the score."""
    predictions = target.call("POST", PREDICT + "?explain=true", json={"instances": [ROW, LATE]}).json()["predictions"]
    for prediction in predictions:
        account = prediction["explanation"]
        total = account["base"] + math.fsum(account["contributions"].values())
        assert total == pytest.approx(account["total"], abs=1e-6)
        assert abs(prediction["score"] - account["total"]) <= 0.5 + 1e-6


def test_the_inference_protocol_gives_the_same_numbers(target):
    """Tensors and rows are two doors of one room."""
    by_row = target.call("POST", PREDICT, json=ROW).json()["predictions"][0]
    answer = target.call("POST", INFER, json=sample_inference(CONTRACT))
    assert answer.status_code == 200
    outputs = {tensor["name"]: tensor["data"][0] for tensor in answer.json()["outputs"]}
    assert all(outputs[output.name] == by_row[output.name] for output in CONTRACT.outputs)


def broken(**changes):
    return json.dumps({"instances": [ROW, {**ROW, **changes}]})


FIRST = CONTRACT.features[0].name
REFUSALS = {
    "wrong type": (broken(**{FIRST: "much"}), 400, f"/instances/1/{FIRST}", "wrong_type"),
    "null": (broken(**{FIRST: None}), 400, f"/instances/1/{FIRST}", "wrong_type"),
    "out of range": (broken(**{FIRST: -1}), 400, f"/instances/1/{FIRST}", "out_of_range"),
    "beyond float64": (broken(**{FIRST: 10**400}), 400, f"/instances/1/{FIRST}", "not_finite"),
    "unknown field": (broken(sex=1), 400, "/instances/1/sex", "unknown_field"),
    "not a choice": (broken(education="guild"), 400, "/instances/1/education", "not_a_choice"),
    "missing field": (
        json.dumps({"instances": [{name: value for name, value in ROW.items() if name != FIRST}]}),
        400,
        f"/instances/0/{FIRST}",
        "missing_field",
    ),
    "too many rows": (json.dumps({"instances": [ROW] * (CONTRACT.max_rows + 1)}), 400, "/instances", "too_many_rows"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_broken_contract_is_refused_with_a_pointer(target, case):
    """Every problem has its place, its code and a sentence, and the answer says what to do."""
    body, status, pointer, code = REFUSALS[case]
    answer = target.call("POST", PREDICT, data=body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == PROBLEM_MEMBERS
    assert problem["code"] == "invalid_request"
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert problem["call_id"]


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize(
    "body", [b"{", b"", b'{"a": NaN}', b"\xff\xfe", b"[" * 50_000, b"null x", b"[]", b"5", b"null"]
)
def test_what_is_no_json_object_is_refused(target, path, body):
    """Whoever refuses it first, it is a 400 problem document that carries the call's id."""
    if body == b"\xff\xfe" and not target.full_gateway:
        pytest.skip("SAM CLI's local gateway itself fails on a body that is not UTF-8")
    answer = target.call("POST", path, data=body)
    problem = answer.json()
    assert answer.status_code == 400
    assert problem["code"] == "invalid_json"
    assert set(problem) == PROBLEM_MEMBERS
    # Where the function answers it names the place; the gateway, whose words are fixed, how to find it.
    found = problem["detail"]
    assert body != b"null x" or "extra data at line 1, column 6" in found or "python3 -m json.tool" in found
    assert body != b"" or found == "the body is empty"


@pytest.mark.parametrize("body", [{}, {"instances": []}, {"instances": {}}, {"instances": [5]}])
def test_what_is_no_request_is_refused(target, body):
    """What is an object reaches the function, which says where it is wrong."""
    answer = target.call("POST", PREDICT, data=json.dumps(body))
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["errors"]


def test_another_media_type_is_refused(target):
    """Content that says it is not JSON is not read as JSON."""
    headers = {"x-api-key": target.key, "Content-Type": "text/csv"}
    answer = target.call("POST", PREDICT, data=json.dumps(ROW), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong-key-wrong-key-wrong"}, {"x-api-key": ""}])
@pytest.mark.usefixtures("full_gateway")
def test_no_call_without_a_key(target, headers):
    """A missing, wrong or empty key is 403, and says nothing about which."""
    answer = target.call("POST", PREDICT, json=ROW, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "forbidden")
    assert set(problem) == PROBLEM_MEMBERS
    assert answer.headers["x-amzn-ErrorType"] == "ForbiddenException"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/models/none/predict"), ("GET", PREDICT), ("GET", "/"), ("DELETE", "/v1/models"), ("POST", "/v3")],
)
@pytest.mark.usefixtures("full_gateway")
def test_an_unknown_route_is_not_found(target, method, path):
    """API Gateway's 403 for unknown routes is turned into 404."""
    answer = target.call(method, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.usefixtures("full_gateway")
def test_the_platform_describes_itself_without_a_key(target):
    """Catalogue, model, protocol metadata and health need no key and follow the contract."""

    def get(path):
        answer = target.call("GET", path, headers={})
        assert answer.status_code == 200
        return answer.json()

    assert CONTRACT.slug in json.dumps(get("/v1/models"))
    model = get(f"/v1/models/{CONTRACT.slug}")
    assert all(feature.name in json.dumps(model) for feature in CONTRACT.features)
    assert "call_id" in model
    metadata = get(f"/v2/models/{CONTRACT.slug}")
    assert [tensor["name"] for tensor in metadata["inputs"]] == [feature.name for feature in CONTRACT.features]
    assert get("/v2")["name"]
    assert get("/v2/health/live")["live"] is True
    assert get("/v2/health/ready")["ready"] is True
    assert get(f"/v2/models/{CONTRACT.slug}/ready")["ready"] is True
    assert get(f"/v2/models/{CONTRACT.slug}/versions/{CONTRACT.version}")["name"] == CONTRACT.slug


@pytest.mark.usefixtures("full_gateway")
def test_every_answer_names_its_call(target):
    """Served or refused, body and header carry the same id."""
    for body in (json.dumps(ROW), "{"):
        answer = target.call("POST", PREDICT, data=body)
        assert answer.json()["call_id"] == answer.headers["x-amz-apigw-id"]
