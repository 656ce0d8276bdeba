"""The deployment guide names what there is: it cannot be run here, so it is compared."""

import re
import tomllib

import pytest
from support.models import MODELS

from ratecard_workbench.publish.entry import entry_names

SHOWN = "credit-rating"


@pytest.fixture(scope="module")
def guide(repository):
    """The page's text."""
    return (repository / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")


def test_the_guide_has_every_parameter_with_its_default(guide, template):
    """One row of the table for each, or for two that belong together."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|([^|]*)\|", guide, re.MULTILINE)
    told = {}
    for names, defaults in rows:
        told.update(zip(re.findall(r"\w+", names), (value.strip() for value in defaults.split(",")), strict=True))
    # Every model has the same two parameters; the page shows them for one.
    others = {name for model in MODELS if model.slug != SHOWN for name in entry_names(model.slug)}
    parameters = {name: one for name, one in template["Parameters"].items() if name not in others}
    assert told == {name: str(parameter["Default"]) for name, parameter in parameters.items()}


def test_the_commands_of_the_guide_exist(guide, repository):
    """Every `make` target it names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", guide)) <= targets


def test_the_guide_gives_uploaders_every_right_they_need(guide):
    """A large file goes up in parts, which S3 must decrypt to join: without that right only small ones arrive."""
    (files,) = re.findall(r"^- \*\*Files\.\*\* .*?(?=^- )", guide, re.MULTILINE | re.DOTALL)
    for right in ("s3:PutObject", "kms:GenerateDataKey", "kms:Decrypt", "kms:ViaService"):
        assert f"`{right}`" in files


def test_the_guide_names_what_rolls_a_model_back(guide, translated):
    """The gateway's alarm by its name, because it is the one that the function's own answers ring."""
    (rolling,) = re.findall(r"^- \*\*Roll-out\.\*\* .*?(?=^- )", guide, re.MULTILINE | re.DOTALL)
    group = translated["Resources"]["CreditRatingFunctionDeploymentGroup"]["Properties"]
    named = set(re.findall(r"`(\w+Alarm)`", rolling))
    assert named
    assert named <= {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}


@pytest.mark.parametrize("environment", ["dev", "preview", "prod"])
def test_each_environment_sets_parameters_that_exist(repository, template, environment):
    """What the build decides is never set there, and stages do not share a name."""
    config = tomllib.loads((repository / "samconfig.toml").read_text())
    deploy = config[environment]["deploy"]["parameters"]
    given = dict(pair.split("=", 1) for pair in deploy["parameter_overrides"])
    assert set(given) <= set(template["Parameters"]) - {"CodeSha256", "Architecture"}
    assert (given["Stage"], deploy["stack_name"]) == (environment, f"ratecard-{environment}")
    assert "CAPABILITY_AUTO_EXPAND" in deploy["capabilities"]
    assert given["DeploymentType"] in template["Parameters"]["DeploymentType"]["AllowedValues"]


def test_production_moves_traffic_step_by_step(repository):
    """AllAtOnce is for stages that nobody pays for."""
    config = tomllib.loads((repository / "samconfig.toml").read_text())
    overrides = config["prod"]["deploy"]["parameters"]["parameter_overrides"]
    assert any(pair.startswith("DeploymentType=Canary") for pair in overrides)
