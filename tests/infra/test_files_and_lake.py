"""What CloudFormation is asked to make of files, usage lines and access lines."""

import json

import pytest
from support.models import MODELS, STEMS

BUCKET = "AWS::S3::Bucket"
BY_SLUG = {"argnames": "model", "argvalues": MODELS, "ids": [model.slug for model in MODELS]}
PRIVATE = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}


def buckets(*stacks):
    """Return all buckets with the stack they are in."""
    return [
        (stack, name, resource)
        for stack in stacks
        for name, resource in stack["Resources"].items()
        if resource["Type"] == BUCKET
    ]


def test_every_bucket_is_encrypted_private_versioned_and_outlives_its_stack(translated, lake):
    """Four buckets: inbox, outbox, access logs and the lake."""
    found = buckets(translated, lake)
    assert [name for _, name, _ in found] == ["InboxBucket", "OutboxBucket", "AuditBucket", "Bucket"]
    for _, _, bucket in found:
        properties = bucket["Properties"]
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(PRIVATE, True)
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"]
        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_every_bucket_refuses_plain_http(translated, lake):
    """A deny for everybody where aws:SecureTransport is false, on the bucket and its objects."""
    for stack, name, _ in buckets(translated, lake):
        policies = [
            resource["Properties"]
            for resource in stack["Resources"].values()
            if resource["Type"] == "AWS::S3::BucketPolicy" and resource["Properties"]["Bucket"] == {"Ref": name}
        ]
        statement = policies[0]["PolicyDocument"]["Statement"][0]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_the_lake_never_forgets(lake):
    """Invoices rest on its lines: they become cheaper to keep and are never deleted."""
    rule = lake["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"][0]
    assert not {name for name in rule if name.startswith("Expiration")}


