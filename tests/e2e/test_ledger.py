"""The ledger on a real platform: calls through HTTP, an invoice that anybody can verify, and nobody else's."""

import json
import math
import os
import shutil
import subprocess
import time
from decimal import Decimal

import pytest
from support.platform import COMMAND, KEY_SECONDS, ROOT, issue_key, running_platform, wait_until
from support.published import fits

from credit_rating.contract import CONTRACT
from ratecard.billing.prepaid import compute_overshoot_bound
from ratecard.contract.sample import sample_row
from ratecard.storage.places import name_of

pytestmark = pytest.mark.xdist_group("ledger")

PREDICT = "/v1/models/credit-rating/predict"
ROW = sample_row(CONTRACT)
SOON = 30.0


@pytest.fixture(scope="module")
def platform(tmp_path_factory, native_dir):
    """A platform that counts every second."""
    with running_platform(
        tmp_path_factory.mktemp("ledger") / "home", plan="standard", arguments=["--refresh-seconds", "1"]
    ) as running:
        yield running


@pytest.fixture(scope="module")
def ratecard(platform):
    """Run a command on the platform's home; returns what it said, as JSON where it ends well."""

    def run(*arguments, code=0):
        finished = subprocess.run(
            [*COMMAND, *map(str, arguments), "--json"],
            env={**os.environ, "RATECARD_HOME": str(platform.home), "RATECARD_PROJECT": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == code, finished.stderr
        return json.loads(finished.stdout) if code == 0 else finished.stderr

    return run


def call(platform, row=None, *, explain=False, key=None, idempotency_key=None):
    headers = {"x-api-key": platform.key if key is None else key, "Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    return platform.call("POST", PREDICT + "?explain=true" * explain, ROW if row is None else row, headers=headers)


def usage_of(platform):
    return platform.call("GET", "/v1/usage").json()


def charged(lines):
    return [(line["operation"], line["calls"], line["amount"]) for line in lines if line["kind"] == "usage"]


def eventually(condition):
    """Wait until something holds; asks seldom enough for the stage's throttle of such routes."""

    def holds():
        time.sleep(0.3)
        return condition()

    wait_until(holds, SOON)


@pytest.fixture(scope="module")
def used(platform, ratecard):
    """Three calls, a retry that is free, one refused, two explained; then another plan and two calls more."""
    assert [call(platform).status for _ in range(3)] == [200] * 3
    assert [call(platform, idempotency_key="order-17").status for _ in range(2)] == [200] * 2
    assert call(platform, {"nothing": 1}).status == 400
    assert [call(platform, explain=True).status for _ in range(2)] == [200] * 2
    ratecard("keys", "set-plan", platform.key_id, "business")
    time.sleep(0.01)
    assert [call(platform).status for _ in range(2)] == [200] * 2
    wait_until(lambda: len(platform.access_lines()) >= 10)
    return ratecard("invoice", "preview", "tester")


@pytest.fixture(scope="module")
def after(used):
    """Options for the day after the period's end."""
    return "--as-of", f"{used['invoice']['period']['to'][:8]}03T00:00:00Z"


@pytest.fixture(scope="module")
def counted(platform, used):
    """What the owner of the key is told, once all that was used is counted."""
    eventually(lambda: charged(usage_of(platform).get("lines", ())) == charged(used["invoice"]["lines"]))
    return usage_of(platform)


@pytest.fixture(scope="module")
def documents(ratecard, after, counted):
    """The invoice for what was used, issued in a rehearsal, and a credit note for a part of it.

    Usage is counted first: what an invoice has is not counted anew.
    """
    (issued,) = ratecard("invoice", "issue", "tester", *after, "--rehearse")
    note = ratecard("invoice", "credit", "--invoice", issued["number"], "--amount", "0.01", "--reason", "an outage")
    return issued, note


def test_a_preview_has_every_call_once(used):
    """A retry and a refusal are there at price zero; a plan's change splits the line."""
    found = {
        (line["operation"], line["plan_version"].partition("@")[0]): (line["calls"], line["amount"])
        for line in used["invoice"]["lines"]
        if line["kind"] == "usage"
    }
    free = {line["reason"]: line["calls"] for line in used["invoice"]["lines"] if line["kind"] == "free"}

    assert found == {
        ("predict", "standard"): (4, "0.01"),
        ("explain", "standard"): (2, "0.01"),
        ("predict", "business"): (2, "0.00"),
    }
    assert free == {"retry": 1, "refused: 400": 1}
    assert used["invoice"]["total"] == "0.02"
    assert [blocker["code"] for blocker in used["blockers"]] == ["open_period"]


def test_the_owner_of_a_key_sees_the_same(platform, used, counted):
    """`GET /v1/usage` has the preview's lines and total, and says as of when; reading it costs nothing."""
    assert (counted["customer"], counted["total"], counted["is_over"]) == ("tester", used["invoice"]["total"], False)
    assert counted["as_of"].startswith("20")
    path = f"/v1/usage?period={counted['period']['name']}"
    assert platform.call("GET", path).json()["total"] == counted["total"]
    assert platform.call("GET", "/v1/usage?period=2001-01").json()["code"] == "no_usage"


def test_an_invoice_is_issued_once_verified_and_credited(ratecard, used, after, documents):
    """A rehearsal of the day after the period's end, on the same lake."""
    issued, note = documents
    ratecard("invoice", "issue", "tester", *after, code=65)
    (again,) = ratecard("invoice", "issue", "tester", "--period", issued["period"], *after, "--rehearse")

    assert (issued["state"], issued["amount"]) == ("issued", used["invoice"]["total"])
    assert (again["state"], again["number"]) == ("exists", issued["number"])
    assert ratecard("invoice", "verify", "--recompute")["recomputed"] == 1
    assert Decimal(note["amount"]) == Decimal("-0.01")
    ratecard("invoice", "credit", "--invoice", issued["number"], "--amount", "0.02", "--reason", "twice", code=73)


@pytest.mark.usefixtures("documents")
def test_invoices_are_their_owners_only(platform, ratecard, tmp_path):
    """Byte for byte as issued; another customer's key finds nothing, a disabled key is refused by the gateway."""
    eventually(lambda: len(platform.call("GET", "/v1/invoices").json()["documents"]) == 2)
    listed = platform.call("GET", "/v1/invoices").json()["documents"]
    mine = platform.call("GET", "/v1/invoices/1")
    stranger = issue_key(platform.home, "standard", "stranger")
    theirs = {"x-api-key": stranger.secret}
    eventually(lambda: platform.call("GET", "/v1/invoices", headers=theirs).status == 200)

    assert [(each["number"], each["kind"]) for each in listed] == [(1, "invoice"), (2, "credit_note")]
    assert mine.body == (platform.home / "invoices" / name_of(1)).read_bytes()
    assert mine.headers["etag"] == f'"{listed[0]["sha256"]}"'
    file = tmp_path / "mine.json"
    file.write_bytes(mine.body)
    assert ratecard("invoice", "verify", file)["documents"] == 1
    for number in ("1", "2", "3", "0", "-1", "x", "1e3", "%2e%2e"):
        reply = platform.call("GET", f"/v1/invoices/{number}", headers=theirs)
        assert (reply.status, reply.json()["code"]) == (404, "no_invoice")
    assert platform.call("GET", "/v1/invoices", headers=theirs).json()["documents"] == []
    ratecard("keys", "disable", stranger.key.id)
    eventually(lambda: platform.call("GET", "/v1/invoices/1", headers=theirs).status == 403)
    assert platform.call("GET", "/v1/invoices/1", headers={}).status == 403


@pytest.mark.usefixtures("documents")
def test_a_changed_invoice_does_not_verify(platform, ratecard):
    """One digit, and the chain says which document it is; put back, all is well."""
    path = platform.home / "invoices" / name_of(1)
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content.replace(b'"total":"0.02"', b'"total":"0.01"'))
    try:
        assert "document 1" in ratecard("invoice", "verify", code=65)
    finally:
        path.write_bytes(content)
    assert ratecard("invoice", "verify")["documents"] == 2


@pytest.mark.usefixtures("documents")
def test_answers_are_as_the_reference_document_says(platform):
    """Usage, the list and a credit note have the members and types that clients were promised."""
    for path, schema in (("/v1/usage", "Usage"), ("/v1/invoices", "Documents"), ("/v1/invoices/2", "Document")):
        fits(answered(platform, path), schema)


def answered(platform, path):
    """The answer to a GET, once it is there; fails with the last refusal if it never is."""
    until = time.monotonic() + SOON
    while (answer := platform.call("GET", path)).status != 200:
        assert time.monotonic() < until, (path, answer.status, answer.body)
        time.sleep(0.3)
    return answer.json()


PREPAID = """
[[plans]]
slug = "prepaid"
title = "Prepaid"
about = "For this test."
effective_from = 2026-01-01
rate_per_second = {rate}
burst = {burst}
prepaid = true

[[prices]]
model = "credit-rating"
operation = "predict"
plan = "prepaid"
effective_from = 2026-01-01
unit_price = "{price}"
"""
RATE, BURST, PRICE, GRANT, INTERVAL = 20, 10, Decimal("0.01"), Decimal("0.30"), 2


@pytest.mark.slow(25)
def test_a_prepaid_key_stops_within_its_bound_and_comes_back_with_money(tmp_path, native_dir):
    """What is used beyond the balance is at most rate x lag x price and the burst; only a grant brings the key back."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("template.yaml", "samconfig.toml", "functions", "layers", "build"):
        (project / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "infra", project / "infra")
    with (project / "infra/ratecard.toml").open("a") as book:
        book.write(PREPAID.format(rate=RATE, burst=BURST, price=PRICE))

    def ratecard(*arguments):
        environ = {**os.environ, "RATECARD_HOME": str(tmp_path / "home"), "RATECARD_PROJECT": str(project)}
        finished = subprocess.run(
            [*COMMAND, *arguments, "--json"], env=environ, capture_output=True, text=True, check=True
        )
        return json.loads(finished.stdout)

    with running_platform(
        tmp_path / "home", project=project, plan="prepaid", arguments=["--refresh-seconds", str(INTERVAL)]
    ) as platform:
        grant = ("invoice", "credit", "--customer", "tester", "--reason", "paid", "--amount")
        ratecard(*grant, str(GRANT))
        served, lag_seconds = _call_until_stopped(platform)
        # On a machine that is busy with other things the job may be late; the platform then says so.
        assert lag_seconds <= 2 * INTERVAL + KEY_SECONDS or "prepaid keys lag" in platform.log_text("platform")
        bound = compute_overshoot_bound(
            rate_per_second=Decimal(RATE), lag_seconds=math.ceil(lag_seconds), unit_price=PRICE, burst=BURST
        )
        assert GRANT <= served * PRICE <= GRANT + bound
        records = ratecard("audit", "list", "--subject", f"key/{platform.key_id}")
        assert [(each["actor"], each["action"]) for each in records] == [("prepaid", "key.disabled")]

        time.sleep(2 * INTERVAL)
        assert call(platform).status == 403
        ratecard(*grant, "5.00")
        wait_until(lambda: call(platform).status == 200, SOON)
        ratecard("keys", "disable", platform.key_id)
        time.sleep(2 * INTERVAL)
        assert call(platform).status == 403


def _call_until_stopped(platform):
    """Call as fast as the plan lets, until the key is refused; returns calls served, and the lag in seconds."""
    served, spent_at, until = 0, 0.0, time.monotonic() + 2 * SOON
    while (status := call(platform).status) != 403:
        assert time.monotonic() < until, "the key was never stopped"
        served += status == 200
        if not spent_at and served * PRICE >= GRANT:
            spent_at = time.monotonic()
    return served, time.monotonic() - spent_at
