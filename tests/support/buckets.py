"""moto's S3 over HTTP, for a function in a container: just the calls that the batch function makes."""

import ipaddress
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws


class S3Handler(BaseHTTPRequestHandler):
    """Path-style GET and PUT of objects."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer an object, by version if one is named."""
        place = self.place()
        version = parse_qs(urlsplit(self.path).query).get("versionId")
        named = {"VersionId": version[0]} if version else {}
        try:
            found = self.server.s3.get_object(**place, **named)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            self.reply(404, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")
        else:
            self.reply(200, found["Body"].read(), found["ContentType"])

    def do_PUT(self) -> None:
        """Store an object."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.s3.put_object(**self.place(), Body=body)
        self.reply(200, b"", "application/xml")

    def place(self) -> dict[str, str]:
        """Read bucket and key from the path."""
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return {"Bucket": bucket, "Key": key}

    def reply(self, status: int, body: bytes, media_type: str) -> None:
        """Send an answer whole."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def host_seen_from_containers() -> str:
    """Return this machine's address on Docker's default network."""
    command = ["docker", "network", "inspect", "bridge", "-f", "{{json .IPAM.Config}}"]
    config = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


@contextmanager
def served_buckets(*buckets: str) -> Iterator[tuple[str, "boto3.client"]]:
    """Give the address of versioned buckets as containers see it, and a client for the test."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        for bucket in buckets:
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        host = host_seen_from_containers()
        server = ThreadingHTTPServer((host, 0), S3Handler)
        server.s3 = s3
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{host}:{server.server_port}", s3
        finally:
            server.shutdown()
            server.server_close()
