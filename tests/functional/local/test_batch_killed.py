"""`kill -9` of any process of a batch at any moment: after going on, output and bill are the same to the byte."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row

ROOT = Path(__file__).resolve().parents[3]
SRC = ROOT / "functions/models/credit_rating/src"
RUNNER = """
import sys
from pathlib import Path
from ratecard_workbench.batch.registry import LocalOrder, Registry
from ratecard_workbench.batch.runner import Workplace, run_job
from ratecard_workbench.local.application import FunctionSpec

source, native, home = sys.argv[1:4]
file = Path(sys.argv[4])
spec = FunctionSpec("Batch", "credit_rating.handler.batch_handler", (Path(source),), 1769, 900, 2,
                    {"RATECARD_BATCH_ROW_PRICE": "0.0005 USD"}, None)
registry = Registry(Path(home) / "batches")
entry = registry.enter(LocalOrder("credit-rating", file, Path(home) / "out", "acme", False, ()), 1_795_342_272_345)
place = Workplace(spec, {"RATECARD_NATIVE_DIR": native}, Path(home) / "lake", 2)
print(run_job(entry, registry, place, lambda _: None)["status"], flush=True)
"""


def start(home, file, native_dir):
    """Begin or go on with the file's job."""
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, SRC, native_dir, home, file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def children_of(pid):
    """Return the worker processes of a runner."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def outcome(home):
    """Return results by name, and the bill: units by the id of the usage line, each once."""
    files = {path.name: path.read_bytes() for path in (home / "out").rglob("*.csv") if path.is_file()}
    lines = {line for path in (home / "lake").rglob("*.jsonl") for line in path.read_text().splitlines()}
    bill = {event["id"]: event["data"]["units"] for event in map(json.loads, lines)}
    assert len(bill) == len(lines)
    return files, sorted(bill.values()), list((home / "out").rglob(".*"))


def write_file(path, rows):
    """Write distinct rows, one in a hundred of them bad."""
    sample = sample_row(CONTRACT)
    with path.open("w") as file:
        file.write(",".join(("row_id", *sample)) + "\n")
        for number in range(rows):
            limit = 10_000 + number % 900_000 if number % 100 else -1
            file.write(",".join(map(str, (f"r{number}", *(sample | {"credit_limit": limit}).values()))) + "\n")


def undisturbed(tmp_path, file, native_dir):
    """Score the file in peace."""
    process = start(tmp_path / "peace", file, native_dir)
    assert process.communicate()[0] == b"succeeded\n"
    return outcome(tmp_path / "peace")


def kill_until_done(home, file, native_dir, chance):
    """Kill processes of a job at random moments until it is done; return how many were killed."""
    kills = 0
    while True:
        process = start(home, file, native_dir)
        try:
            process.wait(timeout=chance.uniform(0.0, 0.9))
        except subprocess.TimeoutExpired:
            victim = chance.choice([process.pid, *children_of(process.pid)])
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            kills += 1
            # A job whose worker was killed starts another one and goes on by itself, or is killed again.
            if victim != process.pid and chance.random() < 0.5:
                time.sleep(0.05)
                process.kill()
                kills += 1
        printed = process.communicate()[0]
        if printed == b"succeeded\n":
            return kills
        if kills >= 30:
            process = start(home, file, native_dir)
            assert process.communicate()[0] == b"succeeded\n"
            return kills


def test_a_killed_batch_goes_on(tmp_path, native_dir):
    """A few kills, at random moments."""
    file = tmp_path / "may.csv"
    write_file(file, 40_000)
    expected = undisturbed(tmp_path, file, native_dir)
    assert expected[1]
    kill_until_done(tmp_path / "killed", file, native_dir, random.Random(5))
    assert outcome(tmp_path / "killed") == expected


@pytest.mark.slow(80)
def test_a_hundred_kills_change_neither_output_nor_bill(tmp_path, native_dir):
    """However often it dies: parent or worker, at start, while planning, scoring or collecting."""
    file = tmp_path / "may.csv"
    write_file(file, 60_000)
    expected = undisturbed(tmp_path, file, native_dir)
    chance, kills, job = random.Random(7), 0, 0
    while kills < 100:
        home = tmp_path / f"killed{job}"
        kills += kill_until_done(home, file, native_dir, chance)
        assert outcome(home) == expected
        job += 1
