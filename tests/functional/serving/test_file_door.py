"""The S3 door: files in, scored rows, rejects and a manifest out; on a folder and on S3 (moto)."""

import csv
import errno
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from support.contracts import EVERY_KIND

from ratecard.contract.outputs import AMOUNT_PATTERN
from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.files import answer_file
from ratecard.serving.model import Model
from ratecard.storage.objects import LocalObjectStore, ObjectChangedError, S3ObjectStore, local_version

MEASURED_RUN = """
import json, resource, sys
from pathlib import Path
from support.served import serve_model
from ratecard.serving.files import answer_file

model = serve_model(Path(sys.argv[1]), Path(sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manifest = answer_file(model, json.loads(sys.argv[4]), {"RATECARD_OBJECT_ROOT": sys.argv[3]})
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps({"rows": manifest["rows"], "grown_megabytes": grown}))
"""

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


def announce(key, version, size=0):
    """Build the event that S3 sends through EventBridge."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-22T10:11:12Z",
        "detail": {"bucket": {"name": "inbox"}, "object": {"key": key, "version-id": version, "size": size}},
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
    assert scored[0] == ["line", "row_id", *(output.name for output in EVERY_KIND.outputs)]
    assert [(row[0], row[4]) for row in scored[1:]] == [("2", "yes"), ("4", "no")]
    assert [float(row[5]) for row in scored[1:]] == [float(row[2]) / 2 for row in scored[1:]]
    assert all(re.fullmatch(AMOUNT_PATTERN, row[6]) for row in scored[1:])
    assert [row[:4] for row in rejects[1:]] == [
        ["3", "", "income", "out_of_range"],
        ["3", "", "housing", "not_a_choice"],
    ]
    assert manifest["status"] == "succeeded"
    assert manifest["rows"] == {"read": 3, "scored": 2, "rejected": 1}
    assert manifest["input"] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["cost"] == {"amount": "0.0250", "currency": "USD", "unit_price": "0.0125"}
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
    """Ragged rows, foreign encodings, NULs, huge fields and open quotes lose no good row around them."""
    good = as_csv([GOOD]).splitlines()[1]
    header = as_csv([]).strip()
    bad = [
        b"1,2",
        b"\xff" + good,
        good.replace(b"own", b"o\0wn"),
        good + b",x",
        b'"a"b,' + good,
        b'"' + good,
        b"x" * 200_000,
        b"x" * 2_500_000,
    ]
    content = b"\r\n".join([header, *(line for one in bad for line in (good, one)), good, b"", good])
    manifest, read, _ = deliver(model, place, content)
    assert manifest["rows"] == {"read": 18, "scored": 10, "rejected": 8}
    assert [row[0] for row in read("scored.csv")[1:]] == ["2", "4", "6", "8", "10", "12", "14", "16", "18", "20"]
    rejected = {row[0]: row[3] for row in read("rejects.csv")[1:]}
    assert list(rejected) == ["3", "5", "7", "9", "11", "13", "15", "17"]
    assert list(rejected.values()) == [
        "ragged", "wrong_type", "not_a_choice", "ragged", "bad_csv", "bad_csv", "bad_csv", "too_long",
    ]  # fmt: skip


def test_text_may_go_on_over_lines(model, place, capsys):
    """A quoted note with line breaks is one record, and the next one's line number is right."""
    rows = [{**GOOD, "note": "one\ntwo\r\nthree"}, {**GOOD, "income": -1}, GOOD]
    _, read, _ = deliver(model, place, as_csv(rows))
    assert [row[0] for row in read("scored.csv")[1:]] == ["2", "6"]
    assert read("rejects.csv")[1][0] == "5"


def test_memory_does_not_grow_with_the_file_or_a_line(artifact, native_dir, tmp_path):
    """A file with a 300 MB line among its rows is scored by a process that may hold 200 MB more than it starts with."""
    key = "inbox/acme/every-kind/big.csv"
    path = tmp_path / key
    path.parent.mkdir(parents=True)
    good = as_csv([GOOD]).splitlines(keepends=True)
    with path.open("wb") as file:
        file.writelines(good)
        for _ in range(300):
            file.write(b"x" * 1_000_000)
        file.write(b"\n")
        file.writelines(good[1:])
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURED_RUN,
            artifact,
            native_dir,
            tmp_path,
            json.dumps(announce(key, local_version(path))),
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout.splitlines()[-1])
    assert report["rows"] == {"read": 3, "scored": 2, "rejected": 1}
    assert report["grown_megabytes"] < 200


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
    assert manifest["cost"]["amount"] == "0.0000"
    assert place.store.find_bytes("outbox", f"{folder}/scored.csv") is None
    assert place.store.find_bytes("inbox", key) == content
    assert capsys.readouterr().out == ""


def test_rejects_are_bounded(model, place, capsys, monkeypatch):
    """A row names five problems at most, and a file of nothing but rejects fails whole."""
    monkeypatch.setattr("ratecard.serving.results.MAX_REJECTS_BYTES", 100_000)
    manifest, read, _ = deliver(model, place, b"{}\n" * 3, "inbox/acme/every-kind/a.jsonl")
    assert len(read("rejects.csv")) == 1 + 3 * 4
    manifest, _, _ = deliver(model, place, b"{}\n" * 3000, "inbox/acme/every-kind/b.jsonl")
    assert (manifest["status"], manifest["problems"][0]["code"]) == ("failed", "too_many_rejects")


