"""The template as CloudFormation sees it: included files in place, SAM's resources translated."""

import copy
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from ratecard_workbench.local.cloudformation import load_yaml

Template = dict[str, Any]

MANAGED_POLICIES = {
    "AWSCodeDeployRoleForLambda": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited",
}
"""What SAM asks IAM for when it translates on AWS's side."""

UPLOADED = {"CodeUri": "s3://artifacts/zip", "ContentUri": "s3://artifacts/layer"}
"""`sam deploy` puts addresses like these in the place of folders."""


def translate(path: Path, parameters: dict[str, str] | None = None) -> Template:
    """Translate a template.

    Parameters
    ----------
    path : Path
        The template; paths in it are relative to its folder.
    parameters : dict
        Values that win over the parameters' defaults.
    """
    template = include_files(load_yaml(path), path.parent)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"].startswith("AWS::Serverless::"):
            properties.update({name: UPLOADED[name] for name in UPLOADED if name in properties})
    values = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
    session = boto3.Session(region_name="eu-west-1")
    translator = Translator(MANAGED_POLICIES, Parser(), boto_session=session)
    translated: Template = translator.translate(template, values | (parameters or {}))
    return translated


def include_files(node: Any, folder: Path) -> Any:
    """Put the included file in the place of every AWS::Include, as CloudFormation does before SAM's transform runs."""
    if isinstance(node, list):
        return [include_files(item, folder) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::Transform"} and node["Fn::Transform"]["Name"] == "AWS::Include":
        return copy.deepcopy(load_yaml(folder / node["Fn::Transform"]["Parameters"]["Location"]))
    return {key: include_files(value, folder) for key, value in node.items()}
