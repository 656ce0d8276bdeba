"""How layers and zips are packed: what goes in, its bytecode, its budget."""

import importlib.util
import re
import struct
import subprocess
import sys
import zipfile
from random import Random

import pytest

from ratecard_workbench.publish import seal


@pytest.fixture(scope="module")
def pack(repository):
    """The packing script, as a module."""
    spec = importlib.util.spec_from_file_location("pack", repository / "layers" / "ratecard" / "pack.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path):
    """A model's src folder, with what must stay behind."""
    folder = tmp_path / "src"
    for name, text in {
        "Makefile": "include x\n",
        "model/__init__.py": "",
        "model/handler.py": "LIMIT = 3\n",
        "model/artifact/model.txt": "tree\n",
        "model/__pycache__/handler.cpython-39.pyc": "old",
        ".hidden/secret.txt": "x",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def runtime(pack):
    """A Python of the runtime's version."""
    found = pack.find_runtime()
    if found is None:
        pytest.skip("there is no Python 3.13 on this machine, so no bytecode is compiled")
    return found


def files(folder):
    """Return the names of all files under a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_sources_and_artifact_go_in_and_nothing_else(pack, source, tmp_path, monkeypatch):
    """No Makefile, no stale bytecode, no hidden folder; without a Python 3.13 no bytecode either."""
    monkeypatch.setattr(pack, "find_runtime", lambda: None)
    pack.pack(source, tmp_path / "zip", "/var/task", 1_000_000)
    assert files(tmp_path / "zip") == {"model/__init__.py", "model/handler.py", "model/artifact/model.txt"}


def test_bytecode_is_trusted_without_a_look_at_the_source(pack, source, tmp_path, runtime):
    """PEP 552: flags 1 is hash-based and unchecked; a zip's two-second times would make any other kind stale."""
    pack.pack(source, tmp_path / "zip", "/var/task", 1_000_000)
    compiled = (tmp_path / "zip/model/__pycache__/handler.cpython-313.pyc").read_bytes()
    assert struct.unpack("<I", compiled[4:8]) == (1,)
    assert b"/var/task/model/handler.py" in compiled
    assert str(tmp_path).encode() not in compiled
    assert runtime


def test_packing_twice_gives_the_same_bytes_and_times(pack, source, tmp_path):
    """So the same content makes the same zip."""
    zips = []
    for name in ("first", "second"):
        pack.pack(source, tmp_path / name, "/var/task", 1_000_000)
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            for path in sorted((tmp_path / name).rglob("*")):
                zipped.write(path, path.relative_to(tmp_path / name))
        zips.append(archive.read_bytes())
    assert zips[0] == zips[1]


def test_more_than_the_budget_is_refused(pack, source, tmp_path, capfd):
    """The build stops with a non-zero status and says by how much."""
    (source / "model/artifact/model.txt").write_bytes(b"x" * 2_000_000)
    arguments = ["--source", str(source), "--target", str(tmp_path / "zip")]
    status = pack.main([*arguments, "--installed-at", "/var/task", "--budget-mb", "1"])
    assert status == 1
    assert "more than the budget of 1.0 MB" in capfd.readouterr().err


def test_a_model_is_weighed_as_ratecard_new_weighs_it(repository, pack, source, tmp_path, capfd):
    """What `ratecard new` writes is built: the same budgets, the same zip; 8 MB of text pass, 5 MB of noise do not."""
    text = (repository / "functions/models/model.mk").read_text()
    budgets = dict(re.findall(r"^(\w+)_MB := (\d+)$", text, re.MULTILINE))
    found = {name: int(value) * 1_000_000 for name, value in budgets.items()}
    assert found == {"ZIP_BUDGET": seal.ZIP_BUDGET_BYTES, "BUDGET": seal.UNZIPPED_BUDGET_BYTES}
    arguments = ["--source", str(source), "--target", str(tmp_path / "zip"), "--installed-at", "/var/task"]
    arguments += ["--budget-mb", budgets["BUDGET"], "--zip-budget-mb", budgets["ZIP_BUDGET"]]
    artifact = source / "model/artifact/model.txt"
    artifact.write_bytes(b"0.125 0.5\n" * 800_000)
    assert pack.main(arguments) == 0
    assert pack.zip_size_of(tmp_path / "zip") == seal.zip_size_of(tmp_path / "zip")
    artifact.write_bytes(Random(0).randbytes(5_000_000))
    assert pack.main(arguments) == 1
    assert "MB zipped, more than the budget of 5.0 MB" in capfd.readouterr().err


def test_an_empty_source_is_refused(pack, tmp_path, capfd):
    """A wrong path must not deploy an empty zip."""
    (tmp_path / "empty").mkdir()
    arguments = ["--source", str(tmp_path / "empty"), "--target", str(tmp_path / "zip")]
    assert pack.main([*arguments, "--installed-at", "/var/task", "--budget-mb", "1"]) == 1
    assert "holds no Python source" in capfd.readouterr().err


def test_another_python_does_not_count_as_the_runtime(pack, tmp_path):
    """A shim that cannot run, and a Python of another version, are passed over."""
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert not pack.is_runtime(str(shim))
    assert not pack.is_runtime(str(tmp_path / "absent"))
    assert pack.is_runtime(sys.executable) is (sys.version_info[:2] == (3, 13))


@pytest.mark.parametrize(
    ("folder", "target", "holds"),
    [
        ("functions/models/credit_rating/src", "build-CreditRatingFunction", "credit_rating/handler.py"),
        (
            "functions/models/credit_rating/src",
            "build-CreditRatingBatchFunction",
            "credit_rating/artifact/manifest.json",
        ),
        ("layers/ratecard", "build-RatecardLayer", "python/ratecard/serving/handlers.py"),
    ],
)
def test_the_makefiles_pack_within_their_budgets(repository, tmp_path, folder, target, holds):
    """Run as SAM runs them: the original Makefile, an artifacts folder, a target named after the resource."""
    makefile = repository / folder / "Makefile"
    command = ["make", "--makefile", str(makefile), target, f"PYTHON={sys.executable}", f"ARTIFACTS_DIR={tmp_path}"]
    subprocess.run(command, cwd=repository / folder, check=True, capture_output=True)
    found = files(tmp_path)
    assert holds in found
    assert not {name for name in found if "training" in name or name.endswith("Makefile")}
    assert sum((tmp_path / name).stat().st_size for name in found) < 5_000_000
