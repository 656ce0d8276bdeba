"""Every shell block of every guide runs against a running platform; and the README's promise, from a fresh clone."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support.platform import running_platform

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [path for path in sorted((ROOT / "docs/guides").glob("*.md")) if "executed by a test" in path.read_text()]


def shell_blocks(path: Path) -> str:
    """Return a page's ```sh blocks, one after the other."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.xdist_group("guides")
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_works_as_written(guide, tmp_path, native_dir):
    """A reader who pastes the blocks of the page gets through it without an error."""
    with running_platform(tmp_path / "home") as platform:
        environ = {
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "RATECARD_URL": platform.url,
            "RATECARD_KEY": platform.key,
            "RATECARD_HOME": str(platform.home),
            "RATECARD_PROJECT": str(ROOT),
        }
        finished = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", shell_blocks(guide)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture
def fresh_clone(tmp_path: Path) -> Path:
    """Clone what is committed into an empty folder."""
    clone = tmp_path / "ratecard"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    return clone


@pytest.mark.slow(35)
@pytest.mark.xdist_group("guides")
@pytest.mark.timeout(900)
def test_the_readmes_first_command_in_a_fresh_clone(fresh_clone):
    """`make up` sets up a clone with nothing but Python, and the curl line it prints answers as the README shows."""
    assert "make up " in shell_blocks(fresh_clone / "README.md")
    assert "make test " in shell_blocks(fresh_clone / "README.md")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON"))}
    process = subprocess.Popen(
        ["make", "up", "UP=--port 0"],
        cwd=fresh_clone,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = next(line for line in process.stdout if line.startswith("curl "))
        answer = json.loads(subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    shown = re.search(r"^```json\n(.*?)^```$", (fresh_clone / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    example = json.loads(shown[1])
    assert answer.pop("call_id") != example.pop("call_id")
    assert answer == example
