"""HTTP as clients really speak it: reuse, HEAD, 100-continue, chunks, wrong lengths, slow and endless heads."""

import json
import shutil
import socket
import subprocess
import threading
import time

import pytest
from support.platform import wait_until

pytestmark = pytest.mark.xdist_group("local-http")

PREDICT = "/v1/models/echo/predict"


class Wire:
    """A connection on which every byte is chosen."""

    def __init__(self, platform) -> None:
        self.platform = platform
        self.socket = socket.create_connection((platform.host, platform.port), timeout=40)
        self.rest = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *lines: str, body: bytes = b"") -> None:
        """Send a head and what follows."""
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body)

    def post(self, body: bytes, *lines: str) -> None:
        """Send a call with its key."""
        self.send(
            f"POST {PREDICT} HTTP/1.1",
            "Host: x",
            f"x-api-key: {self.platform.key}",
            *(lines or (f"Content-Length: {len(body)}",)),
            body=body,
        )

    def read(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Read one answer."""
        while b"\r\n\r\n" not in self.rest:
            chunk = self.socket.recv(65536)
            assert chunk, "the connection was closed before an answer"
            self.rest += chunk
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if head_only else int(headers.get("content-length", 0))
        while len(self.rest) < length:
            chunk = self.socket.recv(65536)
            assert chunk, "the connection was closed within an answer"
            self.rest += chunk
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(first.split(" ")[1]), headers, body

    def closed(self) -> bool:
        """Tell whether the other end closes."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


@pytest.fixture
def wire(platform):
    with Wire(platform) as opened:
        yield opened


def test_a_connection_serves_many_calls(wire):
    """Keep-alive, also after refusals."""
    for body, status in ((b'{"do":"echo"}', 200), (b"{}", 400), (b'{"do":"raise"}', 500), (b'{"do":"echo"}', 200)):
        wire.post(body)
        assert wire.read()[0] == status


def test_pipelined_calls_are_answered_in_order(wire):
    """Three requests in one packet."""
    for number in range(3):
        wire.post(b'{"do":"step%d"}' % number)

    assert [json.loads(wire.read()[2])["do"] for _ in range(3)] == ["step0", "step1", "step2"]


def test_connection_close_is_honoured(wire):
    """The answer comes whole, then the end."""
    wire.post(b'{"do":"echo"}', "Content-Length: 13", "Connection: close")

    status, headers, _ = wire.read()
    assert (status, headers["connection"]) == (200, "close")
    assert wire.closed()
    logged = {"extendedRequestId": headers["x-amz-apigw-id"], "status": "200"}
    wait_until(lambda: any(logged.items() <= line.items() for line in wire.platform.access_lines()))


def test_http_1_0_is_served(wire):
    """An old client gets an answer and the end of the connection."""
    wire.send(
        f"POST {PREDICT} HTTP/1.0", f"x-api-key: {wire.platform.key}", "Content-Length: 13", body=b'{"do":"echo"}'
    )

    assert wire.read()[0] == 200
    assert wire.closed()


def test_head_has_the_headers_and_no_body(wire):
    """HEAD of an unknown route: 404 with the length of what a GET would bring."""
    wire.send("HEAD /nowhere HTTP/1.1", "Host: x")
    status, headers, _ = wire.read(head_only=True)
    assert status == 404
    assert int(headers["content-length"]) > 0
    wire.post(b'{"do":"echo"}')
    assert wire.read()[0] == 200


def test_a_client_that_asks_first_is_told_to_go_on(wire):
    """Expect: 100-continue, for a call that is admitted."""
    wire.post(b"", "Content-Length: 13", "Expect: 100-continue")
    assert wire.read(head_only=True)[0] == 100
    wire.socket.sendall(b'{"do":"echo"}')
    assert wire.read()[0] == 200


@pytest.mark.parametrize(("key", "length", "status"), [("wrong", 13, 403), (None, 20_000_000, 413)])
def test_a_client_that_asks_first_is_refused_before_it_sends(platform, key, length, status):
    """No 100 for a wrong key or a body that is too large; the connection ends, so no body is taken for a request."""
    with Wire(platform) as wire:
        wire.send(
            f"POST {PREDICT} HTTP/1.1",
            "Host: x",
            f"x-api-key: {key or platform.key}",
            f"Content-Length: {length}",
            "Expect: 100-continue",
        )
        found, headers, _ = wire.read()
        assert (found, headers["connection"]) == (status, "close")
        assert wire.closed()


def test_a_chunked_body_is_put_together(wire):
    """Transfer-Encoding: chunked, in small pieces and with a trailer."""
    wire.post(b'5\r\n{"do"\r\n8\r\n:"echo"}\r\n0\r\nX-Trailer: 1\r\n\r\n', "Transfer-Encoding: chunked")

    status, _, body = wire.read()
    assert (status, json.loads(body)["do"]) == (200, "echo")


def test_a_chunked_body_over_the_limit_is_refused(wire):
    """Nobody announced the size: the gateway counts."""
    wire.post(b"", "Transfer-Encoding: chunked")
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    for _ in range(11):
        wire.socket.sendall(chunk)
    wire.socket.sendall(b"0\r\n\r\n")

    assert wire.read()[0] == 413


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 13", "Transfer-Encoding: chunked"),
        ("Content-Length: 13", "Content-Length: 14"),
        ("Content-Length: -1",),
        ("Content-Length: 1x",),
        ("Transfer-Encoding: gzip",),
        ("bad header: x",),
        ("X-A: a\x00b",),
        ("Host : x",),
    ],
)
def test_ambiguous_framing_is_refused(wire, lines):
    """What two parsers could read in two ways is 400 and the end of the connection, in the usual words."""
    wire.post(b'{"do":"echo"}', *lines)

    status, headers, body = wire.read()
    document = json.loads(body)
    assert (status, document["status"]) == (400, 400)
    assert (document["code"], document["call_id"]) == ("invalid_request", headers["x-amz-apigw-id"])
    assert wire.closed()


