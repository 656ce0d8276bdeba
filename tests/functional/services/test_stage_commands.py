"""`ratecard … --home aws:STAGE` and `ratecard keys sync`: a person's commands on a deployed stage, on moto's AWS."""

import gzip
import json
from datetime import datetime

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws
from support.gateway import Clock, StrictClient
from support.ledger import access, usage

from ratecard.storage.gateway_api import GatewayApi
from ratecard_workbench.cli import main
from ratecard_workbench.cloud import stages

PLANS = ("free", "standard", "business")


@pytest.fixture
def stage(monkeypatch):
    """A stage `prod`, whose stack says where its table and bucket are."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        for bucket in ("lake", "ledger"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        boto3.client("dynamodb").create_table(
            TableName="accounts",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        gateway = boto3.client("apigateway")
        for plan in PLANS:
            gateway.create_usage_plan(name=f"ratecard-prod-{plan}")
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": name.lower()} for name in ("Accounts", "Lake", "Ledger")},
        }
        boto3.client("cloudformation").create_stack(StackName="ratecard-prod", TemplateBody=json.dumps(template))
        yield gateway


def run(repository, *arguments, code=0):
    """Run a command; return what it printed, and what it said."""
    done = CliRunner().invoke(main, [*arguments], env={"RATECARD_PROJECT": str(repository)}, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


def test_a_key_of_a_deployed_stage_is_made_rotated_and_stopped(stage, repository):
    """The secret that is printed is the one that the gateway knows, and the trail says who did it."""
    home = ("--home", "aws:prod", "--json")
    run(repository, "customers", "create", "acme", *home)
    made = json.loads(run(repository, "keys", "create", "acme", "--plan", "standard", "--actor", "ann", *home)[0])
    (there,) = stage.get_api_keys(includeValues=True)["items"]
    assert (there["value"], there["enabled"]) == (made["key"], True)

    rotated = json.loads(run(repository, "keys", "rotate", made["key_id"], *home)[0])
    run(repository, "keys", "disable", made["key_id"], *home)
    values = {each["value"]: each["enabled"] for each in stage.get_api_keys(includeValues=True)["items"]}
    assert values == {made["key"]: False, rotated["key"]: False}
    records = json.loads(run(repository, "audit", "list", "--subject", "key/", *home)[0])
    assert [(record["action"]) for record in records] == ["key.created", "key.rotated", "key.disabled"]
    assert records[0]["actor"] == "ann"


def test_sync_says_first_and_does_then(stage, repository):
    """A dry run lists; a run does and tells each change; a second run has nothing to do."""
    home = ("--home", "aws:prod", "--json")
    key = json.loads(run(repository, "keys", "create", "acme", *home)[0])
    (there,) = stage.get_api_keys()["items"]
    stage.update_api_key(apiKey=there["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])

    listed, _ = run(repository, "keys", "sync", "--stage", "prod", "--dry-run")
    assert key["key_id"] in listed
    assert not stage.get_api_key(apiKey=there["id"])["enabled"]
    _, told = run(repository, "keys", "sync", "--stage", "prod")
    assert f"{key['key_id']} {there['id']} let through" in told
    assert stage.get_api_key(apiKey=there["id"])["enabled"]
    assert json.loads(run(repository, "keys", "sync", "--stage", "prod", "--json")[0])["steps"] == []


def test_a_key_that_waits_for_a_person_is_an_exit_code(stage, repository):
    """Its plan is in the price book and not deployed."""
    run(repository, "keys", "create", "acme", "--home", "aws:prod")
    plan = next(each["id"] for each in stage.get_usage_plans()["items"] if each["name"].endswith("standard"))
    stage.delete_usage_plan(usagePlanId=plan)
    _, told = run(repository, "keys", "sync", "--stage", "prod", code=73)
    assert "its plan is not deployed" in told


def test_an_operator_grants_previews_and_verifies_on_a_deployed_stage(stage, repository):
    """Money in advance is a document in the bucket and a record; the preview counts the lake in S3."""
    home = ("--home", "aws:prod", "--json")
    key = json.loads(run(repository, "keys", "create", "acme", *home)[0])
    note = next(each["id"] for each in stage.get_api_keys()["items"])
    at_ms = round(datetime.fromisoformat(key["created_at"]).timestamp() * 1000) + 1
    line = json.dumps(usage("one", at_ms, note, units=3)).encode() + b"\n"
    path = f"usage/dt={key['created_at'][:10]}/hour=00/a.jsonl.gz"
    boto3.client("s3").put_object(Bucket="lake", Key=path, Body=gzip.compress(line))
    run(repository, "invoice", "credit", "--customer", "acme", "--amount", "5.00", "--reason", "Start.", *home)
    shown = json.loads(run(repository, "invoice", "preview", "acme", *home)[0])
    assert '"units": 3' in json.dumps(shown)
    run(repository, "invoice", "verify", *home)
    (record,) = json.loads(run(repository, "audit", "list", "--subject", "balance/", *home)[0])
    assert record["action"] == "grant.given"


def test_an_operator_reconciles_and_recovers_on_a_deployed_stage(stage, repository, monkeypatch):
    """The counts of S3 and API Gateway; a lost usage line is named, and approved in the stage's trail."""
    strict, clock = StrictClient(stage, Clock()), Clock()
    api = GatewayApi(strict, clock=clock, sleep=clock.sleep)
    monkeypatch.setattr(stages, "open_gateway_api", lambda: api)
    home = ("--home", "aws:prod", "--json")
    key = json.loads(run(repository, "keys", "create", "acme", *home)[0])
    note = next(each["id"] for each in stage.get_api_keys()["items"])
    today, at_ms = key["created_at"][:10], round(datetime.fromisoformat(key["created_at"]).timestamp() * 1000) + 1
    lines = {"usage": [usage("kept", at_ms, note)], "access": [access(name, at_ms, note) for name in ("kept", "gone")]}
    for stream, found in lines.items():
        body = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in found))
        boto3.client("s3").put_object(Bucket="lake", Key=f"{stream}/dt={today}/hour=00/a.jsonl.gz", Body=body)
    plan = next(each["id"] for each in stage.get_usage_plans()["items"] if each["name"].endswith("-free"))
    strict.usage[plan] = {note: [[0, 9]] * (int(today[8:]) - 1) + [[3, 6]]}

    told = json.loads(run(repository, "reconcile", "acme", *home)[0])
    assert [(each["difference"], each["ids"]) for each in told["differences"]] == [("usage_lost", ["gone"])]
    assert [(each["ledger"], each["access_log"]) for each in told["hours"]] == [(1, 2)]
    (day,) = told["gateway_days"]
    assert (day["key_id"], day["day"], day["counted"], day["logged"]) == (note, today, 3, 2)
    assert told["blocks"]
    told = json.loads(run(repository, "reconcile", "acme", "--approve", "gone", "--actor", "ann", *home)[0])
    assert (told["differences"], told["calls"], told["blocks"]) == ([], 2, False)
    (record,) = json.loads(run(repository, "audit", "list", "--subject", "call/", *home)[0])
    assert (record["actor"], record["subject"]) == ("ann", "call/gone")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "list", "--home", "aws:test"), "ratecard-test"),
        (("keys", "sync", "--stage", "Not a stage"), "a stage's name is"),
    ],
)
def test_a_stage_that_is_not_there_is_named(stage, repository, arguments, said):
    """Stack or name."""
    assert said in run(repository, *arguments, code=66)[1]


def test_a_command_for_this_machine_makes_no_folder_called_after_a_stage(repository, tmp_path, monkeypatch):
    """It says so instead."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["inbox", "list", "--home", "aws:prod"], env={"RATECARD_PROJECT": str(repository)})
    assert done.exit_code != 0
    assert list(tmp_path.iterdir()) == []
