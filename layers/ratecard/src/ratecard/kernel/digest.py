"""SHA-256 without importing the whole of `hashlib` (which costs 3 ms more of a cold start)."""

from __future__ import annotations

__all__ = ["sha256", "sha256_hex"]

try:
    from _hashlib import openssl_sha256 as sha256
except ImportError:  # an interpreter built without OpenSSL
    from hashlib import sha256

_started = sha256()
"""Copied for every digest: OpenSSL looks the algorithm up by its name for each hasher that is made anew."""


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 lower-case hexadecimal digits (FIPS 180-4)."""
    hasher = _started.copy()
    hasher.update(content)
    digest: str = hasher.hexdigest()
    return digest
