"""What CloudFormation is asked to make of the functions: roles, aliases, roll-outs, logs, limits."""

import re

import pytest
from support.models import MODELS, STEMS
from support.translation import translate

from ratecard_workbench.publish.seal import UNVERSIONED, merge_globals

FUNCTION = "AWS::Lambda::Function"
FUNCTIONS = {f"{stem}Function": stem for stem in (*STEMS, "Account", "Batches")}
BY_SLUG = {"argnames": "model", "argvalues": MODELS, "ids": [model.slug for model in MODELS]}


def of_type(template, kind):
    """Return properties by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def statements(template, role):
    """Return all inline statements of a role."""
    policies = template["Resources"][role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def actions(statement):
    """Return a statement's actions as a set."""
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)


def test_the_functions_are_the_models_their_batch_twins_and_what_owners_of_keys_read(translated):
    """Nothing else runs in the main stack; the ledger's jobs have one of their own."""
    assert set(of_type(translated, FUNCTION)) == set(FUNCTIONS)


@pytest.mark.parametrize(("function", "stem"), FUNCTIONS.items())
def test_every_function_has_a_role_a_log_group_and_a_key_of_its_own(translated, function, stem):
    """No function shares a role, and its logs are kept for a stated time under the platform's key."""
    properties = of_type(translated, FUNCTION)[function]
    logs = translated["Resources"][f"{stem}Logs"]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    assert properties["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": {"Ref": f"{stem}Logs"}}
    assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert logs["KmsKeyId"] == {"Fn::GetAtt": ["DataKey", "Arn"]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_a_zip_on_python_3_13_with_its_layers(translated, function):
    """The processor is the build's; two layers are everybody's, and only batch functions have Arrow."""
    properties = of_type(translated, FUNCTION)[function]
    layers = set(of_type(translated, "AWS::Lambda::LayerVersion"))
    names = ["Ratec", "Nativ", "Files"] if function.endswith("BatchFunction") else ["Ratec", "Nativ"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert {layer["Ref"] for layer in properties["Layers"]} <= layers
    assert [layer["Ref"][:5] for layer in properties["Layers"]] == names
    assert properties["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize(("function", "stem"), FUNCTIONS.items())
def test_concurrency_is_reserved_by_parameter_and_by_default_not_at_all(translated, template, function, stem):
    """A new account has ten environments in all and may reserve none of them."""
    reserved = of_type(translated, FUNCTION)[function]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": [f"Reserve{stem}", {"Ref": f"{stem}Concurrency"}, {"Ref": "AWS::NoValue"}]}
    assert template["Parameters"][f"{stem}Concurrency"]["Default"] == -1
    assert template["Conditions"][f"Reserve{stem}"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": f"{stem}Concurrency"}, -1]}]
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_traffic_moves_step_by_step_and_back_when_an_alarm_rings(translated, function):
    """The alias is shifted by CodeDeploy, watched by alarms that exist, and rolled back."""
    alias = translated["Resources"][f"{function}Aliaslive"]
    group = translated["Resources"][f"{function}DeploymentGroup"]["Properties"]
    alarms = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {
        "Ref": f"{function}DeploymentGroup"
    }
    assert group["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"] == "Canary10Percent15Minutes"
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert alarms
    assert alarms <= set(of_type(translated, "AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize(**BY_SLUG)
def test_a_model_that_answers_500_to_everybody_is_rolled_back(translated, model):
    """The function answers its own faults, so Lambda counts no error: the gateway's 5xx do, within one minute."""
    group = translated["Resources"][f"{model.stem}FunctionDeploymentGroup"]["Properties"]
    rolling = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    alarms = of_type(translated, "AWS::CloudWatch::Alarm")
    (watching,) = [alarms[name] for name in rolling if alarms[name]["MetricName"] == "5XXError"]
    name = translated["Resources"]["Api"]["Properties"]["Name"]
    assert watching["Namespace"] == "AWS/ApiGateway"
    assert watching["Dimensions"] == [{"Name": "ApiName", "Value": name}, {"Name": "Stage", "Value": {"Ref": "Stage"}}]
    assert (watching["Statistic"], watching["Threshold"], watching["Period"]) == ("Sum", 1, 60)
    assert watching["EvaluationPeriods"] == watching.get("DatapointsToAlarm", 1) == 1


def test_versioned_properties_hang_on_no_parameter_that_may_change(template):
    """The digest is over what is written: behind a parameter, a new price would publish nothing."""
    parameters = set(template["Parameters"]) - {"Stage", "Architecture"}
    for function in FUNCTIONS:
        properties = merge_globals(template["Globals"]["Function"], template["Resources"][function]["Properties"])
        versioned = {name: value for name, value in properties.items() if name not in UNVERSIONED}
        assert {"Environment", "Timeout", "MemorySize", "Layers"} & set(versioned)
        found = set(re.findall(r"\w+", str(versioned)))
        assert not parameters & found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_another_digest_publishes_another_version_and_keeps_the_old_one(repository, function):
    """The version's logical id follows the digest over zip and layers, not the zip's address."""
    versions = [
        {
            name: resource
            for name, resource in translate(repository / "template.yaml", {"CodeSha256": digest * 64})[
                "Resources"
            ].items()
            if resource["Type"] == "AWS::Lambda::Version" and resource["Properties"]["FunctionName"]["Ref"] == function
        }
        for digest in "ab"
    ]
    assert [list(found) for found in versions] == [[f"{function}Version{digest * 10}"] for digest in "ab"]
    assert all(version["DeletionPolicy"] == "Retain" for found in versions for version in found.values())


def test_a_build_without_digests_is_refused_by_cloudformation(translated, template):
    """The rule survives SAM's transform, and the parameter's default breaks it."""
    assertion = translated["Rules"]["BuiltWithDigests"]["Assertions"][0]["Assert"]
    assert assertion == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeSha256"}, "unbuilt"]}]}
    assert template["Parameters"]["CodeSha256"]["Default"] == "unbuilt"


def test_every_function_has_alarms_for_errors_and_throttles_and_all_ring_somewhere(translated):
    """Errors are counted on the alias, so that they watch what callers reach."""
    alarms = of_type(translated, "AWS::CloudWatch::Alarm")
    for function in FUNCTIONS:
        watched = {
            alarm["MetricName"]
            for alarm in alarms.values()
            if {"Name": "FunctionName", "Value": {"Ref": function}} in alarm["Dimensions"]
        }
        assert {"Errors", "Throttles"} <= watched
    assert {"Duration", "5XXError", "ApproximateNumberOfMessagesVisible"} <= {
        alarm["MetricName"] for alarm in alarms.values()
    }
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms.values())


@pytest.mark.parametrize(**BY_SLUG)
def test_the_online_function_may_write_logs_and_traces_and_nothing_else(translated, model):
    """It has no network call to make: no bucket, no key, no queue."""
    granted = [(actions(statement), statement["Resource"]) for statement in statements(translated, f"{model.stem}Role")]
    assert granted == [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, {"Fn::GetAtt": [f"{model.stem}Logs", "Arn"]}),
        ({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, "*"),
    ]


@pytest.mark.parametrize(**BY_SLUG)
def test_the_batch_function_reads_its_inbox_and_writes_its_outbox(translated, model):
    """Object rights end at the model's own prefix, deleting at its work; the key serves S3 only."""
    by_service = {}
    for statement in statements(translated, f"{model.stem}BatchRole"):
        for action in actions(statement):
            by_service.setdefault(action, []).append(statement)
    inbox = {"Fn::Sub": f"${{InboxBucket.Arn}}/inbox/*/{model.slug}/*"}
    outbox = {"Fn::Sub": f"${{OutboxBucket.Arn}}/outbox/*/{model.slug}/*"}
    asked = {"Fn::Sub": "${OutboxBucket.Arn}/batches/*"}
    work = {"Fn::Sub": f"${{OutboxBucket.Arn}}/work/*/{model.slug}/*"}
    assert [one["Resource"] for one in by_service["s3:GetObject"]] == [inbox, outbox, work, asked]
    assert [one["Resource"] for one in by_service["s3:PutObject"]] == [outbox, work]
    assert [one["Resource"] for one in by_service["s3:DeleteObject"]] == [work]
    assert {tuple(one["Condition"]["StringEquals"]) for one in by_service["kms:Decrypt"]} == {("kms:ViaService",)}
    assert "sqs:SendMessage" not in by_service


def test_what_owners_of_keys_read_can_be_changed_by_nobody_through_it(translated):
    """Read-only, on the accounts' table, the shelf and the invoices; grants and audit trail are out of its reach."""
    granted = {
        action: statement["Resource"]
        for statement in statements(translated, "AccountRole")
        for action in actions(statement)
        if not action.startswith(("logs:", "xray:"))
    }
    assert set(granted) == {"dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "s3:ListBucket", "kms:Decrypt"}
    assert granted["s3:GetObject"] == [
        {"Fn::Sub": "${Ledger.Outputs.ShelfBucketArn}/shelf/*"},
        {"Fn::Sub": "${Ledger.Outputs.LedgerBucketArn}/invoices/*"},
    ]
    assert granted["dynamodb:Query"] == {"Fn::GetAtt": ["Ledger", "Outputs.AccountsTableArn"]}


def test_the_function_of_batches_gives_places_and_links_and_changes_nothing_else(translated):
    """What it signs it must be allowed itself: writing new files and its own records, reading results and plans."""
    granted = {}
    for statement in statements(translated, "BatchesRole"):
        for action in actions(statement):
            granted.setdefault(action, []).append(statement["Resource"])
    outbox = [{"Fn::Sub": f"${{OutboxBucket.Arn}}/{keys}"} for keys in ("outbox/*", "work/*/plan.json", "batches/*")]
    inbox = {"Fn::Sub": "${InboxBucket.Arn}/inbox/*"}
    assert granted["s3:PutObject"] == [inbox, outbox[2]]
    assert granted["s3:GetObject"] == [inbox, outbox[:2], outbox[2]]
    assert {action for action in granted if not action.startswith(("logs:", "xray:"))} == {
        *("dynamodb:GetItem", "dynamodb:Query"),
        *("s3:GetObject", "s3:PutObject", "s3:ListBucket"),
        *("kms:Decrypt", "kms:GenerateDataKey"),
    }


def test_the_gateway_may_call_the_function_of_batches_on_its_routes_only(translated):
    """One permission for each kind of route; no other API and no other method."""
    allowed = [
        properties["SourceArn"]["Fn::Sub"].rpartition("${Stage}")[2]
        for properties in of_type(translated, "AWS::Lambda::Permission").values()
        if "BatchesFunction" in str(properties["FunctionName"])
    ]
    assert allowed == ["/POST/v1/models/*/batches", "/GET/v1/batches/*"]


def test_only_named_statements_reach_beyond_one_resource(translated, lake):
    """Every `*` as a resource is one of these, and no action is a wildcard but in the key's and the TLS policies."""
    found = set()
    for stack in (translated, lake):
        for name, role in of_type(stack, "AWS::IAM::Role").items():
            for policy in role.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert not any("*" in action for action in actions(statement))
                    if statement["Resource"] == "*":
                        found.add((name, policy["PolicyName"]))
    assert found == {(f"{stem}Role", "trace") for stem in FUNCTIONS.values()}


def test_managed_policies_are_code_deploys_smaller_one_only(translated, lake):
    """SAM's own choice would let CodeDeploy publish to every topic of the account."""
    attached = [
        arn
        for stack in (translated, lake)
        for role in of_type(stack, "AWS::IAM::Role").values()
        for arn in role.get("ManagedPolicyArns", [])
    ]
    assert attached == [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"}
    ]


def test_functions_can_be_called_by_the_api_only(translated):
    """The permissions are on the alias and name their source; a batch function's flow calls it by its own role."""
    permissions = of_type(translated, "AWS::Lambda::Permission")
    assert {permission["Principal"] for permission in permissions.values()} == {"apigateway.amazonaws.com"}
    assert all("SourceArn" in permission for permission in permissions.values())
    assert {permission["FunctionName"]["Ref"] for permission in permissions.values()} == {
        f"{function}Aliaslive" for function in FUNCTIONS if not function.endswith("BatchFunction")
    }
