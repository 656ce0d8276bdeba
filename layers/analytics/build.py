"""Build the analytics layer: duckdb and what the platform's services use, from hash-pinned wheels.

    python layers/analytics/build.py --arch x86_64|arm64 [--target DIR]

See `layers/wheels.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wheels import Recipe, run

#: Parts of packages that nothing here imports.
LEFT_OUT = ("duckdb/experimental/",)


def keeps(member: str) -> bool:
    """Take everything that something imports."""
    return not member.startswith(LEFT_OUT)


RECIPE = Recipe("analytics", keeps, megabytes=26)

if __name__ == "__main__":
    sys.exit(run(RECIPE))
