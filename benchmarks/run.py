"""The same as `python -m benchmarks`, as a file to run from anywhere."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # A script's own folder stands first on the path; the package lies one above.
    sys.path[0] = str(Path(__file__).parent.parent)
    from benchmarks.__main__ import main

    sys.exit(main())
