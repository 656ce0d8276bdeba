"""Which new files start a function, as the template's rules say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ratecard_workbench.local.cloudformation import Node, Resolver, load_yaml
from ratecard_workbench.local.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Which new objects trigger a function: its EventBridge rule, as far as it is about S3.

    Attributes
    ----------
    bucket : str
        Name of the bucket; on one machine the logical id of the resource.
    patterns : tuple of str
        Object keys; `*` stands for any text.
    """

    bucket: str
    patterns: tuple[str, ...]

    def take(self, key: str) -> bool:
        """Tell whether an object triggers the function."""
        return any(
            re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), key, re.DOTALL) for pattern in self.patterns
        )


def parse_arrivals(events: Mapping[str, Node]) -> Arrivals | None:
    """Read the events of a function.

    Raises
    ------
    ConfigurationError
        If a rule on keys is of a kind that does not run here.
    """
    for event in events.values():
        pattern = (event.get("Properties") or {}).get("Pattern") or {}
        if event.get("Type") in ("EventBridgeRule", "CloudWatchEvent"):
            arrivals = _parse_pattern(pattern)
            if arrivals is not None:
                return arrivals
    return None


def nested_arrivals(root: Path, resources: Mapping[str, Node], resolver: Resolver) -> Iterator[tuple[str, Arrivals]]:
    """Find the functions that a nested stack runs for new files, with the rule that starts its flow.

    Raises
    ------
    ConfigurationError
        If a nested template is missing, or its rule does not run here.
    """
    for resource in resources.values():
        properties = resource.get("Properties") or {}
        given = properties.get("Parameters") or {}
        if resource.get("Type") != "AWS::CloudFormation::Stack" or "FunctionAlias" not in given:
            continue
        template = load_yaml(root / str(properties["TemplateURL"]))
        nested = Resolver(template, {name: str(resolver.resolve(value)) for name, value in given.items()})
        for rule in nested.resources.values():
            pattern = nested.resolve((rule.get("Properties") or {}).get("EventPattern") or {})
            arrivals = _parse_pattern(pattern)
            if arrivals is not None:
                yield str(nested.parameters["FunctionAlias"]).split(".", maxsplit=1)[0], arrivals


def _parse_pattern(pattern: Mapping[str, Node]) -> Arrivals | None:
    if "aws.s3" not in (pattern.get("source") or []):
        return None
    detail = pattern.get("detail") or {}
    buckets = (detail.get("bucket") or {}).get("name") or ["inbox"]
    keys = (detail.get("object") or {}).get("key") or [{"wildcard": "*"}]
    return Arrivals(str(buckets[0]), tuple(_key_pattern(key) for key in keys))


def _key_pattern(key: Node) -> str:
    """Write one condition on an object's key as a pattern with `*`."""
    if isinstance(key, str):
        return key
    if "wildcard" in key:
        return str(key["wildcard"])
    if "prefix" in key:
        return f"{key['prefix']}*"
    raise ConfigurationError("a rule on object keys must be a constant, a prefix or a wildcard to run here")
