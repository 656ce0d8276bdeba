"""Batches by id, in a home's folder and in AWS (moto): asked for, uploaded, read about, by their owner only."""

import base64
import json
import time
import urllib.parse

import pytest
from support.batch_stores import ASKED, SLUG
from support.signed_links import send_signed

from ratecard.serving.batch.order import MOST_BYTES, order_key


def test_a_place_is_given_with_an_id_a_price_and_where_to_look(where):
    """And what was asked for is written down for the step that plans."""
    wish = {"format": "csv.gz", "bytes": 1000, "explain": True, "carry": ["number"]}
    status, told, headers = where.ask(wish)

    assert (status, told["model"], told["created_at"], told["call_id"]) == (201, SLUG, ASKED, "call")
    assert {name: told[name] for name in wish} == wish
    assert told["row_price"] == {"amount": "0.001", "currency": "USD"}
    assert told["links"] == {"self": f"/v1/batches/{told['id']}"}
    assert headers["Cache-Control"] == "no-store"
    record = json.loads(where.stores.places.find(order_key("acme", told["id"])))
    assert (record["key"], record["carry"]) == (f"inbox/acme/{SLUG}/explain/{told['id']}.csv.gz", ["number"])
    assert where.ask({"format": "csv", "bytes": 1})[1]["row_price"]["amount"] == "0.0005"


def test_the_place_takes_this_file_and_no_other(where):
    """In AWS a signature over bucket, key, size and that nothing is there yet; on one machine the gateway's route."""
    _, told, _ = where.ask({"format": "parquet", "bytes": 1234})
    upload = told["upload"]

    assert upload["method"] == "PUT"
    assert upload["headers"] == {"Content-Length": "1234", "If-None-Match": "*"}
    if upload["url"].startswith("/"):
        assert upload["url"] == f"/v1/inbox/{SLUG}/{told['id']}.parquet"
        assert upload["expires_at"] is None
        return
    parts = urllib.parse.urlsplit(upload["url"])
    query = dict(urllib.parse.parse_qsl(parts.query))
    assert (parts.scheme, parts.path) == ("https", f"/inbox/acme/{SLUG}/{told['id']}.parquet")
    assert parts.netloc.startswith("inbox.s3.")
    assert set(query["X-Amz-SignedHeaders"].split(";")) == {"content-length", "host", "if-none-match"}
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Expires"] == "3600"
    assert upload["expires_at"].endswith("Z")


