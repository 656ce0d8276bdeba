"""The commands that write what AWS is given: what they print, and how they end."""

import json
import shutil

import pytest
from click.testing import CliRunner

from ratecard_workbench.cli import main
from ratecard_workbench.publish.generate import generated_texts


@pytest.fixture
def project(repository, tmp_path):
    """A copy of what the generators read."""
    for name in ("template.yaml", "samconfig.toml", "infra", "functions", "layers/ratecard"):
        source, target = repository / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return tmp_path


def run(*arguments):
    """Run `ratecard` with arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_generate_writes_what_is_stale_and_only_that(project):
    """A file that was edited by hand is written again; nothing else is touched."""
    (project / "infra/plans.yaml").write_text("edited by hand\n")
    done = run("generate", "--project", project, "--json")
    assert json.loads(done.stdout) == {"written": ["infra/plans.yaml"]}
    assert (project / "infra/plans.yaml").read_text() == generated_texts(project)["infra/plans.yaml"]


def test_generate_check_names_stale_files_and_fails(project):
    """In CI nothing is written; the exit code says that the checkout contradicts itself."""
    (project / "infra/openapi.yaml").unlink()
    done = run("generate", "--project", project, "--check")
    assert (done.exit_code, done.stdout) == (73, "infra/openapi.yaml\n")
    assert "not up to date" in done.stderr
    assert not (project / "infra/openapi.yaml").exists()


def test_generate_check_is_content_with_a_checkout_that_agrees(project):
    """Nothing on stdout, exit code 0."""
    done = run("generate", "--project", project, "--check")
    assert (done.exit_code, done.stdout) == (0, "")


def test_seal_refuses_a_folder_without_a_build(tmp_path):
    """The message says what to do, the exit code that the input was wrong."""
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  Model: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: Model}}\n"
    )
    done = run("seal", "--build", tmp_path)
    assert done.exit_code == 65
    assert "run sam build first" in done.stderr