def test_noise_is_refused(wire):
    """What is not HTTP gets a 400 too."""
    wire.socket.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50 + b"\r\n\r\n")

    assert wire.read()[0] == 400
    assert wire.closed()


def test_a_body_longer_than_announced_is_not_part_of_the_call(wire):
    """What is left over would be the next request, and is none: the call is answered and the connection ends."""
    wire.post(b'{"do":"echo"}garbage garbage', "Content-Length: 13")

    assert wire.read()[0] == 200
    assert wire.closed()


def test_a_broken_chunk_is_refused(wire):
    """A body whose framing breaks half way: 400, no call."""
    wire.post(b'5\r\n{"do"\r\nzz\r\n', "Transfer-Encoding: chunked")

    assert wire.read()[0] == 400
    assert wire.closed()


def test_a_client_that_leaves_within_its_body_harms_nobody(platform):
    """Half a body, then the end: no call, and an access line that says so."""
    before = len(platform.usage_lines())
    with Wire(platform) as wire:
        wire.post(b'{"do":', "Content-Length: 13")
        time.sleep(0.2)
    time.sleep(0.3)

    assert len(platform.usage_lines()) == before
    assert platform.access_lines()[-1]["status"] == "499"
    assert platform.predict({"do": "echo"}).status == 200


def test_long_heads_are_refused(wire):
    """Above API Gateway's 10,240 bytes: 400 in the usual words."""
    wire.post(b'{"do":"echo"}', "Content-Length: 13", "X-Pad: " + "x" * 11_000)

    status, _, body = wire.read()
    assert (status, json.loads(body)["code"]) == (400, "invalid_request")


def test_endless_heads_are_cut_off(platform):
    """A head that does not end is refused at 64 KB, not collected."""
    with Wire(platform) as wire:
        wire.socket.sendall(b"GET / HTTP/1.1\r\n")
        for number in range(2000):
            try:
                wire.socket.sendall(b"X-%d: %b\r\n" % (number, b"x" * 100))
            except ConnectionError:
                break
        try:
            assert wire.read()[0] == 400
        except ConnectionError:
            # It went on sending into a closed connection, and was told so.
            return
        assert wire.closed()


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_an_offer_of_another_protocol_is_ignored(platform, protocol, split):
    """RFC 9110, 7.8: the call is served as HTTP/1.1, with its body, and so is the next one on the connection."""
    body = b'{"do":"echo"}'
    lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABk")
    with Wire(platform) as wire:
        for _ in range(2):
            wire.post(b"" if split else body, *lines, "Content-Length: 13")
            if split:
                time.sleep(0.1)
                wire.socket.sendall(body)
            status, headers, content = wire.read()
            assert (status, json.loads(content)["do"]) == (200, "echo")
            assert "upgrade" not in headers
        wire.post(b'5\r\n{"do"\r\n8\r\n:"echo"}\r\n0\r\n\r\n', *lines, "Transfer-Encoding: chunked")
        assert wire.read()[0] == 200
        for _ in range(3):
            wire.send("GET /nowhere HTTP/1.1", "Host: x", *lines)
        assert [wire.read()[0] for _ in range(3)] == [404] * 3


