"""The same template and code under SAM CLI: linted, built, invoked and served in Docker."""

import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from support.batch_stores import in_aws, request_event
from support.container_aws import made_ledger, served_aws
from support.ledger import usage
from support.samcli import QUIET, SamCli
from support.signed_links import send_signed

from batches_service.stores import Stores
from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row
from ratecard.storage.dynamo_accounts import DynamoAccounts
from ratecard_workbench.local.cloudformation import load_yaml
from ratecard_workbench.publish.entry import stem_of
from ratecard_workbench.publish.seal import seal_build

pytestmark = [pytest.mark.sam(10), pytest.mark.xdist_group("sam"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
EVENTS = sorted(
    event for event in ROOT.glob("functions/models/*/events/*.json") if not event.name.endswith(".reply.json")
)
EXPLAINED = ROOT / "functions/models/credit_rating/events/rest_rows_explained.json"
PREDICT = f"/v1/models/{CONTRACT.slug}/predict"
CHANGING = {"call_id"}


@pytest.fixture(scope="module")
def program(requires_sam, requires_docker):
    """The command `sam`, with Docker behind it."""
    return requires_sam


@pytest.fixture(scope="module")
def sam(repository, program, tmp_path_factory):
    """SAM CLI with everything built for x86-64, whose image can run here."""
    cli = SamCli(program, repository, tmp_path_factory.mktemp("sam") / "build")
    cli.build_all("x86_64")
    return cli


def without_ids(document):
    """Return a reply without what differs from call to call; a proxy reply's body is parsed."""
    if isinstance(document, dict):
        plain = {name: without_ids(value) for name, value in document.items() if name not in CHANGING}
        if isinstance(plain.get("body"), str):
            plain["body"] = without_ids(json.loads(plain["body"]))
        return plain
    return [without_ids(item) for item in document] if isinstance(document, list) else document


def function_of(event):
    """Name the function of the model to which an event belongs."""
    return f"{stem_of(event.parts[-3].replace('_', '-'))}Function"


def reply_beside(event):
    """Read the reply that an event gets, without ids."""
    return without_ids(json.loads(event.with_suffix(".reply.json").read_text()))


def invoker(url):
    """Return how to invoke functions that are served at an address, through the AWS SDK."""
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0}, read_timeout=60)
    client = boto3.client("lambda", endpoint_url=url, region_name="eu-west-1", config=config)

    def invoke(function, payload):
        answer = client.invoke(FunctionName=function, Payload=json.dumps(payload))
        return json.loads(answer["Payload"].read())

    return invoke


def test_the_template_is_valid_and_lints(repository, requires_sam):
    """`sam validate --lint` finds nothing to say."""
    done = SamCli(requires_sam, repository, repository).run("validate", "--lint", "--template", "template.yaml")
    assert "is a valid SAM Template" in done.stdout


def test_checkov_finds_nothing_but_the_named_exceptions(repository):
    """Every exception is one line of a template, with its reason."""
    program = repository / ".venv-checkov" / "bin" / "checkov"
    if not program.is_file():
        pytest.fail("checkov is not installed; run `make sam-setup`")
    stacks = [f"infra/{name}.yaml" for name in ("batch", "inbox", "lake", "ledger")]
    options = ["--framework", "cloudformation", "--skip-download", "--compact", "--output", "json"]
    # In the plans' stack there is nothing that checkov has a word about; it is read all the same.
    command = [str(program), "--file", "template.yaml", *stacks, "infra/plans.yaml", *options]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    report = json.loads(done.stdout)
    assert (report["summary"]["failed"], report["summary"]["parsing_errors"]) == (0, 0)
    found = report["results"]
    assert {check["file_path"] for check in found["passed_checks"]} == {
        f"/{name}" for name in ("template.yaml", *stacks)
    }
    assert all(check["check_result"]["suppress_comment"] for check in found["skipped_checks"])


def test_every_model_has_sample_events_each_beside_its_reply():
    """An event without a reply proves nothing."""
    assert EVENTS
    assert all(event.with_suffix(".reply.json").is_file() for event in EVENTS)


def test_a_sample_event_gets_the_reply_beside_it(sam):
    """`sam local invoke`, compared in all but ids."""
    answer, _ = sam.invoke(function_of(EXPLAINED), EXPLAINED)
    assert without_ids(answer) == reply_beside(EXPLAINED)