def test_the_inbox_tells_event_bridge_and_what_is_lost_rings(translated):
    """Each model's stack has the rule; undelivered events and failed batches end in one queue, which is watched."""
    inbox = translated["Resources"]["InboxBucket"]["Properties"]
    alarm = translated["Resources"]["BatchDeadLettersAlarm"]["Properties"]
    assert inbox["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["BatchDeadLetters", "QueueName"]}


def test_work_that_is_done_leaves_no_old_versions_for_long(translated):
    """The pieces of a batch are deleted with it; versioning would keep them as long as results."""
    rules = translated["Resources"]["OutboxBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (work,) = [rule for rule in rules if rule.get("Prefix") == "work/"]
    assert work["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize(**BY_SLUG)
def test_the_batch_function_knows_outbox_and_prices(translated, model):
    """It is told where results go and what a row costs; the inbox it learns from each event."""
    variables = translated["Resources"][f"{model.stem}BatchFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["RATECARD_OUTBOX"] == {"Ref": "OutboxBucket"}
    assert {"RATECARD_BATCH_ROW_PRICE", "RATECARD_BATCH_EXPLAIN_ROW_PRICE"} < set(variables)


@pytest.mark.parametrize("stem", STEMS)
def test_usage_lines_and_only_they_leave_the_log_groups(translated, stem):
    """A subscription passes on what has the usage line's type."""
    subscription = translated["Resources"][f"{stem}Usage"]["Properties"]
    assert subscription["LogGroupName"] == {"Ref": f"{stem}Logs"}
    assert subscription["FilterPattern"] == '{ $.type = "ratecard.call.v1" }'
    assert subscription["DestinationArn"] == {"Fn::GetAtt": ["Lake", "Outputs.UsageStreamArn"]}


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("metric", ["DeliveryErrors", "DeliveryThrottling"])
def test_a_usage_line_that_does_not_leave_rings_an_alarm(translated, stem, metric):
    """CloudWatch Logs tries again for a day at most, and after a refusal not at all: the line is an unpaid call."""
    subscription = translated["Resources"][f"{stem}Usage"]["Properties"]
    dimensions = [
        {"Name": "LogGroupName", "Value": subscription["LogGroupName"]},
        {"Name": "DestinationType", "Value": "Firehose"},
        {"Name": "FilterName", "Value": subscription["FilterName"]},
    ]
    (alarm,) = [
        resource["Properties"]
        for resource in translated["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and (resource["Properties"]["MetricName"], resource["Properties"]["Dimensions"]) == (metric, dimensions)
    ]
    assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/Logs", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert alarm["EvaluationPeriods"] == 1


def test_every_log_subscription_is_watched(translated):
    """A second model's subscription without alarms would be found here."""
    resources = translated["Resources"].values()
    groups = [one["Properties"]["LogGroupName"] for one in resources if one["Type"] == "AWS::Logs::SubscriptionFilter"]
    for metric in ("DeliveryErrors", "DeliveryThrottling"):
        watched = [
            one["Properties"]["Dimensions"][0]["Value"]
            for one in resources
            if one["Type"] == "AWS::CloudWatch::Alarm" and one["Properties"]["MetricName"] == metric
        ]
        assert watched == groups


@pytest.mark.parametrize(("stream", "prefix"), [("UsageStream", "usage"), ("AccessStream", "access")])
def test_a_stream_can_write_its_own_lines_only(lake, stream, prefix):
    """Usage and access lines are two counts of the same calls: one role that writes both could forge their match."""
    destination = lake["Resources"][stream]["Properties"]["ExtendedS3DestinationConfiguration"]
    role = lake["Resources"][f"{stream}Role"]["Properties"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    (writing,) = [one for one in statements if "s3:PutObject" in one["Action"]]
    assert destination["RoleARN"] == {"Fn::GetAtt": [f"{stream}Role", "Arn"]}
    assert writing["Resource"] == [
        {"Fn::Sub": f"${{Bucket.Arn}}/{prefix}/*"},
        {"Fn::Sub": f"${{Bucket.Arn}}/errors/{prefix}/*"},
    ]
    assert destination["ErrorOutputPrefix"].startswith(f"errors/{prefix}/")


@pytest.mark.parametrize(("stream", "prefix"), [("UsageStream", "usage"), ("AccessStream", "access")])
def test_streams_partition_by_day_and_hour_in_utc(lake, stream, prefix):
    """The lake has the same partitions as the local one."""
    properties = lake["Resources"][stream]["Properties"]
    destination = properties["ExtendedS3DestinationConfiguration"]
    assert destination["Prefix"] == prefix + "/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert destination["CustomTimeZone"] == "UTC"
    assert properties["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == "CUSTOMER_MANAGED_CMK"


def test_usage_lines_are_unpacked_from_the_envelopes_of_cloudwatch_logs(lake):
    """A subscription sends gzipped envelopes; the lake holds the lines in them."""
    destination = lake["Resources"]["UsageStream"]["Properties"]["ExtendedS3DestinationConfiguration"]
    processors = destination["ProcessingConfiguration"]["Processors"]
    assert [processor["Type"] for processor in processors] == ["Decompression", "CloudWatchLogProcessing"]


def test_the_access_log_has_every_field_that_billing_joins_on(translated, lake):
    """Every value is quoted, because a missing one is written as a bare hyphen."""
    setting = translated["Resources"]["ApiStage"]["Properties"]["AccessLogSetting"]
    line = json.loads(setting["Format"])
    name = lake["Resources"]["AccessStream"]["Properties"]["DeliveryStreamName"]["Fn::Sub"]
    assert name.startswith("amazon-apigateway-")
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["Lake", "Outputs.AccessStreamArn"]}
    assert {"requestId", "extendedRequestId", "apiKeyId", "status", "requestTimeEpoch", "integrationStatus"} < set(line)
    assert all(isinstance(value, str) and value.startswith("$context.") for value in line.values())
    assert not any(value.startswith("$context.error.message") for value in line.values())


def test_the_key_serves_the_account_its_logs_and_its_alarms(translated):
    """Services that use the key are bound to this account or to this stage's log groups."""
    statements = translated["Resources"]["DataKey"]["Properties"]["KeyPolicy"]["Statement"]
    services = [statement for statement in statements if "Service" in statement["Principal"]]
    assert translated["Resources"]["DataKey"]["Properties"]["EnableKeyRotation"] is True
    assert len(services) == 2
    assert all("Condition" in statement for statement in services)
