"""The Open Inference Protocol v2 door."""

import json

import pytest
from support.contracts import EVERY_KIND
from support.served import CONTEXT, proxy_event

from ratecard.contract.protocol import model_metadata
from ratecard.contract.sample import sample_inference, sample_row
from ratecard.serving.rest import answer_http

INFER = "/v2/models/every-kind/infer"


def infer(model, document, path=INFER, headers=None):
    event = proxy_event(path, json.dumps(document), headers=headers if headers is not None else {})
    answer = answer_http(model, event, CONTEXT.aws_request_id)
    return answer["statusCode"], json.loads(answer["body"])


def tensors(**columns):
    """Return a request whose columns have two rows each."""
    request = sample_inference(EVERY_KIND)
    for tensor in request["inputs"]:
        tensor["data"] = tensor["data"] * 2
        tensor["shape"] = [2]
        tensor["data"] = columns.get(tensor["name"], tensor["data"])
    return request


def test_tensors_give_what_rows_give(model, capsys):
    """Both doors answer the same numbers, and the version's own route does too."""
    rows = {"instances": [sample_row(EVERY_KIND), {**sample_row(EVERY_KIND), "income": 10.0}]}
    by_row = json.loads(
        answer_http(model, proxy_event("/v1/models/every-kind/predict", json.dumps(rows)), "x")["body"]
    )["predictions"]
    for path in (INFER, "/v2/models/every-kind/versions/1.2.3/infer"):
        status, answer = infer(model, {**tensors(income=[42_000.0, 10.0]), "id": "mine"}, path)
        assert status == 200
        assert (answer["model_name"], answer["model_version"], answer["id"]) == ("every-kind", "1.2.3", "mine")
        assert answer["call_id"] == "JKJaXmPLvHcESHA="
        by_name = {tensor["name"]: tensor for tensor in answer["outputs"]}
        for name in (output.name for output in EVERY_KIND.outputs):
            assert by_name[name]["data"] == [prediction[name] for prediction in by_row]
            assert by_name[name]["shape"] == [2]


def test_the_answer_fits_the_metadata(model, capsys):
    """Names and datatypes are those that GET /v2/models/{slug} announces."""
    _, answer = infer(model, tensors())
    announced = {(output["name"], output["datatype"]) for output in model_metadata(EVERY_KIND)["outputs"]}
    assert {(output["name"], output["datatype"]) for output in answer["outputs"]} == announced


def test_reasons_travel_as_text(model, capsys):
    """Owed reasons come unasked, all of them on request, and rows without have an empty text."""
    _, answer = infer(model, tensors(income=[42_000.0, 10.0], debt=[0.0, 10.0]))
    texts = next(tensor["data"] for tensor in answer["outputs"] if tensor["name"] == "reasons")
    assert texts[0] == ""
    assert json.loads(texts[1])["reasons"]
    _, answer = infer(model, {**tensors(), "parameters": {"explain": True}})
    texts = next(tensor["data"] for tensor in answer["outputs"] if tensor["name"] == "reasons")
    assert all("explanation" in json.loads(text) for text in texts)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["data"]["operation"] == "explain"


def test_outputs_can_be_chosen(model, capsys):
    """Only the listed outputs come back, in the listed order."""
    _, answer = infer(model, {**tensors(), "outputs": [{"name": "score"}, {"name": "probability"}]})
    assert [tensor["name"] for tensor in answer["outputs"]] == ["score", "probability"]


def test_nested_data_of_shape_n_1_is_read(model, capsys):
    """A column tensor is a column, nested or flat."""
    request = tensors(income=[[42_000.0], [10.0]])
    next(tensor for tensor in request["inputs"] if tensor["name"] == "income")["shape"] = [2, 1]
    assert infer(model, request)[0] == 200


def test_a_feature_that_may_be_missing_needs_no_tensor(model, capsys):
    """Optional tensors can be left out, or hold nulls."""
    request = tensors(visits=[None, 1])
    request["inputs"] = [tensor for tensor in request["inputs"] if tensor["name"] != "debt"]
    assert infer(model, request)[0] == 200


