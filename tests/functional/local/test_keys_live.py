"""Keys change while the platform runs: within a second, and without touching who pays or what was used."""

import json
import subprocess
import time

import pytest
from support.platform import COMMAND, FIXTURE_APP, KEY_SECONDS, fixture_platform, wait_until

from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.accounts import now_ms

pytestmark = pytest.mark.xdist_group("local-keys")


def ratecard(platform, *arguments):
    """Run a command on the platform's home; returns its parsed JSON."""
    finished = subprocess.run(
        [*COMMAND, *arguments, "--home", str(platform.home), "--json"], capture_output=True, text=True, check=True
    )
    assert finished.stderr == ""
    return json.loads(finished.stdout)


def status(platform, secret):
    return platform.predict({"do": "echo"}, key=secret).status


def test_a_new_key_works_and_a_disabled_one_stops_within_a_second(platform):
    """Create, disable, enable: each is in force after at most a second."""
    made = platform.issue_key(customer="acme")
    assert status(platform, made.secret) == 200

    ratecard(platform, "keys", "disable", made.key.id)
    time.sleep(KEY_SECONDS)
    assert status(platform, made.secret) == 403

    ratecard(platform, "keys", "enable", made.key.id)
    time.sleep(KEY_SECONDS)
    assert status(platform, made.secret) == 200


def test_rotation_keeps_id_customer_and_what_was_used(platform):
    """Two of five used, rotated, three left; the old secret is worthless and the usage stays on one key."""
    made = platform.issue_key(plan="small", customer="acme")
    assert [status(platform, made.secret) for _ in range(2)] == [200, 200]

    rotated = ratecard(platform, "keys", "rotate", made.key.id)
    time.sleep(KEY_SECONDS)

    assert status(platform, made.secret) == 403
    assert [status(platform, rotated["key"]) for _ in range(4)] == [200, 200, 200, 429]
    assert (rotated["key_id"], rotated["customer"]) == (made.key.id, "acme")
    assert platform.counts()[made.key.id] == 5
    lines = [line for line in platform.usage_lines() if line["subject"] == made.key.id]
    assert len(lines) == 5


def test_a_change_to_one_key_does_not_refill_anothers_bucket(platform):
    """Reloading keys keeps the state of every throttle."""
    slow = platform.issue_key(plan="slow")
    assert [status(platform, slow.secret) for _ in range(4)] == [200, 200, 200, 429]
    platform.issue_key()

    assert status(platform, slow.secret) == 429


def test_the_demo_key_works_and_the_one_before_does_not(tmp_path):
    """Every start gives the demo key a new secret, for only its hash is kept; its id stays."""
    announced = []
    for _ in range(2):
        with fixture_platform(tmp_path / "home") as platform:
            announced.append(platform.announced["demo"])
            assert status(platform, announced[-1]["key"]) == 200
            if len(announced) == 2:
                assert status(platform, announced[0]["key"]) == 403
    assert announced[0]["key_id"] == announced[1]["key_id"]


def test_the_printed_command_works(platform):
    """The curl line of the start is pasted into a shell and answers."""
    finished = subprocess.run(["bash", "-c", platform.announced["curl"]], capture_output=True, check=True)

    assert json.loads(finished.stdout)["do"] == "echo"


def test_a_lookup_costs_the_same_for_many_keys(platform):
    """A thousand keys are loaded, and all work."""
    import contextlib

    from ratecard.storage.accounts import SqliteAccounts

    with contextlib.closing(SqliteAccounts(platform.home / "accounts.sqlite")) as accounts:
        accounts.ensure_customer("many", "Many")
        made = [accounts.create_key("many", "standard", f"{number}") for number in range(1000)]
    wait_until(lambda: status(platform, made[-1].secret) == 200)

    assert status(platform, made[0].secret) == 200


def test_a_plan_changes_while_calls_are_made(platform):
    """Used up under one plan, allowed by the next within a second; back again at an instant named ahead."""
    made = platform.issue_key(plan="small", customer="acme")
    project = ("--project", str(FIXTURE_APP))
    assert [status(platform, made.secret) for _ in range(6)] == [200] * 5 + [429]

    ratecard(platform, "keys", "set-plan", made.key.id, "standard", *project)
    later = rfc3339_from_epoch_ms(now_ms() + 3000)
    ratecard(platform, "keys", "set-plan", made.key.id, "small", "--from", later, *project)

    wait_until(lambda: status(platform, made.secret) == 200)
    wait_until(lambda: status(platform, made.secret) == 429)


def test_the_platforms_own_key_is_on_record(platform):
    """`ratecard up` gives the demo customer a key: that is a change, by the user who started it."""
    records = ratecard(platform, "audit", "list", "--subject", f"key/{platform.announced['demo']['key_id']}")

    assert [record["action"] for record in records] == ["key.created"]
    assert records[0]["actor"]
    assert platform.announced["demo"]["key"] not in json.dumps(records)
