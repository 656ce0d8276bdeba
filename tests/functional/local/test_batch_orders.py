"""What is ordered is what is scored and billed: `ratecard batch` against the invoice, whatever is repeated."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from credit_rating.contract import CONTRACT
from ratecard.contract.sample import sample_row
from ratecard_workbench.batch.registry import Registry
from ratecard_workbench.cli.root import main

ROOT = Path(__file__).resolve().parents[3]
ROWS = 40
TIERS = """
[[prices]]
model = "credit-rating"
operation = "batch"
effective_from = 2026-11-02
mode = "graduated"
tiers = [{ up_to = 60, unit_price = "0" }, { unit_price = "0.0005" }]

[[prices]]
model = "credit-rating"
operation = "batch"
effective_from = 2026-11-02
unit_price = "0.0001"
plan = "business"
"""

pytestmark = pytest.mark.xdist_group("local-batch")


class Counter:
    """A command line with a home of its own.

    Parameters
    ----------
    folder : Path
        Empty.
    project : Path
        The project.
    """

    def __init__(self, folder, project=ROOT):
        self.folder, self.home = folder, folder / "home"
        self._env = {"RATECARD_HOME": str(self.home), "RATECARD_PROJECT": str(project)}

    def say(self, *arguments):
        """Run a command; return its result."""
        return CliRunner().invoke(main, [str(one) for one in arguments], env=self._env)

    def show(self, *arguments):
        """Run a command that succeeds; return what it prints as JSON."""
        done = self.say(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def order(self, file, *options, model="credit-rating"):
        """Have a file scored by one worker; return the manifest and what was said beside it."""
        out = () if "--out" in options else ("--out", self.folder / "scored")
        done = self.say("batch", model, file, "--workers", 1, *out, *options, "--json")
        return json.loads(done.stdout), done.stderr

    def bill(self, customer="demo"):
        """Rate the period; return the charged units by operation, what it costs and what is not plain."""
        found = self.show("invoice", "preview", customer)
        units = {}
        for line in found["invoice"]["lines"]:
            units[line["operation"]] = units.get(line["operation"], 0) + line["units"]
        odd = sorted({code for code, *_ in found["exceptions"]})
        return units, float(found["invoice"]["total"]), odd


def write(path, limits):
    """Write rows with these credit limits."""
    sample = sample_row(CONTRACT)
    path.parent.mkdir(exist_ok=True)
    rows = [sample | {"credit_limit": limit} for limit in limits]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(sample))
        writer.writeheader()
        writer.writerows(rows)
    return path


def scores(manifest):
    """Read the results of a batch."""
    with (Path(manifest["results_in"]) / "scored.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def counter(tmp_path, native_dir):
    """A home with two customers."""
    made = Counter(tmp_path)
    for customer in ("demo", "acme"):
        made.show("customers", "create", customer)
    return made


def test_different_orders_of_a_file_are_different_charges(counter):
    """Elsewhere, with a column, with reasons, for somebody else: each has its own results and its own honest charge."""
    file = write(counter.folder / "may.csv", range(10_000, 10_000 + ROWS))
    plain, _ = counter.order(file)
    elsewhere, _ = counter.order(file, "--out", counter.folder / "elsewhere")
    carried, _ = counter.order(file, "--carry", "credit_limit")
    explained, _ = counter.order(file, "--explain")
    others, _ = counter.order(file, "--customer", "acme")

    manifests = (plain, elsewhere, carried, explained, others)
    assert len({one["results_in"] for one in manifests}) == len({one["usage_id"] for one in manifests}) == 5
    assert (Path(elsewhere["results_in"]).parents[1].name, others["customer"]) == ("elsewhere", "acme")
    assert [row["credit_limit"] for row in scores(carried)][:2] == ["10000", "10001"]
    assert ("reasons" in scores(explained)[0], "reasons" in scores(plain)[0]) == (True, False)
    assert counter.bill() == ({"batch": 3 * ROWS, "batch_explain": ROWS}, 0.1, [])
    assert counter.bill("acme") == ({"batch": ROWS}, 0.02, [])


def test_the_same_order_is_one_charge_however_often_and_late(counter, monkeypatch):
    """It is said when it was scored and by what; cancelling what is billed changes nothing, nor does losing results."""
    file = write(counter.folder / "may.csv", range(10_000, 10_000 + ROWS))
    first, said = counter.order(file)
    assert "already" not in said
    again, said = counter.order(file)
    assert again == first
    assert f"already scored at {first['finished_at']} by credit-rating {first['model_version']}" in said
    cancelled = counter.say("batch", "cancel", first["id"])
    assert (cancelled.exit_code, "finished and billed" in cancelled.stderr) == (73, True)
    assert counter.order(file)[0] == first
    assert counter.bill() == ({"batch": ROWS}, 0.02, [])
    shutil.rmtree(first["results_in"])
    assert counter.order(file)[0]["usage_id"] == first["usage_id"]
    assert counter.bill() == ({"batch": ROWS}, 0.02, ["duplicate"])
    assert counter.show("batch", "status")[0]["status"] == "succeeded"
    monkeypatch.setattr("ratecard_workbench.cli.batch.SHOWN_MS", -1000)
    assert counter.show("batch", "status") == []
    assert [one["id"] for one in counter.show("batch", "status", "--all")] == [first["id"]]


def test_a_batch_that_died_after_it_was_settled_is_billed(counter):
    """It cannot be cancelled any more; `resume` shows the results, and the bill is the one that was settled."""
    file = write(counter.folder / "may.csv", range(10_000, 10_000 + ROWS))
    first, _ = counter.order(file)
    entry = Registry(counter.home / "batches").get(first["id"])
    entry.work.mkdir()
    (entry.results / "manifest.json").rename(entry.work / "manifest.json")
    cancelled = counter.say("batch", "cancel", entry.id)
    assert (cancelled.exit_code, f"`ratecard batch resume {entry.id}` shows them" in cancelled.stderr) == (73, True)
    resumed = counter.show("batch", "resume", entry.id, "--workers", 1)
    assert resumed == first
    assert counter.bill() == ({"batch": ROWS}, 0.02, ["duplicate"])


def test_results_are_those_of_just_this_content_and_model(counter):
    """Two folders, two contents of one time and size, two models: nobody is handed another's results."""
    january = write(counter.folder / "jan" / "data.csv", [10_000] * ROWS)
    february = write(counter.folder / "feb" / "data.csv", [90_000] * ROWS)
    os.utime(february, ns=(january.stat().st_atime_ns, january.stat().st_mtime_ns))
    one, two = counter.order(january)[0], counter.order(february)[0]
    assert one["object"]["version"] == two["object"]["version"]
    assert scores(one) != scores(two)

    before = january.stat()
    write(january, [90_000] * ROWS)
    os.utime(january, ns=(before.st_atime_ns, before.st_mtime_ns))
    edited, _ = counter.order(january)
    assert scores(edited) == scores(two)
    assert counter.order(january)[0] == edited
    wrong, _ = counter.order(january, model="corporate-risk")
    assert (wrong["model"], wrong["status"]) == ("corporate-risk", "failed")
    assert counter.bill() == ({"batch": 3 * ROWS}, 0.06, [])