@dataclass(frozen=True)
class Deployed:
    """The functions of files in their containers, with moto's AWS behind them.

    Attributes
    ----------
    invoke : callable
        Takes a function's name and an event.
    stores : Stores
        The same tables and buckets, seen from here.
    """

    invoke: Callable
    stores: Stores

    def ask(self, body=None, **asked):
        """Ask for a batch, or about one; returns status and body."""
        found = self.invoke("BatchesFunction", request_event(body, **asked))
        return found["statusCode"], json.loads(found["body"])

    def score(self, batch, content):
        """Do what the state machine does once a file is there; returns the plan's answer and the manifest's."""

        def step(operation, **event):
            return self.invoke("CreditRatingBatchFunction", {"operation": operation, "brief": True, **event})

        key = f"inbox/acme/{CONTRACT.slug}/{batch}.csv"
        one = {"key": key, "version-id": self.stores.places.find_version(key), "size": len(content)}
        created = {"source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-22T10:11:12Z"}
        planned = step("plan", event={**created, "detail": {"bucket": {"name": "inbox"}, "object": one}})
        (part,) = json.loads(self.stores.places.find(planned["parts_key"]))
        step("score", job=planned["job"], part=part)
        return planned, step("collect", job=planned["job"])


@pytest.fixture
def deployed(sam, monkeypatch, repository):
    """`sam local start-lambda` with the functions of batches and of credit rating's files."""
    names = {"RATECARD_ACCOUNTS": "accounts", "RATECARD_INBOX": "inbox", "RATECARD_OUTBOX": "outbox"}
    with served_aws() as address:
        where = in_aws(monkeypatch, str(repository / "infra/ratecard.toml"), QUIET["AWS_DEFAULT_REGION"])
        variables = {"AWS_ENDPOINT_URL": address, **names}
        template = sam.with_environment(variables, "BatchesFunction", "CreditRatingBatchFunction")
        with sam.serving("start-lambda", "/", template=template) as url:
            yield Deployed(invoker(url), where.stores)


def test_a_file_goes_through_the_containers_by_id(sam, deployed):
    """Asked for twice under one key, uploaded by the signed link, once, scored, billed, and read by signed links."""
    names = [feature.name for feature in CONTRACT.features]
    good = sample_row(CONTRACT)
    lines = io.StringIO()
    writer = csv.DictWriter(lines, [*names, "branch"])
    writer.writeheader()
    writer.writerows([{**good, "branch": "b1"}, {**good, names[0]: "much", "branch": "b2"}, {**good, "branch": "b3"}])
    content = lines.getvalue().encode()
    wish = {"format": "csv", "bytes": len(content), "carry": ["branch"]}

    status, place = deployed.ask(wish, headers={"Idempotency-Key": "one"})
    assert status == 201
    assert deployed.ask(wish, headers={"Idempotency-Key": "one"})[1]["id"] == place["id"]
    assert deployed.ask(wish, headers={"content-type": "text/csv"})[0] == 415
    assert deployed.ask(key_id="k2", batch=place["id"])[0] == 404
    upload = place["upload"]["url"], place["upload"]["headers"]
    assert send_signed("PUT", *upload, content + b"x") == (403, "SignatureDoesNotMatch")
    assert send_signed("PUT", *upload, content) == (200, None)
    assert send_signed("PUT", *upload, content) == (412, "PreconditionFailed")
    assert [deployed.ask(batch=place["id"])[1][name] for name in ("status", "is_uploaded")] == ["waiting", True]

    planned, answer = deployed.score(place["id"], content)
    assert planned["function"].endswith(":$LATEST")
    assert (answer["status"], answer["rows"]) == ("succeeded", {"read": 3, "scored": 2, "rejected": 1})
    told = deployed.ask(batch=place["id"])[1]
    assert (told["status"], told["rows"], told["cost"]) == (answer["status"], answer["rows"], answer["cost"])
    assert set(told["links"]) == {"scored.csv", "rejects.csv", "manifest.json"}
    scored = requests.get(told["links"]["scored.csv"], timeout=10).text
    assert [line["branch"] for line in csv.DictReader(io.StringIO(scored))] == ["b1", "b3"]
    assert sam.log_of("start-lambda").read_text().count('"type":"ratecard.call.v1"') == 1


