"""The benchmarks are a package beside the others; they are on nobody's path but their own."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[3])

if ROOT not in sys.path:
    sys.path.append(ROOT)