def test_what_failed_can_be_put_right_and_tried_again(counter):
    """After other options, after the file has changed, and after `cancel`; a failure is never a result."""
    file = write(counter.folder / "may.csv", [10_000] * 2)
    file.write_text(file.read_text().replace("\n", ",x\n").replace(",x\n", ",branch\n", 1))
    failed, _ = counter.order(file)
    assert (failed["status"], failed["problems"][0]["code"]) == ("failed", "unknown_field")
    assert counter.order(file)[0]["status"] == "failed"
    registry = Registry(counter.home / "batches")
    with registry.asking_to_stop(registry.get(failed["id"])):  # as long as somebody cancels it, nobody begins it again
        assert "is being cancelled" in counter.say("batch", "resume", failed["id"]).stderr
    assert counter.say("batch", "cancel", failed["id"]).exit_code == 0
    assert not Path(failed["results_in"]).exists()
    assert counter.show("batch", "status") == []
    assert counter.order(file, "--carry", "branch")[0]["rows"]["scored"] == 2
    write(file, [10_000])
    assert counter.order(file)[0]["rows"]["scored"] == 1
    file.unlink()
    waiting = counter.say("batch", "credit-rating", file)
    assert waiting.exit_code == 2
    assert counter.bill()[0] == {"batch": 3}


