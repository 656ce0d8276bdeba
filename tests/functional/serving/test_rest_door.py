"""The REST door: proxy events in, proxy responses and usage lines out."""

import hashlib
import json
import math

import cloudevents.core.v1.event as cloudevents_v1
import pytest
from support.contracts import EVERY_KIND
from support.served import CONTEXT, INTERCEPT, SLOPE, proxy_event

from ratecard.contract.sample import sample_row
from ratecard.metering.usage import MAX_LINE_BYTES
from ratecard.serving.request import MAX_BODY_BYTES
from ratecard.serving.rest import answer_http

PREDICT = "/v1/models/every-kind/predict"
GOOD = sample_row(EVERY_KIND)
BAD_RISK = {**GOOD, "income": 10, "debt": 10}


def post(model, body, path=PREDICT, **changes):
    text = body if isinstance(body, str | None) else json.dumps(body)
    answer = answer_http(model, proxy_event(path, text, **changes), CONTEXT.aws_request_id)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def test_one_row_is_scored(model, capsys):
    """A bare row gives one prediction under the gateway's id."""
    status, answer, headers = post(model, GOOD)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Input-SHA256"] == hashlib.sha256(json.dumps(GOOD).encode()).hexdigest()
    assert answer["model"] == "every-kind"
    assert answer["version"] == "1.2.3"
    assert answer["call_id"] == "JKJaXmPLvHcESHA="
    assert set(answer["predictions"][0]) == {output.name for output in EVERY_KIND.outputs}


def test_rows_are_answered_in_their_order(model, capsys):
    """Predictions stand where their rows stood."""
    _, both, _ = post(model, {"instances": [GOOD, BAD_RISK, GOOD]})
    _, one, _ = post(model, BAD_RISK)
    decisions = [prediction["decision"] for prediction in both["predictions"]]
    assert decisions == ["yes", "no", "yes"]
    assert both["predictions"][1] == one["predictions"][0]


def test_the_calibrated_margin_is_the_probability(model, capsys, artifact):
    """Platt's fit on the margin of LightGBM's own Python package gives the answered probability."""
    import lightgbm

    booster = lightgbm.Booster(model_file=str(artifact / "model.txt"))
    margin = booster.predict([EVERY_KIND.encode(EVERY_KIND.parse_rows([GOOD])[0])], raw_score=True)[0]
    _, answer, _ = post(model, GOOD)
    expected = 1 / (1 + math.exp(-(SLOPE * margin + INTERCEPT)))
    assert answer["predictions"][0]["probability"] == pytest.approx(expected, abs=1e-15)


def test_an_adverse_decision_always_carries_reasons_and_advice(model, capsys):
    """Nobody has to ask why the answer is no."""
    _, answer, _ = post(model, BAD_RISK)
    prediction = answer["predictions"][0]
    effects = [reason["points"] for reason in prediction["reasons"]]
    assert {reason["code"] for reason in prediction["reasons"]} == {"R01", "R02"}
    assert effects == sorted(effects)
    assert max(effects) < 0
    assert prediction["advice"] == ["Earn more."]
    assert "explanation" not in prediction


def test_explained_contributions_add_up_to_the_score(model, capsys):
    """The base and all contributions, in points, are the unrounded score."""
    _, answer, _ = post(model, {"instances": [GOOD, BAD_RISK]}, queryStringParameters={"explain": "true"})
    for prediction in answer["predictions"]:
        account = prediction["explanation"]
        assert set(account["contributions"]) == set(EVERY_KIND.columns)
        assert account["base"] + sum(account["contributions"].values()) == pytest.approx(account["total"], abs=1e-9)
        log_odds = math.log(prediction["probability"] / (1 - prediction["probability"]))
        assert account["total"] == pytest.approx(EVERY_KIND.scale.score(log_odds), abs=1e-6)


