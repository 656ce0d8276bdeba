"""Score and explain the rows of a job with several artifacts, and write every number exactly.

python score_artifacts.py NATIVE_DIR JOB < nothing > one JSON line per artifact

JOB is a file: a list of {"folder", "rows"}. Imports nothing but the engines, so that it runs on a bare Python.
"""

import json
import sys
from pathlib import Path

from ratecard.engines import load_engine, load_manifest


def exact(rows: list[tuple[float, ...]]) -> list[list[str]]:
    """Numbers as hexadecimal, which loses no bit."""
    return [[value.hex() for value in row] for row in rows]


def main() -> int:
    """Work through the job."""
    native_dir, job = sys.argv[1:]
    for task in json.loads(Path(job).read_text()):
        engine = load_engine(task["folder"], load_manifest(task["folder"]), native_dir)
        rows = task["rows"]
        outcome = {
            "library": f"{engine.name} {engine.library_version}",
            "together": exact(engine.score(rows)),
            "alone": exact([engine.score([row])[0] for row in rows]),
            "contributions": [] if engine.name == "onnx" else exact(engine.contributions(rows)),
        }
        engine.close()
        print(json.dumps(outcome), flush=True)
    return 0


sys.exit(main())
