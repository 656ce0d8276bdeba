"""The guide from a notebook to a live endpoint, block by block, in a project of its own."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support.brought import ROOT, make_project

GUIDE = ROOT / "docs" / "guides" / "bring-your-own-model.md"
FIVE_MINUTES = 300


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.slow(20)
@pytest.mark.xdist_group("guides")
def test_a_newcomer_gets_from_a_notebook_to_a_live_endpoint(tmp_path, native_dir):
    """Every block runs as written (but for the port), the answer is the one shown, and nothing is left but prices."""
    project = make_project(tmp_path / "project")
    before = (project / "template.yaml").read_text()
    text = GUIDE.read_text()
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    blocks = blocks.replace("ratecard up ", f"ratecard up --port {free_port()} ").replace(
        "\nkill %1", "\necho\nkill %1"
    )
    environ = {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    begun = time.monotonic()
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=FIVE_MINUTES,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert time.monotonic() - begun < FIVE_MINUTES
    (shown,) = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (line,) = [line for line in finished.stdout.splitlines() if line.startswith('{"model"')]
    example, answer = json.loads(shown), json.loads(line)
    told, got = example["predictions"][0], answer["predictions"][0]
    assert (answer.keys(), got.keys()) == (example.keys(), told.keys())
    assert got["prediction"] == told["prediction"]
    assert got["probability_of_late"] == pytest.approx(told["probability_of_late"], abs=1e-6)
    assert "late-payers: MODEL_CARD.md" in finished.stdout
    assert (project / "template.yaml").read_text() == before
    assert 'model = "late-payers"' in (project / "infra" / "ratecard.toml").read_text()


def test_the_readme_points_to_the_guide():
    """A newcomer finds it, and the command in it is the guide's."""
    readme = Path(ROOT / "README.md").read_text()
    assert "docs/guides/bring-your-own-model.md" in readme
    (command,) = re.findall(r"^(ratecard new .*)$", readme, re.MULTILINE)
    assert command.split("  #")[0].strip() in GUIDE.read_text()
