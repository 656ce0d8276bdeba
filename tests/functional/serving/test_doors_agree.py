"""Whatever door a row comes through, it is accepted or refused alike, with the same codes."""

import io
import json

import fastjsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from support.contracts import EVERY_KIND, JSON_VALUES, any_rows
from support.served import CONTEXT, proxy_event

from ratecard.contract.schema import envelope_schema
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.direct import answer_direct
from ratecard.serving.records import DigestingReader, read_records
from ratecard.serving.rest import answer_http

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
    stream = DigestingReader(io.BytesIO(json.dumps(row).encode() + b"\n"))
    records = list(read_records(EVERY_KIND, stream, "a.jsonl"))
    _, problems = EVERY_KIND.parse_row(records[0].instance)
    filed = sorted((f"/instances/0{problem.pointer}", problem.code) for problem in problems) or None
    assert online == direct == filed


@settings(max_examples=300)
@given(row=any_rows(EVERY_KIND))
def test_a_cell_is_read_as_the_value_it_shows(model, row):
    """A row whose values CSV can show is taken or refused as its JSON is."""
    names = [feature.name for feature in EVERY_KIND.features]
    shown = isinstance(row, dict) and set(row) <= set(names)
    if not shown or any(isinstance(value, str | dict | list) for value in row.values()):
        return
    cells = ["" if row.get(name) is None else json.dumps(row[name]).strip('"') for name in names]
    for place, name in enumerate(names):
        if name in {"housing", "channel", "note"} and row.get(name) is not None:
            return  # a number in a column of words is a word in CSV
        if cells[place] in {"true", "false"} and name not in {"employed", "married"}:
            return
    text = ",".join(names) + "\n" + ",".join(cells) + "\n"
    record = next(read_records(EVERY_KIND, DigestingReader(io.BytesIO(text.encode())), "a.csv"))
    full = {name: row.get(name) for name in names}
    assert EVERY_KIND.parse_row(record.instance)[1] == EVERY_KIND.parse_row(full)[1]


ENVELOPE = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-04/schema", **envelope_schema()})


def gateway_refuses(document):
    """Validate as API Gateway does, by the envelope."""
    try:
        ENVELOPE(document)
    except fastjsonschema.JsonSchemaValueException:
        return True
    return False


@settings(max_examples=500)
@given(
    document=st.one_of(
        JSON_VALUES,
        st.builds(lambda rows: {"instances": rows}, st.one_of(JSON_VALUES, st.lists(any_rows(EVERY_KIND), max_size=3))),
        any_rows(EVERY_KIND),
    )
)
def test_what_the_gateway_refuses_the_function_refuses(model, document):
    """The gateway's schema is coarser: it never refuses what the function would have answered."""
    answer = answer_http(model, proxy_event(PREDICT, json.dumps(document)), "x")
    if gateway_refuses(document):
        assert answer["statusCode"] == 400
    if answer["statusCode"] == 200:
        assert not gateway_refuses(document)


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
