"""The lake under kill -9: every answered call has its line exactly once, and nothing unanswered is billable."""

import http.client
import json
import os
import random
import resource
import signal
import threading
import time

import pytest
from support.platform import FIXTURE_APP, children_of, fixture_platform, start_platform, state_of, wait_until

from ratecard.storage.lake import ACCESS, scan
from ratecard_workbench.local.tally import Tally

pytestmark = pytest.mark.xdist_group("local-durability")

PREDICT = "/v1/models/echo/predict"
CLIENTS = 4


class Load:
    """Clients that call without pause and note which calls were answered whole."""

    def __init__(self, platform) -> None:
        self._platform = platform
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        self.served: list[str] = []
        self.refused: list[int] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(self._platform.host, self._platform.port, timeout=10)
            try:
                while not self._stop.is_set():
                    connection.request("POST", PREDICT, b'{"do":"echo"}', {"x-api-key": self._platform.key})
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status == 200:
                        self.served.append(json.loads(body)["call_id"])
                    else:
                        self.refused.append(answer.status)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            finally:
                connection.close()


def assert_lake_is_right(platform, served):
    """Hold the lake against what the clients saw."""
    metered = [line["id"] for line in platform.usage_lines()]
    answered = {line["extendedRequestId"] for line in platform.access_lines() if line["status"] == "200"}

    assert len(metered) == len(set(metered)), "a call is in the lake twice"
    assert set(served) <= set(metered), "an answered call is not in the lake"
    assert answered <= set(metered), "the gateway logged an answer that was not metered"
    # Nothing is billable but what has an access line; the clients saw all of those but the last ones in the wire.
    assert len(answered) <= len(served) + CLIENTS * platform.kills
    return metered, answered


def start_fixture(home):
    return start_platform(home, project=FIXTURE_APP, plan="standard", arguments=["--parameter", "EchoConcurrency=8"])


def kill_platform_under_load(home, rounds):
    """Kill the whole platform again and again under load; returns it standing, with all that was served."""
    chance = random.Random(rounds)
    served = []
    platform = start_fixture(home)
    platform.kills = 0
    for _ in range(rounds):
        workers = []
        with Load(platform) as load:
            wait_until(lambda load=load: len(load.served) > CLIENTS)
            time.sleep(chance.uniform(0.0, 0.4))
            workers = children_of(platform.process.pid)
            platform.kill()
            time.sleep(0.05)
        platform.process.stdout.close()
        served += load.served
        kills = platform.kills + 1
        platform = start_fixture(home)
        platform.kills = kills
        assert not [pid for pid in workers if state_of(pid) not in (None, "Z")], "a worker outlived the platform"
    return platform, served


def check_kills_of_the_platform(home, rounds):
    platform, served = kill_platform_under_load(home, rounds)
    try:
        assert len(served) > rounds
        metered, _ = assert_lake_is_right(platform, served)
        # The third count: each key's requests, counted before they were run, survived as well.
        assert sum(platform.counts().values()) >= len(metered)
        tally = Tally(home / "lake", first_day="2026-01-01")
        tally.update()
        assert sum(total.billable_units for total in tally.totals()) <= len(served) + CLIENTS * rounds
        assert platform.predict({"do": "echo"}).status == 200
    finally:
        assert platform.stop() == 0
        platform.process.stdout.close()


def check_kills_of_workers(home, rounds):
    with fixture_platform(home, arguments=["--parameter", "EchoConcurrency=8"]) as platform:
        platform.kills = 0
        with Load(platform) as load:
            for _ in range(rounds):
                seen = len(load.served)
                wait_until(lambda seen=seen: len(load.served) > seen + CLIENTS)
                for pid in children_of(platform.process.pid)[:2]:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
        # An answer's access line is written after it has left.
        wait_until(lambda: len(platform.access_lines()) >= len(load.served) + len(load.refused))
        answered = assert_lake_is_right(platform, load.served)[1]
        assert len(load.served) > rounds
        assert set(load.refused) <= {500}
        # No client was killed: each saw every answer that was logged.
        assert answered == set(load.served)
        assert platform.counts()[platform.key_id] == len(load.served) + len(load.refused)
        wait_until(lambda: platform.predict({"do": "echo"}).status == 200)


def test_killing_the_platform_under_load_loses_and_forges_nothing(tmp_path):
    """Three times kill -9 of the whole platform; the long version kills it fifty times."""
    check_kills_of_the_platform(tmp_path / "home", 3)


def test_killing_workers_under_load_loses_and_forges_nothing(tmp_path):
    """Ten times kill -9 of busy workers: their callers get 500, and all counts agree."""
    check_kills_of_workers(tmp_path / "home", 10)


@pytest.mark.slow(60)
@pytest.mark.timeout(900)
def test_killing_the_platform_fifty_times(tmp_path):
    """Fifty times kill -9 of the whole platform under load."""
    check_kills_of_the_platform(tmp_path / "home", 50)


