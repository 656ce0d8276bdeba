"""Load artifacts and score one row with each, in a process that may die of it.

python load_artifacts.py NATIVE_DIR FOLDER...
"""

import json
import sys

from ratecard.engines import load_engine, load_manifest
from ratecard.kernel.errors import RatecardError


def load(folder: str, native_dir: str) -> dict[str, object]:
    """Load one artifact and score a row of halves; answer the scores or the platform's error."""
    try:
        engine = load_engine(folder, load_manifest(folder), native_dir)
        scores = engine.score([[0.5] * engine.columns])
    except RatecardError as error:
        return {"code": error.code, "detail": error.detail}
    engine.close()
    return {"scores": scores}


def main() -> int:
    """Write one JSON line per artifact, as soon as its outcome is known."""
    native_dir, *folders = sys.argv[1:]
    for folder in folders:
        print(json.dumps(load(folder, native_dir)), flush=True)
    return 0


sys.exit(main())
