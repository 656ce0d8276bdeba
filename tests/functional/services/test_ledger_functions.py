"""The ledger's functions on moto's AWS, with a real lake: their entry points, as the schedule calls them."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws
from support.gateway import Clock, StrictClient
from support.ledger import BOOK, access, at, usage

from ledger_service import books, bounded, handler
from ratecard.billing.canonical import canonical
from ratecard.billing.events import parse_access
from ratecard.billing.invoice import invoice_content
from ratecard.billing.pricebook import parse_price_book
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import NotFoundError
from ratecard.kernel.money import Money
from ratecard.storage.accounts import SqliteAccounts
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import account_states
from ratecard.storage.chain import Chain
from ratecard.storage.counting import FolderLake
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard.storage.gateway_api import GatewayApi
from ratecard.storage.gateway_ids import GatewayIds
from ratecard.storage.gateway_keys import GatewayKeys
from ratecard.storage.grants import Grants
from ratecard.storage.issued import IssuedDocuments
from ratecard.storage.ledger import Ledger, Sources
from ratecard.storage.places import FolderPlaces, S3Places
from ratecard.storage.published import PublishedAccounts
from ratecard.storage.recoveries import make_recovery, record_recoveries

MAY = at("2026-05-20T00:00:00")
JULY = at("2026-07-03T00:00:00")
PREPAID_BOOK = BOOK.replace('slug = "gold"', 'slug = "gold"\nprepaid = true').replace('minimum_fee = "30.00"\n', "")
NAMES = {"ACCOUNTS": "accounts", "LAKE": "lake", "LEDGER": "ledger", "SHELF": "shelf", "STAGE": "prod"}


class Stage:
    """A stage in AWS with one customer, and the lake on this machine beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.now = MAY
        self.s3, gateway = boto3.client("s3"), boto3.client("apigateway")
        for bucket in ("lake", "ledger", "shelf"):
            self.s3.create_bucket(Bucket=bucket)
        for plan in ("standard", "gold"):
            gateway.create_usage_plan(name=f"ratecard-prod-{plan}")
        self.gateway = gateway
        table = boto3.resource("dynamodb").create_table(
            TableName="accounts",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        self.accounts = DynamoAccounts(table, clock=self.clock)
        clock = Clock()
        self.strict = StrictClient(gateway, clock)
        self.api = GatewayApi(self.strict, clock=clock, sleep=clock.sleep)
        self.ids = GatewayIds(table)
        self.keys = GatewayKeys(self.accounts, self.ids, self.api, stage="prod")
        self.trail = AuditTrail(Chain(S3Places("ledger", books.AUDIT, self.s3)), self.clock)
        self.published = PublishedAccounts(self.accounts, self.trail, "ann", keys=self.keys)
        self.published.ensure_customer("acme", "Acme")

    def clock(self):
        """Milliseconds since 1970."""
        return self.now

    def make_key(self, plan):
        """Make a key; return its id in the accounts and at the gateway."""
        key = self.published.create_key("acme", plan, plan).key
        return key.id, next(note.gateway_id for note in self.ids.list_ids() if note.key_id == key.id)

    def deliver(self, stream, at_ms, lines):
        """Store lines as Firehose does, in the hour in which they arrive, and on this machine."""
        hour = datetime.fromtimestamp(at_ms // 1000, UTC)
        key = f"{stream}/dt={hour:%Y-%m-%d}/hour={hour:%H}/ratecard-prod-{stream}-1-{at_ms}.jsonl.gz"
        content = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        self.s3.put_object(Bucket="lake", Key=key, Body=content)
        path = self.folder / "lake" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def call(self, subject, count, at_ms, name="a"):
        """Let a key make calls, one of them delivered twice."""
        ids = [f"{name}{number}" for number in range(count)]
        used = [usage(each, at_ms + number, subject, units=2) for number, each in enumerate(ids)]
        self.deliver("usage", at_ms, [*used, used[0]])
        self.deliver("access", at_ms, [access(each, at_ms + number, subject) for number, each in enumerate(ids)])

    def stored(self, bucket, key):
        """A JSON object."""
        return json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def enabled(self, gateway_id):
        """Whether the gateway lets a key through."""
        return self.gateway.get_api_key(apiKey=gateway_id)["enabled"]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A stage in moto's AWS, seen by the handlers through their environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name, value in NAMES.items():
        monkeypatch.setenv(f"RATECARD_{name}", value)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Ratecard")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "ledger")
    (tmp_path / "ratecard.toml").write_text(PREPAID_BOOK)
    monkeypatch.setenv("RATECARD_PRICE_BOOK", str(tmp_path / "ratecard.toml"))
    handler._books.cache_clear()
    with mock_aws():
        made = Stage(tmp_path)
        monkeypatch.setattr(handler, "now_ms", made.clock)
        monkeypatch.setattr(handler, "open_gateway_api", lambda: made.api)
        yield made
    handler._books.cache_clear()


def local_draft(stage, gateway_id):
    """Draft June on this machine: accounts in SQLite, the lake counted in Python."""
    accounts = SqliteAccounts(stage.folder / "accounts.sqlite", clock=lambda: MAY)
    accounts.ensure_customer("acme", "Acme")
    accounts.create_key("acme", "standard", "web", gateway_id)
    places = FolderPlaces(stage.folder / "invoices")
    sources = Sources(
        accounts=accounts,
        book=parse_price_book(PREPAID_BOOK),
        count=FolderLake(stage.folder / "lake").count_usage,
        issued=IssuedDocuments(Chain(places)),
        grants=Grants(Chain(FolderPlaces(stage.folder / "grants"))),
    )
    ledger = Ledger(sources)
    period = ledger.get_period("acme", "2026-06", as_of_ms=JULY)
    return ledger.assess({"acme": period}, as_of_ms=JULY)["acme"].draft


def bill_may(stage):
    """Issue the empty invoice of the customer's first, short period."""
    stage.now = at("2026-06-02T00:00:00")
    handler.billing_handler({}, None)


def test_the_function_drafts_the_invoice_that_this_machine_drafts(stage, monkeypatch):
    """SQL over objects in S3 with accounts in DynamoDB, and Python over files with accounts in SQLite: one hash."""
    _, gateway_id = stage.make_key("standard")
    monkeypatch.setenv("RATECARD_ISSUE", "yes")
    bill_may(stage)
    stage.call(gateway_id, 40, at("2026-06-05T12:00:00"))
    stage.call(gateway_id, 5, at("2026-06-30T23:59:59"), "b")
    stage.now = JULY
    monkeypatch.setenv("RATECARD_ISSUE", "no")
    report = handler.billing_handler({}, None)

    (entry,) = stage.stored("shelf", "operator/due.json")["due"]
    draft = local_draft(stage, gateway_id)
    assert entry["content_sha256"] == sha256_hex(canonical(invoice_content(draft)))
    assert (entry["customer"], entry["period"], entry["blocked_by"]) == ("acme", "2026-06", {})
    assert sum(line.units for line in draft.lines) == 90
    assert {**report, "gateway_differences": 0} == {
        "as_of": "2026-07-03T00:00:00.000Z",
        "issued": 0,
        "drafted": 1,
        "blocked": 0,
        "gateway_differences": 0,
    }


def test_where_it_is_configured_it_issues_once_after_the_grace(stage, monkeypatch):
    """Run again it issues nothing; a day after the period's end nothing is issued before."""
    monkeypatch.setenv("RATECARD_ISSUE", "yes")
    _, gateway_id = stage.make_key("standard")
    bill_may(stage)
    stage.call(gateway_id, 10, at("2026-06-05T12:00:00"))
    stage.now = at("2026-07-01T23:59:59")
    assert handler.billing_handler({}, None)["issued"] == 0
    stage.now = JULY
    runs = [handler.billing_handler({}, None)["issued"] for _ in range(2)]

    assert runs == [1, 0]
    invoices = IssuedDocuments(Chain(S3Places("ledger", books.INVOICES, stage.s3)))
    assert [(each.number, each.period.name) for each in invoices.list_all()] == [(1, "2026-05"), (2, "2026-06")]
    assert invoices.get(2).content_sha256 == sha256_hex(canonical(invoice_content(local_draft(stage, gateway_id))))


def test_what_blocks_an_invoice_is_written_down_counted_and_rings(stage, monkeypatch, capsys):
    """A call of nobody's holds everybody's invoice up: its id is in the report, the number in the metric."""
    monkeypatch.setenv("RATECARD_ISSUE", "yes")
    stage.deliver("usage", MAY, [usage("lost", at("2026-05-25T12:00:00"), "nobody")])
    stage.now = at("2026-06-03T00:00:00")
    report = handler.billing_handler({}, None)

    (entry,) = stage.stored("shelf", "operator/due.json")["due"]
    assert (report["issued"], report["blocked"]) == (0, 1)
    assert (entry["blocked_by"], entry["blockers"][0]["call"]) == ({"unknown_subject": 1}, "lost")
    metric = next(line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line)
    assert (metric["InvoicesBlocked"], metric["service"], metric["stage"]) == ([1.0], "ledger", "prod")
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], [sorted(names) for names in directive["Dimensions"]]) == (
        *("Ratecard",),
        [["service", "stage"]],
    )


