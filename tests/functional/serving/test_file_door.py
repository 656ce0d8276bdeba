"""The S3 door: files in, scored rows, rejects and a manifest out; on a folder and on S3 (moto)."""

import csv
import hashlib
import io
import json

import boto3
import pytest
from moto import mock_aws
from support.contracts import EVERY_KIND

from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.files import answer_file
from ratecard.storage.objects import LocalObjectStore, ObjectChangedError, S3ObjectStore, local_version

KEY = "inbox/acme/every-kind/applicants.csv"
PRICES = {"RATECARD_BATCH_ROW_PRICE": "0.0125 USD", "RATECARD_BATCH_EXPLAIN_ROW_PRICE": "0.0250 USD"}
GOOD = sample_row(EVERY_KIND)


def as_csv(rows, columns=None):
    """Write rows as a client's spreadsheet would."""
    columns = columns or [feature.name for feature in EVERY_KIND.features]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def cell(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


class Folder:
    """The inbox as a folder."""

    def __init__(self, root):
        self.environ = {"RATECARD_OBJECT_ROOT": str(root), "RATECARD_OUTBOX": "outbox", **PRICES}
        self.store = LocalObjectStore(root)

    def put(self, key, content):
        self.store.store_bytes("inbox", key, content)
        return local_version(self.store.path_of(key))


class Bucket:
    """The inbox as a versioned bucket."""

    def __init__(self):
        self.s3 = boto3.client("s3", region_name="us-east-1")
        for name in ("inbox", "outbox"):
            self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        self.environ = {"RATECARD_OUTBOX": "outbox", **PRICES}
        self.store = S3ObjectStore()

    def put(self, key, content):
        return self.s3.put_object(Bucket="inbox", Key=key, Body=content)["VersionId"]


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path, monkeypatch):
    """Both adapters, behind the same tests."""
    if request.param == "folder":
        yield Folder(tmp_path)
        return
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield Bucket()


