"""The command line: results on stdout, messages on stderr, JSON for programs, exit codes by kind."""

import json
import subprocess

import pytest
from support.platform import COMMAND, FIXTURE_APP

pytestmark = pytest.mark.xdist_group("local-commands")


def run(*arguments, stdin=""):
    """Run a command."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, input=stdin, check=False)


def parsed(*arguments, stdin=""):
    """Run a command with --json; it must succeed and print one line."""
    finished = run(*arguments, "--json", stdin=stdin)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\n") == 1
    return json.loads(finished.stdout)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def test_a_key_is_made_listed_rotated_and_disabled(home):
    """The secret is shown when it is made and when it is rotated, never in a list."""
    made = parsed("keys", "create", "acme", "--plan", "small", "--project", FIXTURE_APP, "--home", home)
    rotated = parsed("keys", "rotate", made["key_id"], "--home", home)
    disabled = parsed("keys", "disable", made["key_id"], "--home", home)
    listed = parsed("keys", "list", "--home", home)

    assert made["key"].startswith("rk_")
    assert rotated["key"] != made["key"]
    assert (disabled["enabled"], "key" in disabled) == (False, False)
    assert [key["key_id"] for key in listed] == [made["key_id"]]
    assert rotated["key"] not in json.dumps(listed)
    assert listed[0]["last4"] == rotated["key"][-4:]
    assert parsed("keys", "list", "--customer", "nobody", "--home", home) == []


def test_the_secret_alone_is_on_stdout(home):
    """So that a script can put it into a variable."""
    finished = run("keys", "create", "acme", "--project", FIXTURE_APP, "--home", home)

    assert finished.stdout.strip().startswith("rk_")
    assert len(finished.stdout.split()) == 1
    assert "shown once" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("keys", "create", "acme", "--plan", "none"), 66, "the plans are: slow, small, standard"),
        (("keys", "create", "Not Valid"), 65, "lower-case"),
        (("keys", "rotate", "none"), 66, "no key none"),
        (("keys", "disable", "none"), 66, "no key none"),
        (("keys",), 2, "Usage"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_failures_have_codes_and_words(home, arguments, code, words):
    """Exit code from the kind of the error; the message on stderr; nothing on stdout."""
    project = ("--project", FIXTURE_APP) if "create" in arguments else ()
    place = ("--home", home) if len(arguments) > 1 else ()
    finished = run(*arguments, *project, *place)

    assert finished.returncode == code
    assert words in finished.stderr + finished.stdout
    assert "Traceback" not in finished.stderr


def test_models_are_listed():
    """Functions, limits and routes, from template and API."""
    found = {model["model"]: model for model in parsed("models", "--project", FIXTURE_APP)}

    echo = found["echo"]
    assert (echo["function"], echo["memory_megabytes"], echo["concurrency"]) == ("EchoFunction", 128, 4)
    assert echo["batch_function"] == "EchoBatchFunction"
    assert found["once"]["batch_function"] is None
    assert "POST /v1/models/echo/predict" in echo["routes"]
    changed = parsed("models", "--project", FIXTURE_APP, "--parameter", "EchoMemory=512")
    assert changed[0]["memory_megabytes"] == 512
    assert "EchoFunction" in run("models", "--project", FIXTURE_APP).stdout


def test_usage_shows_calls_units_and_answers(platform):
    """By key and customer, from the lake of a running platform."""
    for body in ({"do": "echo"}, {"do": "echo"}, {"do": "crash"}, {}):
        platform.predict(body)
    platform.predict({"do": "echo"}, key="wrong")
    shown = parsed("usage", "--home", platform.home)

    (usage,) = [row for row in shown["usage"] if row["key"] == platform.key_id]
    assert (usage["customer"], usage["calls"], usage["units"], usage["billable"]) == ("tester", 2, 2, 2)
    answers = {row["key"]: row for row in shown["answers"]}
    mine = answers[platform.key_id]
    assert (mine["counted"], mine["2xx"], mine["4xx"], mine["5xx"]) == (4, 2, 1, 1)
    assert answers["-"]["4xx"] == 1
    table = run("usage", "--once", "--home", platform.home).stdout
    assert platform.key_id in table
    assert "tester" in table


def test_usage_before_the_first_call(home):
    """An empty home is an empty table."""
    home.mkdir()
    assert parsed("usage", "--home", home) == {"usage": [], "answers": []}


def test_a_function_is_invoked_without_a_gateway(tmp_path, home):
    """The reply on stdout, log and usage line on stderr, and nothing in the lake: it is not billed."""
    event = {
        "body": json.dumps({"do": "show"}),
        "requestContext": {"extendedRequestId": None, "identity": {}},
    }
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    finished = run("invoke", "echo", path, "--project", FIXTURE_APP, "--home", home)

    assert finished.returncode == 0, finished.stderr
    seen = json.loads(json.loads(finished.stdout)["body"])
    assert seen["event"] == event
    assert (seen["memory"], seen["layer"]) == ("128", "from the layer")
    assert "[usage] {" in finished.stderr
    assert not (home / "lake").exists()
    again = run("invoke", "echo", "-", "--project", FIXTURE_APP, "--home", home, "--json", stdin=path.read_text())
    assert again.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("event", "code", "words"),
    [
        ('{"body": "{\\"do\\": \\"raise\\"}"}', 70, "ValueError"),
        ('{"body": "{\\"do\\": \\"crash\\"}"}', 70, "signal 6"),
        ("not JSON", 65, "not JSON"),
    ],
)
def test_an_invocation_that_fails_says_so(home, event, code, words):
    """The exit code is that of the error's kind."""
    finished = run("invoke", "echo", "-", "--project", FIXTURE_APP, "--home", home, stdin=event)

    assert finished.returncode == code
    assert words in finished.stderr
    assert finished.stdout == ""


def test_an_unknown_model_is_not_invoked(home):
    """The message names those there are."""
    finished = run("invoke", "none", "-", "--project", FIXTURE_APP, "--home", home, stdin="{}")

    assert finished.returncode == 66
    assert "the models are: echo" in finished.stderr


def test_help_lists_every_command():
    """`ratecard --help` and each command's own."""
    listed = run("--help").stdout
    for command in ("up", "keys", "models", "usage", "invoke", "inbox"):
        assert command in listed
        assert "--home" in run(command, "--help").stdout or command in ("keys", "models", "inbox")