def test_usage_is_counted_in_the_container(sam, tmp_path, monkeypatch):
    """The ledger's function under SAM: duckdb counts a file of the lake, and the customer finds it on the shelf."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", QUIET["AWS_DEFAULT_REGION"])
    (tmp_path / "event.json").write_text("{}")
    names = {name: name.lower() for name in ("ACCOUNTS", "LAKE", "LEDGER", "SHELF")}
    with served_aws() as address:
        s3, table = made_ledger(QUIET["AWS_DEFAULT_REGION"], **names)
        accounts = DynamoAccounts(table)
        accounts.ensure_customer("acme", "Acme")
        key = accounts.create_key("acme", "standard", "web").key
        at_ms = round(key.created_at.timestamp() * 1000) + 1
        line = json.dumps(usage("one", at_ms, key.id, units=3)).encode() + b"\n"
        day = f"{key.created_at:dt=%Y-%m-%d/hour=%H}"
        s3.put_object(Bucket="lake", Key=f"usage/{day}/a.jsonl.gz", Body=gzip.compress(line * 2))
        variables = {f"RATECARD_{name}": value for name, value in names.items()} | {"AWS_ENDPOINT_URL": address}
        template = sam.nested_with_environment("Ledger", ("RatecardLayer",), variables)
        report, _ = sam.invoke("RefreshFunction", tmp_path / "event.json", template=template)
        assert report["customers"] == 1, report
        place = f"shelf/customers/acme/usage-{key.created_at:%Y-%m}.json"
        found = json.loads(s3.get_object(Bucket="shelf", Key=place)["Body"].read())
    assert [(each["model"], each["calls"], each["units"]) for each in found["lines"]] == [(CONTRACT.slug, 1, 3)]


def test_the_api_is_served_and_passes_the_black_box_suite(sam, tmp_path):
    """`sam local start-api`: first curl, then the suite that `ratecard up` and a deployment pass too."""
    with sam.serving("start-api", PREDICT) as url:
        body = json.dumps({"instances": [sample_row(CONTRACT)]})
        command = ["curl", "--silent", "--fail-with-body", "--data", body, "--header", "Content-Type: application/json"]
        answer = json.loads(subprocess.run([*command, url + PREDICT], capture_output=True, check=True).stdout)
        environ = os.environ | {"RATECARD_URL": url, "RATECARD_KEY": "none", "RATECARD_GATEWAY": "sam-local"}
        suite = [sys.executable, "-m", "pytest", "-n", "0", "-m", "", "tests/e2e/blackbox", "--basetemp", str(tmp_path)]
        done = subprocess.run(suite, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert answer["model"] == CONTRACT.slug
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_the_functions_are_served_to_boto3(sam):
    """`sam local start-lambda`: through the AWS SDK every sample event of every model gets the reply beside it."""
    with sam.serving("start-lambda", "/") as url:
        invoke = invoker(url)
        answers = {event: without_ids(invoke(function_of(event), json.loads(event.read_text()))) for event in EVENTS}
    others = [event for event, answer in answers.items() if answer != reply_beside(event)]
    assert [(event.parts[-3], event.stem, answers[event]) for event in others] == []


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_both_processors_are_built_within_their_budgets(sam, tmp_path, architecture):
    """Zip 5 MB, native layer 65 MB, unzipped; the sealed template says the processor and the digest, and lints."""
    cli = sam
    if architecture != "x86_64":
        cli = SamCli(sam.program, sam.repository, tmp_path / "build")
        cli.build_all(architecture)
    built = load_yaml(cli.template)

    def weigh(name):
        return sum(path.stat().st_size for path in (cli.build / name).rglob("*") if path.is_file())

    assert weigh("CreditRatingFunction") <= 5_000_000
    assert weigh("NativeLayer") <= 65_000_000
    assert weigh("FilesLayer") <= 95_000_000
    assert weigh("Ledger/AnalyticsLayer") <= 80_000_000
    assert weigh("Ledger/RefreshFunction") <= 1_000_000
    assert (cli.build / "Ledger" / "RefreshFunction" / "ratecard.toml").is_file()
    assert built["Globals"]["Function"]["Architectures"] == [architecture]
    assert len(built["Resources"]["CreditRatingFunction"]["Properties"]["AutoPublishCodeSha256"]) == 64
    cli.run("validate", "--lint", "--template", str(cli.template))


def test_a_byte_flipped_in_the_real_build_is_another_version(sam, tmp_path):
    """In the model's artifact, in the shared library and in an engine: each time another digest."""
    digests = {tuple(one.sha256 for one in seal_build(sam.build, "x86_64"))}
    flipped = (
        *("CreditRatingFunction/credit_rating/artifact/manifest.json", "RatecardLayer/python/ratecard/__init__.py"),
        "NativeLayer/lib/lib_lightgbm.so",
    )
    copy = tmp_path / "build"
    for name in flipped:
        shutil.copytree(sam.build, copy)
        content = bytearray((copy / name).read_bytes())
        content[-1] ^= 1
        (copy / name).write_bytes(content)
        digests.add(tuple(one.sha256 for one in seal_build(copy, "x86_64")))
        shutil.rmtree(copy)
    assert len(digests) == 1 + len(flipped)