def announce(key, version):
    """Build the event that S3 sends through EventBridge."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-22T10:11:12Z",
        "detail": {"bucket": {"name": "inbox"}, "object": {"key": key, "version-id": version, "sequencer": "00"}},
    }


def deliver(model, place, content, key=KEY):
    version = place.put(key, content)
    manifest = answer_file(model, announce(key, version), place.environ)
    folder = f"{key.replace('inbox', 'outbox', 1)}/{version}"

    def read(name):
        return list(csv.reader(io.StringIO(place.store.find_bytes("outbox", f"{folder}/{name}").decode())))

    return manifest, read, (version, folder)


def test_a_file_comes_back_scored(model, place, capsys):
    """Good rows are scored in order, bad ones named with line, field and code, and the manifest adds it up."""
    rows = [GOOD, {**GOOD, "income": -1, "housing": "palace"}, {**GOOD, "income": 10, "debt": 10}]
    content = as_csv(rows)
    manifest, read, (_, folder) = deliver(model, place, content)
    scored, rejects = read("scored.csv"), read("rejects.csv")
    assert scored[0] == ["line", "row_id", "probability", "score", "decision"]
    assert [(row[0], row[4]) for row in scored[1:]] == [("2", "yes"), ("4", "no")]
    assert [row[:4] for row in rejects[1:]] == [
        ["3", "", "income", "out_of_range"],
        ["3", "", "housing", "not_a_choice"],
    ]
    assert manifest["status"] == "succeeded"
    assert manifest["rows"] == {"read": 3, "scored": 2, "rejected": 1}
    assert manifest["input"] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["cost"] == {"amount": "0.03", "currency": "USD", "unit_price": "0.0125"}
    for name in ("scored.csv", "rejects.csv"):
        stored = place.store.find_bytes("outbox", f"{folder}/{name}")
        assert manifest["results"][name] == {"sha256": hashlib.sha256(stored).hexdigest(), "bytes": len(stored)}


def test_the_scores_are_those_of_the_online_door(model, place, capsys):
    """A file gives what a call gives."""
    rows = [{**GOOD, "income": income} for income in range(0, 90_000, 1000)]
    _, read, _ = deliver(model, place, as_csv(rows))
    online = model.predict([EVERY_KIND.parse_rows([row])[0] for row in rows], explain=False)
    assert [float(row[2]) for row in read("scored.csv")[1:]] == [prediction["probability"] for prediction in online]


def test_a_file_delivered_twice_is_scored_and_billed_once(model, place, capsys):
    """The second announcement answers the first one's manifest and writes no line."""
    first, _, (version, folder) = deliver(model, place, as_csv([GOOD]))
    stored = place.store.find_bytes("outbox", f"{folder}/scored.csv")
    assert answer_file(model, announce(KEY, version), place.environ) == first
    assert place.store.find_bytes("outbox", f"{folder}/scored.csv") == stored
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_run_that_died_before_its_manifest_is_repeated_to_the_byte(model, place, capsys, monkeypatch):
    """Its line is written again, equal in every byte, so that rating drops it as a duplicate."""
    version = place.put(KEY, as_csv([GOOD, GOOD]))
    store = type(place.store)
    with monkeypatch.context() as patch:
        patch.setattr(store, "store_bytes", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            answer_file(model, announce(KEY, version), place.environ)
    answer_file(model, announce(KEY, version), place.environ)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_the_usage_line_names_who_pays(model, place, capsys):
    """The prefix is the subject, the id a hash, and the units are the scored rows."""
    deliver(model, place, as_csv([GOOD, {**GOOD, "income": "x"}, GOOD]))
    line = capsys.readouterr().out
    usage = json.loads(line)
    assert len(line) <= 1024
    assert usage["subject"] == "inbox/acme"
    assert usage["time"] == "2026-11-22T10:11:12.000Z"
    assert len(usage["id"]) == 64
    assert (usage["data"]["operation"], usage["data"]["units"], usage["data"]["billable"]) == ("batch", 2, True)


def test_reasons_are_asked_for_by_the_folder(model, place, capsys):
    """Files under explain/ have reasons and advice, at their own price."""
    rows = [GOOD, {**GOOD, "income": 10, "debt": 10}]
    manifest, read, _ = deliver(model, place, as_csv(rows), "inbox/acme/every-kind/explain/a.csv")
    assert read("scored.csv")[0][-2:] == ["reasons", "advice"]
    assert "R02" in read("scored.csv")[2][-2]
    assert manifest["cost"]["unit_price"] == "0.0250"
    assert json.loads(capsys.readouterr().out)["data"]["operation"] == "batch_explain"


def test_json_lines_are_read_too(model, place, capsys):
    """One object a line; lines that are no JSON are rejects with their line number."""
    lines = [json.dumps({"row_id": "a", **GOOD}), "", "{", "[]", json.dumps({"row_id": "é", **GOOD}), '{"x": NaN}']
    manifest, read, _ = deliver(model, place, "\n".join(lines).encode(), "inbox/acme/every-kind/a.jsonl")
    assert [row[:2] for row in read("scored.csv")[1:]] == [["1", "a"], ["5", "é"]]
    codes = [(row[0], row[3]) for row in read("rejects.csv")[1:]]
    assert codes == [("3", "invalid_json"), ("4", "wrong_type"), ("6", "invalid_json")]
    assert manifest["rows"]["read"] == 5


def test_a_callers_text_cannot_run_as_a_formula(model, place, capsys):
    """An identifier that a spreadsheet would run is written with a quote before it."""
    columns = ["row_id", *(feature.name for feature in EVERY_KIND.features)]
    names = ["=1+1", "+A1", "-2", "@x", "plain"]
    _, read, _ = deliver(model, place, as_csv([{"row_id": name, **GOOD} for name in names], columns))
    assert [row[1] for row in read("scored.csv")[1:]] == ["'=1+1", "'+A1", "'-2", "'@x", "plain"]


def test_hostile_records_are_rejects_and_the_others_are_scored(model, place, capsys):
    """Ragged rows, foreign encodings, NULs, huge fields and broken quotes lose no good row around them."""
    good = as_csv([GOOD]).splitlines()[1]
    header = as_csv([]).strip()
    bad = [b"1,2", b"\xff" + good, good.replace(b"own", b"o\0wn"), good + b",x", b'"a"b,' + good, b"x" * 200_000]
    content = b"\r\n".join([header, *(line for one in bad for line in (good, one)), good, b"", good])
    manifest, read, _ = deliver(model, place, content)
    assert manifest["rows"] == {"read": 14, "scored": 8, "rejected": 6}
    assert [row[0] for row in read("scored.csv")[1:]] == ["2", "4", "6", "8", "10", "12", "14", "16"]
    assert {row[3] for row in read("rejects.csv")[1:]} == {"ragged", "wrong_type", "not_a_choice", "bad_csv"}


@pytest.mark.parametrize(
    ("key", "content", "code"),
    [
        (KEY, b"", "no_header"),
        (KEY, as_csv([]), "no_rows"),
        (KEY, b"a,b\n1,2\n", "unknown_field"),
        (KEY, as_csv([GOOD], ["income", "income"]), "repeated"),
        (KEY, as_csv([GOOD], ["income"]), "missing_field"),
        ("inbox/acme/every-kind/a.parquet", b"PAR1", "unsupported_format"),
    ],
)
def test_a_file_that_is_no_file_of_rows_fails_whole_and_costs_nothing(model, place, capsys, key, content, code):
    """The manifest says why; there is no line and no scored file, and the input stays where it is."""
    manifest, _, (_, folder) = deliver(model, place, content, key)
    assert manifest["status"] == "failed"
    assert code in [problem["code"] for problem in manifest["problems"]]
    assert manifest["cost"]["amount"] == "0.00"
    assert place.store.find_bytes("outbox", f"{folder}/scored.csv") is None
    assert place.store.find_bytes("inbox", key) == content
    assert capsys.readouterr().out == ""


def test_an_object_that_is_gone_is_a_failed_manifest(model, place, capsys):
    """An announcement without an object costs nothing."""
    manifest = answer_file(model, announce("inbox/acme/every-kind/gone.csv", None), place.environ)
    assert (manifest["status"], manifest["reason"]) == ("failed", "there is no such object")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": {}},
        announce("elsewhere/acme/every-kind/a.csv", None),
        announce("inbox/acme/other-model/a.csv", None),
        announce("inbox/../every-kind/a.csv", None),
        announce("inbox/acme/every-kind/", None),
        {**announce(KEY, None), "time": "soon"},
    ],
)
def test_an_event_that_is_not_for_this_model_is_refused(model, place, event):
    """Nothing is read and nothing written for it."""
    with pytest.raises(InvalidRequestError):
        answer_file(model, event, place.environ)


def test_a_file_that_changed_after_its_announcement_waits_for_the_next(model, tmp_path):
    """On a folder the old version is gone; its successor has an announcement of its own."""
    place = Folder(tmp_path)
    version = place.put(KEY, as_csv([GOOD]))
    place.put(KEY, as_csv([GOOD, GOOD]))
    with pytest.raises(ObjectChangedError):
        answer_file(model, announce(KEY, version), place.environ)
