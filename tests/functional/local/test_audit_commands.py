"""`ratecard customers|keys|audit`: changes by command leave records; what has none is named."""

import contextlib
import json
import shutil
import subprocess

import pytest
from support.platform import COMMAND, FIXTURE_APP

from ratecard.storage.accounts import SqliteAccounts

pytestmark = pytest.mark.xdist_group("local-commands")


@pytest.fixture
def project(tmp_path):
    return shutil.copytree(FIXTURE_APP, tmp_path / "app")


@pytest.fixture
def run(tmp_path, project):
    """Run a command in a home of its own."""

    def ratecard(*arguments):
        place = ["--home", tmp_path / "home"]
        place += ["--project", project] if {"create", "set", "set-plan", "verify", "adopt"} & set(arguments) else []
        return subprocess.run([*COMMAND, *map(str, [*arguments, *place])], capture_output=True, text=True, check=False)

    return ratecard


@pytest.fixture
def parsed(run):
    """Run a command with --json, which must succeed."""

    def ratecard(*arguments):
        finished = run(*arguments, "--json")
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    return ratecard


def test_customers_are_made_listed_and_changed(parsed, run):
    """Terms are given or taken from the price book, whose currency is the only one; what is not named stays."""
    made = parsed(
        "customers", "create", "acme", "--time-zone", "Asia/Taipei", "--anchor-day", "31", "--files-plan", "small"
    )
    changed = parsed("customers", "set", "acme", "--name", "Acme SE", "--files-plan", "slow", "--currency", "USD")
    refused = run("customers", "set", "acme", "--currency", "TWD")

    assert (made["name"], made["time_zone"], made["anchor_day"], made["files_plan"]) == (
        "acme",
        "Asia/Taipei",
        31,
        "small",
    )
    assert changed == made | {"name": "Acme SE", "files_plan": "slow"}
    assert (refused.returncode, "nothing is converted to TWD" in refused.stderr) == (65, True)
    assert parsed("customers", "list") == [changed]


def test_a_plan_is_changed_now_or_later(parsed):
    """`--from` names an instant with its offset; until then the key keeps its plan."""
    key = parsed("keys", "create", "acme", "--plan", "small")["key_id"]

    assert parsed("keys", "set-plan", key, "slow")["plan"] == "slow"
    assert parsed("keys", "set-plan", key, "standard", "--from", "2099-01-01T00:00:00+08:00")["plan"] == "slow"
    assert parsed("audit", "list", "--subject", "key/")[-1]["changes"]["plans"][1][-1] == [
        "standard",
        "2098-12-31T16:00:00.000Z",
    ]


def test_each_command_leaves_a_record_of_its_actor(parsed, run):
    """`--actor`, or the user of the machine; adopting makes the trail whole, and verify prints the hash to note."""
    parsed("customers", "create", "acme", "--actor", "ann")
    key = parsed("keys", "create", "acme", "--actor", "bob")["key_id"]
    for command in ("rotate", "disable", "enable"):
        parsed("keys", command, key, "--actor", command)
    parsed("keys", "set-plan", key, "slow")

    records = parsed("audit", "list")
    assert [record["actor"] for record in records][:-1] == ["ann", "bob", "rotate", "disable", "enable"]
    assert records[-1]["actor"]
    assert run("audit", "verify").returncode == 65
    assert parsed("audit", "adopt", "--actor", "ann") == ["price-book"]
    whole = parsed("audit", "verify")
    assert whole["records"] == 7
    assert run("audit", "verify", "--head", whole["head_sha256"]).returncode == 0


def test_findings_fail_the_command_and_are_named(parsed, run, project, tmp_path):
    """An edited price book, a key changed behind the back, a shortened trail, and a changed record."""
    key = parsed("keys", "create", "acme")["key_id"]
    parsed("audit", "adopt")
    head = parsed("audit", "verify")["head_sha256"]

    with (project / "infra/ratecard.toml").open("a") as book:
        book.write("# cheaper\n")
    with contextlib.closing(SqliteAccounts(tmp_path / "home/accounts.sqlite")) as accounts:
        accounts.set_key_enabled(key, enabled=False)
    found = run("audit", "verify")
    assert (found.returncode, found.stdout) == (65, "")
    assert "price-book has changed without a record" in found.stderr
    assert f"key/{key} has changed without a record" in found.stderr

    last, first = (sorted((tmp_path / "home/audit").iterdir())[place] for place in (-1, 0))
    last.unlink()
    assert "not the one you named" in run("audit", "verify", "--head", head).stderr
    content = first.read_bytes()
    first.unlink()
    first.write_bytes(content.replace(b"acme", b"evil"))
    assert "record 1" in run("audit", "verify").stderr
    refused = run("keys", "rotate", "none")
    assert refused.returncode == 66


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("customers", "create", "acme", "--time-zone", "Mars/Base"), 65, "zone"),
        (("customers", "create", "acme", "--anchor-day", "32"), 65, "anchor day"),
        (("customers", "create", "acme", "--currency", "XXX"), 65, "currency"),
        (("customers", "create", "acme", "--files-plan", "none"), 66, "the plans are"),
        (("customers", "create", "acme", "--actor", " "), 65, "name of who"),
        (("customers", "set", "nobody", "--name", "x"), 66, "no customer"),
        (("customers", "set", "nobody", "--from", "2099-01-01T00:00:00Z"), 2, "--files-plan"),
        (("keys", "set-plan", "none", "slow"), 66, "no key"),
        (("keys", "set-plan", "none", "slow", "--from", "2099-01-01"), 2, "offset"),
        (("keys", "set-plan", "none", "slow", "--from", "soon"), 2, "not an instant"),
    ],
)
def test_refusals_have_codes_and_words(run, arguments, code, words):
    """Exit code from the kind of the error; nothing on stdout."""
    finished = run(*arguments)

    assert (finished.returncode, finished.stdout) == (code, "")
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_past_is_not_assigned_anew(parsed, run):
    """A plan begins now or later."""
    key = parsed("keys", "create", "acme")["key_id"]
    finished = run("keys", "set-plan", key, "slow", "--from", "2026-01-01T00:00:00Z")

    assert finished.returncode == 65
    assert "from now on" in finished.stderr
