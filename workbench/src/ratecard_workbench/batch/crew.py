"""The workers of one job: started together, given one event after the other, replaced when one is killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ratecard.kernel.errors import ErrorKind, RatecardError

ATTEMPTS = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
KEPT_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
"""A block takes as much memory as the one before: kept, it is a quarter less, and half of the system's time for it."""


class StepFailedError(RatecardError):
    """A step of a job failed; the job can be resumed."""

    code = "batch_step_failed"
    kind = ErrorKind.UNAVAILABLE


class FileRefusedError(StepFailedError):
    """The file is none of this model's rows: to try again does not help."""

    code = "batch_file_refused"
    kind = ErrorKind.INVALID


class WorkerDiedError(StepFailedError):
    """A worker process was killed, or ended by itself."""

    code = "batch_worker_died"


class Crew:
    """Worker processes of one model's batch function.

    Parameters
    ----------
    handler : str
        `module.function`.
    paths : sequence of Path
        Folders that its code is imported from.
    environment : Mapping of str to str
        Variables for the function.
    size : int
        How many processes.
    """

    def __init__(
        self, handler: str, paths: Sequence[Path], environment: Mapping[str, str], *, lake: Path, size: int
    ) -> None:
        self._command = [sys.executable, "-m", "ratecard_workbench.batch.worker", handler, str(lake), str(os.getpid())]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        self._environment = {
            **inherited,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            **ONE_THREAD,
            **KEPT_MEMORY,
            **environment,
        }
        self._changing = threading.Lock()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._workers = [self._start() for _ in range(size)]

    def __enter__(self) -> Crew:
        return self

    def stop(self) -> None:
        """End all workers, whatever they are at; who waits for an answer is told that they died."""
        # First no worker is replaced any more, then all are ended: threads that wait for their answers see that.
        with self._changing:
            self._closed = True
            for worker in self._workers:
                worker.kill()

    def __exit__(self, *_: object) -> None:
        self.stop()
        for worker in self._workers:
            worker.wait()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            for pipe in (worker.stdin, worker.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def ask(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Have one event answered.

        Raises
        ------
        StepFailedError
            If the function refuses it, or three workers die of it.
        """
        return next(self.ask_all([event]))

    def ask_all(self, events: Iterable[Mapping[str, Any]], *, seconds: float | None = None) -> Iterator[dict[str, Any]]:
        """Have many events answered by all workers; yields the answers as they come.

        Parameters
        ----------
        events : iterable of mapping
            What is asked.
        seconds : float or None
            How long an answer may take: then its worker is taken to hang, and replaced.

        Raises
        ------
        StepFailedError
            At the first event that fails; those under way are left to their workers.
        """
        todo: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        count = 0
        for event in events:
            todo.put(event)
            count += 1
        answers: SimpleQueue[dict[str, Any] | StepFailedError] = SimpleQueue()
        stop = threading.Event()
        for place in range(min(len(self._workers), count)):
            thread = threading.Thread(target=self._work, args=(place, (todo, answers, stop), seconds), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            for _ in range(count):
                answer = answers.get()
                if isinstance(answer, StepFailedError):
                    raise answer
                yield answer
        finally:
            stop.set()

    def _work(
        self,
        place: int,
        desk: tuple[SimpleQueue[Mapping[str, Any]], SimpleQueue[dict[str, Any] | StepFailedError], threading.Event],
        seconds: float | None,
    ) -> None:
        todo, answers, stop = desk
        while not stop.is_set():
            try:
                event = todo.get_nowait()
            except Empty:
                return
            try:
                answers.put(self._try(place, json.dumps(event) + "\n", stop, seconds))
            except StepFailedError as error:
                answers.put(error)
                return

    def _try(self, place: int, line: str, stop: threading.Event, seconds: float | None) -> dict[str, Any]:
        for _ in range(ATTEMPTS):
            worker = self._workers[place]
            with _killed_after(worker, seconds):
                reply = _exchange(worker, line)
            if reply.endswith("\n"):
                return read_reply(reply)
            worker.wait()
            with self._changing:
                if self._closed or stop.is_set():
                    break
                self._workers[place] = self._start()
        raise WorkerDiedError("a worker process died again and again; `ratecard batch resume` goes on from here")

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            process_group=0,
        )


def _exchange(worker: subprocess.Popen[str], line: str) -> str:
    """Send a worker an event; return its answer, or what there is of it if it dies."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(line)
        worker.stdin.flush()
        return worker.stdout.readline()
    except OSError:
        return ""


@contextlib.contextmanager
def _killed_after(worker: subprocess.Popen[str], seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, worker.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def read_reply(reply: str) -> dict[str, Any]:
    """Return the answer in a reply; raises StepFailedError."""
    document = json.loads(reply)
    if "answer" not in document:
        refused = document.get("kind") == ErrorKind.INVALID.name
        raise (FileRefusedError if refused else StepFailedError)(document["error"])
    answer: dict[str, Any] = document["answer"]
    return answer
