"""The flow of infra/batch.yaml in moto's interpreter: announced once, planned, scored side by side, collected."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from support.contracts import EVERY_KIND
from support.flow import STATE_LIMIT, Flow

from ratecard.contract.sample import sample_row
from ratecard.serving.batch import job as jobs
from ratecard.serving.batch.job import MOST_PARTS
from ratecard.serving.batch.order import order_key, parse_order
from ratecard.serving.batch.steps import answer_batch

SLUG = EVERY_KIND.slug
KEY = f"inbox/acme/{SLUG}/rows.jsonl"
ENVIRON = {"RATECARD_OUTBOX": "outbox", "RATECARD_BATCH_ROW_PRICE": "0.0125 USD"}
ROW = json.dumps(sample_row(EVERY_KIND)).encode() + b"\n"
ROWS = ROW * 60


class Troubled:
    """The real batch function, but for what a test does to it.

    Parameters
    ----------
    model : Model
        What it scores with.
    """

    def __init__(self, model):
        self.model = model
        self.trouble = lambda _event: None

    def __call__(self, event, arn):
        self.trouble(event)
        return answer_batch(self.model, event, ENVIRON, arn)


@pytest.fixture(scope="module")
def stack(model):
    """The stack, with parts so small that a short file has several; moto takes ten seconds to read its definitions."""
    function = Troubled(model)
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setattr(jobs, "SMALLEST_PART", 2000)
        patch.setattr("ratecard.serving.batch.segments.BLOCK_BYTES", 1000)
        yield Flow(SLUG, function, patch), function


@pytest.fixture
def function(stack):
    """The function, without trouble."""
    stack[1].trouble = lambda _event: None
    return stack[1]


@pytest.fixture
def flow(stack, function):
    """The stack, as if nothing had been announced."""
    stack[0].forget()
    return stack[0]


def steps_of(flow):
    """Return the operations that the function was asked for."""
    return [call["operation"] for call in flow.calls]


def usage_of(capsys):
    """Return the usage lines by id."""
    lines = [line for line in capsys.readouterr().out.splitlines() if "ratecard.call.v1" in line]
    return {json.loads(line)["id"]: json.loads(line)["data"]["units"] for line in lines}


def test_a_file_goes_through_and_only_once_however_often_it_is_announced(flow, capsys):
    """Three events of one version are one execution; its parts are scored side by side and nothing is left of them."""
    event = flow.put(KEY, ROWS)
    assert [flow.announce(event) for _ in range(3)] == ["SUCCEEDED"] * 3
    (batch,) = flow.batches()
    assert batch["status"] == "SUCCEEDED", batch
    assert json.loads(batch["output"])["result"]["step"]["rows"] == {"read": 60, "scored": 60, "rejected": 0}
    assert [flow.announce(event)] == ["SUCCEEDED"]
    assert len(flow.batches()) == 1
    steps = steps_of(flow)
    assert (steps[0], steps[-1], steps.count("plan"), steps.count("collect")) == ("plan", "collect", 1, 1)
    assert steps.count("score") >= 3
    names = {name.rsplit("/", 1)[1] for name in flow.results()}
    assert names == {"scored.jsonl", "rejects.csv", "manifest.json"}
    assert sum(usage_of(capsys).values()) == 60
    assert flow.letters() == []


def test_columns_asked_for_with_the_batchs_id_are_carried(flow, capsys):
    """The record beside the results says which; it is another customer's, or of another key, where the key differs."""
    batch = "0123456789abcdef" * 2
    key = f"inbox/acme/{SLUG}/{batch}.jsonl"
    wish = {"format": "jsonl", "bytes": 1, "carry": ["branch"]}
    order = parse_order(wish, batch=batch, customer="acme", slug=SLUG, created_at="")
    flow.s3.put_object(Bucket="outbox", Key=order_key("acme", batch), Body=json.dumps(order.document()))
    row = json.dumps({**sample_row(EVERY_KIND), "branch": "north"}).encode() + b"\n"
    for name in (key, key.replace("acme", "beta")):
        assert flow.announce(flow.put(name, row)) == "SUCCEEDED"
    assert [one["status"] for one in flow.batches()] == ["SUCCEEDED"] * 2, flow.batches()
    manifests = {
        name.split("/")[1]: json.loads(content)
        for name, content in flow.results().items()
        if name.endswith("/manifest.json")
    }
    assert manifests["acme"]["carried"] == ["branch"]
    assert manifests["acme"]["rows"]["scored"] == 1
    assert manifests["beta"]["carried"] == []
    (scored,) = [
        content for name, content in flow.results().items() if "/acme/" in name and name.endswith("scored.jsonl")
    ]
    assert json.loads(scored)["branch"] == "north"


