"""The inbox's function in AWS (moto): what it says of each object, and the manifests it writes."""

import json
import subprocess
import sys
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws
from support.batch_stores import in_aws

from inbox_service.reception import open_reception, receive
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.arrival import parse_arrival, results_folder_of
from ratecard.serving.batch.job import MANIFEST, MOST_PARTS, job_of
from ratecard.serving.batch.parts import spooled_name
from ratecard.serving.batch.score import piece_name

SLUGS = "corporate-risk,credit-rating"
GOOD = "inbox/acme/credit-rating/a.csv"


@pytest.fixture(scope="module")
def reception(repository):
    """The function's stores, with the customers acme and beta."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        in_aws(patch, str(repository / "infra/ratecard.toml"))
        yield open_reception({"RATECARD_ACCOUNTS": "accounts", "RATECARD_OUTBOX": "outbox", "RATECARD_MODELS": SLUGS})


def created(key, *, version="v1", size=10):
    """Build S3's event."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-22T10:11:12Z",
        "detail": {"bucket": {"name": "inbox"}, "object": {"key": key, "version-id": version, "size": size}},
    }


def asked(key, **more):
    """Build the question of a model's flow."""
    return {"operation": "receive", "event": created(key, **more)}


def manifest_of(key, version="v1"):
    """Return key, time and content of a manifest; None if there is none."""
    name = f"{results_folder_of(key, version)}/manifest.json"
    s3 = boto3.client("s3")
    try:
        found = s3.get_object(Bucket="outbox", Key=name)
    except s3.exceptions.NoSuchKey:
        return None
    return json.loads(found["Body"].read())


@pytest.mark.parametrize("key", [GOOD, "inbox/beta/corporate-risk/explain/x.parquet"])
def test_a_file_of_a_customer_and_a_model_is_taken_when_its_flow_asks(reception, key):
    """The rule's own event of it needs no answer: who heard it first would decide."""
    assert receive(asked(key), reception) == {"status": "taken"}
    assert receive(created(key), reception) == {"status": "passed"}
    assert manifest_of(key) is None


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        ("inbox/acme/credit-ratings/a.csv", ["unknown_model"]),
        ("inbox/acme/credit-ratings/explain/a.csv", ["unknown_model"]),
        ("inbox/nobody/credit-ratings/a.csv", ["unknown_model", "unknown_customer"]),
        ("inbox/top.csv", ["misplaced_file"]),
        ("inbox/acme/x.csv", ["misplaced_file"]),
        ("inbox//credit-rating", ["misplaced_file"]),
        ("acme/credit-rating/a.csv", ["misplaced_file"]),
        ("Inbox/acme/credit-rating/a.csv", ["misplaced_file"]),
    ],
)
def test_what_no_models_rule_takes_is_told_off_when_its_event_comes(reception, key, codes):
    """A manifest where results would be, with every reason; the second event of the same version changes nothing."""
    assert receive(created(key), reception) == {"status": "failed", "codes": codes}
    manifest = manifest_of(key)
    assert manifest["status"] == "failed"
    assert [problem["code"] for problem in manifest["problems"]] == codes
    assert manifest["reason"] == manifest["problems"][0]["detail"]
    assert manifest["object"] == {"bucket": "inbox", "key": key, "version": "v1"}
    assert manifest["announced_at"] == "2026-11-22T10:11:12.000Z"
    assert (manifest["rows"]["read"], manifest["cost"]) == (0, None)
    assert receive(created(key), reception) == {"status": "failed", "codes": codes}
    assert manifest_of(key) == manifest
    receive(created(key, version="v2"), reception)
    assert manifest_of(key, "v2")["object"]["version"] == "v2"


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        ("inbox/nobody/credit-rating/a.csv", ["unknown_customer"]),
        ("inbox/ACME/credit-rating/a.csv", ["unknown_customer"]),
        ("inbox/acme/credit-rating/deeper/a.csv", ["misplaced_file"]),
        ("inbox/acme/other/credit-rating/a.csv", ["misplaced_file"]),
        ("inbox//credit-rating/a.csv", ["misplaced_file"]),
    ],
)
def test_what_a_models_rule_takes_is_told_off_when_its_flow_asks(reception, key, codes):
    """Until then nothing is said, so that there is one answer."""
    assert receive(created(key), reception) == {"status": "passed"}
    assert manifest_of(key) is None
    assert receive(asked(key), reception) == {"status": "failed", "codes": codes}
    assert [problem["code"] for problem in manifest_of(key)["problems"]] == codes