def test_a_removed_file_fails_its_batch(counter):
    """There is a manifest that says so, and the batch is not unfinished for ever."""
    file = write(counter.folder / "may.csv", [10_000])
    failed, _ = counter.order(file)
    registry = Registry(counter.home / "batches")
    entry = registry.get(failed["id"])
    shutil.rmtree(failed["results_in"])
    file.unlink()
    done = counter.say("batch", "resume", entry.id)
    assert (done.exit_code, "no longer there" in done.stderr) == (65, True)
    assert entry.find_manifest()["status"] == registry.state_of(entry) == "failed"


def test_a_file_of_rejects_only_is_said_to_be_one(counter):
    """Nothing is billed, and the exit code tells a script."""
    file = write(counter.folder / "may.csv", [-1, -2])
    done = counter.say("batch", "credit-rating", file, "--workers", 1, "--out", counter.folder / "scored")
    assert (done.exit_code, "every row is rejected" in done.stderr) == (65, True)
    assert counter.bill() == ({}, 0.0, [])


def test_a_name_that_is_not_utf_8_is_refused(counter):
    """With a sentence, before any process begins."""
    file = counter.folder / os.fsdecode(b"m\xe4rz.csv")
    write(file, [10_000])
    done = counter.say("batch", "credit-rating", file)
    assert (done.exit_code, "is not named in UTF-8" in done.stderr) == (65, True), done.output


@pytest.fixture
def tiered(tmp_path, native_dir):
    """A project with an included quota, and a plan with a price of its own."""
    project = tmp_path / "project"
    (project / "infra").mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name != "infra":
            (project / path.name).symlink_to(path)
    for path in (ROOT / "infra").iterdir():
        if path.name != "ratecard.toml":
            (project / "infra" / path.name).symlink_to(path)
    (project / "infra" / "ratecard.toml").write_text((ROOT / "infra" / "ratecard.toml").read_text() + TIERS)
    made = Counter(tmp_path, project)
    made.show("customers", "create", "demo")
    made.show("customers", "create", "acme", "--files-plan", "business")
    return made


def test_the_estimate_is_what_the_invoice_grows_by(tiered):
    """With tiers, with what was used before, with several files rounded together, and with a plan's own price."""
    files = [write(tiered.folder / f"{number}.csv", range(10_000, 10_000 + 35)) for number in range(4)]

    def estimate(*options):
        found = tiered.show("batch", "credit-rating", *files, "--dry-run", "--out", tiered.folder / "scored", *options)
        return [one["rows"] for one in found], sum(float(one["price"]) for one in found)

    assert estimate() == ([35] * 4, 0.04)
    assert tiered.show("batch", "status") == []
    tiered.order(files[0])
    rows, price = estimate()
    assert (rows, tiered.bill()[1]) == ([0, 35, 35, 35], 0.0)
    for file in files[1:]:
        tiered.order(file)
    assert tiered.bill()[1] == price == 0.04
    assert estimate("--customer", "acme") == ([35] * 4, 0.01)
    done, _ = tiered.order(files[0], "--customer", "acme")
    assert (done["cost"]["basis"], tiered.bill("acme")[1]) == ("list price", 0.0)


def test_an_estimate_names_the_file_that_is_none(counter):
    """And leaves no batch behind."""
    good, bad = write(counter.folder / "good.csv", [1]), counter.folder / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    done = counter.say("batch", "credit-rating", good, bad, "--dry-run")
    assert (done.exit_code, "bad.csv: " in done.stderr) == (65, True)
    assert counter.show("batch", "status") == []