def test_s3_holds_the_upload_to_what_was_announced(where):
    """Size, header and time are under the signature; a second file is refused, and links are given for an hour."""
    if where.kind == "folder":
        pytest.skip("the gateway takes files there; tests/functional/local/test_batch_places.py")
    _, told, _ = where.ask({"format": "csv", "bytes": 4})
    url, headers = told["upload"]["url"], told["upload"]["headers"]

    for content in (b"a\n1", b"a\n1\n2", b""):
        assert send_signed("PUT", url, headers, content) == (403, "SignatureDoesNotMatch")
    for wrong in ({"If-None-Match": "x"}, {}):
        assert send_signed("PUT", url, wrong, b"a\n1\n") == (403, "SignatureDoesNotMatch")
    assert send_signed("PUT", url.replace("acme", "beta"), headers, b"a\n1\n") == (403, "SignatureDoesNotMatch")
    assert send_signed("PUT", url, headers, b"a\n1\n", at=time.time() + 3602) == (403, "AccessDenied")
    assert where.ask(batch=told["id"])[1]["is_uploaded"] is False
    assert send_signed("PUT", url, headers, b"a\n1\n") == (200, None)
    assert send_signed("PUT", url, headers, b"b\n2\n") == (412, "PreconditionFailed")
    assert where.ask(batch=told["id"])[1]["is_uploaded"] is True


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, [("/format", "not_a_choice"), ("/bytes", "out_of_range")]),
        ({"format": "xlsx", "bytes": 1}, [("/format", "not_a_choice")]),
        ({"format": ["csv"], "bytes": 1}, [("/format", "not_a_choice")]),
        ({"format": "parquet.gz", "bytes": 1}, [("/format", "not_a_choice")]),
        ({"format": "csv", "bytes": 0}, [("/bytes", "out_of_range")]),
        ({"format": "csv", "bytes": True}, [("/bytes", "out_of_range")]),
        ({"format": "csv", "bytes": MOST_BYTES + 1}, [("/bytes", "out_of_range")]),
        ({"format": "csv", "bytes": 1, "explain": "yes"}, [("/explain", "not_a_boolean")]),
        ({"format": "csv", "bytes": 1, "carry": "a"}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": ["a", "a"]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": ["a\n"]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": [""]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": ["a\ud800"]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": ["\udfff\ud83d"]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": [f"c{n}" for n in range(65)]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": ["é" * 101]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1, "carry": [None]}, [("/carry", "not_names")]),
        ({"format": "csv", "bytes": 1.5}, [("/bytes", "out_of_range")]),
        ({"format": "CSV", "bytes": 1}, [("/format", "not_a_choice")]),
        ({"format": "csv/../x", "bytes": 1}, [("/format", "not_a_choice")]),
        ({"format": "csv", "bytes": 1, "key": "inbox/beta/x"}, [("", "unknown_field")]),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_all_that_is_wrong(where, body, places):
    """As a problem document, with a pointer and a code for each place."""
    status, problem, headers = where.ask(body)

    assert (status, problem["code"], problem["call_id"]) == (400, "invalid_request", "call")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == places
    assert headers["Content-Type"] == "application/problem+json"


def test_a_wish_at_its_limits_is_met(where):
    """The largest file, and as many and as long names as there may be."""
    widest = {"format": "jsonl.zst", "bytes": MOST_BYTES, "carry": [f"{n:02}{'é' * 98}" for n in range(64)]}
    status, told, _ = where.ask(widest)

    assert (status, told["carry"], told["upload"]["headers"]["Content-Length"]) == (201, widest["carry"], "5368709120")
    assert where.ask(batch=told["id"])[1]["carry"] == widest["carry"]


@pytest.mark.parametrize("body", [None, "", "{", "[]", '{"format": "csv", "format": "csv"}'])
def test_what_is_not_json_is_refused(where, body):
    """Nobody's fault but the client's."""
    assert where.ask(body)[:2][0] == 400
    assert where.ask(body)[1]["code"] == "invalid_json"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "application/merge-patch+json"}, 201),
        ({"Content-Type": "text/csv"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_wish_is_json(where, headers, status):
    """As every other body of the API; a file itself goes to the place."""
    told = where.ask({"format": "csv", "bytes": 1}, headers=headers)
    assert told[0] == status
    assert status == 201 or told[1]["code"] == "unsupported_media_type"


def test_a_wish_comes_as_base64_too_and_has_a_size(where):
    """A gateway may take any body for binary."""
    wish = base64.b64encode(b'{"format":"csv","bytes":1}').decode()
    assert where.ask(wish, base64=True)[0] == 201
    assert where.ask(base64.b64encode(b"\xff").decode(), base64=True)[1]["code"] == "invalid_json"
    assert where.ask(" " * 4_000_001)[1]["code"] == "payload_too_large"


def test_a_query_is_refused(where):
    """Nothing that was meant by it would happen."""
    _, told, _ = where.ask({"format": "csv", "bytes": 1})
    for asked in ({"body": {"format": "csv", "bytes": 1}}, {"batch": told["id"]}):
        status, problem, _ = where.ask(**asked, query={"explain": "true"})
        assert (status, [error["code"] for error in problem["errors"]]) == (400, ["bad_parameter"])


def test_a_model_without_a_price_of_files_gets_no_place(where):
    """The rate card sells what it lists; nothing is written down."""
    assert where.ask({"format": "csv", "bytes": 1}, slug="unsold")[0] == 500


def test_a_batch_is_followed_from_its_upload_to_its_links(where):
    """Each status is read from what the steps leave: object, plan, notes, manifest."""
    _, told, _ = where.ask({"format": "csv", "bytes": 5})
    batch, rest = told["id"], f"acme/{SLUG}/{told['id']}.csv"

    def status(*names):
        found = where.ask(batch=batch)
        assert found[0] == 200
        return [found[1].get(name) for name in ("status", "is_uploaded", *names)]

    assert status() == ["waiting", False]
    version = where.upload(f"inbox/{rest}", b"a\n1\n")
    assert status() == ["waiting", True]
    where.lay(f"work/{rest}/{version}/plan.json", b'{"parts": 3}')
    assert status("parts") == ["planned", True, {"planned": 3, "scored": 0}]
    for name in ("part-00001.scored", "part-00001.rejects", "part-00001.json", "part-00003.scored", "parts.json"):
        where.lay(f"work/{rest}/{version}/{name}", b"{}")
    assert status("parts") == ["scoring", True, {"planned": 3, "scored": 1}]
    manifest = {
        "status": "succeeded",
        "rows": {"read": 1, "scored": 1, "rejected": 0},
        "cost": {"amount": "0.0005", "currency": "USD", "unit_price": "0.0005"},
        "results": {"scored.csv": {}, "rejects.csv": {}},
        "usage_id": "internal",
    }
    where.lay(f"outbox/{rest}/{version}/manifest.json", json.dumps(manifest).encode())
    state, _, rows, cost, links = status("rows", "cost", "links")
    assert (state, rows, cost) == ("succeeded", manifest["rows"], manifest["cost"])
    assert set(links) == {"manifest.json", "scored.csv", "rejects.csv"}
    path = urllib.parse.urlsplit(links["scored.csv"]).path
    assert path in (
        f"/v1/outbox/{rest.removeprefix('acme/')}/{version}/scored.csv",
        f"/outbox/{rest}/{version}/scored.csv",
    )
    assert "usage_id" not in where.ask(batch=batch)[1]


def test_a_batch_whose_file_was_removed_still_has_its_results(where):
    """By its owner, or after the days that files are kept."""
    _, told, _ = where.ask({"format": "csv", "bytes": 5})
    rest = f"acme/{SLUG}/{told['id']}.csv"
    done = {"status": "succeeded", "rows": {"read": 1, "scored": 1, "rejected": 0}, "cost": None, "results": {}}
    where.lay(f"outbox/{rest}/v1/manifest.json", json.dumps(done).encode())

    _, found, _ = where.ask(batch=told["id"])
    assert (found["status"], found["is_uploaded"], found["rows"]) == ("succeeded", True, done["rows"])
    assert set(found["links"]) == {"manifest.json"}


def test_a_failed_batch_says_why(where):
    """With the manifest's reason and problems, and a link to the manifest only."""
    _, told, _ = where.ask({"format": "csv", "bytes": 5})
    rest = f"acme/{SLUG}/{told['id']}.csv"
    version = where.upload(f"inbox/{rest}", b"a\n1\n")
    failed = {"status": "failed", "reason": "no header", "problems": [{"code": "bad_header"}], "cost": None}
    where.lay(f"outbox/{rest}/{version}/manifest.json", json.dumps(failed).encode())

    _, found, _ = where.ask(batch=told["id"])
    assert {name: found[name] for name in failed} == failed
    assert set(found["links"]) == {"manifest.json"}


def test_somebody_elses_batch_is_not_there(where):
    """As if it had never been asked for."""
    _, told, _ = where.ask({"format": "csv", "bytes": 5})

    assert where.ask(batch=told["id"], key_id="k2")[0] == 404
    assert where.ask(batch=told["id"], key_id="k2")[1]["code"] == "no_batch"


@pytest.mark.parametrize("batch", ["x", "0" * 32, "0" * 31, "../acme/1", "A" * 32, ""])
def test_what_is_no_id_of_a_batch_is_not_there(where, batch):
    """Whatever is written in its place."""
    assert where.ask(batch=batch)[0] == 404


def test_a_key_that_nobody_has_is_refused(where):
    """A gateway that let it pass does not make it somebody's."""
    assert where.ask({"format": "csv", "bytes": 5}, key_id="k9")[0] == 403
