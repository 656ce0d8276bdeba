"""Shared libraries as ELF files (System V ABI, 64 bits, little-endian): check, rename, strip.

Stripping is done here and not by a strip program because wheels' libraries have been through patchelf, which puts
segments behind the symbols: llvm-strip 14 leaves such a file with segments that no loader takes, GNU strip knows one
architecture, and a layer should have the same bytes wherever it is built.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass, replace

#: ELF machine numbers by Lambda's names of the architectures.
MACHINES = {"x86_64": 62, "arm64": 183}

#: Kind of file: a shared library. Kind of segment: mapped into memory.
SHARED, LOAD = 3, 1

#: Smallest page of either architecture, in bytes.
PAGE_BYTES = 4096

#: The usual name of the OpenMP runtime.
GOMP = b"libgomp.so.1"

#: Share of a file below which its symbols are not worth touching it.
WORTH = 0.01

# The file header from `e_phoff` on: where the program and section headers lie, flags, sizes and counts.
_HEADER, _HEADER_OFFSET = struct.Struct("<QQIHHHHHH"), 32
_SEGMENT = struct.Struct("<IIQQQQQQ")


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header; its fields are in the file's order."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    alignment: int

    @property
    def end(self) -> int:
        """Offset in the file behind its last byte."""
        return self.offset + self.size

    def is_loadable(self, length: int) -> bool:
        """Whether the dynamic loader takes it from a file of `length` bytes: these are the loader's own conditions."""
        if self.kind != LOAD:
            return self.end <= length
        aligned = self.alignment >= PAGE_BYTES and self.alignment % PAGE_BYTES == 0
        return aligned and self.end <= length and (self.address - self.offset) % self.alignment == 0


def is_library(content: bytes, arch: str) -> bool:
    """Whether a file is a shared library of an architecture that a loader takes."""
    if len(content) < _HEADER_OFFSET + _HEADER.size or content[:6] != b"\x7fELF\x02\x01":
        return False
    if struct.unpack_from("<HH", content, 16) != (SHARED, MACHINES[arch]):
        return False
    return all(segment.is_loadable(len(content)) for segment in read_segments(content))


def read_segments(content: bytes) -> list[Segment]:
    """Read the program headers."""
    start, _, _, _, size, count, *_ = _HEADER.unpack_from(content, _HEADER_OFFSET)
    return [Segment(*_SEGMENT.unpack_from(content, start + number * size)) for number in range(count)]


def rename_gomp(content: bytes) -> bytes:
    """Give libgomp its usual name back wherever a library names a wheel's private copy.

    The wheel's tool renamed it to `libgomp-<digest>.so.1.0.0`, in its own SONAME and in what libxgboost asks for, while
    LightGBM asks for `libgomp.so.1`. With one name for all, one copy serves both, and it is found because the engines
    load it first. The shorter name is written over the longer one and padded, so that no offset in the file moves.
    """
    start = content.find(b"\0libgomp-")
    while start >= 0:
        end = content.index(b"\0", start + 1)
        content = content[: start + 1] + GOMP.ljust(end - start - 1, b"\0") + content[end:]
        start = content.find(b"\0libgomp-", end)
    return content


def strip_symbols(content: bytes) -> bytes:
    """Keep of a library only what is mapped into memory: no symbol table, no section headers.

    Addresses in memory stay; a segment only moves in the file, by whole multiples of its alignment.

    Returns
    -------
    bytes
        The stripped library, or the same if there is not enough to gain.
    """
    segments = read_segments(content)
    mapped = sorted((segment for segment in segments if segment.kind == LOAD), key=lambda segment: segment.offset)
    if not mapped or mapped[0].offset:
        return content  # the headers themselves are not mapped: no linker of a wheel does that
    stripped, moves = bytearray(), []
    for segment in mapped:
        stripped += bytes((segment.address - len(stripped)) % segment.alignment)
        moves.append((segment, len(stripped) - segment.offset))
        stripped += content[segment.offset : segment.end]
    if len(stripped) > len(content) * (1 - WORTH):
        return content
    headers = _HEADER.unpack_from(content, _HEADER_OFFSET)
    start = headers[0] + _shift(headers[0], moves)
    for number, segment in enumerate(segments):
        moved = replace(segment, offset=segment.offset + _shift(segment.offset, moves))
        _SEGMENT.pack_into(stripped, start + number * _SEGMENT.size, *astuple(moved))
    _HEADER.pack_into(stripped, _HEADER_OFFSET, start, 0, *headers[2:7], 0, 0)
    return bytes(stripped)


def _shift(offset: int, moves: list[tuple[Segment, int]]) -> int:
    """By how many bytes what lies at an offset of the file has moved."""
    return next((by for segment, by in moves if segment.offset <= offset < segment.end), 0)
