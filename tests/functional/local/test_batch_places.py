"""Uploads to the places of batches: held to what was announced, once, whole or not at all."""

import base64
import contextlib
import hashlib
import http.client
import json
import random
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.platform import FIXTURE_APP, fixture_platform, start_platform, wait_until

from ratecard.serving.batch.order import order_key, parse_order

pytestmark = pytest.mark.xdist_group("local-inbox")
CONTENT = b"a\nb\n"


def give_place(home, *, size=4, explain=False, customer="tester", ending="csv"):
    """Write an order down, as the function of batches does; return path, headers and the file."""
    batch = secrets.token_hex(16)
    wish = {"format": ending, "bytes": size, "explain": explain}
    order = parse_order(wish, batch=batch, customer=customer, slug="echo", created_at="2026-11-22T08:00:00.000Z")
    record = home / order_key(customer, batch)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(order.document()))
    query = "?explain=true" if explain else ""
    headers = {"Content-Length": str(size), "If-None-Match": "*"}
    return f"/v1/inbox/echo/{batch}.{ending}{query}", headers, home / order.key


def put(platform, path, content, headers):
    return platform.call("PUT", path, content, headers={"x-api-key": platform.key, **headers})


def refusal(reply):
    """Return status, code and the codes of places of a problem document."""
    document = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert (document["status"], document["call_id"]) == (reply.status, reply.call_id)
    return reply.status, document["code"], [error["code"] for error in document["errors"]]


def partials(file):
    """Return what is being written beside a file's place."""
    return list(file.parent.glob(f".{file.name}*")) if file.parent.is_dir() else []


def manifests(platform, file):
    return list((platform.home / "outbox/tester/echo" / file.name).glob("*/manifest.json"))


@pytest.mark.parametrize("explain", [False, True])
def test_a_place_takes_the_file_that_was_announced_and_no_second(platform, explain):
    """The second is refused, be it the same or another; the first is scored once."""
    path, headers, file = give_place(platform.home, explain=explain)

    assert put(platform, path, CONTENT, headers).status == 201
    for content in (CONTENT, b"c\nd\n"):
        assert refusal(put(platform, path, content, headers)) == (412, "already_uploaded", [])
    assert file.read_bytes() == CONTENT
    assert not partials(file)


def test_a_place_is_refilled_neither_before_nor_after_it_is_scored(platform):
    """One version, one manifest, one usage line."""
    path, headers, file = give_place(platform.home)

    put(platform, path, CONTENT, headers)
    wait_until(lambda: manifests(platform, file) and any(file.name in line["id"] for line in platform.usage_lines()))
    assert put(platform, path, CONTENT, headers).status == 412
    file.unlink()
    assert put(platform, path, CONTENT, headers).status == 412
    assert len(manifests(platform, file)) == 1
    assert [line["data"]["units"] for line in platform.usage_lines() if file.name in line["id"]] == [2]


@pytest.mark.parametrize(
    ("changed", "content", "code"),
    [
        ({"Content-Length": "3"}, b"a\nb", "wrong_size"),
        ({"Content-Length": "5"}, b"a\nb\nc", "wrong_size"),
        ({"Content-Length": "0"}, b"", "wrong_size"),
        ({"If-None-Match": '"x"'}, CONTENT, "bad_header"),
        ({"If-None-Match": ""}, CONTENT, "bad_header"),
        ({"Content-MD5": "x"}, CONTENT, "bad_header"),
        ({"Content-MD5": "é"}, CONTENT, "bad_header"),
        ({"Content-MD5": base64.b64encode(b"x" * 15).decode()}, CONTENT, "bad_header"),
        ({"Content-MD5": base64.b64encode(b"x" * 16).decode()}, CONTENT, "wrong_digest"),
    ],
)
def test_what_was_not_announced_is_refused_and_leaves_nothing(platform, changed, content, code):
    """The place is still there for the right file."""
    path, headers, file = give_place(platform.home)

    assert refusal(put(platform, path, content, headers | changed)) == (400, "invalid_request", [code])
    assert not file.exists()
    assert not partials(file)
    assert put(platform, path, CONTENT, headers).status == 201


def test_a_body_whose_size_is_not_announced_is_refused(platform):
    """In pieces, without a Content-Length: S3 refuses it too."""
    path, headers, file = give_place(platform.home)
    sent = {"x-api-key": platform.key, "If-None-Match": headers["If-None-Match"]}
    connection = http.client.HTTPConnection(platform.host, platform.port)
    connection.request("PUT", path, iter([CONTENT]), sent, encode_chunked=True)
    answer = connection.getresponse()

    assert (answer.status, json.loads(answer.read())["errors"][0]["code"]) == (400, "wrong_size")
    assert not file.exists()


def test_a_digest_that_fits_is_taken(platform):
    """As S3 takes it; a digest may come with a file of any name."""
    path, headers, file = give_place(platform.home)
    digest = {"Content-MD5": base64.b64encode(hashlib.md5(CONTENT).digest()).decode()}

    assert put(platform, path, CONTENT, headers | digest).status == 201
    assert put(platform, "/v1/inbox/echo/digest.csv", CONTENT, digest).status == 201
    assert refusal(put(platform, "/v1/inbox/echo/other.csv", b"other", digest))[2] == ["wrong_digest"]
    assert not (file.parent / "other.csv").exists()


