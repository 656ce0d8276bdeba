"""Locks of batches, and workers that hang."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ratecard_workbench.batch.crew import Crew, WorkerDiedError
from ratecard_workbench.batch.locks import LockFile, LockHeldError

HOLDER = """
import sys, time
from pathlib import Path
from ratecard_workbench.batch.locks import LockFile
with LockFile(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_and_let_go(tmp_path):
    """Who lets it go leaves no sign of having died."""
    lock = LockFile(tmp_path / "lock")
    assert (lock.is_held(), lock.was_held(), lock.is_orphaned()) == (False, False, False)
    with lock.held():
        assert (lock.is_held(), lock.is_orphaned()) == (True, False)
        with pytest.raises(LockHeldError), lock.held(tries=1):
            pass
    assert (lock.is_held(), lock.was_held(), lock.is_orphaned()) == (False, True, False)


def test_a_lock_of_the_dead_is_free_and_says_so(tmp_path):
    """Killed as it held it; the next holder clears that."""
    lock = LockFile(tmp_path / "lock")
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert lock.is_held()
        holder.kill()
    assert (lock.is_held(), lock.is_orphaned()) == (False, True)
    with lock.held():
        pass
    assert not lock.is_orphaned()


def test_a_removed_lock_keeps_nobody_out_and_nobody_in(tmp_path):
    """Two processes never hold locks of one name, though the file was removed between them."""
    lock = LockFile(tmp_path / "lock")
    with lock.held():
        lock.remove()
        with LockFile(tmp_path / "lock").held(), pytest.raises(LockHeldError), lock.held(tries=1):
            pass
    assert not lock.is_held()


@pytest.fixture
def crew(tmp_path):
    """One worker of a function that sleeps."""
    code = "import time\ndef answer(event, _):\n    time.sleep(event['seconds'])\n    return event\n"
    (tmp_path / "sleeper.py").write_text(code)
    with Crew("sleeper.answer", (tmp_path,), {}, lake=tmp_path / "lake", size=1) as made:
        yield made


def test_a_worker_that_hangs_is_replaced_and_then_given_up(crew):
    """What takes too long three times is a failure of the step."""
    assert crew.ask({"seconds": 0}) == {"seconds": 0}
    with pytest.raises(WorkerDiedError):
        list(crew.ask_all([{"seconds": 60}], seconds=0.2))


def test_workers_end_with_their_parent(tmp_path):
    """Also one that is in the middle of something."""
    (tmp_path / "sleeper.py").write_text("import time\ndef answer(event, _):\n    time.sleep(60)\n")
    parent = f"""
from pathlib import Path
from ratecard_workbench.batch.crew import Crew
crew = Crew("sleeper.answer", (Path({str(tmp_path)!r}),), {{}}, lake=Path({str(tmp_path / "lake")!r}), size=1)
print(crew._workers[0].pid, flush=True)
crew.ask({{}})
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        worker = int(process.stdout.readline())
        time.sleep(0.5)
        process.kill()
    ends = time.monotonic() + 20
    while time.monotonic() < ends and is_alive(worker):
        time.sleep(0.05)
    assert not is_alive(worker)


def is_alive(pid):
    """Tell whether a process runs; one that nobody waits for is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
