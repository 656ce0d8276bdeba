"""What CloudFormation is asked to make for the files of one model: rule, two machines, their roles, alarms."""

import pytest
from support.models import MODELS

from ratecard_workbench.local.cloudformation import load_yaml

BY_SLUG = {"argnames": "model", "argvalues": MODELS, "ids": [model.slug for model in MODELS]}
ONLY_HERE = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.fixture(scope="module")
def batch(repository):
    """The nested stack's resources."""
    return load_yaml(repository / "infra" / "batch.yaml")["Resources"]


def granted(batch, role):
    """Return each right of a role with what it is for."""
    policies = batch[role]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    return {
        action: one["Resource"]
        for one in statements
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        if not action.startswith("xray:")
    }


@pytest.mark.parametrize(**BY_SLUG)
def test_every_model_has_a_flow_of_its_own(translated, template, model):
    """It is told of its own function and prefix, and of nothing of another model's."""
    properties = template["Resources"][f"{model.stem}Batches"]["Properties"]
    parameters = properties["Parameters"]
    assert properties["TemplateURL"] == "infra/batch.yaml"
    assert parameters["Slug"] == model.slug
    assert parameters["Function"] == {"Fn::GetAtt": [f"{model.stem}BatchFunction", "Arn"]}
    assert parameters["FunctionAlias"] == {"Ref": f"{model.stem}BatchFunction.Alias"}
    assert f"{model.stem}BatchFunctionEventInvokeConfig" not in translated["Resources"]


def test_every_parameter_is_given(repository, template):
    """A nested stack has no defaults to fall back on."""
    declared = set(load_yaml(repository / "infra" / "batch.yaml")["Parameters"])
    assert all(
        set(template["Resources"][f"{model.stem}Batches"]["Properties"]["Parameters"]) == declared for model in MODELS
    )


def test_files_of_the_models_prefix_are_announced_with_retries_and_a_queue(batch):
    """What cannot be delivered in six hours is told to the operator."""
    rule = batch["Rule"]["Properties"]
    (target,) = rule["Targets"]
    assert rule["EventPattern"]["detail"] == {
        "bucket": {"name": [{"Ref": "InboxBucket"}]},
        "object": {"key": [{"wildcard": {"Fn::Sub": "inbox/*/${Slug}/*"}}]},
    }
    assert target["Arn"] == {"Ref": "Announcement"}
    assert target["DeadLetterConfig"] == {"Arn": {"Ref": "DeadLettersArn"}}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_each_role_may_do_just_its_part(batch):
    """The rule announces, the announcement asks and starts batches, a batch runs one function and reads its parts."""
    assert granted(batch, "RuleRole") == {"states:StartExecution": {"Ref": "Announcement"}}
    assert granted(batch, "AnnouncementRole") == {
        "lambda:InvokeFunction": {"Ref": "InboxFunction"},
        "states:StartExecution": {"Ref": "Batch"},
        "sqs:SendMessage": {"Ref": "DeadLettersArn"},
    }
    rights = granted(batch, "BatchRole")
    assert rights["lambda:InvokeFunction"] == {"Fn::Sub": "${Function}:*"}
    assert rights["s3:GetObject"]["Fn::Sub"].endswith("${OutboxBucket}/work/*/${Slug}/*/parts.json")
    assert rights["states:StartExecution"]["Fn::Sub"].endswith("ratecard-${Stage}-${Slug}-batch")
    assert set(rights) == {
        *("lambda:InvokeFunction", "s3:GetObject", "kms:Decrypt", "sqs:SendMessage", "states:StartExecution"),
        *("states:DescribeExecution", "states:StopExecution"),
    }


@pytest.mark.parametrize("role", ["RuleRole", "AnnouncementRole", "BatchRole"])
def test_no_other_account_can_borrow_a_role(batch, role):
    """Services act for many accounts."""
    (trust,) = batch[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": ONLY_HERE}


def test_whatever_fails_or_does_not_end_rings(batch):
    """Both machines, both ways."""
    alarms = [one["Properties"] for one in batch.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    watched = {(one["Dimensions"][0]["Value"]["Ref"], one["MetricName"]) for one in alarms}
    assert watched == {
        (machine, metric)
        for machine in ("Batch", "Announcement")
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut")
    }
    assert all(one["AlarmActions"] == [{"Ref": "AlarmTopic"}] for one in alarms)


def test_every_task_is_tried_again_by_chance_and_within_its_time(batch):
    """Jitter keeps a thousand parts from coming back at once; a part that failed for good fails the batch."""
    states = batch["Batch"]["Properties"]["Definition"]["States"]
    score = states["Score"]
    tasks = [
        one
        for one in (*states.values(), *score["ItemProcessor"]["States"].values())
        if one["Type"] == "Task" and "lambda" in one["Resource"]["Fn::Sub"]
    ]
    assert len(tasks) == 4
    assert all({retry["JitterStrategy"] for retry in task["Retry"]} == {"FULL"} for task in tasks)
    # Lambda's own limit is 900 seconds.
    assert all(task["TimeoutSeconds"] > 900 for task in tasks)
    assert score["ToleratedFailureCount"] == 0
    assert score["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert "Catch" in score