def test_a_tunnel_is_refused(wire):
    """CONNECT is not for this server."""
    wire.send("CONNECT example.org:443 HTTP/1.1", "Host: example.org:443", body=b"\x16\x03\x01")

    assert wire.read()[0] == 400
    assert wire.closed()


def test_curl_with_http2_is_served(platform):
    """Its first request offers h2c; it is content with HTTP/1.1."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [
            *(curl, "--silent", "--show-error", "--http2", "--header", f"x-api-key: {platform.key}"),
            *("--header", "Content-Type: application/json", "--data", '{"do":"echo"}'),
            *("--write-out", "\n%{http_code} %{http_version}", f"{platform.url}{PREDICT}"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    body, _, outcome = done.stdout.rpartition("\n")
    assert (outcome, json.loads(body)["do"]) == ("200 1.1", "echo"), done.stderr


@pytest.mark.slow(15)
@pytest.mark.parametrize("noise", [b"\r\n", b"\r\n\r\n\r\n"])
def test_noise_after_an_answer_does_not_hold_the_connection(platform, noise):
    """Line ends that begin no request, then silence: the connection is closed without a word."""
    with Wire(platform) as wire:
        wire.post(b'{"do":"echo"}')
        assert wire.read()[0] == 200
        wire.socket.sendall(noise)
        assert wire.closed()
    with Wire(platform) as wire:
        wire.post(b'{"do":"echo"}')
        assert wire.read()[0] == 200
        wire.socket.sendall(noise)
        wire.post(b'{"do":"echo"}')
        assert wire.read()[0] == 200


def test_many_slow_clients_do_not_keep_others_waiting(platform):
    """Fifty connections that send a byte now and then; a proper call is served meanwhile."""
    slow = [socket.create_connection((platform.host, platform.port)) for _ in range(50)]
    for client in slow:
        client.sendall(b"POST /v1/models/echo/predict HTTP/1.1\r\nHost: x\r\nX")
    assert platform.predict({"do": "echo"}).status == 200
    for client in slow:
        client.close()


@pytest.mark.slow(15)
def test_a_head_that_never_ends_is_given_up(platform):
    """After ten seconds a connection with half a head is closed, whatever trickles in."""
    with Wire(platform) as wire:
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.5):
                try:
                    wire.socket.sendall(b"x")
                except OSError:
                    return

        wire.socket.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        feeder = threading.Thread(target=trickle)
        feeder.start()
        started = time.monotonic()
        assert wire.read()[0] == 400
        stop.set()
        feeder.join()
    assert time.monotonic() - started < 20


@pytest.mark.slow(15)
def test_a_body_that_never_ends_is_given_up(platform):
    """After thirty seconds half a body is refused."""
    with Wire(platform) as wire:
        wire.post(b'{"do":', "Content-Length: 13")
        status, headers, _ = wire.read()

    assert (status, headers["connection"]) == (400, "close")


def test_many_connections_at_once(platform):
    """Two hundred open connections, each with a call."""
    wires = [Wire(platform) for _ in range(200)]
    for wire in wires:
        wire.send("GET /nowhere HTTP/1.1", "Host: x")
    assert [wire.read()[0] for wire in wires] == [404] * 200
    for wire in wires:
        wire.socket.close()


def test_a_connection_that_asks_nothing_is_left_in_peace(platform):
    """A client that only connects gets no answer to a question it did not ask."""
    with Wire(platform) as wire:
        wire.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            wire.socket.recv(1)


def test_a_thousand_connections(platform):
    """More than the usual limit of open files."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    wires = [Wire(platform) for _ in range(1100)]
    wires[-1].post(b'{"do":"echo"}')
    assert wires[-1].read()[0] == 200
    for wire in wires:
        wire.socket.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
