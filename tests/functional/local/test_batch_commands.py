"""`ratecard batch`: estimate, run, stop, go on, give up."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.xdist_group("local-batch")


@pytest.fixture
def home(tmp_path):
    """A home with a customer."""
    folder = tmp_path / "home"
    assert command(folder, "customers", "create", "demo").returncode == 0
    return folder


def begin(home, *arguments):
    """Start a command."""
    environ = {**os.environ, "RATECARD_HOME": str(home), "RATECARD_PROJECT": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "ratecard_workbench", *map(str, arguments)],
        env=environ,
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(home, *arguments):
    """Run a command to its end."""
    process = begin(home, *arguments)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def write_rows(path, rows):
    """Write a file of good rows."""
    sample = sample_row(CONTRACT)
    line = ",".join(map(str, sample.values())) + "\n"
    path.write_text(",".join(sample) + "\n" + line * rows)
    return path


def test_the_estimate_is_the_bill(home, native_dir):
    """Rows and price before are rows and cost after; a second run finds what is done; nothing is metered by looking."""
    file = write_rows(home.parent / "may.csv", 2000)
    estimate = json.loads(command(home, "batch", "credit-rating", file, "--dry-run", "--json").stdout)[0]
    assert not (home / "lake").exists()
    assert json.loads(command(home, "batch", "status", "--json").stdout) == []
    first, second = (json.loads(command(home, "batch", "credit-rating", file, "--json").stdout) for _ in range(2))
    assert first == second
    assert (estimate["rows"], float(estimate["price"])) == (first["rows"]["scored"], float(first["cost"]["amount"]))
    lines = {line for path in (home / "lake").rglob("*.jsonl") for line in path.read_text().splitlines()}
    assert sum(json.loads(line)["data"]["units"] for line in lines) == 2000
    assert json.loads(command(home, "batch", "status", first["id"], "--json").stdout)[0]["status"] == "succeeded"


def test_ctrl_c_stops_and_resume_goes_on(home, native_dir):
    """The exit code is a shell's for an interrupt; the job is stopped, then succeeded and billed: it stays."""
    file = write_rows(home.parent / "june.csv", 400_000)
    process = begin(home, "batch", "credit-rating", file)
    while not list((home / "batches").glob("*/plan.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (found,) = (one for one in json.loads(command(home, "batch", "status", "--json").stdout) if "june" in one["file"])
    assert found["status"] == "stopped"
    resumed = command(home, "batch", "resume", found["id"], "--json")
    assert json.loads(resumed.stdout)["rows"] == {"read": 400_000, "scored": 400_000, "rejected": 0}
    cancelled = command(home, "batch", "cancel", found["id"])
    assert (cancelled.returncode, "finished and billed" in cancelled.stderr) == (73, True)
    assert json.loads(command(home, "batch", "status", found["id"], "--json").stdout)[0]["status"] == "succeeded"
    assert list((home.parent / "scored" / "june.csv").rglob("scored.csv"))


def begin_and_wait(home, *arguments):
    """Start a batch; return its process, its workers and its entry once it is planned."""
    planned = set((home / "batches").glob("*/plan.json"))
    process = begin(home, "batch", "credit-rating", *arguments)
    while not (new := set((home / "batches").glob("*/plan.json")) - planned):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process, workers_of(process), new.pop().parent.name


def workers_of(process):
    """Return the processes that a batch has begun."""
    return [int(child) for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def state_of(home, name):
    """Ask for a batch's status."""
    return json.loads(command(home, "batch", "status", name, "--json").stdout)[0]["status"]


def test_cancel_ends_what_runs_whatever_it_is_at(home, native_dir):
    """Workers that hang stand for a part that takes for ever: cancelled, the job is gone and nothing is billed."""
    file = write_rows(home.parent / "july.csv", 100_000)
    before = sorted((home / "lake").rglob("*.jsonl"))
    process, workers, name = begin_and_wait(home, file)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    assert state_of(home, name) == "running"
    assert command(home, "batch", "cancel", name).returncode == 0
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said.strip()) == (73, f"ratecard: batch {name} was cancelled")
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert command(home, "batch", "status", name).returncode == 66
    assert sorted((home / "lake").rglob("*.jsonl")) == before
    assert not (home.parent / "scored" / "july.csv").exists()


def test_a_batch_that_was_ended_says_how(home, native_dir):
    """SIGTERM stops in order, without a traceback of anybody; of a killed one the workers end, and it has died."""
    file = write_rows(home.parent / "august.csv", 400_000)
    process, _, name = begin_and_wait(home, file)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, "goes on" in said, "Traceback" in said) == (143, True, False)
    assert state_of(home, name) == "stopped"

    process = begin(home, "batch", "resume", name)
    while not (workers := workers_of(process)):
        assert process.poll() is None
    for signum in (signal.SIGSTOP, signal.SIGCONT):
        for worker in workers:
            os.kill(worker, signum)
        process.kill()
    _, said = process.communicate(timeout=10)  # ends when the last worker does, which has the same stderr
    assert "Traceback" not in said
    assert state_of(home, name) == "died"
    assert command(home, "batch", "cancel", name).returncode == 0


def test_what_cannot_be_scored_is_said(home, native_dir):
    """An unknown model or customer, no file of rows: a sentence, an exit code, no traceback."""
    file = home.parent / "wrong.csv"
    file.write_text("a,b\n1,2\n")
    for arguments, code, word in (
        (("no-such-model", file), 66, "there is no model no-such-model"),
        (("credit-rating", file, "--customer", "nobody"), 66, "there is no customer nobody"),
        (("credit-rating", file), 65, "unknown_field"),
        (("credit-rating", file, "--dry-run"), 65, "which is no feature of the model"),
    ):
        done = command(home, "batch", *arguments)
        assert (done.returncode, word in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr
    assert file.exists()
