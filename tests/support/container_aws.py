"""moto's AWS over HTTP, for a function in a container: whatever service a signed request is for."""

import ipaddress
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import boto3
import requests
from moto import mock_aws

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_HOP = {"connection", "content-length", "content-encoding", "transfer-encoding", "date", "server"}


class AwsHandler(BaseHTTPRequestHandler):
    """Sends a request on to the address that its signature is for, where moto answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the service would."""
        # A link carries its signature itself.
        region, service = _SCOPE.search(self.headers.get("Authorization") or unquote(self.path)).groups()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        url = f"https://{service}.{region}.amazonaws.com{self.path}"
        # The answer to HEAD tells the length of a body that does not follow: it is not read.
        head = self.command == "HEAD"
        answer = requests.request(self.command, url, data=body, headers=headers, timeout=60, stream=head)
        content = b"" if head else answer.content
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.headers.get("content-length") if head else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def host_seen_from_containers() -> str:
    """Return this machine's address on Docker's default network."""
    command = ["docker", "network", "inspect", "bridge", "-f", "{{json .IPAM.Config}}"]
    config = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


@contextmanager
def served_aws() -> Iterator[str]:
    """Give the address of moto's AWS as containers see it."""
    with mock_aws():
        host = host_seen_from_containers()
        server = ThreadingHTTPServer((host, 0), AwsHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


def made_ledger(region: str, **names: str) -> tuple[object, object]:
    """Make the table and the buckets of a stage's ledger; return a client of S3, and the table."""
    s3 = boto3.client("s3", region_name=region)
    for bucket in (names["LAKE"], names["LEDGER"], names["SHELF"]):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    table = boto3.resource("dynamodb", region_name=region).create_table(
        TableName=names["ACCOUNTS"],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    return s3, table
