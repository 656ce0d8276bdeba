"""The peers: each in an environment of its own, set up as its documentation says and then as kindly as we can."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.emulator import free_port
from benchmarks.environments import BUILD, EnvironmentNotReadyError, clean_environment, ensure_environment
from benchmarks.load import Target
from benchmarks.processes import await_quiet
from benchmarks.rowmodel import Pair, sample_row

HERE = Path(__file__).parent
START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One serving framework.

    Attributes
    ----------
    name : str
        As shown.
    environment : str
        Its environment, pinned in requirements/bench-<environment>.txt.
    package : str
        The distribution whose version is shown.
    command : tuple of str
        Program (of the environment's bin folder) and arguments; `{port}` and `{folder}` are filled in.
    path : str
        Where the row goes.
    note : str
        How it is set up.
    workers : int or None
        MLServer only: its `parallel_workers`; None leaves its default.
    """

    name: str
    environment: str
    package: str
    command: tuple[str, ...]
    path: str
    note: str
    workers: int | None = None


MLSERVER = ("mlserver", "start", "{folder}")
MLSERVER_PATH = "/v2/models/rows/infer"
PEERS = (
    Peer(
        "Flask",
        "flask",
        "flask",
        ("gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "flask_app:app"),
        "/predict",
        "joblib.load in every request; gunicorn, two workers",
    ),
    Peer(
        "FastAPI",
        "fastapi",
        "fastapi",
        (
            "uvicorn",
            "--workers",
            "2",
            "--port",
            "{port}",
            "--log-level",
            "warning",
            "--no-access-log",
            "fastapi_app:app",
        ),
        "/predict",
        "uvicorn with uvloop and httptools, two workers, no access log",
    ),
    Peer(
        "LitServe",
        "litserve",
        "litserve",
        ("python", "litserve_app.py", "{port}"),
        "/predict",
        "two workers, no batching",
    ),
    Peer(
        "BentoML",
        "bentoml",
        "bentoml",
        ("bentoml", "serve", "bentoml_app:RowModel", "--host", "127.0.0.1", "--port", "{port}"),
        "/predict",
        "two workers, coroutine API, access log off",
    ),
    Peer(
        "MLServer", "mlserver", "mlserver", MLSERVER, MLSERVER_PATH, "its own LightGBM runtime, worker pool as shipped"
    ),
    Peer(
        "MLServer, no worker pool",
        "mlserver",
        "mlserver",
        MLSERVER,
        MLSERVER_PATH,
        "parallel_workers 0: the model runs in the server's own process",
        workers=0,
    ),
)


def find_version(peer: Peer) -> str:
    """Return the version of the peer's framework in its environment."""
    ask = f"import importlib.metadata as m; print(m.version({peer.package!r}))"
    return subprocess.run(
        [ensure_environment(peer.environment), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def request_body(peer: Peer) -> bytes:
    """Return the same row in the form the peer takes."""
    row = sample_row()
    if peer.package != "mlserver":
        return json.dumps(row).encode()
    tensor = {"name": "rows", "shape": [1, len(row)], "datatype": "FP64", "data": list(row.values())}
    return json.dumps({"inputs": [tensor]}).encode()


def probability_in(document: dict[str, object]) -> float:
    """Return the probability in a peer's answer."""
    outputs = document.get("outputs")
    if isinstance(outputs, list):
        return float(outputs[0]["data"][0])
    return float(str(document["probability_of_default"]))


def write_settings(folder: Path, model: Pair, port: int, workers: int | None) -> None:
    """Write MLServer's two settings files."""
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None}
    if workers is not None:
        settings["parallel_workers"] = workers
    runtime = {
        "name": "rows",
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": str(model.text)},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(runtime))


@contextlib.contextmanager
def running_peer(peer: Peer, model: Pair) -> Iterator[Target]:
    """Start a peer, wait until it answers our row with status 200, and stop it at the end.

    Raises
    ------
    EnvironmentNotReadyError
        If it does not answer in `START_SECONDS`.
    """
    folder = BUILD / "peers" / f"{peer.environment}-{peer.workers}"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    if peer.package == "mlserver":
        write_settings(folder, model, port, peer.workers)
    target = Target(f"http://127.0.0.1:{port}{peer.path}", folder / "body.json", folder / "headers.txt")
    target.body.write_bytes(request_body(peer))
    target.headers.write_text("Content-Type: application/json\n")
    program, *arguments = (part.format(port=port, folder=folder) for part in peer.command)
    binaries = ensure_environment(peer.environment).parent
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [str(binaries / program), *arguments],
            cwd=HERE,
            env=peer_environment(model, binaries),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await_answer(target, process, folder / "log.txt")
        yield target
    finally:
        stop_group(process)


def peer_environment(model: Pair, binaries: Path) -> dict[str, str]:
    """Return a peer's environment; one OpenMP thread, since thread teams of two workers would fight for two cores."""
    environment = clean_environment(BENCH_MODEL=str(model.pickled), OMP_NUM_THREADS="1", BENTOML_DO_NOT_TRACK="True")
    return environment | {"PATH": f"{binaries}:{environment['PATH']}"}


def await_answer(target: Target, process: subprocess.Popen[bytes], log: Path) -> None:
    """Call until the answer is 200."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException, RuntimeError, ValueError):
            target.call()
            # The first worker answers; the others may still be importing, and would get none of the connections.
            await_quiet(process.pid, START_SECONDS)
            return
        time.sleep(0.2)
    raise EnvironmentNotReadyError(f"the peer does not answer:\n{log.read_text()[-1500:]}")


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and every process it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
