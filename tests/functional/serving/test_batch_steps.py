"""Plan, score, collect: files in, scored rows, rejects and a manifest out; on a folder and on S3 (moto)."""

import csv
import gzip
import hashlib
import io
import json
import random

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from support.contracts import EVERY_KIND

from ratecard.contract.sample import sample_row
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.arrival import parse_arrival
from ratecard.serving.batch import job as jobs
from ratecard.serving.batch.collect import PartMissingError
from ratecard.serving.batch.settle import OtherOrderError
from ratecard.serving.batch.steps import OtherVersionError, Steps, answer_batch
from ratecard.serving.model import Model
from ratecard.storage.objects import LocalObjectStore, S3ObjectStore, local_version

KEY = "inbox/acme/every-kind/applicants.csv"
PRICES = {"RATECARD_BATCH_ROW_PRICE": "0.0125 USD", "RATECARD_BATCH_EXPLAIN_ROW_PRICE": "0.0250 USD"}
GOOD = sample_row(EVERY_KIND)
NAMES = [feature.name for feature in EVERY_KIND.features]


def as_csv(rows, columns=NAMES):
    """Write rows as a client's spreadsheet would."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])
    return text.getvalue().encode()


def cell(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def as_parquet(rows, group=1000):
    """Write rows as an analyst's notebook would."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=group)
    return file.getvalue()


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


