"""Each claim of speed as a command, with peers in the same run: `python -m benchmarks cold|line|serving|peers|all`."""