def test_a_second_version_of_a_file_is_another_batch(flow, capsys):
    """The version is in the execution's name and in the place of the results."""
    for content in (ROWS, ROW):
        assert flow.announce(flow.put(KEY, content)) == "SUCCEEDED"
    assert [batch["status"] for batch in flow.batches()] == ["SUCCEEDED"] * 2
    assert sum(usage_of(capsys).values()) == 61


def test_a_step_that_fails_is_tried_again_after_a_while(flow, function, capsys):
    """With pauses that chance draws, so that a thousand parts do not come back at once; each row is billed once."""
    failed = set()

    def fail_once(event):
        name = (event["operation"], event.get("part", {}).get("number"))
        if name not in failed:
            failed.add(name)
            raise OSError("the network")

    function.trouble = fail_once
    assert flow.announce(flow.put(KEY, ROWS)) == "SUCCEEDED"
    assert [batch["status"] for batch in flow.batches()] == ["SUCCEEDED"]
    assert len(flow.slept) == len(failed) > 4
    assert len(set(flow.slept)) > 1
    assert sum(usage_of(capsys).values()) == 60


@pytest.mark.parametrize("operation", ["plan", "score", "collect"])
def test_what_fails_again_and_again_is_reported_and_costs_nothing(flow, function, capsys, operation):
    """A failed manifest for the client, a message in the queue for the operator, a failed execution for the alarm."""

    def fail(event):
        if event["operation"] == operation:
            raise OSError("the disk")

    function.trouble = fail
    assert flow.announce(flow.put(KEY, ROWS)) == "SUCCEEDED"
    (batch,) = flow.batches()
    assert batch["status"] == "FAILED"
    (letter,) = flow.letters()
    assert letter["execution"] == batch["executionArn"]
    assert letter["object"]["key"] == KEY
    ((name, content),) = flow.results().items()
    assert name.endswith("/manifest.json")
    assert json.loads(content)["status"] == "failed"
    assert steps_of(flow).count("collect") <= 5
    assert usage_of(capsys) == {}


def test_nothing_at_all_works_and_the_operator_knows(flow, function):
    """The function that would write the manifest fails too."""

    def fail(_event):
        raise OSError("everything")

    function.trouble = fail
    assert flow.announce(flow.put(KEY, ROWS)) == "SUCCEEDED"
    assert [batch["status"] for batch in flow.batches()] == ["FAILED"]
    assert len(flow.letters()) == 1


@pytest.mark.parametrize(
    ("key", "content"),
    [
        (KEY, b""),
        (f"inbox/acme/{SLUG}/rows.txt", ROWS),
    ],
)
def test_what_is_no_file_of_rows_is_its_owners_to_put_right(flow, capsys, key, content):
    """The execution succeeds, so that no alarm rings for a client's mistake; nothing is billed."""
    assert flow.announce(flow.put(key, content)) == "SUCCEEDED"
    (batch,) = flow.batches()
    assert batch["status"] == "SUCCEEDED"
    assert json.loads(batch["output"])["batch"]["step"]["status"] == "failed"
    assert flow.letters() == []
    assert usage_of(capsys) == {}


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (f"inbox/nobody/{SLUG}/rows.jsonl", "unknown_customer"),
        (f"inbox/acme/{SLUG}/deeper/rows.jsonl", "misplaced_file"),
        (f"inbox/acme/other/{SLUG}/rows.jsonl", "misplaced_file"),
    ],
)
def test_what_nobody_pays_for_or_lies_elsewhere_is_not_scored(flow, capsys, key, code):
    """No batch is started, and the manifest says why, once for this version and also when the customer came later."""
    event = flow.put(key, ROWS)
    assert [flow.announce(event) for _ in range(2)] == ["SUCCEEDED"] * 2
    flow.customers.add("nobody")
    assert flow.announce(event) == "SUCCEEDED"
    flow.customers.discard("nobody")

    ((name, content),) = flow.results().items()
    version = event["detail"]["object"]["version-id"]
    assert name == f"outbox/{key.removeprefix('inbox/')}/{version}/manifest.json"
    assert [problem["code"] for problem in json.loads(content)["problems"]] == [code]
    assert (flow.batches(), flow.calls, flow.letters(), usage_of(capsys)) == ([], [], [], {})


