"""Several files change as one, or none: after errors, and after a kill at every step."""

import os
import signal
from pathlib import Path

import pytest

from ratecard_workbench.bring import tree
from ratecard_workbench.bring.tree import STAGING, TreeBusyError, change_tree, staging_area

TEXTS = {"made.yaml": "new", "template.yaml": "after"}


@pytest.fixture
def root(tmp_path):
    """A project of two files and a folder to come."""
    (tmp_path / "template.yaml").write_text("before")
    (tmp_path / "models").mkdir()
    return tmp_path


def stage(root):
    """Put a folder together in the staging area; answer the move that brings it in."""
    folder = root / STAGING / "mine"
    folder.mkdir()
    (folder / "file").write_text("x")
    return {str(STAGING / "mine"): "models/mine"}


def state(root):
    """Return all files but the staging area's."""
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and "build" not in path.parts
    }


BEFORE = {"template.yaml": "before"}
AFTER = {"template.yaml": "after", "made.yaml": "new", "models/mine/file": "x"}


def test_a_change_is_made_whole(root):
    """Folder moved, texts written, nothing left in the staging area."""
    with staging_area(root):
        change_tree(root, stage(root), TEXTS)
    assert state(root) == AFTER
    assert not (root / STAGING).exists()


@pytest.mark.parametrize("step", range(5))
def test_a_kill_at_any_step_leaves_all_or_nothing_to_the_next_command(root, step):
    """SIGKILL before each write and rename in turn: what the next command finds is one of the two states."""
    child = os.fork()
    if child == 0:
        killed_at(step, root)
    os.waitpid(child, 0)
    with staging_area(root):
        found = state(root)
    assert found == (AFTER if step == 4 else BEFORE)


def killed_at(step: int, root: Path) -> None:
    """Make the change in this process, and die at one of its steps."""
    done = iter(range(100))
    own_store, own_rename = tree.store_text, Path.rename

    def dying(own):
        def act(*arguments):
            if next(done) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return own(*arguments)

        return act

    with staging_area(root):
        moves = stage(root)
        tree.store_text = dying(own_store)
        Path.rename = dying(own_rename)
        change_tree(root, moves, TEXTS)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_step_that_fails_undoes_those_before_it(root):
    """A folder in the way of a file: the folder that was moved goes back."""
    (root / "made.yaml").mkdir()
    (root / "made.yaml" / "full").write_text("x")
    with staging_area(root):
        moves = stage(root)
        with pytest.raises(OSError, match="directory"):
            change_tree(root, moves, TEXTS)
        assert not (root / "models" / "mine").exists()
    assert (root / "template.yaml").read_text() == "before"


def test_an_error_leaves_nothing_staged(root):
    """Whatever ends the command."""
    with pytest.raises(FileExistsError), staging_area(root):
        stage(root) and stage(root)
    assert state(root) == BEFORE
    assert not (root / STAGING).exists()


def test_two_commands_do_not_change_the_tree_at_once(root):
    """The second is told to wait; nothing of the first's is touched."""
    with staging_area(root) as staging:
        (staging / "mine").write_text("x")
        with pytest.raises(TreeBusyError, match="another command"):
            staging_area(root).__enter__()
        assert (staging / "mine").exists()
