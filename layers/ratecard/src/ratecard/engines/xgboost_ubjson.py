"""XGBoost's UBJSON format: its frame is checked before the library sees it.

The library's reader copies as many bytes as a length in the file says, without looking where the file ends, and looks
for its end by equality; a file cut short is read beyond its end and can kill the process. The writer sorts members by
name, so a whole model starts with `learner` and ends with `version`, and one cut short does not: that costs
microseconds to see. A walk through every value would cost 2 ms per 300 trees on every cold start and find nothing more
than the manifest's digest does, which guards what stands in between.
"""

from __future__ import annotations

import re
from struct import unpack_from

from ratecard.kernel.errors import ArtifactError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A member: its name's length as 'L' and 8 bytes, big-endian, then the name.
HEAD = b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{"

#: The end: three integers, 'i' with 1 byte or 'I' with 2, and the brace that closes the model.
TAIL = re.compile(rb"\}L\0{7}\x07version\[#L\0{7}\x03((?:i.|I..){3})\}\Z", re.DOTALL)

#: Longest match of TAIL, in bytes.
TAIL_LENGTH = 38


def parse_model_version(content: bytes) -> str:
    """Check the frame of a model file and read which version of XGBoost wrote it.

    Returns
    -------
    str
        "major.minor.patch".

    Raises
    ------
    ArtifactError
        If the file is not a whole XGBoost model in UBJSON.
    """
    if not content.startswith(HEAD):
        raise ArtifactError("the model file is not an XGBoost model in UBJSON (save it as .ubj)")
    found = TAIL.search(content[-TAIL_LENGTH:])
    if found is None:
        raise ArtifactError("the XGBoost model file is truncated: it does not end with its version")
    return ".".join(str(number) for number in _integers(found[1]))


def _integers(encoded: bytes) -> list[int]:
    numbers, place = [], 0
    while place < len(encoded):
        size = 1 if encoded[place : place + 1] == b"i" else 2
        numbers.append(int.from_bytes(encoded[place + 1 : place + 1 + size], "big", signed=True))
        place += 1 + size
    return numbers


def find_text(content: bytes, name: str) -> str:
    """Return the last text that a model file has under a name.

    Raises
    ------
    ValueError
        If it has none.
    """
    _, found, rest = content.rpartition(_member(name) + b"SL")
    if not found:
        raise ValueError(name)
    return rest[8 : 8 + int.from_bytes(rest[:8], "big")].decode()


def find_arrays(
    content: bytes, name: str, marker: str, code: str
) -> Iterator[tuple[int, ...]] | Iterator[tuple[float, ...]]:
    """Give all arrays of numbers that a model file has under a name, in its order: of trees, one for each.

    Parameters
    ----------
    marker, code : str
        Type of the numbers, in UBJSON and as `struct` writes it.

    Raises
    ------
    struct.error
        If one is longer than the file.
    """
    for rest in content.split(_member(name) + f"[${marker}#L".encode())[1:]:
        yield unpack_from(f">{int.from_bytes(rest[:8], 'big')}{code}", rest, 8)


def _member(name: str) -> bytes:
    return b"L" + len(name).to_bytes(8, "big") + name.encode()
