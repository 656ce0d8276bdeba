"""Ten thousand hostile bodies: all refused, none metered, no worker lost; and nothing secret in any file."""

import http.client
import json
import random
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from support.platform import running_platform

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row

PREDICT = f"/v1/models/{CONTRACT.slug}/predict"
ROW = sample_row(CONTRACT)
GOOD = json.dumps(ROW).encode()
BODIES = 10_000
CLIENTS = 4


@pytest.fixture(scope="module")
def platform(tmp_path_factory, native_dir):
    """A platform of this module's own, with a plan that does not throttle it."""
    with running_platform(tmp_path_factory.mktemp("hostile")) as running:
        yield running


def truncated(chance: random.Random) -> bytes:
    return GOOD[: chance.randrange(len(GOOD))]


def nested(chance: random.Random) -> bytes:
    return chance.choice((b"[", b'{"a":')) * chance.randrange(10, 200_000)


def absurd_number(chance: random.Random) -> bytes:
    number = chance.choice(("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * chance.randrange(20, 6000)))
    return json.dumps({**ROW, chance.choice(list(ROW)): "@"}).replace('"@"', number).encode()


def wrong_type(chance: random.Random) -> bytes:
    wrong = chance.choice((None, True, [], {}, "x", [1], {"a": 1}, "\ud800", "=1+1", "\x00"))
    return json.dumps({**ROW, chance.choice(list(ROW)): wrong}).encode()


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 400))


def unknown_field(chance: random.Random) -> bytes:
    return json.dumps({**ROW, chance.choice(("sex", "__proto__", "\u202e", "a/b~c", "")): 1}).encode()


def too_many_rows(chance: random.Random) -> bytes:
    return json.dumps({"instances": [ROW] * (CONTRACT.max_rows + chance.randrange(1, 50))}).encode()


def no_request(chance: random.Random) -> bytes:
    bodies = ([], {}, 1, "x", None, {"instances": None}, {"instances": [ROW], "more": 1})
    return json.dumps(chance.choice(bodies)).encode()


def trailing(chance: random.Random) -> bytes:
    return GOOD + chance.choice((b"x", b"{}", b"\x00"))


def foreign_text(chance: random.Random) -> bytes:
    return json.dumps({**ROW, chance.choice(list(ROW)): "é" * chance.randrange(1, 2000)}, ensure_ascii=False).encode()


HOSTILE = (
    truncated, nested, absurd_number, wrong_type, noise,
    unknown_field, too_many_rows, no_request, trailing, foreign_text,
)  # fmt: skip


def send(connection: http.client.HTTPConnection, key: str, body: bytes) -> tuple[int, bytes]:
    connection.request("POST", PREDICT, body, {"x-api-key": key, "Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def send_many(platform, seed: int, count: int) -> list[int]:
    """Send a client's share over one connection; every refusal must be a problem document."""
    chance = random.Random(seed)
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=60)
    statuses = []
    for _ in range(count):
        status, content = send(connection, platform.key, chance.choice(HOSTILE)(chance))
        problem = json.loads(content)
        assert problem["status"] == status
        assert problem["call_id"]
        statuses.append(status)
    return statuses


@pytest.mark.slow(20)
@pytest.mark.xdist_group("hostile")
def test_hostile_bodies_are_refused_and_not_metered(platform):
    """Truncated, deep, huge, mistyped and foreign bodies: 400 each, no usage line, and the workers live on."""
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=60)
    assert send(connection, platform.key, GOOD)[0] == 200
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = list(pool.map(lambda seed: send_many(platform, seed, BODIES // CLIENTS), range(CLIENTS)))
    assert {status for share in shares for status in share} == {400}
    assert send(connection, platform.key, GOOD)[0] == 200
    assert len(platform.usage_lines()) == 2
    assert "gone" not in platform.log_text()


@pytest.mark.slow
@pytest.mark.xdist_group("hostile")
@pytest.mark.parametrize("megabytes", [4.5, 6.5, 11])
def test_bodies_over_the_limits_are_refused(platform, megabytes):
    """Above the function's limit, Lambda's and the gateway's: 413 each, and the next call is served."""
    before = len(platform.usage_lines())
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=60)
    status, content = send(connection, platform.key, b" " * int(megabytes * 1e6) + GOOD)
    assert (status, json.loads(content)["code"]) == (413, "payload_too_large")
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=60)
    assert send(connection, platform.key, GOOD)[0] == 200
    assert len(platform.usage_lines()) == before + 1


@pytest.mark.xdist_group("hostile")
def test_neither_keys_nor_payload_reach_a_file(platform):
    """After served, refused and wrong-key calls, no file of the platform holds the key or a value that was sent."""
    canary = 123_457.875
    connection = http.client.HTTPConnection(urlsplit(platform.url).netloc, timeout=60)
    body = json.dumps({**ROW, "payment_1": canary}).encode()
    assert send(connection, platform.key, body)[0] == 200
    assert send(connection, platform.key, json.dumps({**ROW, "education": "canary-word"}).encode())[0] == 400
    assert send(connection, "canary-key-canary-key-canary", body)[0] == 403
    for path in platform.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (platform.key, str(canary), "canary"):
                assert secret.encode() not in content, path.name
