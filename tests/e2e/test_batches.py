"""Batches by id on a real platform: asked for, uploaded, followed, read, and billed once."""

import csv
import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.platform import running_platform, wait_until
from support.published import fits

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row

pytestmark = pytest.mark.xdist_group("batches")
BATCHES = "/v1/models/credit-rating/batches"
ROW = sample_row(CONTRACT)


@pytest.fixture(scope="module")
def platform(tmp_path_factory, native_dir):
    """A platform with all models."""
    with running_platform(tmp_path_factory.mktemp("batches") / "home", plan="standard") as running:
        yield running


def rows_as_csv(count):
    text = io.StringIO()
    writer = csv.DictWriter(text, [*ROW, "branch"])
    writer.writeheader()
    writer.writerows({**ROW, "branch": f"b{number}"} for number in range(count))
    return text.getvalue().encode()


def zstd(content):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return packed.getvalue().to_pybytes()


def read(platform, batch):
    return fits(platform.call("GET", f"/v1/batches/{batch}").json(), "Batch")


def test_a_file_goes_in_and_its_results_come_out_by_links(platform):
    """The answer's own method, URL and links are followed; columns are carried; other customers see nothing."""
    content, billed = rows_as_csv(3), len(platform.usage_lines())
    asked = platform.call("POST", BATCHES, {"format": "csv", "bytes": len(content), "carry": ["branch"]})
    assert asked.status == 201, asked.body
    place = fits(asked.json(), "BatchPlace")
    assert read(platform, place["id"])["status"] == "waiting"

    upload = place["upload"]
    headers = {"x-api-key": platform.key, **upload["headers"]}
    assert platform.call(upload["method"], upload["url"], content, headers=headers).status == 201
    wait_until(lambda: read(platform, place["id"])["status"] in {"succeeded", "failed"}, 60)
    done = read(platform, place["id"])
    assert (done["status"], done["rows"]["scored"]) == ("succeeded", 3), done
    assert done["cost"]["unit_price"] == place["row_price"]["amount"]

    scored = platform.call("GET", done["links"]["scored.csv"])
    assert scored.headers["content-type"].startswith("text/csv")
    assert [row["branch"] for row in csv.DictReader(io.StringIO(scored.body.decode()))] == ["b0", "b1", "b2"]
    manifest = platform.call("GET", done["links"]["manifest.json"])
    assert json.loads(manifest.body)["rows"] == done["rows"]

    other = {"x-api-key": platform.issue_key(customer="other").secret}
    assert platform.call("GET", f"/v1/batches/{place['id']}", headers=other).status == 404
    assert platform.call("GET", done["links"]["scored.csv"], headers=other).status == 404
    assert platform.call("GET", done["links"]["scored.csv"], headers={}).status == 403
    units = [line["data"]["units"] for line in platform.usage_lines()[billed:]]
    assert units == [3]


def give(platform, content, **wish):
    """Ask for a place, upload to it as the answer says, and return its id."""
    asked = platform.call("POST", BATCHES, {"bytes": len(content), **wish})
    assert asked.status == 201, asked.body
    upload = fits(asked.json(), "BatchPlace")["upload"]
    sent = platform.call("PUT", upload["url"], content, headers={"x-api-key": platform.key, **upload["headers"]})
    assert sent.status == 201, sent.body
    return asked.json()["id"]


def finished(platform, batches):
    """Wait for batches; return what is said of each, without what differs from file to file."""
    wait_until(lambda: all(read(platform, batch)["status"] in {"succeeded", "failed"} for batch in batches), 60)
    return [read(platform, batch) for batch in batches]


def test_every_format_is_what_its_name_says(platform):
    """Plain and compressed, with the same scores; a file that is another format fails and costs nothing."""
    plain = rows_as_csv(2)
    lines = b"".join(json.dumps({**ROW, "branch": f"b{number}"}).encode() + b"\n" for number in range(2))
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{**ROW, "branch": f"b{number}"} for number in range(2)]), table)
    right = {
        "csv": plain,
        "csv.gz": gzip.compress(plain),
        "csv.zst": zstd(plain),
        "jsonl": lines,
        "jsonl.gz": gzip.compress(lines),
        "jsonl.zst": zstd(lines),
        "parquet": table.getvalue(),
    }
    wrong = {"csv.gz": plain, "csv.zst": gzip.compress(plain), "jsonl.gz": lines, "parquet": plain}
    billed = len(platform.usage_lines())

    batches = [give(platform, content, format=name, carry=["branch"]) for name, content in right.items()]
    spoilt = [give(platform, content, format=name, carry=["branch"]) for name, content in wrong.items()]
    told = finished(platform, batches)
    assert [(one["status"], one["rows"]["scored"]) for one in told] == [("succeeded", 2)] * len(right)
    refused = finished(platform, spoilt)
    assert [(one["status"], one["rows"]["scored"], float(one["cost"]["amount"])) for one in refused] == [
        ("failed", 0, 0.0)
    ] * len(wrong)
    assert all(one["reason"] and one["problems"] and set(one["links"]) == {"manifest.json"} for one in refused)
    assert len(platform.usage_lines()) - billed == len(right)


