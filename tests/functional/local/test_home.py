"""The home folder: closed to others, and named in one sentence where it cannot be used."""

import json
import os
import sqlite3
import stat
import subprocess

import pytest
from support.platform import COMMAND, FIXTURE_APP, fixture_platform, issue_key

pytestmark = pytest.mark.xdist_group("local-home")


def run(home, *arguments):
    """Run a command that ends by itself; a platform that does start would be a failure of the test."""
    return subprocess.run(
        [*COMMAND, *arguments, "--home", str(home)], capture_output=True, text=True, timeout=60, check=False
    )


def up(home):
    return run(home, "up", "--project", str(FIXTURE_APP), "--port", "0")


def assert_said(done, *words):
    """One sentence, no traceback, the exit code of what is wrong with a file."""
    assert done.returncode == 65, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("ratecard: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("content", [b"12345", b"something else" * 100])
def test_damaged_counters_are_said(tmp_path, content):
    """The message names the file and what to do; the file is left as it is."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "counters.bin").write_bytes(content)

    assert_said(up(home), "counters.bin is damaged", "backup")
    assert (home / "counters.bin").read_bytes() == content


@pytest.mark.parametrize("name", ["accounts.sqlite", "deliveries.sqlite"])
def test_a_damaged_database_is_said(tmp_path, name):
    """By the platform and by every command that opens it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_bytes(b"this is no database, whatever its name says" * 100)

    assert_said(up(home), f"{name} is damaged", "backup")
    command = ("keys", "list") if name.startswith("accounts") else ("inbox", "list")
    assert_said(run(home, *command), f"{name} is damaged", "backup")


def test_a_database_that_is_damaged_within_is_said(tmp_path):
    """It opens well, and the first look at its tables fails."""
    home = tmp_path / "home"
    issue_key(home, "standard")
    with sqlite3.connect(home / "accounts.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'keys'").fetchone()
    connection.close()
    with (home / "accounts.sqlite").open("r+b") as file:
        file.seek((root - 1) * page_size)
        file.write(b"\xff" * page_size)
    for done in (run(home, "keys", "list"), up(home)):
        assert done.returncode in (65, 70), done.stderr
        assert "Traceback" not in done.stderr
        assert "database" in done.stderr


@pytest.mark.parametrize("name", ["inbox", "logs", "runtime"])
def test_a_home_with_a_file_in_a_folders_place_is_said(tmp_path, name):
    """What should be a folder is a file."""
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_text("")
    assert_said(up(home), "cannot be used")


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    """Its parent is a file."""
    (tmp_path / "file").write_text("")

    assert_said(up(tmp_path / "file" / "home"), "cannot be used")
    assert_said(run(tmp_path / "file" / "home", "keys", "list"), "cannot be used")


def test_a_folder_that_everybody_shares_is_no_home(tmp_path):
    """Such as /tmp: it is neither used nor closed to others."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    assert_said(up(shared), "everybody shares", "--home")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_home_that_was_open_is_closed(tmp_path):
    """A folder made by hand, and files of an older version, are the owner's alone once the platform has started."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    for name in ("deliveries.sqlite", "platform.json"):
        (home / name).touch()
        (home / name).chmod(0o644)
    before = os.umask(0o000)
    try:
        with fixture_platform(home):
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
            for name in ("deliveries.sqlite", "platform.json", "accounts.sqlite", "counters.bin"):
                assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
            assert json.loads((home / "platform.json").read_text())["port"] > 0
    finally:
        os.umask(before)