def test_a_served_call_writes_one_usage_line(model, capsys):
    """The line is a valid CloudEvent of at most 1 KB with the ids, the units and the input's hash."""
    body = json.dumps({"instances": [GOOD, GOOD]})
    event = proxy_event(PREDICT, body)
    event["headers"]["idempotency-KEY"] = "i" * 64
    answer = answer_http(model, event, CONTEXT.aws_request_id)
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert len(line) <= 1024
    usage = json.loads(line)
    data = usage.pop("data")
    cloudevents_v1.CloudEvent(attributes=with_datetime(usage), data=data)
    assert usage["id"] == "JKJaXmPLvHcESHA="
    assert usage["time"] == "2026-11-22T10:11:12.345Z"
    assert usage["subject"] == data["api_key_id"] == "a1b2c3d4e5"
    assert (data["operation"], data["units"], data["billable"]) == ("predict", 2, True)
    assert data["idempotency_key"] == "i" * 64
    assert data["req_bytes"] == len(body)
    assert data["resp_bytes"] == len(answer["body"])
    assert data["input_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    assert "customer" not in data
    assert "canary" not in line


def with_datetime(usage):
    from datetime import datetime

    return usage | {"time": datetime.fromisoformat(usage["time"])}


def test_the_longest_line_stays_under_its_limit(model, capsys):
    """Every part that a caller or a gateway chooses, at its longest: still one line, ASCII, at most 1 KB."""
    event = proxy_event(PREDICT, json.dumps({"instances": [GOOD] * 5}))
    event["headers"]["Idempotency-Key"] = '"' * 64
    context = event["requestContext"]
    context.update(extendedRequestId="J" * 40, requestId="\n\u2028" * 2000, apiId="a" * 10, stage="s" * 32)
    context["identity"]["apiKeyId"] = "k" * 32
    answer_http(model, event, "0" * 36)
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    assert len(line) <= MAX_LINE_BYTES


def test_explain_is_metered_as_its_own_operation(model, capsys):
    """Reasons that were asked for have a price of their own; those that are owed do not."""
    post(model, GOOD, queryStringParameters={"explain": "true"})
    post(model, BAD_RISK)
    operations = [json.loads(line)["data"]["operation"] for line in capsys.readouterr().out.splitlines()]
    assert operations == ["explain", "predict"]


def test_without_a_gateway_the_call_is_not_billable(model, capsys):
    """SAM CLI sends a null extendedRequestId; a forged requestId never becomes the id."""
    event = proxy_event(PREDICT, json.dumps(GOOD))
    event["requestContext"]["extendedRequestId"] = None
    answer = json.loads(answer_http(model, event, CONTEXT.aws_request_id)["body"])
    usage = json.loads(capsys.readouterr().out)
    assert answer["call_id"] == usage["id"] == CONTEXT.aws_request_id
    assert usage["data"]["billable"] is False


REFUSALS = [
    ({"body": None}, 400, "invalid_json"),
    ({"body": ""}, 400, "invalid_json"),
    ({"body": "{"}, 400, "invalid_json"),
    ({"body": '{"income": NaN}'}, 400, "invalid_json"),
    ({"body": '{"income": Infinity}'}, 400, "invalid_json"),
    ({"body": '{"income": 1, "income": 2}'}, 400, "invalid_json"),
    ({"body": "[" * 100_000}, 400, "invalid_json"),
    ({"body": '{"income": ' + "9" * 5000 + "}"}, 400, "invalid_json"),
    ({"body": "[]"}, 400, "invalid_json"),
    ({"body": "3"}, 400, "invalid_json"),
    ({"body": "{}"}, 400, "invalid_request"),
    ({"body": '{"instances": []}'}, 400, "invalid_request"),
    ({"body": json.dumps({"instances": [GOOD], "more": 1})}, 400, "invalid_request"),
    ({"body": json.dumps({"instances": [GOOD] * 6})}, 400, "invalid_request"),
    ({"body": json.dumps(GOOD), "queryStringParameters": {"explain": "yes"}}, 400, "invalid_request"),
    ({"body": json.dumps(GOOD), "queryStringParameters": {"explian": "true"}}, 400, "invalid_request"),
    ({"body": json.dumps(GOOD), "headers": {"Content-Encoding": "gzip"}}, 415, "unsupported_media_type"),
    ({"body": "é" * (MAX_BODY_BYTES // 2 + 1)}, 413, "payload_too_large"),
    ({"body": "gÿ", "isBase64Encoded": True}, 400, "invalid_json"),
    ({"body": "/w==", "isBase64Encoded": True}, 400, "invalid_json"),
    ({"body": " " * (MAX_BODY_BYTES + 1)}, 413, "payload_too_large"),
    ({"body": json.dumps(GOOD), "headers": {"content-TYPE": "text/csv"}}, 415, "unsupported_media_type"),
    ({"body": json.dumps(GOOD), "headers": {"Idempotency-Key": "x" * 65}}, 400, "invalid_request"),
    ({"body": json.dumps(GOOD), "headers": {"Idempotency-Key": "a\nb"}}, 400, "invalid_request"),
    ({"body": json.dumps(GOOD), "path": "/v1/models/other/predict"}, 404, "not_found"),
    ({"body": json.dumps(GOOD), "path": "/v2/models/every-kind/versions/9.9.9/infer"}, 404, "not_found"),
    ({"body": json.dumps(GOOD), "httpMethod": "GET"}, 404, "not_found"),
]


@pytest.mark.parametrize(("changes", "status", "code"), REFUSALS, ids=[str(i) for i in range(len(REFUSALS))])
def test_a_refusal_is_a_problem_document_and_is_not_metered(model, capsys, changes, status, code):
    """Each refusal has its status, its code, an action and the call's id, and writes no line."""
    event = proxy_event(PREDICT, None) | changes
    answer = answer_http(model, event, CONTEXT.aws_request_id)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"], problem["status"]) == (status, code, status)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert problem["call_id"] == "JKJaXmPLvHcESHA="
    assert problem["error"].startswith(code)
    assert capsys.readouterr().out == ""


NOT_JSON = [
    ('{"income": 42000,\n "debt" 3}', "not JSON: expecting ':' delimiter at line 2, column 9"),
    ("{'income': 42000}", "not JSON: expecting property name enclosed in double quotes at line 1, column 2"),
    ('{"income": canary}', "not JSON: expecting value at line 1, column 12"),
    ('{"income": 1} canary', "not JSON: extra data at line 1, column 15"),
    ('{"income": "canary', "not JSON: unterminated string starting at line 1, column 12"),
    ('{"income": "can\\ary"}', "not JSON: invalid \\escape at line 1, column 16"),
    ('{"income": Infinity}', "NaN and Infinity are not JSON"),
    ("", "the body is empty"),
]


@pytest.mark.parametrize("path", [PREDICT, "/v2/models/every-kind/infer"])
@pytest.mark.parametrize(("body", "detail"), NOT_JSON)
def test_what_is_no_json_is_told_the_place_and_not_the_content(model, capsys, path, body, detail):
    """Line and column, as an editor counts them, and what was expected there."""
    _, problem, _ = post(model, body, path=path)
    assert (problem["code"], problem["errors"]) == ("invalid_json", [])
    assert problem["detail"] == detail
    assert "canary" not in json.dumps(problem)


@pytest.mark.parametrize("path", [PREDICT, "/v2/models/every-kind/infer"])
@pytest.mark.parametrize("body", ["[]", "null", "3", '"canary"'])
def test_what_is_no_object_is_told_what_an_object_holds(model, capsys, path, body):
    """Under the code of what is not JSON, as the gateway refuses both."""
    _, problem, _ = post(model, body, path=path)
    assert problem["code"] == "invalid_json"
    assert problem["detail"].startswith("the body must be a JSON object: ")
    assert "canary" not in json.dumps(problem)


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/cloudevents+json"]
)
def test_json_by_any_name_is_read(model, capsys, media_type):
    """Parameters and structured suffixes of the media type are no reason to refuse."""
    assert post(model, GOOD, headers={"Content-Type": media_type})[0] == 200


def test_an_encoded_body_is_decoded(model, capsys):
    """API Gateway encodes bodies where binary media types are on."""
    import base64

    encoded = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert post(model, encoded, isBase64Encoded=True)[0] == 200


def test_an_unforeseen_failure_is_answered_and_logged_without_payload(model, capsys, monkeypatch):
    """The caller gets 500 with an id; the log gets the type and the place, not the text."""

    def broken(*_args, **_kwargs):
        raise KeyError("canary-payload")

    monkeypatch.setattr(model, "predict", broken)
    status, problem, _ = post(model, GOOD)
    assert (status, problem["code"]) == (500, "internal_error")
    logged = capsys.readouterr().out
    assert json.loads(logged)["error"] == "KeyError"
    assert "canary" not in logged + json.dumps(problem)
