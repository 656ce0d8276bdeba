"""What CloudFormation is asked to make of the ledger: what is written once, who may do what, what rings."""

import re

import pytest
from support.translation import translate

FUNCTIONS = ("Refresh", "Billing", "Keys")
LAKE = "arn:${AWS::Partition}:s3:::${LakeBucket}"
GATEWAY = "arn:${AWS::Partition}:apigateway:${AWS::Region}::"


@pytest.fixture(scope="module")
def translated_ledger(repository):
    """The nested stack after SAM's transform, as the root gives it its parameters."""
    given = {"Stage": "prod", "Architecture": "arm64", "RefreshSchedule": "rate(1 minute)", "IssueInvoices": "no"}
    return translate(repository / "infra" / "ledger.yaml", given)["Resources"]


def of_type(resources, kind):
    """Return properties by logical id."""
    return {name: one.get("Properties", {}) for name, one in resources.items() if one["Type"] == kind}


def granted(resources, name):
    """Return what a function's role allows: by action, the resources."""
    found = {}
    for policy in resources[f"{name}Role"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, places = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                for place in places if isinstance(places, list) else [places]:
                    text = place if isinstance(place, str) else str(next(iter(place.values())))
                    found.setdefault(action, set()).add(text)
    return found


def test_the_root_gives_the_stack_every_parameter_it_has(template, ledger):
    """Another one would be asked for when it is deployed."""
    assert set(template["Resources"]["Ledger"]["Properties"]["Parameters"]) == set(ledger["Parameters"])
    taken = re.findall(r"'Fn::GetAtt': \['Ledger', 'Outputs\.(\w+)'\]", str(template))
    assert {"AccountsTable", "LedgerBucketName", "ShelfBucketName"} <= set(taken) <= set(ledger["Outputs"])


def test_accounts_can_be_brought_back_to_any_second_and_are_not_deleted_by_mistake(ledger):
    """The keys are those that the accounts' code writes; see tests/contract/storage."""
    table = ledger["Resources"]["Accounts"]
    properties = table["Properties"]
    assert properties["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["SSESpecification"]["KMSMasterKeyId"] == {"Ref": "KeyArn"}
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("name", ["LedgerBucket", "ShelfBucket"])
def test_the_buckets_are_encrypted_private_versioned_logged_and_outlive_the_stack(ledger, name):
    """As every bucket of the platform."""
    bucket = ledger["Resources"][name]
    properties = bucket["Properties"]
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": "AuditBucket"}
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Ref": "KeyArn"}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    policy = ledger["Resources"][name.replace("Bucket", "Policy")]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (policy["Effect"], policy["Action"]) == ("Deny", "s3:*")
    assert policy["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_the_ledger_bucket_holds_is_written_once_and_stays(ledger):
    """A put must say If-None-Match, nobody deletes, and a lock holds should the policy be lifted."""
    statements = ledger["Resources"]["LedgerPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    once, for_good = statements[1:]
    everything = {"Fn::Sub": "${LedgerBucket.Arn}/*"}
    assert (once["Effect"], once["Principal"], once["Action"], once["Resource"]) == (
        *("Deny", "*", "s3:PutObject"),
        everything,
    )
    assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert (for_good["Effect"], for_good["Principal"], for_good["Resource"]) == ("Deny", "*", everything)
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"} == set(for_good["Action"])
    assert "Condition" not in for_good
    bucket = ledger["Resources"]["LedgerBucket"]["Properties"]
    assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"] == {"Ref": "RetentionDays"}
    assert [rule["Id"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == ["no-halves"]


def test_only_the_jobs_that_count_read_the_lake_and_none_writes_it(translated_ledger):
    """The function that moves keys has no business there."""
    for name in ("Refresh", "Billing"):
        rights = granted(translated_ledger, name)
        assert {place for place in rights["s3:GetObject"] if "Lake" in place} == {f"{LAKE}/usage/*", f"{LAKE}/access/*"}
        assert not [place for place in rights["s3:PutObject"] if "Lake" in place]
        assert LAKE in rights["s3:ListBucket"]
    assert not [action for action in granted(translated_ledger, "Keys") if action.startswith("s3:")]


def test_invoices_are_written_by_the_billing_job_only(translated_ledger):
    """And grants by no function: a person gives them."""
    writers = {
        name: {
            place.removeprefix("${LedgerBucket.Arn}/")
            for place in granted(translated_ledger, name).get("s3:PutObject", ())
            if "Ledger" in place
        }
        for name in FUNCTIONS
    }
    assert writers == {"Refresh": {"audit/*"}, "Billing": {"invoices/*", "audit/*"}, "Keys": set()}


def test_each_function_has_the_rights_of_its_job_at_the_gateway(translated_ledger):
    """Counting stops keys, billing reads counts, the third moves keys; none makes a key or touches a plan."""
    rights = {
        name: {
            (action.removeprefix("apigateway:"), place.removeprefix(GATEWAY))
            for action, places in granted(translated_ledger, name).items()
            if action.startswith("apigateway:")
            for place in places
        }
        for name in FUNCTIONS
    }
    assert rights["Refresh"] == {("GET", "/apikeys"), ("PATCH", "/apikeys/*")}
    assert rights["Billing"] == {("GET", "/usageplans"), ("GET", "/usageplans/*/usage")}
    assert rights["Keys"] == {
        *(("GET", place) for place in ("/apikeys", "/usageplans", "/usageplans/*/keys")),
        *((verb, "/apikeys/*") for verb in ("PATCH", "DELETE")),
        *((verb, place) for verb in ("POST", "DELETE") for place in ("/usageplans/*/keys", "/usageplans/*/keys/*")),
    }


def test_keys_of_other_stages_cannot_be_changed(translated_ledger):
    """By their tags, which each key is made with."""
    for name in ("Refresh", "Keys"):
        statements = [
            statement
            for policy in translated_ledger[f"{name}Role"]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "apigateway:PATCH" in statement["Action"]
        ]
        assert [each["Condition"]["StringEquals"] for each in statements] == [
            {"aws:ResourceTag/application": "ratecard", "aws:ResourceTag/stage": {"Ref": "Stage"}}
        ]


def test_the_accounts_are_changed_by_jobs_that_must(translated_ledger):
    """Billing reads only; the third notes ids of keys and nothing else."""
    writing = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    assert not writing & set(granted(translated_ledger, "Billing"))
    assert "dynamodb:DeleteItem" not in granted(translated_ledger, "Refresh")
    (noting,) = [
        statement
        for policy in translated_ledger["KeysRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "dynamodb:PutItem" in statement["Action"]
    ]
    assert noting["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["key#*"]}}


def test_no_right_is_wider_than_its_name(translated_ledger):
    """No action is a wildcard; only X-Ray has no resource."""
    for name in FUNCTIONS:
        rights = granted(translated_ledger, name)
        assert not [action for action in rights if "*" in action]
        assert {action for action, places in rights.items() if "*" in places} == {
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
        }
        assert rights["kms:Decrypt"] == {"KeyArn"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_started_by_its_schedule_and_by_nothing_else(translated_ledger, name):
    """With its own role and log group; what fails is done by the next run."""
    function = translated_ledger[f"{name}Function"]["Properties"]
    slug = name.lower()
    assert function["Handler"] == f"ledger_service.handler.{slug}_handler"
    assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}
    assert [next(iter(layer.values()))[:9] for layer in function["Layers"]] == ["RatecardL", "Analytics"]
    permission = translated_ledger[f"{name}FunctionSchedulePermission"]["Properties"]
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": [f"{name}FunctionSchedule", "Arn"]}
    config = translated_ledger[f"{name}FunctionEventInvokeConfig"]["Properties"]
    assert config["MaximumRetryAttempts"] == 0
    permissions = of_type(translated_ledger, "AWS::Lambda::Permission")
    assert len(permissions) == len(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_job_that_fails_or_falls_silent_rings(translated_ledger, name):
    """A schedule that somebody has switched off is no error, and is noticed all the same."""
    alarms = of_type(translated_ledger, "AWS::CloudWatch::Alarm")
    dimensions = [{"Name": "FunctionName", "Value": {"Ref": f"{name}Function"}}]
    watched = {alarm["MetricName"]: alarm for alarm in alarms.values() if alarm["Dimensions"] == dimensions}
    assert set(watched) == {"Errors", "Invocations"}
    assert watched["Invocations"]["TreatMissingData"] == "breaching"
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms.values())


def test_the_metrics_that_the_jobs_write_are_watched(translated_ledger, repository):
    """By the names that the code uses."""
    code = (repository / "functions/services/ledger/src/ledger_service/handler.py").read_text()
    written = set(re.findall(r'_measure\("(\w+)"', code))
    watched = {
        alarm["MetricName"]
        for alarm in of_type(translated_ledger, "AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "Ratecard"
    }
    assert written == watched


def test_the_schedule_is_the_parameters(translated_ledger):
    """A minute for prepaid plans unless an operator says otherwise."""
    rules = of_type(translated_ledger, "AWS::Events::Rule")
    assert {name.removesuffix("FunctionSchedule"): rule["ScheduleExpression"] for name, rule in rules.items()} == {
        "Refresh": {"Ref": "RefreshSchedule"},
        "Billing": "rate(1 hour)",
        "Keys": "rate(5 minutes)",
    }
