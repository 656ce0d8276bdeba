"""What CloudFormation is asked to make for files that no model is given: one function, its rule, its rights."""

import json

import pytest
from moto.events.models import EventPattern
from support.models import MODELS
from support.translation import translate

from ratecard_workbench.local.cloudformation import Resolver, load_yaml


@pytest.fixture(scope="module")
def reception(repository):
    """The nested stack after SAM's transform, as the root gives it its parameters."""
    return translate(repository / "infra" / "inbox.yaml", {"Stage": "prod", "Architecture": "arm64"})["Resources"]


def of_type(resources, kind):
    """Return properties of all resources of a type."""
    return [one["Properties"] for one in resources.values() if one["Type"] == kind]


def test_it_is_told_of_every_model_that_has_a_flow(repository, template):
    """The list is the template's own: a model without a flow has none who would ask."""
    properties = template["Resources"]["Reception"]["Properties"]
    assert properties["TemplateURL"] == "infra/inbox.yaml"
    assert set(properties["Parameters"]) == set(load_yaml(repository / "infra" / "inbox.yaml")["Parameters"])
    separator, slugs = properties["Parameters"]["Models"]["Fn::Join"]
    assert (separator, sorted(slugs)) == (",", sorted(model.slug for model in MODELS))


def test_every_flow_asks_it_and_it_alone(template):
    """Before a batch is started."""
    asked = [template["Resources"][f"{model.stem}Batches"]["Properties"]["Parameters"] for model in MODELS]
    assert {json.dumps(one["InboxFunction"]) for one in asked} == {
        json.dumps({"Fn::GetAtt": ["Reception", "Outputs.FunctionArn"]})
    }


@pytest.mark.parametrize(
    ("event", "hears"),
    [
        ({}, True),
        ({"key": "inbox/demo/credit-ratings/a.csv"}, True),
        ({"key": "top.csv"}, True),
        ({"bucket": "outbox"}, False),
        ({"detail-type": "Object Deleted"}, False),
    ],
)
def test_it_hears_of_every_object_of_the_inbox(reception, event, hears):
    """The rule of the translated stack, tried by moto's matcher."""
    (rule,) = of_type(reception, "AWS::Events::Rule")
    declared = {"Parameters": {"InboxBucket": {"Type": "String"}}}
    pattern = Resolver(declared, {"InboxBucket": "inbox"}).resolve(rule["EventPattern"])
    sent = {
        "source": "aws.s3",
        "detail-type": event.get("detail-type", "Object Created"),
        "detail": {
            "bucket": {"name": event.get("bucket", "inbox")},
            "object": {"key": event.get("key", "inbox/demo/credit-rating/a.csv"), "size": 1, "version-id": "v"},
        },
    }
    assert EventPattern.load(json.dumps(pattern)).matches_event(sent) is hears


def test_what_does_not_reach_it_or_fails_in_it_goes_to_the_queue(reception):
    """Both after more attempts; EventBridge may call it from this rule only."""
    (rule,) = of_type(reception, "AWS::Events::Rule")
    (target,) = rule["Targets"]
    (asynchronous,) = of_type(reception, "AWS::Lambda::EventInvokeConfig")
    (permission,) = of_type(reception, "AWS::Lambda::Permission")
    queue = {"Ref": "DeadLettersArn"}
    assert (target["DeadLetterConfig"], target["RetryPolicy"]["MaximumRetryAttempts"]) == ({"Arn": queue}, 10)
    assert asynchronous["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    assert asynchronous["MaximumRetryAttempts"] == 2
    assert rule["Name"] == {"Fn::Sub": "ratecard-${Stage}-inbox"}, "the queue's policy takes rules of this prefix"
    assert permission["Principal"] == "events.amazonaws.com"
    assert "SourceArn" in permission


def test_it_may_know_customers_and_write_manifests_and_nothing_else(reception):
    """It reads no file, no key and no plan, and can score nothing."""
    policies = reception["InboxRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    rights = {
        action: one["Resource"]
        for one in statements
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        if action.split(":")[0] not in {"logs", "xray"}
    }
    manifests = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${OutboxBucket}/outbox/*/manifest.json"}
    assert rights == {
        "dynamodb:GetItem": {"Ref": "AccountsTableArn"},
        "s3:GetObject": manifests,
        "s3:PutObject": manifests,
        "s3:ListBucket": {"Fn::Sub": "arn:${AWS::Partition}:s3:::${OutboxBucket}"},
        "kms:Decrypt": {"Ref": "KeyArn"},
        "kms:GenerateDataKey": {"Ref": "KeyArn"},
        "sqs:SendMessage": {"Ref": "DeadLettersArn"},
    }


def test_it_logs_under_the_key_and_rings(reception):
    """As every function does."""
    assert reception["InboxLogs"]["Properties"]["KmsKeyId"] == {"Ref": "KeyArn"}
    alarm = reception["InboxErrorsAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("Errors", 1)
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
