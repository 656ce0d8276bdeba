"""The models the template publishes: each function's contract and how the gateway reaches it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

from ratecard.contract import ModelContract
from ratecard_workbench.local.application import FunctionSpec, load_application

ONLINE_HANDLER = "handler.lambda_handler"

LARGEST_GATEWAY_TIMEOUT_SECONDS = 29
"""API Gateway's default ceiling for an integration of a Regional REST API. Source: API Gateway quotas."""


@dataclass(frozen=True, slots=True)
class ContractedModel:
    """One model of the template.

    Attributes
    ----------
    contract : ModelContract
        What it takes and gives.
    function : str
        Logical id of its online function.
    timeout_seconds : int
        The function's own timeout.
    """

    contract: ModelContract
    function: str
    timeout_seconds: int

    @property
    def gateway_timeout_milliseconds(self) -> int:
        """How long the gateway waits: a second less than the function, so that a slow call ends as 504, not 502."""
        return 1000 * min(self.timeout_seconds - 1, LARGEST_GATEWAY_TIMEOUT_SECONDS)


def load_models(root: Path) -> tuple[ContractedModel, ...]:
    """Read the contracts of all models in `root`/template.yaml, ordered by slug.

    Raises
    ------
    ValueError
        If the template publishes no model, or a model in another folder than its package's name says.
    """
    functions = load_application(root, {}).functions.values()
    models = [contracted(spec) for spec in functions if spec.handler.endswith(ONLINE_HANDLER)]
    if not models:
        raise ValueError("template.yaml publishes no model")
    return tuple(sorted(models, key=lambda model: model.contract.slug))


def contracted(spec: FunctionSpec) -> ContractedModel:
    """Read one model's contract from the source its function is built from."""
    package = spec.handler.split(".")[0]
    contract = load_contract(spec.paths[0], package)
    if contract.slug != package.replace("_", "-"):
        raise ValueError(f"{package} publishes the slug {contract.slug}, not its own name")
    return ContractedModel(contract=contract, function=spec.name, timeout_seconds=spec.timeout_seconds)


def load_contract(source: Path, package: str) -> ModelContract:
    """Import `CONTRACT` of a model's package from its source folder."""
    sys.path.insert(0, str(source))
    try:
        contract = importlib.import_module(f"{package}.contract").CONTRACT
    finally:
        sys.path.remove(str(source))
    if not isinstance(contract, ModelContract):
        raise TypeError(f"{package}.contract.CONTRACT is not a ModelContract")
    return contract
