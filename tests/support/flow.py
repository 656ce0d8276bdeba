"""A model's flow in moto's interpreter: its real definitions, its queue, its buckets, and the real functions.

moto runs Lambda functions in Docker only. Here its one method that does is replaced by a call of the function in this
process; everything around it (parameters, payloads, errors, aliases and versions) stays moto's.
"""

import json
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from moto.awslambda.models import LambdaFunction
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

from inbox_service.reception import Reception, receive
from ratecard.storage.objects import S3ObjectStore
from ratecard_workbench.local.cloudformation import Resolver, load_yaml

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "123456789012"
FINISHED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
STATE_LIMIT = 256 * 1024
"""Bytes of a state's input or output. Source: Step Functions quotas."""


class Flow:
    """The stack of infra/batch.yaml, made in moto.

    Parameters
    ----------
    slug : str
        The model.
    function : callable
        Takes event and ARN of the version; returns the answer or raises.
    monkeypatch : pytest.MonkeyPatch
        Puts the function in.
    """

    def __init__(self, slug: str, function: Any, monkeypatch: Any) -> None:
        self.s3, self.sqs, self.states = (
            boto3.client(name, region_name=REGION) for name in ("s3", "sqs", "stepfunctions")
        )
        for name in ("inbox", "outbox"):
            self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        self.calls: list[dict[str, Any]] = []
        self.customers = {"acme", "beta"}
        self.asked: list[dict[str, Any]] = []
        self._before: set[str] = set()
        self.slept: list[float] = []
        self._function = function
        monkeypatch.setattr(LambdaFunction, "_invoke_lambda", lambda one, event=None: self._invoke(one, event))
        waiting = SimpleNamespace(sleep=self.slept.append)
        monkeypatch.setattr("moto.stepfunctions.parser.asl.component.common.retry.retrier_decl.time", waiting)
        start = StateTaskServiceSfn._eval_service_task

        def start_in_small_letters(*arguments: Any, normalised_parameters: dict[str, Any], **others: Any) -> None:
            small = {name[0].lower() + name[1:]: value for name, value in normalised_parameters.items()}
            start(*arguments, normalised_parameters=small, **others)

        monkeypatch.setattr(StateTaskServiceSfn, "_eval_service_task", start_in_small_letters)
        accounts: Any = SimpleNamespace(has_customer=lambda name: name in self.customers)
        self.reception = Reception(accounts, S3ObjectStore(), "outbox", (slug,))
        self.alias = self._make_function(slug)
        self.queue = self.sqs.create_queue(QueueName="letters")["QueueUrl"]
        self._make_machines(slug)

    def publish(self) -> None:
        """Publish another version, as a deployment in the middle of a batch does."""
        client = boto3.client("lambda", region_name=REGION)
        version = client.publish_version(FunctionName="scorer")["Version"]
        client.update_alias(FunctionName="scorer", Name="live", FunctionVersion=version)

    def put(self, key: str, content: bytes) -> dict[str, Any]:
        """Upload a file; return the event that S3 sends."""
        version = self.s3.put_object(Bucket="inbox", Key=key, Body=content)["VersionId"]
        return {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": "2026-11-22T10:11:12Z",
            "detail": {
                "bucket": {"name": "inbox"},
                "object": {"key": key, "version-id": version, "size": len(content)},
            },
        }

    def forget(self) -> None:
        """Empty the outbox and the queue; what was asked before counts no more."""
        for key in self.results():
            self.s3.delete_object(Bucket="outbox", Key=key)
        self.letters()
        self.calls.clear()
        self.asked.clear()
        self.slept.clear()
        self._before = {one["executionArn"] for one in self._executions()}

    def announce(self, event: dict[str, Any]) -> str:
        """Deliver an event as the rule does; return how that ended."""
        started = self.states.start_execution(
            stateMachineArn=self.announcement, input=json.dumps(event), name=uuid.uuid4().hex
        )
        return str(self._wait(started)["status"])

    def batches(self) -> list[dict[str, Any]]:
        """Wait for all batches, and describe them in the order they were started in."""
        found = (self._wait(one) for one in self._executions() if one["executionArn"] not in self._before)
        return sorted(found, key=lambda one: one["startDate"])

    def letters(self) -> list[dict[str, Any]]:
        """Take what was sent to the dead-letter queue."""
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    def results(self, prefix: str = "") -> dict[str, bytes]:
        """Read everything in the outbox."""
        listed = self.s3.list_objects_v2(Bucket="outbox", Prefix=prefix).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket="outbox", Key=one["Key"])["Body"].read() for one in listed}

    def _executions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.states.list_executions(stateMachineArn=self.batch)["executions"]
        return [one for one in listed if "mapRunArn" not in one]

    def _invoke(self, one: LambdaFunction, event: Any) -> tuple[str, bool, str]:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:scorer:{one.version}"
        try:
            if one.function_name == "receiver":
                self.asked.append(event)
                answer = json.dumps(receive(event, self.reception))
            else:
                self.calls.append({**event, "version": str(one.version)})
                answer = json.dumps(self._function(event, arn))
        except Exception as error:
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}), True, ""
        return answer, False, ""

    def _wait(self, started: dict[str, Any]) -> dict[str, Any]:
        for _ in range(1200):
            described: dict[str, Any] = self.states.describe_execution(executionArn=started["executionArn"])
            if described["status"] in FINISHED:
                return described
            time.sleep(0.05)
        raise AssertionError("the execution does not end")

    def _make_function(self, slug: str) -> str:
        iam, client = boto3.client("iam", region_name=REGION), boto3.client("lambda", region_name=REGION)
        self._role = iam.create_role(RoleName="all", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        for name in ("scorer", "receiver"):
            client.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=self._role,
                Handler="x.y",
                Code={"ZipFile": b"none"},
                Description=slug,
            )
        version = client.publish_version(FunctionName="scorer")["Version"]
        alias: str = client.create_alias(FunctionName="scorer", Name="live", FunctionVersion=version)["AliasArn"]
        return alias

    def _make_machines(self, slug: str) -> None:
        template = load_yaml(ROOT / "infra" / "batch.yaml")
        given = dict.fromkeys(template["Parameters"], "x") | {"Stage": "test", "Slug": slug, "ParallelParts": "3"}
        receiver = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:receiver"
        values = {"FunctionAlias": self.alias, "DeadLettersUrl": self.queue, "ParallelParts": "3"}
        values["InboxFunction"] = receiver
        resolver = Resolver(template, given)
        for name in ("Batch", "Announcement"):
            properties = resolver.resolve(template["Resources"][name]["Properties"])
            text = json.dumps(properties["Definition"])
            for word in properties["DefinitionSubstitutions"]:
                text = text.replace("${" + word + "}", values[word])
            values[name] = self.states.create_state_machine(
                name=properties["StateMachineName"], definition=text, roleArn=self._role
            )["stateMachineArn"]
        self.batch, self.announcement = values["Batch"], values["Announcement"]
