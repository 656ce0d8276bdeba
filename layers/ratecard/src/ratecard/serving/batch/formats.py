"""What a file is, told by its name's ending."""

from __future__ import annotations

from typing import NamedTuple

from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import Problem

CSV, JSON_LINES, PARQUET = "csv", "jsonl", "parquet"
ENDINGS = {".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".parquet": PARQUET}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


class Format(NamedTuple):
    """Format and compression of a file.

    Attributes
    ----------
    name : str
        csv, jsonl or parquet.
    compression : str
        gzip, zstd or "".
    """

    name: str
    compression: str

    @property
    def scored_name(self) -> str:
        """File name of the results: of the same format, not compressed."""
        return f"scored.{self.name}"


def parse_format(name: str) -> Format:
    """Tell format and compression.

    Raises
    ------
    InvalidRequestError
        With the code unsupported_format if the ending is none that is read.
    """
    lowered = name.lower()
    compression = next((kind for ending, kind in COMPRESSIONS.items() if lowered.endswith(ending)), "")
    plain = lowered.rpartition(".")[0] if compression else lowered
    found = next((kind for ending, kind in ENDINGS.items() if plain.endswith(ending)), None)
    if found is None or (found == PARQUET and compression):
        detail = "must end in .csv, .jsonl, .ndjson (also .gz or .zst after it) or .parquet"
        raise refusal_of(Problem("", "unsupported_format", detail), whole="the file's name")
    return Format(found, compression)
