"""Whatever door a row comes through, it is accepted or refused alike, with the same codes."""

import csv
import io
import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from support.contracts import EVERY_KIND, JSON_VALUES, any_rows, good_rows
from support.served import CONTEXT, proxy_event

from ratecard.contract import Integer, Number
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.batch.rowpath import GoodRow, Layout, read_csv_row, read_json_row
from ratecard.serving.direct import answer_direct
from ratecard.serving.rest import answer_http
from ratecard_workbench.publish.refusals import gateway_responses

PREDICT = "/v1/models/every-kind/predict"


def codes_of(problem):
    """Return the sorted places and codes of a refusal, or None for an answer."""
    if "predictions" in problem:
        return None
    return sorted((one["pointer"], one["code"]) for one in problem["errors"])


@settings(max_examples=300)
@given(row=any_rows(EVERY_KIND))
def test_online_direct_and_file_refuse_the_same_rows(model, row):
    """REST, direct invocation and JSON Lines give the same codes at the same places."""
    body = {"instances": [row]}
    online = codes_of(json.loads(answer_http(model, proxy_event(PREDICT, json.dumps(body)), "x")["body"]))
    direct = codes_of(answer_direct(model, json.loads(json.dumps(body)), CONTEXT.aws_request_id))
    read = read_json_row(Layout(EVERY_KIND, (), ()), 1, json.dumps(row).encode())
    filed = None if isinstance(read, GoodRow) else {(f"/instances/0/{one.field}".rstrip("/"), one.code) for one in read}
    assert online == direct
    # A refused call lists every problem, a reject the first five.
    assert (filed is None) == (online is None)
    assert filed is None or (filed <= set(online) and len(filed) == min(5, len(online)))


def as_cell(value):
    """Show a value as a spreadsheet does: nothing for null, true and false in small letters."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


@st.composite
def rows_for_cells(draw):
    """Draw a row that fits, or one with a wrong value in one column; every value can be shown in a cell."""
    row = draw(good_rows(EVERY_KIND))
    if draw(st.booleans()):
        name = draw(st.sampled_from(list(row)))
        row[name] = draw(st.sampled_from(("palace", "x", -1e9, 1e9, 2.5, "12", "nan", None)))
    return row


@settings(max_examples=400)
@given(row=rows_for_cells())
def test_a_cell_is_read_as_the_value_it_shows(model, row):
    """A row in CSV is taken or refused as its JSON is, with the same values and codes; an empty cell is null."""
    names = [feature.name for feature in EVERY_KIND.features]
    numeric = {feature.name for feature in EVERY_KIND.features if isinstance(feature, Number | Integer)}
    text = io.StringIO()
    csv.writer(text).writerows([names, [as_cell(row.get(name)) for name in names]])
    head, _, line = text.getvalue().partition("\r\n")
    read = read_csv_row(Layout(EVERY_KIND, head.split(","), ()), 2, line.encode())
    shown = {name: None if row.get(name) == "" else row.get(name) for name in names}
    # In a cell, 12 and "12" are one: a number in a column of numbers, a word in a column of words.
    shown = {name: 12 if value == "12" and name in numeric else value for name, value in shown.items()}
    shown = {name: math.nan if value == "nan" and name in numeric else value for name, value in shown.items()}
    words = {name for name in names if name not in numeric and name not in {"employed", "married"}}
    shown = {name: as_cell(value) if name in words and value is not None else value for name, value in shown.items()}
    values, problems = EVERY_KIND.parse_row(shown)
    if problems:
        assert [(one.field, one.code) for one in read] == [(one.pointer[1:], one.code) for one in problems]
    else:
        assert read.values == values


CUT_SHORT = st.builds(
    lambda row, share: json.dumps(row)[: int(len(json.dumps(row)) * share)], any_rows(EVERY_KIND), st.floats(0, 1)
)


@settings(max_examples=500)
@given(text=st.one_of(st.text(), CUT_SHORT, any_rows(EVERY_KIND).map(str), JSON_VALUES.map(json.dumps)))
def test_what_the_gateway_cannot_read_the_function_refuses_under_the_same_code(model, text):
    """The gateway refuses a body only where no JSON parser takes it, or takes it for something else than an object."""
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        is_object = False
    code = json.loads(answer_http(model, proxy_event(PREDICT, text), "x")["body"]).get("code")
    refused = json.loads(gateway_responses()["BAD_REQUEST_BODY"]["responseTemplates"]["application/json"])
    assert is_object or code == refused["code"] == "invalid_json"


@settings(max_examples=200)
@given(row=any_rows(EVERY_KIND))
def test_what_is_accepted_is_scored_alike(model, row):
    """An accepted row has one prediction, whichever door it came through."""
    try:
        rows = EVERY_KIND.parse_rows([row])
    except InvalidRequestError:
        return
    body = json.dumps({"instances": [row]})
    online = json.loads(answer_http(model, proxy_event(PREDICT, body), "x")["body"])["predictions"]
    assert online == json.loads(json.dumps(model.predict(rows, explain=False)))
    assert online == json.loads(json.dumps(answer_direct(model, json.loads(body), "x")))["predictions"]
