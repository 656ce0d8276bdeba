"""CloudFormation YAML: its tags, and the intrinsic functions that a local run can resolve."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ratecard_workbench.local.errors import ConfigurationError

# A parsed document: there is no narrower type for what a template may hold, and nothing below `application` sees it.
Node = Any

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "local",
    "AWS::StackName": "ratecard",
    "AWS::StackId": "arn:aws:cloudformation:local:000000000000:stack/ratecard/local",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()
_PLACEHOLDER = re.compile(r"\$\{(!?)([A-Za-z0-9:._]+)\}")


class _TemplateLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # ten times faster
    """YAML plus the short forms of CloudFormation's functions (`!Ref`, `!Sub`, …)."""


def _construct_short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Node:
    value: Node
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:  # pragma: no cover - YAML has no fourth kind
        raise ConfigurationError("a tag of the template holds an unknown kind of YAML")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _construct_short_form)


def load_yaml(path: Path) -> dict[str, Node]:
    """Read a template or an OpenAPI document, with CloudFormation's tags.

    Raises
    ------
    ConfigurationError
        If the file is missing or not a YAML mapping.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} must hold a mapping")
    return document


class Resolver:
    """Resolves intrinsic functions as far as a template alone allows.

    A reference to a resource becomes its logical name: on one machine that is its identity.

    Parameters
    ----------
    template : Mapping
        The parsed template.
    parameters : Mapping of str to str
        Values that override the parameters' defaults.

    Raises
    ------
    ConfigurationError
        If a parameter is unknown or has neither a value nor a default.
    """

    def __init__(self, template: Mapping[str, Node], parameters: Mapping[str, str]) -> None:
        self.conditions: Mapping[str, Node] = template.get("Conditions") or {}
        self.mappings: Mapping[str, Node] = template.get("Mappings") or {}
        self.resources: Mapping[str, Node] = template.get("Resources") or {}
        self.parameters = _merge_parameters(template.get("Parameters") or {}, parameters)
        self._functions: dict[str, Callable[[Node], Node]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::Sub": self._sub,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: str(self.resolve(pair[0])) == str(self.resolve(pair[1])),
            "Fn::Not": lambda items: not self.resolve(items[0]),
            "Fn::And": lambda items: all(self.resolve(item) for item in items),
            "Fn::Or": lambda items: any(self.resolve(item) for item in items),
            "Fn::Join": lambda pair: pair[0].join(str(item) for item in self.resolve(pair[1])),
            "Fn::Select": lambda pair: self.resolve(pair[1])[int(self.resolve(pair[0]))],
            "Fn::Split": lambda pair: str(self.resolve(pair[1])).split(pair[0]),
            "Fn::FindInMap": self._find_in_map,
        }

    def resolve(self, node: Node) -> Node:
        """Return the node with every intrinsic function replaced by its value."""
        if isinstance(node, dict):
            if len(node) == 1:
                (name,) = node
                if name in self._functions:
                    return self._functions[name](node[name])
            resolved = ((key, self.resolve(value)) for key, value in node.items())
            return {key: value for key, value in resolved if value is not NO_VALUE}
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not NO_VALUE]
        return node

    def _ref(self, name: str) -> Node:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name.split(".", maxsplit=1)[0] in self.resources:
            return name
        raise ConfigurationError(f"the template refers to {name}, which is neither a parameter nor a resource")

    def _sub(self, argument: Node) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def replacement(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in variables:
                return str(self.resolve(variables[name]))
            if "." in name:
                return str(self._get_att(name.split(".", 1)))
            return str(self._ref(name))

        return _PLACEHOLDER.sub(replacement, text)

    def _get_att(self, argument: list[str]) -> str:
        name, attribute = argument[0], argument[1]
        if name not in self.resources:
            raise ConfigurationError(f"the template takes an attribute of {name}, which is not a resource")
        return f"arn:aws:local:{name}" if attribute == "Arn" else f"{name}.{attribute}"

    def _condition(self, name: str) -> bool:
        if name not in self.conditions:
            raise ConfigurationError(f"the template has no condition {name}")
        return bool(self.resolve(self.conditions[name]))

    def _if(self, argument: list[Node]) -> Node:
        return self.resolve(argument[1] if self._condition(argument[0]) else argument[2])

    def _find_in_map(self, argument: list[Node]) -> Node:
        first, second, third = (self.resolve(part) for part in argument)
        try:
            return self.mappings[first][second][third]
        except KeyError as error:
            raise ConfigurationError(f"the template's mapping {first} has no entry {second}, {third}") from error


def _merge_parameters(declared: Mapping[str, Node], given: Mapping[str, str]) -> dict[str, Node]:
    unknown = sorted(set(given) - set(declared))
    if unknown:
        known = ", ".join(sorted(declared)) or "none"
        raise ConfigurationError(f"the template has no parameter {unknown[0]}; it has: {known}")
    values: dict[str, Node] = {}
    for name, declaration in declared.items():
        if name in given:
            values[name] = given[name]
        elif "Default" in declaration:
            values[name] = declaration["Default"]
        else:
            raise ConfigurationError(f"the template's parameter {name} has no default: give --parameter {name}=…")
    return values
