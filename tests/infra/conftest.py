"""The template, as written and as CloudFormation sees it."""

from pathlib import Path
from typing import Any

import pytest
from support.translation import Template, translate

from ratecard_workbench.local.cloudformation import load_yaml

DIGEST = "d" * 64


@pytest.fixture(scope="session")
def template(repository: Path) -> Template:
    """The template as it is written."""
    return load_yaml(repository / "template.yaml")


@pytest.fixture(scope="session")
def translated(repository: Path) -> Template:
    """The template after SAM's transform, as production is deployed."""
    return translate(repository / "template.yaml", {"CodeSha256": DIGEST, "DeploymentType": "Canary10Percent15Minutes"})


@pytest.fixture(scope="session")
def lake(repository: Path) -> Template:
    """The nested stack of the usage lake."""
    return load_yaml(repository / "infra" / "lake.yaml")


@pytest.fixture(scope="session")
def ledger(repository: Path) -> Template:
    """The nested stack of the ledger, as it is written."""
    return load_yaml(repository / "infra" / "ledger.yaml")


@pytest.fixture(scope="session")
def plans(repository: Path) -> Template:
    """The nested stack of the plans."""
    return load_yaml(repository / "infra" / "plans.yaml")


@pytest.fixture(scope="session")
def gateway(repository: Path) -> dict[str, Any]:
    """What API Gateway imports."""
    return load_yaml(repository / "infra" / "openapi.yaml")
