"""Build the files layer: of Arrow just what batch functions read and write files with, from a hash-pinned wheel.

    python layers/files/build.py --arch x86_64|arm64 [--target DIR]

See `layers/wheels.py`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LAYERS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(LAYERS), str(LAYERS / "native")]

from elf import strip_symbols
from wheels import Recipe, run

#: Core, compute, CSV and Parquet. The other libraries here are what pyarrow's own bindings are linked against; flight,
#: S3, ORC, headers, sources and tests stay behind: two thirds of the wheel.
KEPT = re.compile(
    r"pyarrow/[a-z_]+\.py|pyarrow/(parquet|vendored)/.+\.py|pyarrow-[^/]+\.dist-info/(METADATA|licenses/.+)"
    r"|pyarrow/lib(arrow|arrow_acero|arrow_compute|arrow_dataset|arrow_python|arrow_substrait|parquet)\.so\.\d+"
    r"|pyarrow/(lib|_compute|_csv|_fs|_parquet)\.cpython-313-.+\.so"
)
#: For tests, other languages and other processors.
LEFT_OUT = ("pyarrow/conftest.py", "pyarrow/cuda.py", "pyarrow/flight.py", "pyarrow/jvm.py")


def keeps(member: str) -> bool:
    """Take what reading and writing files needs."""
    return KEPT.fullmatch(member) is not None and member not in LEFT_OUT


def finish(name: str, content: bytes) -> bytes:
    """Leave out the symbols of shared libraries that no loader needs."""
    return strip_symbols(content) if ".so" in name else content


RECIPE = Recipe("files", keeps, megabytes=55, finish=finish, sources=(LAYERS / "native" / "elf.py",))

if __name__ == "__main__":
    sys.exit(run(RECIPE))
