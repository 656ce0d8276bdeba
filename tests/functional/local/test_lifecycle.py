"""Starting and stopping: in order, without leftovers, with words where it cannot be done."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from support.platform import (
    COMMAND,
    FIXTURE_APP,
    children_of,
    fixture_platform,
    start_platform,
    state_of,
    wait_until,
)

pytestmark = pytest.mark.xdist_group("local-lifecycle")


def up(home, *arguments, project=FIXTURE_APP):
    """Try to start a platform that cannot start; returns what was said."""
    return subprocess.run(
        [*COMMAND, "up", "--home", str(home), "--project", str(project), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_clean(tmp_path, number):
    """Exit code 0, no process left, no zombie, nothing announced any more."""
    with fixture_platform(tmp_path / "home") as platform:
        platform.predict({"do": "echo"})
        workers = children_of(platform.process.pid)
        assert workers
        platform.process.send_signal(number)
        assert platform.process.wait(30) == 0
        assert [state_of(pid) for pid in workers] == [None] * len(workers)
        assert not (platform.home / "platform.json").exists()
    said = (tmp_path / "home.stderr").read_text()
    assert "Traceback" not in said
    assert "stopped" in said


def test_a_stop_waits_for_calls_in_flight(tmp_path):
    """A call that runs is answered and logged before the end; new connections are not taken."""
    with fixture_platform(tmp_path / "home") as platform:
        platform.predict({"do": "echo"})
        replies = []
        caller = threading.Thread(target=lambda: replies.append(platform.predict({"do": "sleep", "seconds": 1.5})))
        caller.start()
        time.sleep(0.5)
        platform.process.send_signal(signal.SIGTERM)
        caller.join(20)
        assert platform.process.wait(30) == 0
        assert replies[0].status == 200
        assert [line["status"] for line in platform.access_lines()] == ["200", "200"]
        assert len(platform.usage_lines()) == 2


def test_a_second_signal_stops_at_once(tmp_path):
    """Whoever presses Ctrl-C twice does not wait for a slow call."""
    with fixture_platform(tmp_path / "home") as platform:
        platform.predict({"do": "echo"})

        caller = threading.Thread(target=_call_into_the_void, args=(platform, "hang"))
        caller.start()
        time.sleep(0.5)
        workers = children_of(platform.process.pid)
        platform.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        platform.process.send_signal(signal.SIGINT)
        assert platform.process.wait(8) == 0
        caller.join(20)
        assert [state_of(pid) for pid in workers] == [None] * len(workers)


@pytest.mark.parametrize("action", ["echo", "hang", "spin"])
def test_workers_end_when_the_platform_is_killed(tmp_path, action):
    """Kill -9 of the platform ends its workers, idle, asleep or busy; the next start works."""
    home = tmp_path / "home"
    platform = start_platform(home, project=FIXTURE_APP, plan="standard")
    platform.predict({"do": "echo"})
    if action != "echo":
        caller = threading.Thread(target=_call_into_the_void, args=(platform, action), daemon=True)
        caller.start()
        time.sleep(0.3)
    workers = children_of(platform.process.pid)
    assert workers
    platform.kill()
    platform.process.stdout.close()

    wait_until(lambda: all(state_of(pid) in (None, "Z") for pid in workers))
    with fixture_platform(home) as again:
        assert again.predict({"do": "echo"}).status == 200


def _call_into_the_void(platform, action):
    try:
        platform.predict({"do": action})
    except OSError:
        return


def test_no_zombies_while_it_runs(tmp_path):
    """Workers that crash, hang or are killed are waited for."""
    with fixture_platform(tmp_path / "home") as platform:
        for action in ("crash", "exit", "kill", "leak", "child", "crash"):
            platform.predict({"do": action})
        wait_until(lambda: all(state_of(pid) != "Z" for pid in children_of(platform.process.pid)))


def test_two_platforms_do_not_share_a_home(tmp_path):
    """The second one is told; the first one goes on."""
    with fixture_platform(tmp_path / "home") as platform:
        second = up(platform.home, "--port", "0")
        assert second.returncode == 73
        assert "another platform works in" in second.stderr
        assert second.stdout == ""
        assert platform.predict({"do": "echo"}).status == 200


def test_a_taken_port_is_said(tmp_path):
    """The message names the port and what to do; nothing is left behind that keeps the next start from working."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = up(tmp_path / "home", "--port", str(port))
    assert refused.returncode == 73
    assert f"port {port} of 127.0.0.1 is taken" in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr
    with fixture_platform(tmp_path / "home") as platform:
        assert platform.predict({"do": "echo"}).status == 200


def test_a_project_without_a_template_is_said(tmp_path):
    """The message names the file that is missing."""
    refused = up(tmp_path / "home", project=tmp_path)

    assert refused.returncode == 65
    assert "template.yaml cannot be read" in refused.stderr


def test_an_unknown_parameter_is_said(tmp_path):
    """A misspelt parameter does not start a platform with defaults."""
    refused = up(tmp_path / "home", "--parameter", "Echo=1")
    assert refused.returncode == 65
    assert "no parameter Echo" in refused.stderr

    refused = up(tmp_path / "home", "--parameter", "Echo")
    assert refused.returncode == 2


def test_it_listens_on_loopback_only_unless_told_otherwise(tmp_path):
    """The default address is loopback; another one brings a warning."""
    with fixture_platform(tmp_path / "home") as platform:
        assert platform.host == "127.0.0.1"
        assert "warning" not in (tmp_path / "home.stderr").read_text()
    with fixture_platform(tmp_path / "other", arguments=["--host", "0.0.0.0"]) as platform:
        assert platform.call("GET", "/v1", headers={}).status == 200
        assert "lets other machines call" in (tmp_path / "other.stderr").read_text()


def test_ipv6_loopback(tmp_path):
    """The platform listens on ::1 as well as on 127.0.0.1, if asked to."""
    if not os.path.exists("/proc/net/if_inet6"):  # noqa: PTH110
        pytest.skip("this machine has no IPv6")
    with fixture_platform(tmp_path / "home", arguments=["--host", "::1"]) as platform:
        assert platform.url.startswith("http://[::1]:")
        assert platform.predict({"do": "echo"}).status == 200


def test_only_the_owner_can_read_what_it_keeps(tmp_path):
    """Folders and files of the home are closed to others."""
    with fixture_platform(tmp_path / "home" / "inner") as platform:
        platform.predict({"do": "echo"})
        for name in ("accounts.sqlite", "counters.bin", "lock"):
            assert (platform.home / name).stat().st_mode & 0o077 == 0
        for path in (platform.home / "lake").rglob("*.jsonl"):
            assert path.stat().st_mode & 0o077 == 0
