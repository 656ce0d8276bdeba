"""What the platform reads out of a template: functions, limits, environment, stage."""

from pathlib import Path

import pytest
from support.platform import FIXTURE_APP

from ratecard_workbench.local.application import ACCOUNT_CONCURRENCY, load_application, load_dev_parameters
from ratecard_workbench.local.cloudformation import Resolver, load_yaml
from ratecard_workbench.local.errors import ConfigurationError

MINIMAL = """
Resources:
  OneFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Handler: one.handler}
"""


def application(tmp_path: Path, text: str, **parameters: str):
    (tmp_path / "template.yaml").write_text(text)
    return load_application(tmp_path, parameters)


def test_the_fixture_application_is_read_whole():
    """Globals, parameters of samconfig.toml, layers, limits and stage arrive as the template means them."""
    found = load_application(FIXTURE_APP, {})
    echo = found.functions["EchoFunction"]

    assert echo.environment == {"FROM_GLOBALS": "yes", "STAGE": "dev-local"}
    assert (echo.memory_megabytes, echo.timeout_seconds, echo.concurrency) == (128, 20, 4)
    assert echo.paths == (FIXTURE_APP / "functions/echo/src", FIXTURE_APP / "layers/words/src")
    assert found.functions["EchoBatchFunction"].timeout_seconds == 10
    assert found.stage.name == "dev"
    assert found.stage.definition == FIXTURE_APP / "infra/openapi.yaml"


def test_a_files_trigger_is_its_eventbridge_rule():
    """Bucket and key pattern of the rule decide which files a function takes."""
    arrivals = load_application(FIXTURE_APP, {}).functions["EchoBatchFunction"].arrivals

    assert arrivals.bucket == "Inbox"
    assert arrivals.take("inbox/acme/echo/a.csv")
    assert arrivals.take("inbox/acme/echo/explain/a.csv")
    assert not arrivals.take("inbox/acme/other/a.csv")
    assert not arrivals.take("xinbox/acme/echo/a.csv")


def test_throttles_of_the_stage_are_matched_most_exact_first():
    """A method's own setting wins over the stage's; `~1` is a slash."""
    stage = load_application(FIXTURE_APP, {}).stage

    assert stage.throttle_of("/v1/models/echo/predict", "POST").burst == 5000
    assert stage.throttle_of("/v1/models", "GET").burst == 3


def test_a_parameter_given_wins_over_samconfig_and_default():
    """--parameter, then samconfig.toml's dev, then the template."""
    assert load_application(FIXTURE_APP, {}).stage.name == "dev"
    assert load_application(FIXTURE_APP, {"Stage": "mine"}).stage.name == "mine"
    assert load_application(FIXTURE_APP, {"EchoConcurrency": "9"}).functions["EchoFunction"].concurrency == 9
    unlimited = load_application(FIXTURE_APP, {"EchoConcurrency": "-1"})
    assert unlimited.functions["EchoFunction"].concurrency == ACCOUNT_CONCURRENCY


def test_lambdas_defaults_hold_where_the_template_is_silent(tmp_path):
    """128 MB, three seconds, no variables."""
    one = application(tmp_path, MINIMAL).functions["OneFunction"]

    assert (one.memory_megabytes, one.timeout_seconds, dict(one.environment)) == (128, 3, {})
    assert one.arrivals is None


def test_overrides_may_be_a_list_or_a_string(tmp_path):
    """Both ways that SAM writes parameter_overrides are read, quotes included."""
    path = tmp_path / "samconfig.toml"
    path.write_text('[dev.deploy.parameters]\nparameter_overrides = "A=1 B=\\"two words\\""\n')
    assert load_dev_parameters(path) == {"A": "1", "B": "two words"}
    path.write_text('[dev.deploy.parameters]\nparameter_overrides = ["A=1", "B=2"]\n')
    assert load_dev_parameters(path) == {"A": "1", "B": "2"}
    assert load_dev_parameters(tmp_path / "none.toml") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL.replace("one.handler", "handler"), "module.function"),
        (MINIMAL.replace("CodeUri: .", "CodeUri: nowhere"), "CodeUri"),
        (MINIMAL.replace("CodeUri: .", "CodeUri: ., MemorySize: lots"), "MemorySize"),
        (MINIMAL.replace("CodeUri: .", "CodeUri: !Ref Nothing"), "Nothing"),
        ("Parameters: {A: {Type: String}}\n" + MINIMAL, "--parameter A="),
        ("- a list", "mapping"),
        ("a: [", "not valid YAML"),
        (MINIMAL.replace("CodeUri: .", "CodeUri: !If [Nope, ., .]"), "condition Nope"),
    ],
)
def test_a_template_that_cannot_run_says_why(tmp_path, text, message):
    """Each error names what to change."""
    with pytest.raises(ConfigurationError, match=message):
        application(tmp_path, text)


def test_an_unknown_parameter_is_refused(tmp_path):
    """A misspelt --parameter is no silent default."""
    with pytest.raises(ConfigurationError, match="no parameter Nope"):
        application(tmp_path, MINIMAL, Nope="1")


def test_a_missing_template_is_named(tmp_path):
    """The message names the file."""
    with pytest.raises(ConfigurationError, match=r"template\.yaml"):
        load_application(tmp_path, {})


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ("!Ref A", "x"),
        ("!Ref AWS::Region", "local"),
        ("!Ref Thing", "Thing"),
        ("!GetAtt Thing.Arn", "arn:aws:local:Thing"),
        ("!GetAtt [Thing, Name]", "Thing.Name"),
        ('!Sub "${A}-${Thing}-${Thing.Arn}-${!Literal}-${B}"', None),
        ('!Sub ["${A}${C}", {C: !Ref B}]', "xy"),
        ("!If [IsX, 1, 2]", 1),
        ("!If [NotX, 1, !Ref AWS::NoValue]", None),
        ("!Join ['-', [a, !Ref A]]", "a-x"),
        ("!Select [1, !Split [',', 'a,b,c']]", "b"),
        ("!FindInMap [M, one, two]", "found"),
        ("{Fn::Equals: [!Ref A, x]}", True),
        ("!And [!Condition IsX, !Not [!Condition NotX]]", True),
        ("!Or [!Condition NotX, !Condition NotX]", False),
    ],
)
def test_intrinsic_functions(tmp_path, node, value):
    """Every function that a local run needs gives what CloudFormation would."""
    path = tmp_path / "t.yaml"
    path.write_text(f"""
Parameters: {{A: {{Default: x}}, B: {{Default: y}}}}
Mappings: {{M: {{one: {{two: found}}}}}}
Conditions: {{IsX: !Equals [!Ref A, x], NotX: !Not [!Condition IsX]}}
Resources: {{Thing: {{Type: X}}}}
Value: {{it: {node}}}
""")
    template = load_yaml(path)
    resolved = Resolver(template, {}).resolve(template["Value"])

    if "Literal" in node:
        value = "x-Thing-arn:aws:local:Thing-${Literal}-y"
    assert resolved.get("it") == value
