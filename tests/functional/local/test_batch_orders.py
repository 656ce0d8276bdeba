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
from ratecard_workbench.batch.registry import LocalOrder, Registry
from ratecard_workbench.batch.runner import Workplace
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


def test_a_column_whose_name_is_not_in_utf_8_is_refused_with_a_sentence(counter):
    """A shell hands on any bytes."""
    done = counter.say("batch", "credit-rating", write(counter.folder / "may.csv", [10_000]), "--carry", "a\udce9")
    assert (done.exit_code, "not in UTF-8" in done.stderr, counter.show("batch", "status")) == (2, True, [])


def test_the_same_order_is_one_charge_however_often_and_late(counter, monkeypatch):
    """It is said when it was scored and by what; cancelling what is billed changes nothing."""
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
    entry.bill.unlink()
    (entry.results / "manifest.json").rename(entry.work / "manifest.json")
    cancelled = counter.say("batch", "cancel", entry.id)
    assert (cancelled.exit_code, f"`ratecard batch resume {entry.id}` shows them" in cancelled.stderr) == (73, True)
    resumed = counter.show("batch", "resume", entry.id, "--workers", 1)
    assert resumed == first
    assert counter.bill() == ({"batch": ROWS}, 0.02, ["duplicate"])


def test_what_is_billed_is_not_billed_again_when_its_results_are_moved_away(counter):
    """Not after `cancel` either; others go on; put back they are found, and another --out is another charge."""
    file, other = (write(counter.folder / name, range(10_000, 10_000 + ROWS)) for name in ("may.csv", "june.csv"))
    first, _ = counter.order(file)
    away = (counter.folder / "scored").rename(counter.folder / "away")
    assert "no longer in" in counter.say("batch", "cancel", first["id"]).stderr
    assert counter.show("batch", "status", first["id"])[0]["status"] == "succeeded"
    order = ("batch", "credit-rating", file, other, "--workers", 1, "--out", counter.folder / "scored")
    assert [one["rows"] for one in counter.show(*order, "--dry-run")] == [0, ROWS]
    done = counter.say(*order, "--json")
    assert (done.exit_code, json.loads(done.stdout)["object"]["key"]) == (73, str(other)[1:])
    assert f"may.csv: batch {first['id']} was scored and billed at {first['finished_at']}" in done.stderr
    assert counter.bill() == ({"batch": 2 * ROWS}, 0.04, [])

    (away / "may.csv").rename(counter.folder / "scored" / "may.csv")
    assert counter.order(file)[0] == first
    counter.order(file, "--out", counter.folder / "elsewhere")
    assert counter.bill() == ({"batch": 3 * ROWS}, 0.06, [])


def test_another_content_is_scored_though_the_first_ones_results_are_moved_away(counter):
    """Of the same time and size: what was billed is known by its SHA-256."""
    file = write(counter.folder / "may.csv", [10_000] * ROWS)
    before = file.stat()
    counter.order(file)
    shutil.rmtree(counter.folder / "scored")
    write(file, [90_000] * ROWS)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert counter.order(file)[0]["rows"]["scored"] == ROWS
    assert counter.bill() == ({"batch": 2 * ROWS}, 0.04, [])


def test_rows_that_were_all_rejected_may_be_scored_again(counter):
    """Nothing was billed for them."""
    file = write(counter.folder / "may.csv", [-1, -2])
    order = ("batch", "credit-rating", file, "--workers", 1, "--out", counter.folder / "scored", "--json")
    first = json.loads(counter.say(*order).stdout)
    shutil.rmtree(first["results_in"])
    assert json.loads(counter.say(*order).stdout)["rows"] == first["rows"]


def test_cancel_leaves_no_result_that_nobody_pays(counter):
    """Killed as it collected, before it was settled: what is whole goes too, and nothing that is another's."""
    orders = [
        LocalOrder(
            "credit-rating", write(counter.folder / "may.csv", [10_000]), counter.folder / "scored", customer, False, ()
        )
        for customer in ("demo", "acme")
    ]
    registry = Registry(counter.home / "batches")
    one, two = (registry.enter(order, 1) for order in orders)
    for entry in (one, two):
        entry.results.mkdir(parents=True)
        (entry.results / "scored.csv").write_text("line\n")
    (counter.folder / "scored" / "mine.txt").touch()
    assert counter.say("batch", "cancel", one.id).exit_code == 0
    assert list(one.results.parent.iterdir()) == [two.results]
    assert counter.say("batch", "cancel", two.id).exit_code == 0
    assert [path.name for path in (counter.folder / "scored").iterdir()] == ["mine.txt"]


def test_a_folder_that_is_not_the_orders_own_is_not_removed(counter):
    """An entry of another build may name one that others share."""
    order = LocalOrder("credit-rating", write(counter.folder / "may.csv", [10_000]), counter.home, "demo", False, ())
    registry = Registry(counter.home / "batches")
    path = counter.home / "batches" / f"{registry.enter(order, 1).id}.json"
    document = json.loads(path.read_text())
    document["job"]["results_folder"] = str(counter.folder)[1:]
    path.write_text(json.dumps(document))
    assert counter.say("batch", "cancel", path.stem).exit_code == 0
    assert order.file.exists()


def test_nothing_half_written_and_no_parts_stay(counter, monkeypatch):
    """Of workers killed as they joined, before this run or in it, and of a run killed as it emptied its folder."""
    file = write(counter.folder / "may.csv", [10_000])
    order = LocalOrder("credit-rating", file, counter.folder / "scored", "demo", False, ())
    registry = Registry(counter.home / "batches")
    entry = registry.enter(order, 1)
    entry.results.mkdir(parents=True)
    seen = []

    def begin(self, workers=None):
        seen.extend(path.name for path in entry.results.iterdir())
        (entry.results / ".rejects.csv.2.partial").touch()
        return start(self, workers)

    start = Workplace.crew
    monkeypatch.setattr(Workplace, "crew", begin)
    (entry.results / ".scored.csv.1.partial").touch()
    first, _ = counter.order(file)
    assert seen == []
    assert not list(entry.results.glob(".*"))

    entry.work.mkdir()
    (entry.work / "part-00001.json").touch()
    (entry.results / ".scored.csv.1.partial").touch()
    assert counter.order(file)[0] == first
    assert not entry.work.exists()
    assert not list(entry.results.glob(".*"))


def test_a_bill_is_kept_by_whoever_finds_the_results(counter):
    """A run that was killed before it kept it: the next one does."""
    file = write(counter.folder / "may.csv", [10_000])
    first, _ = counter.order(file)
    bill = Registry(counter.home / "batches").get(first["id"]).bill
    kept = bill.read_text()
    bill.unlink()
    counter.order(file)
    assert bill.read_text() == kept


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
    registry = Registry(counter.home / "batches")
    entry = registry.enter(LocalOrder("credit-rating", file, counter.folder / "scored", "demo", False, ()), 1)
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


def test_results_beside_their_file_are_refused(counter):
    """They lie in a folder of the file's name, which cannot be where the file is."""
    file = write(counter.folder / "april.csv", [10_000])
    done = counter.say("batch", "credit-rating", file, "--out", counter.folder)
    assert (done.exit_code, "results need another folder" in done.stderr) == (65, True), done.output
    assert file.is_file()


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
