"""Batches by id on a real platform: asked for, uploaded, followed, read, and billed once."""

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
import yaml
from support.platform import ROOT, running_platform, wait_until

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row

pytestmark = pytest.mark.xdist_group("batches")
SCHEMAS = yaml.safe_load((ROOT / "infra/openapi.public.yaml").read_text())["components"]["schemas"]
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


def fits(document, name):
    """Hold an answer against the published schema, with OpenAPI's `nullable` as JSON Schema writes it."""

    def translated(schema):
        if isinstance(schema, list):
            return [translated(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        found = {member: translated(each) for member, each in schema.items() if member != "nullable"}
        return found | {"type": [schema["type"], "null"]} if schema.get("nullable") else found

    jsonschema.validate(document, translated(SCHEMAS[name]))
    return document


def read(platform, batch):
    return fits(platform.call("GET", f"/v1/batches/{batch}").json(), "Batch")


def test_a_file_goes_in_and_its_results_come_out_by_links(platform):
    """The answer's own method, URL and links are followed; columns are carried; other customers see nothing."""
    content = rows_as_csv(3)
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
    units = [line["data"]["units"] for line in platform.usage_lines()]
    assert units == [3]


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