def test_the_models_are_named_and_the_nearest_too(reception):
    """The word that was mistyped is not repeated; a word like none of them has no nearest."""
    receive(created("inbox/acme/credit-ratign/b.csv"), reception)
    receive(created("inbox/acme/zzz/b.csv"), reception)
    told = "no model has the name in its key; models that take files: corporate-risk, credit-rating"
    assert manifest_of("inbox/acme/credit-ratign/b.csv")["reason"] == f"{told}; the nearest is credit-rating"
    assert manifest_of("inbox/acme/zzz/b.csv")["reason"] == told


def test_a_folders_marker_needs_no_answer(reception):
    """With content it is a file that somebody misnamed."""
    for event in (created("inbox/acme/", size=0), asked("inbox/acme/credit-rating/", size=0)):
        assert receive(event, reception) == {"status": "passed"}
    assert receive(asked("inbox/acme/credit-rating/", size=1), reception)["codes"] == ["misplaced_file"]


@pytest.mark.parametrize("event", [{}, {"operation": "receive", "event": {}}, created(GOOD) | {"source": "mine"}])
def test_another_event_is_a_fault(reception, event):
    """It is tried again, then kept in the queue."""
    with pytest.raises(InvalidRequestError, match="EventBridge"):
        receive(event, reception)


def test_a_key_cannot_break_the_logs_lines(reception, caplog):
    """One line for a file, in ASCII."""
    receive(created("inbox/acme/x\ny\u2028\u00e4.csv"), reception)
    (record,) = caplog.records
    assert record.getMessage() == "'inbox/acme/x\\ny\\u2028\\xe4.csv' is not scored: misplaced_file"


@pytest.mark.parametrize("name", ["a" * 942, "é" * 471, "a" * 999])
def test_a_file_whose_results_s3_could_not_hold_gets_a_line_and_no_manifest(reception, caplog, name):
    """Answered once, without asking S3: nothing is tried again. A byte less, and it is scored."""
    key = f"inbox/acme/credit-rating/{name}"
    told = {"status": "failed", "codes": ["key_too_long"]}
    assert receive(asked(key, version="v" * 32), replace(reception, objects=None, accounts=None)) == told
    (record,) = caplog.records
    assert record.getMessage() == f"{key!a} is not scored: key_too_long"


def test_a_file_whose_results_s3_can_hold_is_taken(reception):
    """The longest name of a part, below the longest key that is taken, is a key of S3."""
    key = "inbox/acme/credit-rating/" + "a" * 937 + ".csv"
    assert receive(asked(key, version="v" * 32), reception) == {"status": "taken"}
    job = job_of(parse_arrival(created(key, version="v" * 32), "credit-rating"), "outbox")
    names = [job.work_key(piece_name(MOST_PARTS, what)) for what in ("scored", "rejects")]
    names += [job.work_key(spooled_name(MOST_PARTS)), job.result_key("scored.parquet"), job.result_key(MANIFEST)]
    assert max(map(len, names)) <= 1024


def test_the_function_starts_with_the_layer_alone(repository):
    """Neither Arrow nor the engines' library is beside it."""
    program = (
        "import sys, types; sys.modules['pyarrow'] = None; sys.modules['numpy'] = None;"
        "import os; os.environ.update(RATECARD_ACCOUNTS='a', RATECARD_OUTBOX='o', RATECARD_MODELS='m');"
        "import inbox_service.handler"
    )
    paths = [repository / "layers/ratecard/src", repository / "functions/services/inbox/src"]
    environment = {"PYTHONPATH": ":".join(map(str, paths)), "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