def test_a_folders_marker_needs_no_answer(flow):
    """S3's console makes one with a click."""
    assert flow.announce(flow.put(f"inbox/acme/{SLUG}/", b"")) == "SUCCEEDED"
    assert (flow.batches(), flow.results()) == ([], {})


def test_a_file_that_nobody_can_say_anything_of_is_reported(flow, monkeypatch):
    """The accounts cannot be read: nothing is scored, and the operator knows of which file."""
    monkeypatch.setattr(flow.reception.accounts, "has_customer", lambda _name: 1 / 0)
    assert flow.announce(flow.put(KEY, ROWS)) == "FAILED"
    (letter,) = flow.letters()
    assert letter["key"] == KEY
    assert len(flow.asked) == 4
    assert (flow.batches(), flow.results()) == ([], {})


def test_a_part_that_shows_that_the_file_is_none_stops_the_batch(flow, capsys):
    """The manifest has the part's own reason, and it is no fault of the platform."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([json.loads(ROW)] * 60), file)
    damaged = file.getvalue()[:4] + b"\xff" * 100 + file.getvalue()[104:]
    assert flow.announce(flow.put(f"inbox/acme/{SLUG}/rows.parquet", damaged)) == "SUCCEEDED"
    assert [batch["status"] for batch in flow.batches()] == ["SUCCEEDED"]
    ((_, content),) = flow.results().items()
    assert json.loads(content)["problems"][0]["code"] == "bad_parquet"
    assert flow.letters() == []
    assert usage_of(capsys) == {}


def test_a_deployment_in_the_middle_changes_nothing(flow, function, capsys):
    """The version that planned scores and collects, whatever the alias stands for by then."""
    function.trouble = lambda event: flow.publish() if event["operation"] == "score" else None
    assert flow.announce(flow.put(KEY, ROWS)) == "SUCCEEDED"
    assert [batch["status"] for batch in flow.batches()] == ["SUCCEEDED"]
    assert len({call["version"] for call in flow.calls}) == 1
    assert sum(usage_of(capsys).values()) == 60


def test_results_that_are_there_are_never_overwritten_by_a_failure(flow, function, capsys):
    """Whoever collects a second time finds the work gone: that is no reason to call the batch failed."""
    event = flow.put(KEY, ROWS)
    flow.announce(event)
    (batch,) = flow.batches()
    before = flow.results()
    job = json.loads(batch["output"])["batch"]["step"]["job"]
    assert function({"operation": "fail", "brief": True, "event": event}, "x")["status"] == "succeeded"
    assert function({"operation": "collect", "brief": True, "job": job}, "x")["status"] == "succeeded"
    assert flow.results() == before


def test_no_answer_outgrows_a_state(flow, function, monkeypatch):
    """The longest key S3 takes, and as many parts as there may be: 256 KiB for a state, 10,000 children for a map."""
    assert MOST_PARTS < 10_000
    job = jobs.parse_job(
        {
            "bucket": "i" * 63,
            "key": "k" * 1024,
            "version": "v" * 1024,
            "size": 10**15,
            "name": "n" * 1024,
            "customer": "c" * 63,
            "explain": True,
            "carry": ["x" * 100] * 64,
            "at_epoch_ms": 1,
            "results_bucket": "o" * 63,
            "results_folder": "r" * 2100,
            "work_folder": "w" * 2100,
        }
    )
    assert job.size / job.part_bytes <= MOST_PARTS
    part = {"number": MOST_PARTS, "start": 10**15, "size": 10**12, "line": 10**12}
    event = {"operation": "score", "brief": True, "job": job.document(), "part": part, "function": "f" * 200}
    assert len(json.dumps(event)) * 2 < STATE_LIMIT
    # What a map answers: nothing for each of its children.
    assert len(json.dumps([{}] * MOST_PARTS)) < STATE_LIMIT / 4
    # The whole manifest of such a batch would not fit; what is said of it does.
    parts = [{"number": n, "scored": 10**6, "rejected": 10**6, "scored_bytes": 10**9} for n in range(MOST_PARTS)]
    manifest = {"status": "succeeded", "object": {}, "parts": parts, "rows": {}, "cost": None}
    monkeypatch.setattr("ratecard.serving.batch.steps.Steps.collect", lambda _steps, _job: manifest)
    answer = function({"operation": "collect", "brief": True, "job": job.document()}, "x")
    assert len(json.dumps(manifest)) > STATE_LIMIT
    assert len(json.dumps(answer)) < STATE_LIMIT / 10