def test_a_file_too_large_for_one_run_fails_at_once(model, place, capsys):
    """The announced size decides, before anything is read; reasons take longer, so their limit is lower."""
    for key, size in ((KEY, 1_000_000_001), ("inbox/acme/every-kind/explain/a.csv", 250_000_001)):
        version = place.put(key, as_csv([GOOD]))
        manifest = answer_file(model, announce(key, version, size), place.environ)
        assert (manifest["status"], manifest["rows"]["scored"]) == ("failed", 0)


def test_sampled_reasons_take_longer_still(model, place, capsys):
    """A file that exact reasons would be given for is too large where each row takes a thousand scores."""
    sampled = Model.__new__(Model)
    sampled.__dict__.update(model.__dict__, contract=EVERY_KIND.replace(sampled_reasons=True))
    for one, name, status in ((sampled, "a.csv", "failed"), (model, "b.csv", "succeeded")):
        key = f"inbox/acme/every-kind/explain/{name}"
        version = place.put(key, as_csv([GOOD]))
        assert answer_file(one, announce(key, version, 10_000_001), place.environ)["status"] == status


def test_a_new_model_does_not_score_or_bill_an_old_file_again(model, place, capsys):
    """A redelivery after an upgrade finds the manifest of the version that scored the file."""
    first, _, (version, _) = deliver(model, place, as_csv([GOOD]))
    newer = Model.__new__(Model)
    newer.__dict__.update(model.__dict__, contract=EVERY_KIND.replace(version="2.0.0"))
    assert answer_file(newer, announce(KEY, version), place.environ) == first
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_two_deliveries_at_once_give_one_result(artifact, native_dir, tmp_path):
    """Two processes score the same announcement: the same bytes, the same line, nothing left over."""
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(as_csv([GOOD] * 3000))
    event = json.dumps(announce(KEY, local_version(path)))
    command = [sys.executable, "-c", MEASURED_RUN, artifact, native_dir, tmp_path, event]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    lines = {line for output in outputs for line in output if "specversion" in line}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(lines) == 1
    results = sorted(file.name for file in (tmp_path / "outbox").rglob("*") if file.is_file())
    assert results == ["manifest.json", "rejects.csv", "scored.csv"]


def test_an_object_that_is_gone_is_a_failed_manifest(model, place, capsys):
    """An announcement without an object costs nothing."""
    manifest = answer_file(model, announce("inbox/acme/every-kind/gone.csv", "1"), place.environ)
    assert (manifest["status"], manifest["reason"]) == ("failed", "there is no such object")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": {}},
        announce(KEY, None),
        {**announce(KEY, "1"), "time": "soon"},
        {**announce(KEY, "1"), "time": "2026-11-22T10:11:12"},
        {**announce(KEY, "1"), "detail-type": "Object Deleted"},
        {**announce(KEY, "1"), "source": "somebody"},
    ],
)
def test_an_event_of_another_kind_is_refused(model, place, event):
    """Nothing is read and nothing written for it."""
    with pytest.raises(InvalidRequestError):
        answer_file(model, event, place.environ)


@pytest.mark.parametrize(
    "key",
    [
        "elsewhere/acme/every-kind/a.csv",
        "inbox/acme/other-model/a.csv",
        "inbox/../every-kind/a.csv",
        "inbox/acme/every-kind/",
        "inbox/acme/every-kind/explain/",
        "inbox/acme/every-kind/sub/a.csv",
        "inbox/Acme/every-kind/a.csv",
    ],
)
def test_an_object_that_is_no_file_of_the_inbox_is_passed_over(model, place, capsys, key):
    """A folder's marker or a nested key costs nothing, raises no alarm and leaves nothing in the outbox."""
    answer = answer_file(model, announce(key, "1"), place.environ)
    assert (answer["status"], answer["rows"]["scored"]) == ("failed", 0)
    assert capsys.readouterr().out == ""


def test_a_file_that_changed_after_its_announcement_waits_for_the_next(model, tmp_path):
    """On a folder the old version is gone; its successor has an announcement of its own."""
    place = Folder(tmp_path)
    version = place.put(KEY, as_csv([GOOD]))
    place.put(KEY, as_csv([GOOD, GOOD]))
    with pytest.raises(ObjectChangedError):
        answer_file(model, announce(KEY, version), place.environ)


def test_a_file_that_grows_while_it_is_read_waits_too(model, tmp_path, monkeypatch, capsys):
    """What was read was neither version; nothing is stored and nothing metered."""
    place = Folder(tmp_path)
    version = place.put(KEY, as_csv([GOOD]))
    read = LocalObjectStore.open_read

    def read_and_grow(store, bucket, key, announced):
        stream = read(store, bucket, key, announced)
        with store.path_of(key).open("ab") as file:
            file.write(as_csv([GOOD]).splitlines()[1])
        return stream

    monkeypatch.setattr(LocalObjectStore, "open_read", read_and_grow)
    with pytest.raises(ObjectChangedError):
        answer_file(model, announce(KEY, version), place.environ)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "outbox").exists()


def test_a_passing_fault_is_no_missing_object(model, tmp_path, monkeypatch):
    """Too many open files, for example, must be tried again, not written down as a failed file."""
    place = Folder(tmp_path)
    version = place.put(KEY, as_csv([GOOD]))

    def busy(*_args, **_kwargs):
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(Path, "open", busy)
    with pytest.raises(OSError, match="too many open files"):
        answer_file(model, announce(KEY, version), place.environ)