def test_the_gateways_own_count_is_compared_with_its_log_by_key_and_day(stage):
    """GetUsage of every plan, on whole days of what is due: what differs is listed, and holds nothing up."""
    _, gateway_id = stage.make_key("standard")
    stage.now = at("2026-06-02T00:00:00")
    stage.call(gateway_id, 4, at("2026-05-29T12:00:00"))
    stage.call(gateway_id, 3, at("2026-05-30T12:00:00"), "b")
    stage.deliver("access", at("2026-05-30T13:00:00"), [access("c", at("2026-05-30T13:00:00"), gateway_id, status=429)])
    days = [[0, 100]] * 31
    days[28], days[29] = [4, 96], [5, 91]
    plan = next(each["id"] for each in stage.gateway.get_usage_plans()["items"] if each["name"].endswith("standard"))
    stage.strict.usage[plan] = {"stranger": [[9, 9]] * 31, gateway_id: days}
    report = handler.billing_handler({}, None)

    told = stage.stored("shelf", "operator/due.json")
    assert told["gateway_differences"] == [
        {
            "customer": "acme",
            "gateway_key": gateway_id,
            "day": "2026-05-30",
            "counted_by_gateway": 5,
            "in_access_log": 3,
        }
    ]
    assert (report["gateway_differences"], told["due"][0]["blocked_by"]) == (1, {})


