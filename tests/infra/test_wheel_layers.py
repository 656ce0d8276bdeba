"""The layers that are made from wheels: what is pinned, what is unpacked, when they are built again."""

import importlib.metadata
import importlib.util
import json
import re
import sys
import zipfile

import pytest

PINNED = {
    "analytics": {"aws-lambda-powertools": 1, "duckdb": 2, "jmespath": 1, "typing_extensions": 1, "tzdata": 1},
    "files": {"pyarrow": 2},
}
"""Package of each layer -> its wheels: one for every processor, or one for each."""


@pytest.fixture(scope="module")
def load(repository):
    """Load a layer's script as a module."""

    def loading(name):
        spec = importlib.util.spec_from_file_location(f"{name}_build", repository / "layers" / name / "build.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.RECIPE

    before = list(sys.path)
    yield loading
    sys.path[:] = before


@pytest.fixture(scope="module")
def wheels(load):
    """The module that all of them share."""
    load("analytics")
    return sys.modules["wheels"]


def wheel(folder, name, members):
    """Write a wheel."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return path


@pytest.mark.parametrize("name", PINNED)
def test_a_layer_has_the_versions_that_the_tests_run_with(repository, name):
    """Otherwise they would prove nothing about what is deployed; binary packages are pinned for both processors."""
    text = (repository / "layers" / name / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([a-z_-]+)==(\S+) \\$", text, re.MULTILINE))
    assert set(pins) == set(PINNED[name])
    assert pins == {package: importlib.metadata.version(package) for package in pins}
    parts = re.split(r"^\S+==", text, flags=re.MULTILINE)[1:]
    assert [len(re.findall("sha256:[0-9a-f]{64}", part)) for part in parts] == list(PINNED[name].values())


def test_packages_are_unpacked_and_commands_are_not(load, wheels, tmp_path):
    """Neither is what nothing imports."""
    members = {"duckdb/__init__.py": "", "duckdb/experimental/spark.py": "", "jp-1.data/scripts/jp.py": ""}
    wheels.unpack(load("analytics"), wheel(tmp_path / "wheels", "duckdb", members), tmp_path / "python")
    found = {path.relative_to(tmp_path / "python").as_posix() for path in (tmp_path / "python").rglob("*.py")}
    assert found == {"duckdb/__init__.py"}


def test_of_arrow_is_kept_what_batches_need(load):
    """Core, compute, CSV and Parquet; flight, S3, headers and tests are two thirds of the wheel."""
    keeps = load("files").keeps
    binary = "cpython-313-x86_64-linux-gnu.so"
    assert all(
        keeps(f"pyarrow/{name}")
        for name in ("__init__.py", "parquet/core.py", "libarrow.so.2600", f"_csv.{binary}", f"lib.{binary}")
    )
    assert not any(
        keeps(f"pyarrow/{name}")
        for name in ("libarrow_flight.so.2600", "libarrow_s3.so.2600", f"_s3fs.{binary}", "tests/util.py", "lib.pxd")
    )


def test_a_wheel_that_installs_elsewhere_is_refused(load, wheels, tmp_path):
    """A layer has no other place."""
    path = wheel(tmp_path / "wheels", "odd", {"odd-1.data/data/etc/odd.conf": ""})
    recipe = load("analytics")
    with pytest.raises(wheels.BuildError):
        wheels.unpack(recipe, path, tmp_path / "python")


def test_what_is_built_is_built_once_and_again_when_a_byte_differs(load, wheels, tmp_path, monkeypatch):
    """Its record names every file, the recipe and the processor."""

    def fetch(_recipe, _arch, folder):
        wheel(folder, "one", {"one/__init__.py": "ONE = 1\n"})

    recipe = load("analytics")
    monkeypatch.setattr(wheels, "fetch_wheels", fetch)
    assert wheels.run(recipe, ["--arch", "arm64", "--target", str(tmp_path)]) == 0
    assert wheels.is_built(recipe, tmp_path, "arm64")
    assert not wheels.is_built(recipe, tmp_path, "x86_64")
    assert not wheels.is_built(load("files"), tmp_path, "arm64")
    assert json.loads((tmp_path / "built.json").read_text())["files"].keys() == {"one/__init__.py"}
    (tmp_path / "python" / "one" / "__init__.py").write_text("ONE = 2\n")
    assert not wheels.is_built(recipe, tmp_path, "arm64")
    assert wheels.run(recipe, ["--arch", "arm64", "--target", str(tmp_path)]) == 0
    assert wheels.is_built(recipe, tmp_path, "arm64")


def test_no_package_index_is_a_sentence(load, wheels, tmp_path, monkeypatch, capsys):
    """And exit code 1."""
    refused = type("Done", (), {"returncode": 1})
    monkeypatch.setattr(wheels.subprocess, "run", lambda *_, **__: refused)
    assert wheels.run(load("files"), ["--target", str(tmp_path)]) == 1
    assert "package index" in capsys.readouterr().err


@pytest.mark.parametrize("layer", PINNED)
def test_the_largest_function_stays_below_lambdas_limit(repository, layer):
    """Budgets of its layers and a model together, unzipped; the native layer has 65 MB."""
    budgets = [
        float(value)
        for name in (f"layers/{layer}/Makefile", "layers/ratecard/Makefile", "functions/models/model.mk")
        for value in re.findall(
            r"(?:^BUDGET_MB := |--budget-mb )([\d.]+)", (repository / name).read_text(), re.MULTILINE
        )
    ]
    assert len(budgets) == 3
    assert sum(budgets) + 65 < 262.144
