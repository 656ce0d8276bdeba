"""What `template.yaml` says about functions and the stage, as typed values."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ratecard_workbench.local.arrivals import Arrivals, nested_arrivals, parse_arrivals
from ratecard_workbench.local.cloudformation import Node, Resolver, load_yaml
from ratecard_workbench.local.errors import ConfigurationError

# Lambda's own defaults, where the template is silent.
DEFAULT_MEMORY_MEGABYTES = 128
DEFAULT_TIMEOUT_SECONDS = 3
# A new account may run ten environments at once; a function without a reservation shares them.
ACCOUNT_CONCURRENCY = 10
MERGED_GLOBALS = ("Environment", "Tags")


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function of the template.

    Attributes
    ----------
    name : str
        Logical id of the resource.
    handler : str
        `module.function`.
    paths : tuple of Path
        Folders its code is imported from: `CodeUri` first, then its layers.
    memory_megabytes, timeout_seconds, concurrency : int
        Limits; `concurrency` is the reservation, or what a new account has.
    environment : Mapping of str to str
        Variables of the template.
    arrivals : Arrivals or None
        The files that trigger it; None for a function that no file triggers.
    """

    name: str
    handler: str
    paths: tuple[Path, ...]
    memory_megabytes: int
    timeout_seconds: int
    concurrency: int
    environment: Mapping[str, str]
    arrivals: Arrivals | None


@dataclass(frozen=True, slots=True)
class MethodThrottle:
    """How often all callers together may use a method; `*` stands for every path or method."""

    resource: str
    method: str
    rate_per_second: float
    burst: int


# API Gateway's account limits.
ACCOUNT_THROTTLE = MethodThrottle("*", "*", rate_per_second=10_000.0, burst=5_000)


@dataclass(frozen=True, slots=True)
class Stage:
    """The API's stage: its name, access-log format, throttles and OpenAPI document."""

    name: str
    access_log_format: str | None
    throttles: tuple[MethodThrottle, ...]
    definition: Path

    def throttle_of(self, resource: str, method: str) -> MethodThrottle:
        """Return the most exact throttle of a method; API Gateway's account limits where the stage sets none."""
        matches = [
            throttle
            for throttle in self.throttles
            if throttle.resource in ("*", resource) and throttle.method in ("*", method)
        ]
        exact = sorted(matches, key=lambda throttle: (throttle.resource == "*", throttle.method == "*"))
        return exact[0] if exact else ACCOUNT_THROTTLE


@dataclass(frozen=True, slots=True)
class Application:
    """Everything the platform takes from the template."""

    root: Path
    functions: Mapping[str, FunctionSpec]
    stage: Stage


def load_application(root: Path, parameters: Mapping[str, str]) -> Application:
    """Read `template.yaml` and the dev parameters of `samconfig.toml`.

    Parameters
    ----------
    root : Path
        The project's folder.
    parameters : Mapping of str to str
        Values that win over samconfig.toml, which wins over the template's defaults.

    Raises
    ------
    ConfigurationError
        If the template is missing, malformed, or asks for what one machine cannot give.
    """
    template = load_yaml(root / "template.yaml")
    resolver = Resolver(template, load_dev_parameters(root / "samconfig.toml") | dict(parameters))
    resources = {
        name: resource
        for name, resource in (template.get("Resources") or {}).items()
        if "Condition" not in resource or resolver.resolve({"Condition": resource["Condition"]})
    }
    shared = (template.get("Globals") or {}).get("Function") or {}
    functions = {
        name: _parse_function(name, _with_globals(shared, resource.get("Properties") or {}), root, resolver)
        for name, resource in resources.items()
        if resource.get("Type") == "AWS::Serverless::Function"
    }
    for name, arrivals in nested_arrivals(root, resources, resolver):
        functions[name] = replace(functions[name], arrivals=arrivals)
    return Application(root=root, functions=functions, stage=_parse_stage(root, resources, resolver))


def load_dev_parameters(path: Path) -> dict[str, str]:
    """Read `parameter_overrides` of the environment `dev` (of any command) from a samconfig.toml; none without it."""
    if not path.is_file():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} is not valid TOML: {error}") from error
    found: dict[str, str] = {}
    for command in document.get("dev", {}).values():
        overrides = command.get("parameters", {}).get("parameter_overrides", [])
        pairs = shlex.split(overrides) if isinstance(overrides, str) else overrides
        for pair in pairs:
            name, separator, value = pair.partition("=")
            if not separator:
                raise ConfigurationError(f"{path.name}: parameter_overrides holds {pair!r}, not Name=Value")
            found[name] = value
    return found