def test_a_call_that_an_operator_recovered_is_counted(stage):
    """Its usage line was lost; the approval is a record in the stage's audit trail."""
    _, gateway_id = stage.make_key("standard")
    at_ms = at("2026-06-05T12:00:00")
    line = access("gone", at_ms, gateway_id)
    stage.deliver("access", at_ms, [line])
    record_recoveries(stage.trail, "ann", [make_recovery(parse_access(line), line["resourcePath"])])
    stage.now = at("2026-06-06T00:00:00")
    handler.refresh_handler({}, None)
    found = stage.stored("shelf", "shelf/customers/acme/usage-2026-06.json")
    assert [(each["calls"], each["units"]) for each in found["lines"]] == [(1, 1)]


def test_customers_find_their_usage_on_the_shelf(stage):
    """Counted through the gateway's id of the key, laid out for the account service."""
    _, gateway_id = stage.make_key("standard")
    stage.now = at("2026-06-06T00:00:00")
    stage.call(gateway_id, 7, at("2026-06-05T12:00:00"))
    report = handler.refresh_handler({}, None)

    found = stage.stored("shelf", "shelf/customers/acme/usage-2026-06.json")
    assert [line["units"] for line in found["lines"]] == [14]
    assert (report["customers"], report["switched"]) == (1, {})
    assert stage.stored("shelf", "shelf/as-of.json")["as_of"] == report["as_of"]