def test_a_files_media_type_is_of_no_account(platform):
    """Bytes are taken as they are, as S3 takes them: the name says the format."""
    path, headers, file = give_place(platform.home, ending="csv.gz")
    said = {"Content-Type": "application/pdf", "Content-Encoding": "gzip"}

    assert put(platform, path, CONTENT, headers | said).status == 201
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.replace("echo/", "echo/" + "0" * 32)[: len("/v1/inbox/echo/") + 32] + ".csv",
        lambda path: path.removesuffix(".csv") + ".csv.gz",
        lambda path: path.removesuffix(".csv") + ".jsonl",
        lambda path: path + "?explain=true",
        lambda path: path.replace("/echo/", "/second/"),
    ],
)
def test_a_place_that_was_not_given_is_not_there(platform, change):
    """Another id, format, folder or model than the record's."""
    path, headers, file = give_place(platform.home)

    status, code, _ = refusal(put(platform, change(path), CONTENT, headers))
    assert (status, code) in {(404, "no_batch"), (400, "invalid_request")}
    assert not list((platform.home / "inbox").rglob(f"*{file.stem}*"))


def test_somebody_elses_place_is_not_there(platform):
    """As if it had never been given."""
    path, headers, file = give_place(platform.home)
    other = platform.issue_key(customer="stranger").secret

    reply = platform.call("PUT", path, CONTENT, headers={"x-api-key": other, **headers})
    assert refusal(reply)[:2] == (404, "no_batch")
    assert not list((platform.home / "inbox").rglob(f"*{file.stem}*"))


def test_of_files_that_come_together_one_is_taken(platform):
    """Each is whole; whichever is named first stays."""
    size = 300_000
    path, headers, file = give_place(platform.home, size=size)
    with ThreadPoolExecutor(8) as threads:
        contents = [bytes([65 + number]) * size for number in range(8)]
        replies = list(threads.map(lambda content: put(platform, path, content, headers), contents))
    taken = [content for content, reply in zip(contents, replies, strict=True) if reply.status == 201]

    assert sorted(reply.status for reply in replies) == [201] + [412] * 7
    assert [file.read_bytes()] == taken
    assert not partials(file)


def test_who_sends_much_gets_to_see_the_refusal(platform):
    """The body is read and dropped; who waits to be told is told before sending anything."""
    size = 20_000_000
    path, headers, _ = give_place(platform.home, size=1)

    reply = put(platform, path, b"x" * size, headers | {"Content-Length": str(size)})
    assert refusal(reply) == (400, "invalid_request", ["wrong_size"])
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nx-api-key: {platform.key}\r\nContent-Length: {size}\r\n"
    with socket.create_connection((platform.host, platform.port)) as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 400"


@pytest.mark.parametrize("sent", [0, 299_999])
def test_a_platform_killed_while_a_file_comes_shows_nothing_of_it(tmp_path, sent):
    """Nothing is scored, nothing is left at the next start, and the same place takes the file then, once."""
    content = b"row\n" * 75_000
    home = tmp_path / "home"
    platform = start_platform(home, project=FIXTURE_APP, plan="standard")
    try:
        path, headers, file = give_place(home, size=len(content))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((platform.host, platform.port)) as client:
            client.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nx-api-key: {platform.key}\r\n{lines}\r\n".encode())
            client.sendall(content[:sent])
            # What the last write holds back is on no disk yet.
            wait_until(lambda: [one for one in partials(file) if one.stat().st_size >= sent - 100_000])
            platform.kill()
    finally:
        platform.kill()
        platform.process.stdout.close()
    assert not file.exists()
    with fixture_platform(home) as again:
        assert list(file.parent.iterdir()) == []
        assert put(again, path, content, headers).status == 201
        wait_until(lambda: manifests(again, file) and again.usage_lines())
        assert put(again, path, content, headers).status == 412
        assert [line["data"]["units"] for line in again.usage_lines()] == [75_000]


@pytest.mark.slow
def test_a_client_that_asks_again_until_it_is_answered_is_scored_and_billed_once(tmp_path):
    """Whenever the platform is killed while a file comes or is scored; 201 and 412 both say that the file is there."""
    content = b"row\n" * 500_000
    home = tmp_path / "home"
    path, headers, file = give_place(home, size=len(content))
    moments = random.Random(7)
    for _ in range(10):
        platform = start_platform(home, project=FIXTURE_APP, plan="standard")
        killer = threading.Timer(moments.uniform(0.0, 0.03), platform.process.kill)
        killer.start()
        with contextlib.suppress(OSError, http.client.HTTPException):
            assert put(platform, path, content, headers).status in {201, 412}
        killer.join()
        platform.kill()
        platform.process.stdout.close()
        assert not file.exists() or file.read_bytes() == content
    with fixture_platform(home) as platform:
        assert put(platform, path, content, headers).status in {201, 412}
        wait_until(lambda: manifests(platform, file) and platform.usage_lines())
        assert len(manifests(platform, file)) == 1
        assert [line["data"]["units"] for line in platform.usage_lines()] == [500_000]
        assert list(file.parent.iterdir()) == [file]
