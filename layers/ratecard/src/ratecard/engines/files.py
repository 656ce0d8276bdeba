"""Reading a small file whole."""

from __future__ import annotations


def load_bytes(folder: str, name: str) -> bytes:
    """Read a file.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - pathlib would cost more of a cold start than the model
        return file.read()