def test_a_prepaid_key_stops_at_zero_and_comes_back_with_a_grant(stage):
    """At the gateway, in the accounts and in the audit trail; a person's own switch stays."""
    key_id, gateway_id = stage.make_key("gold")
    by_hand, by_hand_at_gateway = stage.make_key("gold")
    stage.published.set_key_enabled(by_hand, enabled=False)
    grants = Grants(Chain(S3Places("ledger", books.GRANTS, stage.s3)), stage.clock)
    grants.grant("acme", Money(Decimal("0.03"), "USD"), "Start.", expires_ms=None)
    stage.now = at("2026-06-05T11:00:00")
    handler.refresh_handler({}, None)
    assert stage.enabled(gateway_id)
    stage.call(gateway_id, 20, at("2026-06-05T12:00:00"))
    stage.now = at("2026-06-05T12:02:00")
    report = handler.refresh_handler({}, None)

    assert report["switched"] == {key_id: "disabled"}
    assert not stage.enabled(gateway_id)
    assert [record.actor for record in stage.trail.list_records() if record.subject == f"key/{key_id}"][-1] == "prepaid"
    grants.grant("acme", Money(Decimal("5.00"), "USD"), "More.", expires_ms=None)
    stage.now += 60_000
    handler.refresh_handler({}, None)
    assert stage.enabled(gateway_id)
    assert not stage.enabled(by_hand_at_gateway)
    assert stage.trail.verify(account_states(stage.accounts)) == ()


def test_a_switch_that_did_not_reach_the_gateway_reaches_it_a_minute_later(stage):
    """The run was killed between accounts and gateway."""
    key_id, gateway_id = stage.make_key("gold")
    stage.accounts.set_key_enabled(key_id, enabled=False)
    assert stage.enabled(gateway_id)
    report = handler.refresh_handler({}, None)
    assert not stage.enabled(gateway_id)
    assert report["gateway"] == [{"step": "disable", "key": key_id, "gateway_key": gateway_id}]


def test_keys_follow_the_accounts_and_what_waits_for_a_person_is_measured(stage, capsys):
    """One key moves to its plan, one never got a secret."""
    key_id, gateway_id = stage.make_key("standard")
    stage.accounts.set_key_plan(key_id, "gold")
    lost = stage.accounts.create_key("acme", "standard", "lost").key.id
    report = handler.keys_handler({}, None)

    assert [step["step"] for step in report["done"]] == ["leave", "join"]
    assert report["waiting"] == [{"step": "no_secret", "key": lost}]
    (plan,) = stage.gateway.get_usage_plans(keyId=gateway_id)["items"]
    assert plan["name"] == "ratecard-prod-gold"
    assert '"KeysWaiting":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_lake_that_is_too_large_for_one_function_is_refused_before_it_is_read(stage, monkeypatch, caplog):
    """With the size and what to do, not after fifteen minutes."""
    monkeypatch.setattr(handler, "REFRESH_BUDGET_BYTES", 10)
    _, gateway_id = stage.make_key("standard")
    stage.call(gateway_id, 3, at("2026-06-05T12:00:00"))
    stage.now = at("2026-06-06T00:00:00")
    with pytest.raises(bounded.LakeTooLargeError):
        handler.refresh_handler({}, None)
    assert [record.code for record in caplog.records if record.levelname == "ERROR"] == ["lake_too_large"]


def test_an_environment_that_lacks_something_is_named(monkeypatch, stage):
    """Before anything is opened."""
    monkeypatch.delenv("RATECARD_LAKE")
    with pytest.raises(Exception, match="RATECARD_LAKE"):
        handler.keys_handler({}, None)


def test_no_log_line_has_a_secret_or_an_amount(stage, monkeypatch, capsys, caplog):
    """Ids, counts and codes only."""
    monkeypatch.setenv("RATECARD_ISSUE", "yes")
    issued = stage.published.create_key("acme", "standard", "web")
    stage.call(next(note.gateway_id for note in stage.ids.list_ids()), 40, at("2026-06-05T12:00:00"))
    bill_may(stage)
    stage.now = JULY
    for job in (handler.refresh_handler, handler.billing_handler, handler.keys_handler):
        job({}, None)
    printed = capsys.readouterr().out + repr([vars(record) for record in caplog.records])
    invoice = IssuedDocuments(Chain(S3Places("ledger", books.INVOICES, stage.s3))).get(2)
    assert issued.secret not in printed
    assert f"{invoice.amount:f}" not in printed
    with pytest.raises(NotFoundError):
        IssuedDocuments(Chain(S3Places("ledger", books.INVOICES, stage.s3))).get(3)
