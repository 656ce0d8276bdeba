"""S3 as the holder of a signed link meets it: moto's, behind the checks of signature and time that moto leaves out."""

import hashlib
import hmac
import time
import urllib.parse
from calendar import timegm

import requests

SECRET = "x"
"""The secret access key that links are signed with in tests."""


def send_signed(method, url, headers, content=b"", *, at=None):
    """Send a request to moto if its signature holds; return the status, and S3's code of a refusal.

    Parameters
    ----------
    method, url, headers, content : str, str, dict, bytes
        Of the request; Content-Length is the content's own.
    at : float, optional
        When, in seconds since 1970; now if not given.

    Notes
    -----
    Source: Amazon S3 API Reference, "Authenticating requests: using query parameters (AWS Signature Version 4)".
    """
    sent = {**headers, "Host": urllib.parse.urlsplit(url).netloc, "Content-Length": str(len(content))}
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    signed_at = timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
    if (time.time() if at is None else at) > signed_at + int(query["X-Amz-Expires"]):
        return 403, "AccessDenied"
    if not hmac.compare_digest(_signature(method, url, sent), query["X-Amz-Signature"]):
        return 403, "SignatureDoesNotMatch"
    answer = requests.request(method, url, headers=headers, data=content, timeout=10)
    code = answer.text.partition("<Code>")[2].partition("</Code>")[0] if answer.status_code >= 400 else None
    return answer.status_code, code


def _signature(method, url, sent):
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    quoted = {name: urllib.parse.quote(value, safe="-_.~") for name, value in query.items()}
    names = query["X-Amz-SignedHeaders"].split(";")
    values = {name.lower(): value.strip() for name, value in sent.items()}
    canonical = [
        method,
        parts.path,
        "&".join(f"{name}={quoted[name]}" for name in sorted(quoted) if name != "X-Amz-Signature"),
        *(f"{name}:{values.get(name, '')}" for name in names),
        "",
        ";".join(names),
        "UNSIGNED-PAYLOAD",
    ]
    _, day, region, service, terminator = query["X-Amz-Credential"].split("/")
    scope = f"{day}/{region}/{service}/{terminator}"
    request = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, request])
    key = f"AWS4{SECRET}".encode()
    for step in (day, region, service, terminator):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