@pytest.fixture
def folder(tmp_path):
    """One adapter, for what does not depend on it."""
    return Folder(tmp_path)


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of about a kilobyte, so that small files have many."""
    monkeypatch.setattr(jobs, "SMALLEST_PART", 1000)
    monkeypatch.setattr("ratecard.serving.batch.segments.BLOCK_BYTES", 700)


def announce(key, version, size):
    """Build the event that S3 sends through EventBridge."""
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-22T10:11:12Z",
        "detail": {"bucket": {"name": "inbox"}, "object": {"key": key, "version-id": version, "size": size}},
    }


def begin(place, content, key=KEY, *, carry=()):
    """Put a file into the inbox; return its job."""
    version = place.put(key, content)
    arrival = parse_arrival(announce(key, version, len(content)), EVERY_KIND.slug)
    return jobs.job_of(arrival, "outbox", tuple(carry))


def run(model, place, job):
    """Run all steps of a job; return the last answer."""
    planned = answer_batch(model, {"operation": "plan", "job": job.document()}, place.environ)
    if planned["status"] != "planned":
        return planned
    for part in Steps(model, place.environ).load(job, "parts.json"):
        answer_batch(model, {"operation": "score", "job": planned["job"], "part": part}, place.environ)
    return answer_batch(model, {"operation": "collect", "job": planned["job"]}, place.environ)


def score(model, place, content, key=KEY, *, carry=()):
    """Score a file; return manifest, a reader of CSV results, and where they are."""
    job = begin(place, content, key, carry=carry)
    manifest = run(model, place, job)
    results = job.results_folder

    def read(name):
        return list(csv.reader(io.StringIO(place.store.find_bytes("outbox", f"{results}/{name}").decode())))

    return manifest, read, results


def test_a_file_comes_back_scored(model, place, capsys):
    """Good rows are scored in order, bad ones named with line, field and code, and the manifest adds it up."""
    rows = [GOOD, {**GOOD, "income": -1, "housing": "palace"}, {**GOOD, "income": 10, "debt": 10}]
    content = as_csv(rows)
    manifest, read, results = score(model, place, content)
    scored, rejects = read("scored.csv"), read("rejects.csv")
    assert scored[0][:5] == ["line", "row_id", "probability", "score", "decision"]
    assert [(row[0], row[4]) for row in scored[1:]] == [("2", "yes"), ("4", "no")]
    assert [row[:4] for row in rejects[1:]] == [
        ["3", "", "income", "out_of_range"],
        ["3", "", "housing", "not_a_choice"],
    ]
    assert manifest["status"] == "succeeded"
    assert manifest["rows"] == {"read": 3, "scored": 2, "rejected": 1}
    assert manifest["input"] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["cost"] == {
        "amount": "0.0250",
        "currency": "USD",
        "unit_price": "0.0125",
        "basis": "list price",
    }
    for name in ("scored.csv", "rejects.csv"):
        stored = place.store.find_bytes("outbox", f"{results}/{name}")
        assert manifest["results"][name] == {"sha256": hashlib.sha256(stored).hexdigest(), "bytes": len(stored)}
    assert json.loads(place.store.find_bytes("outbox", f"{results}/manifest.json")) == manifest
    usage = json.loads(capsys.readouterr().out)
    assert (usage["subject"], usage["time"], len(usage["id"])) == ("inbox/acme", "2026-11-22T10:11:12.000Z", 64)
    assert (usage["data"]["operation"], usage["data"]["units"], usage["data"]["billable"]) == ("batch", 2, True)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "parquet"])
def test_every_format_gives_the_same_answers(model, folder, capsys, small_parts, ending):
    """Scores are those of the online door, whatever the format, in many parts, and each part has a line of its own."""
    chance = random.Random(1)
    rows = [
        {**GOOD, "income": chance.uniform(-100, 90_000), "visits": chance.choice([None, 1, -5])} for _ in range(300)
    ]
    kind, _, compression = ending.partition(".")
    content = {"csv": as_csv, "parquet": lambda rows: as_parquet(rows, 20)}.get(
        kind, lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode()
    )(rows)
    if compression == "gz":
        content = gzip.compress(content)
    elif compression == "zst":
        content = pa.compress(content, "zstd", asbytes=True)
    manifest, read, results = score(model, folder, content, f"inbox/acme/every-kind/a.{ending}")
    first = 2 if kind == "csv" else 1
    good = [(first + n, row) for n, row in enumerate(rows) if row["income"] >= 0]
    online = model.predict([EVERY_KIND.parse_rows([row])[0] for _, row in good], explain=False, adverse=False)
    assert manifest["rows"] == {"read": 300, "scored": len(good), "rejected": 300 - len(good)}
    stored = folder.store.find_bytes("outbox", f"{results}/scored.{kind}")
    if kind == "csv":
        scored = [(int(row[0]), float(row[2])) for row in read("scored.csv")[1:]]
    elif kind == "jsonl":
        scored = [(row["line"], row["probability"]) for row in map(json.loads, stored.splitlines())]
    else:
        table = pq.read_table(io.BytesIO(stored))
        scored = list(zip(table["line"].to_pylist(), table["probability"].to_pylist(), strict=True))
    assert scored == [(line, one["probability"]) for (line, _), one in zip(good, online, strict=True)]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line["data"]["units"] for line in lines) == len(good)
    assert len({line["id"] for line in lines}) == len(lines) > 3
    assert not folder.store.path_of("work").exists()


def test_pieces_of_a_row_group_are_one_result(model, place, capsys, monkeypatch):
    """A group that is scored in many parts, from a folder or by ranges of S3, gives what it gives in one."""
    rows = [{**GOOD, "income": float(n - 5), "row_id": f"r{n}"} for n in range(300)]
    content, tables = as_parquet(rows), []
    for name, most in (("a", 1000), ("b", 70)):
        monkeypatch.setattr("ratecard.serving.batch.parts.MOST_ROWS", most)
        manifest, read, results = score(model, place, content, f"inbox/acme/every-kind/{name}.parquet")
        assert len(manifest["parts"]) == -(-300 // most)
        assert manifest["rows"] == {"read": 300, "scored": 295, "rejected": 5}
        scored = place.store.find_bytes("outbox", f"{results}/scored.parquet")
        tables.append((pq.read_table(io.BytesIO(scored)), read("rejects.csv")))
    assert tables[0] == tables[1]


def test_a_result_is_written_when_what_is_held_is_large(model, folder, capsys, monkeypatch):
    """A row may carry many texts: then a row group has fewer rows, and the result is the same."""
    content = as_parquet([{**GOOD, "branch": f"{n:04d}" * 30} for n in range(300)])
    monkeypatch.setattr("ratecard.serving.batch.parts.MOST_ROWS", 50)
    found = []
    for name, most in (("a", 128_000_000), ("b", 20_000)):
        monkeypatch.setattr("ratecard.serving.batch.collect.GROUP_BYTES", most)
        *_, results = score(model, folder, content, f"inbox/acme/every-kind/{name}.parquet", carry=("branch",))
        found.append(pq.ParquetFile(io.BytesIO(folder.store.find_bytes("outbox", f"{results}/scored.parquet"))))
    assert found[0].read() == found[1].read()
    assert [file.num_row_groups for file in found] == [1, 2]


def test_columns_are_carried_through(model, folder, capsys):
    """Those the caller names, also features, in every format; a spreadsheet is kept from running any of them."""
    rows = [{"row_id": "=1+1", "branch": 'B, "1"', **GOOD}, {"row_id": "b", "branch": "é", **GOOD}]
    names, carry = ["row_id", "branch", *NAMES], ("branch", "income")
    _, read, _ = score(model, folder, as_csv(rows, names), carry=carry)
    assert [row[:4] for row in read("scored.csv")] == [
        ["line", "row_id", "branch", "income"],
        ["2", "'=1+1", 'B, "1"', "42000.0"],
        ["3", "b", "é", "42000.0"],
    ]
    content = "".join(json.dumps(row | {"branch": 7}) + "\n" for row in rows).encode()
    *_, results = score(model, folder, content, "inbox/acme/every-kind/a.jsonl", carry=carry)
    first = json.loads(folder.store.find_bytes("outbox", f"{results}/scored.jsonl").splitlines()[0])
    assert (first["row_id"], first["branch"], first["income"]) == ("=1+1", 7, 42_000.0)
    content = as_parquet([row | {"branch": place} for place, row in enumerate(rows)])
    *_, results = score(model, folder, content, "inbox/acme/every-kind/a.parquet", carry=carry)
    table = pq.read_table(io.BytesIO(folder.store.find_bytes("outbox", f"{results}/scored.parquet")))
    assert (table["row_id"].to_pylist(), table["branch"].to_pylist()) == (["=1+1", "b"], [0, 1])
    assert table.schema.field("branch").type == pa.int64()


def test_reasons_are_a_column_of_their_own_price(model, place, capsys):
    """Files under explain/ have reasons and advice."""
    rows = [GOOD, {**GOOD, "income": 10, "debt": 10}]
    manifest, read, _ = score(model, place, as_csv(rows), "inbox/acme/every-kind/explain/a.csv")
    assert read("scored.csv")[0][-2:] == ["reasons", "advice"]
    assert "R02" in read("scored.csv")[2][-2]
    assert manifest["cost"]["unit_price"] == "0.0250"
    assert json.loads(capsys.readouterr().out)["data"]["operation"] == "batch_explain"


def test_every_step_can_be_run_again(model, place, capsys, small_parts):
    """Whatever is repeated in whatever order: one result, and usage lines that are equal in every byte."""
    content = as_csv([{**GOOD, "income": n} for n in range(200)])
    job = begin(place, content)
    planned = answer_batch(model, {"operation": "plan", "job": job.document()}, place.environ)
    assert answer_batch(model, {"operation": "plan", "job": job.document()}, place.environ) == planned
    steps = Steps(model, place.environ)
    parts = steps.load(job, "parts.json")
    for part in [*reversed(parts), *parts]:
        steps.score(job, part)
    first = steps.collect(job)
    lines = capsys.readouterr().out.splitlines()
    assert steps.collect(job) == steps.plan(job) == steps.score(job, parts[0]) == first
    assert capsys.readouterr().out.splitlines() == lines * 3
    assert len(lines) == len(parts) > 3


def test_a_step_that_dies_leaves_nothing_that_is_seen(model, folder, capsys, monkeypatch, small_parts):
    """A piece that breaks off is not there, and the next try gives what an undisturbed run gives."""
    content = as_csv([{**GOOD, "income": n} for n in range(200)])
    undisturbed, _, results = score(model, folder, content, "inbox/acme/every-kind/b.csv")
    expected = folder.store.find_bytes("outbox", f"{results}/scored.csv")
    lines = capsys.readouterr().out.splitlines()
    job = begin(folder, content)
    steps = Steps(model, folder.environ)
    steps.plan(job)
    parts = steps.load(job, "parts.json")
    with pytest.raises(PartMissingError):
        steps.collect(job)
    with monkeypatch.context() as patch:
        patch.setattr("ratecard.serving.batch.score.Writer.close", lambda _: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            steps.score(job, parts[0])
    assert sorted(path.name for path in folder.store.path_of(job.work_folder).iterdir()) == ["parts.json", "plan.json"]
    for part in parts:
        steps.score(job, part)
    with monkeypatch.context() as patch:
        patch.setattr(LocalObjectStore, "store_bytes", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            steps.collect(job)
    assert not folder.store.path_of(f"{job.results_folder}/manifest.json").exists()
    manifest = steps.collect(job)
    assert folder.store.find_bytes("outbox", f"{job.results_folder}/scored.csv") == expected
    assert manifest["rows"] == undisturbed["rows"]
    assert set(capsys.readouterr().out.splitlines()) & set(lines) == set()  # the key is part of the id
    assert not folder.store.path_of("work").exists()


def test_a_new_model_neither_mixes_its_scores_in_nor_scores_again(model, folder, capsys, small_parts):
    """A plan is for one version; a file that is done stays done."""
    job = begin(folder, as_csv([{**GOOD, "income": n} for n in range(100)]))
    newer = Model.__new__(Model)
    newer.__dict__.update(model.__dict__, contract=EVERY_KIND.replace(version="2.0.0"))
    old, new = Steps(model, folder.environ), Steps(newer, folder.environ)
    old.plan(job)
    parts = old.load(job, "parts.json")
    old.score(job, parts[0])
    with pytest.raises(OtherVersionError):
        new.score(job, parts[1])
    manifest = run(newer, folder, job)
    assert (manifest["model_version"], manifest["rows"]["scored"]) == ("2.0.0", 100)
    assert old.plan(job) == manifest


def test_an_announcement_with_another_time_changes_no_line(model, place, capsys, small_parts):
    """Before the file is planned, while it is scored and after: the first that was planned is what is billed."""
    job = begin(place, as_csv([{**GOOD, "income": n} for n in range(100)]))
    later = jobs.parse_job(job.document() | {"at_epoch_ms": job.at_epoch_ms + 3_600_000})
    steps = Steps(model, place.environ)
    steps.plan(job)
    assert steps.plan(later)["plan"] == steps.plan(job)["plan"]
    for part in steps.load(job, "parts.json"):
        steps.score(later, part)
    first = steps.collect(later)
    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["time"] for line in lines} == {first["announced_at"]} == {"2026-11-22T10:11:12.000Z"}
    assert steps.collect(job) == steps.plan(later) == first
    assert set(capsys.readouterr().out.splitlines()) == set(lines)


def test_another_order_never_gets_these_results(model, folder, capsys):
    """A job that says the same folder and wants something else is refused, and nothing is billed for it."""
    job = begin(folder, as_csv([GOOD]))
    run(model, folder, job)
    capsys.readouterr()
    for change in ({"customer": "beta"}, {"explain": True}, {"carry": ["income"]}, {"key": f"{KEY}.csv"}):
        other = jobs.parse_job(job.document() | change)
        with pytest.raises(OtherOrderError):
            Steps(model, folder.environ).plan(other)
    assert capsys.readouterr().out == ""


def test_a_bill_that_is_settled_stands(model, folder, capsys, monkeypatch, small_parts):
    """Who dies after the lines and before the manifest is followed by a newer model: the lines stay the same."""
    job = begin(folder, as_csv([{**GOOD, "income": n} for n in range(100)]))
    store_bytes = LocalObjectStore.store_bytes

    def die(store, bucket, key, content):
        if key.endswith("manifest.json") and key.startswith("outbox"):
            raise OSError("killed")
        store_bytes(store, bucket, key, content)

    with monkeypatch.context() as patch:
        patch.setattr(LocalObjectStore, "store_bytes", die)
        with pytest.raises(OSError, match="killed"):
            run(model, folder, job)
    lines = capsys.readouterr().out.splitlines()
    newer = Model.__new__(Model)
    newer.__dict__.update(model.__dict__, contract=EVERY_KIND.replace(version="2.0.0"))
    manifest = run(newer, folder, job)
    assert (manifest["status"], manifest["model_version"]) == ("succeeded", EVERY_KIND.version)
    assert capsys.readouterr().out.splitlines() == lines
    assert len(lines) > 1
    assert not folder.store.path_of("work").exists()


@pytest.mark.parametrize("moment", ["plan", "score", "collect"])
def test_a_file_that_is_removed_while_it_is_read_fails(model, folder, capsys, moment):
    """With a manifest that says so; nothing is billed."""
    job = begin(folder, as_csv([GOOD] * 50))
    steps, path = Steps(model, folder.environ), folder.store.path_of(KEY)
    if moment == "plan":
        path.unlink()
    answer = steps.plan(job)
    if moment != "plan":
        part = steps.load(job, "parts.json")[0]
        if moment == "score":
            path.unlink()
        answer = steps.score(job, part)
        path.unlink(missing_ok=True)
        answer = steps.collect(job)
    assert (answer["status"], answer["reason"]) == ("failed", "the file is no longer there")
    assert json.loads(folder.store.find_bytes("outbox", f"{job.results_folder}/manifest.json")) == answer
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "no_header"),
        ("a.jsonl", b"", "no_header"),
        ("a.parquet", b"", "no_header"),
        ("a.csv", as_csv([]), "no_rows"),
        ("a.parquet", as_parquet([GOOD])[:-9], "bad_parquet"),
        ("a.csv", b"a,b\n1,2\n", "unknown_field"),
        ("a.csv", as_csv([GOOD], ["income", "income"]), "repeated"),
        ("a.csv", as_csv([GOOD], ["income"]), "missing_field"),
        ("a.parquet", as_parquet([GOOD | {"income": "much"}]), "wrong_type"),
        ("a.parquet", as_parquet([GOOD | {"colour": "red"}]), "unknown_field"),
        ("a.xlsx", b"PK", "unsupported_format"),
        ("a.parquet.gz", b"", "unsupported_format"),
        ("a.csv.gz", gzip.compress(as_csv([GOOD] * 2000))[:-100], "truncated"),
        ("a.csv.gz", b"no gzip at all", "truncated"),
        ("a.csv.zst", bytes(pa.compress(as_csv([GOOD] * 2000), "zstd", asbytes=True))[:-60], "truncated"),
        ("a.csv.gz", gzip.compress(as_csv([GOOD]) + b"0" * 90_000_000), "expands_too_much"),
    ],
)
def test_a_file_that_is_no_file_of_rows_fails_whole_and_costs_nothing(model, folder, capsys, name, content, code):
    """The manifest says why; there is no line, no result and no work left, and the input stays where it is."""
    key = f"inbox/acme/every-kind/{name}"
    manifest, _, results = score(model, folder, content, key)
    assert manifest["status"] == "failed"
    assert code in [problem["code"] for problem in manifest["problems"]]
    assert manifest["cost"]["amount"] == "0.0000"
    assert [path.name for path in folder.store.path_of(results).iterdir()] == ["manifest.json"]
    assert not folder.store.path_of("work").exists()
    assert folder.store.find_bytes("inbox", key) == content
    assert capsys.readouterr().out == ""


def test_a_key_outside_the_inbox_is_answered_and_leaves_nothing(model, place, capsys):
    """Anybody who may upload can make such a key; it is no reason to try again."""
    event = {"operation": "plan", **announce("elsewhere/acme/every-kind/a.csv", "1", 1)}
    assert answer_batch(model, event, place.environ)["status"] == "failed"
    event = {"operation": "plan", **announce("inbox/acme/another-model/a.csv", "1", 1)}
    assert answer_batch(model, event, place.environ)["status"] == "failed"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("event", [{"operation": "plan"}, {"operation": "score"}, {"operation": "dance", "job": {}}])
def test_an_event_of_another_kind_is_refused(model, folder, event):
    """Nothing is read and nothing written for it."""
    with pytest.raises(InvalidRequestError):
        answer_batch(model, event, folder.environ)


@pytest.mark.parametrize("moment", ["plan", "score", "collect"])
def test_a_file_that_changes_while_it_is_read_fails(model, folder, capsys, moment):
    """What was read is neither version: the manifest of the announced one says so; the new one has a job of its own."""
    job = begin(folder, as_csv([GOOD] * 50))
    steps = Steps(model, folder.environ)

    def change(now):
        if now == moment:
            folder.put(KEY, as_csv([GOOD] * 51))

    change("plan")
    answer = steps.plan(job)
    if answer["status"] == "planned":
        change("score")
        for part in steps.load(job, "parts.json"):
            answer = steps.score(job, part)
        change("collect")
        answer = steps.collect(job)
    assert (answer["status"], answer["reason"]) == ("failed", "the file was written again after it was announced")
    assert run(model, folder, begin(folder, as_csv([GOOD] * 51)))["rows"]["scored"] == 51


def test_rejects_are_bounded(model, folder, capsys, monkeypatch):
    """A row names five problems at most; a file of more rejects than rows fails whole, one of as many does not."""
    monkeypatch.setattr("ratecard.serving.batch.collect.MAX_REJECTS_BYTES", 100_000)
    manifest, read, _ = score(model, folder, b"{}\n" * 3, "inbox/acme/every-kind/a.jsonl")
    assert len(read("rejects.csv")) == 1 + 3 * 4
    good = json.dumps(GOOD).encode() + b"\n"
    manifest, read, _ = score(model, folder, (b"{}\n" + good) * 3000, "inbox/acme/every-kind/b.jsonl")
    assert manifest["rows"] == {"read": 6000, "scored": 3000, "rejected": 3000}
    assert len(read("rejects.csv")) == 1 + 3000 * 4
    manifest, _, _ = score(model, folder, (b"{}\n" + good) * 3000 + b"{}\n", "inbox/acme/every-kind/c.jsonl")
    assert (manifest["status"], manifest["problems"][0]["code"]) == ("failed", "too_many_rejects")


def test_numbers_are_carried_as_they_are_written(model, folder, capsys):
    """A sign is no formula; what only begins like a number is one."""
    cells = ["-1", "+2.5", "-1e-3", "-.5", "-", "+1+1", "-1-1", "=1", "@x"]
    rows = [{"row_id": cell, "sum": cell, **GOOD} for cell in cells]
    _, read, _ = score(model, folder, as_csv(rows, ["row_id", "sum", *NAMES]), carry=("sum",))
    assert [row[1] for row in read("scored.csv")[1:]] == [*cells[:4], *(f"'{cell}" for cell in cells[4:])]
    assert [row[2] for row in read("scored.csv")[1:]] == [row[1] for row in read("scored.csv")[1:]]


def test_the_estimate_before_is_the_bill_after(model, folder, capsys, small_parts):
    """Every row that is counted is scored and billed when none is rejected."""
    for name, content in (("a.csv", as_csv([GOOD] * 77)), ("b.parquet", as_parquet([GOOD] * 77))):
        job = begin(folder, content, f"inbox/acme/every-kind/{name}")
        estimate = answer_batch(model, {"operation": "estimate", "job": job.document()}, folder.environ)
        run(model, folder, job)
        billed = [json.loads(line)["data"]["units"] for line in capsys.readouterr().out.splitlines()]
        assert estimate["rows"] == sum(billed) == 77