def test_a_column_to_carry_that_the_file_lacks_fails_it(platform):
    """What a file has is known when it is read: the place is given, the status says which column, nothing is billed."""
    billed = len(platform.usage_lines())
    (told,) = finished(platform, [give(platform, rows_as_csv(1), format="csv", carry=["branch", "region"])])
    assert (told["status"], told["reason"]) == ("failed", "the file lacks the column region")
    assert told["problems"] == [{"code": "missing_field", "detail": "lacks the column region"}]
    (told,) = finished(platform, [give(platform, rows_as_csv(1), format="csv")])
    assert [problem["code"] for problem in told["problems"]] == ["unknown_field"]
    assert len(platform.usage_lines()) == billed


def test_a_retry_under_the_same_key_is_the_same_batch(platform):
    """Also of requests at once, that several workers answer; a key that cannot be kept is refused as elsewhere."""
    headers = {"x-api-key": platform.key, "Content-Type": "application/json", "Idempotency-Key": "run-of-may"}
    wish = json.dumps({"format": "csv", "bytes": 7})
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda _: platform.call("POST", BATCHES, wish, headers=headers), range(12)))
    assert {reply.status for reply in replies} == {201}
    assert len({fits(reply.json(), "BatchPlace")["id"] for reply in replies}) == 1
    refused = platform.call("POST", BATCHES, wish, headers=headers | {"Idempotency-Key": "x" * 65})
    assert (refused.status, refused.json()["errors"][0]["code"]) == (400, "bad_header")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/batches", "not_found"),
        ("GET", "/v1/batches/", "not_found"),
        ("GET", BATCHES, "not_found"),
        ("DELETE", "/v1/batches/" + "0" * 32, "not_found"),
        ("GET", "/v1/inbox/credit-rating/" + "0" * 32 + ".csv", "not_found"),
        ("PUT", "/v1/outbox/credit-rating/x.csv/1/scored.csv", "not_found"),
        ("POST", "/v1/models/none/batches", "not_found"),
        ("GET", "/v1/batches/" + "0" * 32, "no_batch"),
        ("GET", "/v1/batches/x", "no_batch"),
        ("GET", "/v1/batches/" + "A" * 32, "no_batch"),
        ("GET", "/v1/batches/..%2ftester%2f" + "0" * 32, "not_found"),
        ("PUT", "/v1/inbox/credit-rating/" + "0" * 32 + ".csv", "no_batch"),
    ],
)
def test_batches_are_neither_listed_nor_removed_nor_guessed(platform, method, path, code):
    """Whoever asked for one has its id; there is no other way to it."""
    body = {"format": "csv", "bytes": 1} if method == "POST" else None
    reply = platform.call(method, path, body)
    assert (reply.status, reply.json()["code"]) == (404, code)


def test_a_large_result_is_given_whole(platform):
    """Piece by piece, to several callers at once; an empty one too."""
    folder = platform.home / "outbox/tester/credit-rating/large.csv/1"
    folder.mkdir(parents=True)
    content = bytes(range(256)) * 20_000
    (folder / "scored.csv").write_bytes(content)
    (folder / "rejects.csv").touch()
    with ThreadPoolExecutor(4) as threads:
        names = ["scored.csv", "rejects.csv"] * 4
        replies = list(
            threads.map(lambda name: platform.call("GET", f"/v1/outbox/credit-rating/large.csv/1/{name}"), names)
        )
    assert [(reply.status, reply.body) for reply in replies] == [(200, content), (200, b"")] * 4
    (folder / "link.csv").symlink_to(platform.home / "accounts.sqlite")
    assert platform.call("GET", "/v1/outbox/credit-rating/large.csv/1/link.csv").status == 404


@pytest.mark.parametrize(
    "path",
    ["", "credit-rating", "credit-rating/x.csv/1/none.csv", "../../accounts.sqlite", "..%2f..%2faccounts.sqlite/a/b/c"],
)
def test_nothing_but_results_is_given_out(platform, path):
    """Whatever is written in a result's place, the answer is the gateway's own 404."""
    reply = platform.call("GET", f"/v1/outbox/{path}")
    assert (reply.status, reply.json()["code"]) == (404, "not_found")
