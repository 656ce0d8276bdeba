"""The analytics layer: what is pinned, what is unpacked, when it is built again."""

import importlib.metadata
import importlib.util
import json
import re
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def builder(repository):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("analytics_build", repository / "layers" / "analytics" / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["analytics_build"] = module
    spec.loader.exec_module(module)
    return module


def wheel(folder, name, members):
    """Write a wheel."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return path


def test_the_layer_has_the_versions_that_the_tests_run_with(repository):
    """Otherwise they would prove nothing about what is deployed; duckdb is pinned for both processors."""
    text = (repository / "layers" / "analytics" / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([a-z_-]+)==(\S+) \\$", text, re.MULTILINE))
    assert set(pins) == {"aws-lambda-powertools", "duckdb", "jmespath", "typing_extensions", "tzdata"}
    assert pins == {name: importlib.metadata.version(name) for name in pins}
    assert [
        len(re.findall("sha256:[0-9a-f]{64}", part)) for part in re.split(r"^\S+==", text, flags=re.MULTILINE)[1:]
    ] == [
        *(1, 2, 1, 1, 1),
    ]


def test_packages_are_unpacked_and_commands_are_not(builder, tmp_path):
    """Neither is what nothing imports."""
    members = {"duckdb/__init__.py": "", "duckdb/experimental/spark.py": "", "jp-1.data/scripts/jp.py": ""}
    builder.unpack(wheel(tmp_path / "wheels", "duckdb", members), tmp_path / "python")
    found = {path.relative_to(tmp_path / "python").as_posix() for path in (tmp_path / "python").rglob("*.py")}
    assert found == {"duckdb/__init__.py"}


def test_a_wheel_that_installs_elsewhere_is_refused(builder, tmp_path):
    """A layer has no other place."""
    path = wheel(tmp_path / "wheels", "odd", {"odd-1.data/data/etc/odd.conf": ""})
    with pytest.raises(builder.BuildError):
        builder.unpack(path, tmp_path / "python")


def test_what_is_built_is_built_once_and_again_when_a_byte_differs(builder, tmp_path, monkeypatch):
    """Its record names every file, the recipe and the processor."""

    def fetch(_arch, folder):
        wheel(folder, "one", {"one/__init__.py": "ONE = 1\n"})

    monkeypatch.setattr(builder, "fetch_wheels", fetch)
    assert builder.main(["--arch", "arm64", "--target", str(tmp_path)]) == 0
    assert builder.is_built(tmp_path, "arm64")
    assert not builder.is_built(tmp_path, "x86_64")
    assert json.loads((tmp_path / "built.json").read_text())["files"].keys() == {"one/__init__.py"}
    (tmp_path / "python" / "one" / "__init__.py").write_text("ONE = 2\n")
    assert not builder.is_built(tmp_path, "arm64")
    assert builder.main(["--arch", "arm64", "--target", str(tmp_path)]) == 0
    assert builder.is_built(tmp_path, "arm64")


def test_no_package_index_is_a_sentence(builder, tmp_path, monkeypatch, capsys):
    """And exit code 1."""
    refused = type("Done", (), {"returncode": 1})
    monkeypatch.setattr(builder.subprocess, "run", lambda *_, **__: refused)
    assert builder.main(["--target", str(tmp_path)]) == 1
    assert "package index" in capsys.readouterr().err


def test_the_largest_function_stays_below_lambdas_limit(repository):
    """Budgets of all layers and a zip together, with room for one more layer."""
    budgets = [
        float(value)
        for name in ("layers/analytics/Makefile", "layers/ratecard/Makefile", "functions/models/model.mk")
        for value in re.findall(r"(?:BUDGET_MB := |--budget-mb )([\d.]+)", (repository / name).read_text())
    ]
    assert len(budgets) == 3
    assert sum(budgets) + 65 + 100 < 262.144