def changed(place, value):
    """Return a request with one member of its first tensor replaced."""
    request = tensors()
    request["inputs"][0] = {**request["inputs"][0], place: value}
    return request


REFUSALS = [
    ({**tensors(), "more": 1}, "", "unknown_field"),
    ({**tensors(), "id": 5}, "/id", "wrong_type"),
    ({**tensors(), "parameters": []}, "/parameters", "wrong_type"),
    ({**tensors(), "parameters": {"explain": "maybe"}}, "/parameters/explain", "bad_parameter"),
    ({**tensors(), "parameters": {"binary_data_output": True}}, "/parameters", "binary_tensors"),
    ({**tensors(), "parameters": None}, "/parameters", "wrong_type"),
    ({**tensors(), "parameters": {"explain": None}}, "/parameters/explain", "bad_parameter"),
    ({**tensors(), "parameters": {"priority": 1}}, "/parameters/priority", "unknown_field"),
    (changed("more", 1), "/inputs/0", "unknown_field"),
    (changed("parameters", None), "/inputs/0/parameters", "wrong_type"),
    ({**tensors(), "outputs": {}}, "/outputs", "wrong_type"),
    ({**tensors(), "outputs": None}, "/outputs", "wrong_type"),
    ({**tensors(), "outputs": [{"name": "score"}, {"name": "score"}]}, "/outputs/1/name", "repeated"),
    ({**tensors(), "outputs": [{"name": "score", "more": 1}]}, "/outputs/0", "unknown_field"),
    (changed("shape", [2.0]), "/inputs/0/shape", "bad_shape"),
    (changed("shape", [True]), "/inputs/0/shape", "bad_shape"),
    ({**tensors(), "outputs": [{"name": "x"}]}, "/outputs/0/name", "not_a_choice"),
    (
        {**tensors(), "outputs": [{"name": "score", "parameters": {"binary_data": True}}]},
        "/outputs/0/parameters",
        "binary_tensors",
    ),
    ({}, "/inputs", "missing_field"),
    ({"inputs": []}, "/inputs", "missing_field"),
    ({"inputs": [5]}, "/inputs/0/name", "unknown_field"),
    (changed("name", "x"), "/inputs/0/name", "unknown_field"),
    (changed("name", "debt"), "/inputs/1/name", "repeated"),
    (changed("datatype", "BYTES"), "/inputs/0/datatype", "wrong_type"),
    (changed("shape", [3]), "/inputs/0/shape", "bad_shape"),
    (changed("shape", [1, 2]), "/inputs/0/shape", "bad_shape"),
    (changed("data", "x"), "/inputs/0/data", "wrong_type"),
    (changed("parameters", {"binary_data_size": 16}), "/inputs/0/parameters", "binary_tensors"),
    (
        {"inputs": [{**tensors()["inputs"][0], "data": [1.0], "shape": [1]}, *tensors()["inputs"][1:]]},
        "/inputs",
        "bad_shape",
    ),
    (tensors(income=[1.0, -5.0]), "/inputs/0/data/1", "out_of_range"),
    (tensors(housing=["own", "palace"]), "/inputs/4/data/1", "not_a_choice"),
    ({"inputs": tensors()["inputs"][1:]}, "/inputs", "missing_field"),
]


@pytest.mark.parametrize(("document", "pointer", "code"), REFUSALS, ids=[str(i) for i in range(len(REFUSALS))])
def test_a_refusal_points_into_the_tensors(model, capsys, document, pointer, code):
    """Every refusal is a 400 with a pointer into the request as it was sent, and a member `error`."""
    status, problem = infer(model, document)
    assert status == 400
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert isinstance(problem["error"], str)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/json"])
def test_binary_tensors_get_a_clear_answer(model, capsys, media_type):
    """The header of the binary extension is refused before the body is read, whatever its type."""
    headers = {"Inference-Header-Content-Length": "12", "Content-Type": media_type}
    status, problem = infer(model, tensors(), headers=headers)
    assert status == 400
    assert problem["errors"][0]["code"] == "binary_tensors"