@pytest.mark.slow(20)
@pytest.mark.timeout(900)
def test_killing_workers_fifty_times(tmp_path):
    """Fifty times kill -9 of busy workers under load."""
    check_kills_of_workers(tmp_path / "home", 50)


def test_a_quota_survives_kill_minus_nine(tmp_path):
    """Three of five used before the kill, two left after it."""
    home = tmp_path / "home"
    first = start_platform(home, project=FIXTURE_APP, plan="small")
    assert [first.predict({"do": "echo"}).status for _ in range(3)] == [200] * 3
    first.kill()
    first.process.stdout.close()
    second = start_platform(home, project=FIXTURE_APP, plan="small")
    try:
        statuses = [second.predict({"do": "echo"}, key=first.key).status for _ in range(4)]
    finally:
        second.stop()
        second.process.stdout.close()

    assert statuses == [200, 200, 429, 429]


def test_a_full_disk_fails_calls_instead_of_losing_lines(tmp_path):
    """When the lake cannot grow, callers get 500: no answer without its line. With room again, it goes on."""
    with fixture_platform(tmp_path / "home") as platform:
        served = [platform.predict({"do": "echo"}).json()["call_id"] for _ in range(3)]
        size = next((platform.home / "lake" / "usage").rglob("*.jsonl")).stat().st_size
        # The file of the lake cannot grow beyond its size and a half line more.
        unlimited = resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, (size + 100, unlimited[1]))
        refused = [platform.predict({"do": "echo"}).status for _ in range(3)]
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, unlimited)
        served.append(platform.predict({"do": "echo"}).json()["call_id"])
        files = (platform.home / "lake" / "usage").rglob("*.jsonl")
        lines = b"".join(path.read_bytes() for path in files).split(b"\n")

    assert refused == [500] * 3
    whole = [json.loads(line)["id"] for line in lines if line.endswith(b"}}")]
    assert set(served) <= set(whole)
    assert "could not be stored" in platform.log_text("EchoFunction")


def test_access_lines_that_found_no_room_are_written_when_there_is_some(tmp_path):
    """The answers have left: each has its line exactly once, in the end."""
    with fixture_platform(tmp_path / "home") as platform:
        sent = [platform.call("GET", "/v1", headers={}).call_id for _ in range(3)]
        wait_until(lambda: len(platform.access_lines()) == 3)
        size = next((platform.home / "lake" / "access").rglob("*.jsonl")).stat().st_size
        unlimited = resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, (size + 100, unlimited[1]))
        sent += [platform.call("GET", "/v1", headers={}).call_id for _ in range(4)]
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, unlimited)
        sent.append(platform.call("GET", "/v1", headers={}).call_id)
        lake = platform.home / "lake"
        found = lambda: [line.event["extendedRequestId"] for line in scan(lake, ACCESS) if line.event is not None]  # noqa: E731
        wait_until(lambda: sent[-1] in found())
        assert found() == sent


def test_a_client_that_leaves_is_not_charged(tmp_path):
    """The call was computed and metered, but nobody was there: its access line says 499."""
    import socket

    with fixture_platform(tmp_path / "home") as platform:
        platform.predict({"do": "echo"})
        body = b'{"do":"sleep","seconds":0.6}'
        with socket.create_connection((platform.host, platform.port)) as client:
            client.sendall(
                b"POST %b HTTP/1.1\r\nHost: x\r\nx-api-key: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (PREDICT.encode(), platform.key.encode(), len(body), body)
            )
            time.sleep(0.2)
        time.sleep(1.0)
        assert len(platform.usage_lines()) == 2
        gone = [line for line in platform.access_lines() if line["status"] == "499"]
        assert [(line["integrationStatus"], line["responseLength"]) for line in gone] == [("200", "0")]
        tally = Tally(platform.home / "lake", first_day="2026-01-01")
        tally.update()
        assert [(total.calls, total.billable_units) for total in tally.totals()] == [(2, 1)]


@pytest.mark.parametrize("reads_it_all", [True, False])
def test_a_large_answer_counts_as_sent_when_the_socket_has_all_of_it(tmp_path, reads_it_all):
    """No access line while the client leaves the answer unread; 200 once it is read, 499 if the client goes."""
    import socket

    with fixture_platform(tmp_path / "home") as platform:
        body = b'{"do":"big","bytes":5900000}'
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((platform.host, platform.port))
        client.sendall(
            b"POST %b HTTP/1.1\r\nHost: x\r\nx-api-key: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (PREDICT.encode(), platform.key.encode(), len(body), body)
        )
        time.sleep(1.0)
        assert len(platform.usage_lines()) == 1
        assert platform.access_lines() == []
        if reads_it_all:
            received = 0
            while received < 5_900_000:
                received += len(client.recv(1_000_000))
        client.close()
        time.sleep(0.5)
        assert [line["status"] for line in platform.access_lines()] == ["200" if reads_it_all else "499"]