def _with_globals(shared: Mapping[str, Node], own: Mapping[str, Node]) -> dict[str, Node]:
    """Merge as SAM does: maps are merged, lists joined, everything else is overridden."""
    merged = dict(shared)
    for key, value in own.items():
        base = merged.get(key)
        if key in MERGED_GLOBALS and isinstance(base, dict) and isinstance(value, dict):
            merged[key] = _with_globals(base, value) if key == "Environment" else base | value
        elif key == "Variables" and isinstance(base, dict):
            merged[key] = base | value
        elif isinstance(base, list) and isinstance(value, list):
            merged[key] = base + value
        else:
            merged[key] = value
    return merged


def _parse_function(name: str, properties: Mapping[str, Node], root: Path, resolver: Resolver) -> FunctionSpec:
    def number(key: str, default: int) -> int:
        value = resolver.resolve(properties.get(key, default))
        try:
            return int(value) if isinstance(value, int | str) else default
        except ValueError:
            raise ConfigurationError(f"{name}: {key} must be a whole number") from None

    handler = resolver.resolve(properties.get("Handler"))
    if not isinstance(handler, str) or "." not in handler:
        raise ConfigurationError(f"{name}: Handler must be module.function")
    code = root / str(resolver.resolve(properties.get("CodeUri", ".")))
    if not code.is_dir():
        raise ConfigurationError(f"{name}: its CodeUri {properties.get('CodeUri')} is not a folder of the project")
    variables = resolver.resolve((properties.get("Environment") or {}).get("Variables") or {})
    return FunctionSpec(
        name=name,
        handler=handler,
        paths=(code.resolve(), *_layer_paths(properties.get("Layers") or [], root, resolver)),
        memory_megabytes=number("MemorySize", DEFAULT_MEMORY_MEGABYTES),
        timeout_seconds=number("Timeout", DEFAULT_TIMEOUT_SECONDS),
        concurrency=number("ReservedConcurrentExecutions", ACCOUNT_CONCURRENCY),
        environment={key: _environment_text(value) for key, value in variables.items()},
        arrivals=parse_arrivals(resolver.resolve(properties.get("Events") or {})),
    )


def _environment_text(value: Node) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _layer_paths(layers: list[Node], root: Path, resolver: Resolver) -> tuple[Path, ...]:
    """Return the source folders of the template's own layers: what Lambda would see as /opt/python."""
    found: list[Path] = []
    for reference in layers:
        resource = resolver.resources.get(str(resolver.resolve(reference)), {})
        content = resolver.resolve((resource.get("Properties") or {}).get("ContentUri"))
        if not isinstance(content, str):
            continue
        folder = root / content
        found += [path.resolve() for path in (folder / "src", folder / "python") if path.is_dir()][:1]
    return tuple(found)


def _parse_stage(root: Path, resources: Mapping[str, Node], resolver: Resolver) -> Stage:
    properties: Mapping[str, Node] = {}
    for resource in resources.values():
        if resource.get("Type") == "AWS::Serverless::Api":
            properties = resource.get("Properties") or {}
    settings = resolver.resolve(properties.get("MethodSettings") or [])
    log = (properties.get("AccessLogSetting") or {}).get("Format")
    return Stage(
        name=str(resolver.resolve(properties.get("StageName", "local"))),
        access_log_format=resolver.resolve(log) if log is not None else None,
        throttles=tuple(_parse_throttle(setting) for setting in settings if "ThrottlingRateLimit" in setting),
        definition=root / _definition_path(properties),
    )


def _parse_throttle(setting: Mapping[str, Node]) -> MethodThrottle:
    # Source: AWS::ApiGateway::Stage MethodSetting: "/*" for all, else a slash and the path with its own slashes as ~1.
    path = str(setting.get("ResourcePath", "/*")).removeprefix("/").replace("~1", "/")
    return MethodThrottle(
        resource=path,
        method=str(setting.get("HttpMethod", "*")).upper(),
        rate_per_second=float(setting["ThrottlingRateLimit"]),
        burst=int(setting.get("ThrottlingBurstLimit", ACCOUNT_THROTTLE.burst)),
    )


def _definition_path(properties: Mapping[str, Node]) -> str:
    """Find the OpenAPI file that `DefinitionUri` or an AWS::Include of `DefinitionBody` names."""
    uri = properties.get("DefinitionUri")
    if isinstance(uri, str):
        return uri
    match = re.search(r"'Location': '([^']+)'", repr(properties.get("DefinitionBody")))
    return match.group(1) if match else "infra/openapi.yaml"
