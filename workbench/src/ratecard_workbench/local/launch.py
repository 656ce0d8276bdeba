"""Starts a function's process: its interpreter, environment, limits, and what it can import."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.errors import ConfigurationError

MEGABYTE = 1024 * 1024
# Lambda's limit of open files; the gateway itself needs one for each connection.
FILES_OF_A_WORKER = 1024
FILES_OF_THE_PLATFORM = 65_536
# Resident memory is watched and is the limit; this hard one only stops a process that grows faster than the watch.
HARD_LIMIT_FACTOR = 2
HARD_LIMIT_FLOOR_BYTES = 512 * MEGABYTE
_PR_SET_PDEATHSIG = 1
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every worker of a platform shares.

    Attributes
    ----------
    packages : Path
        Folder that holds `awslambdaric` and nothing else of this interpreter's packages.
    columns : Path or None
        Folder that holds `pyarrow`, for functions that files trigger.
    environment : Mapping of str to str
        Variables for every function, such as RATECARD_NATIVE_DIR.
    by_function : Mapping of str to Mapping
        Variables for one function, by its logical id; they win.
    """

    packages: Path
    columns: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    by_function: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _at_most_hard(kind: int, wanted: int) -> int:
    """Return a limit that this process may set: nobody but root raises a hard limit."""
    _, most = resource.getrlimit(kind)
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most)


def allow_many_connections() -> None:
    """Raise this process's limit of open files as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _at_most_hard(resource.RLIMIT_NOFILE, FILES_OF_THE_PLATFORM)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def prepare_packages(folder: Path) -> Path:
    """Make a folder from which a worker can import AWS's runtime client and nothing else that is installed here.

    A function that needs a package of the workbench fails here as it would in Lambda.
    """
    required = [_REQUIREMENT.match(line) for line in metadata.requires("awslambdaric") or []]
    return _link_packages(folder, "", ("awslambdaric", *(match.group() for match in required if match)))


def prepare_columns(folder: Path) -> Path:
    """Make a folder from which a function that files trigger can import Arrow, as from its layer in Lambda."""
    return _link_packages(folder, "columns-", ("pyarrow",))


def _link_packages(folder: Path, kind: str, packages: tuple[str, ...]) -> Path:
    target = folder / f"{kind}python{sys.version_info.major}.{sys.version_info.minor}"
    target.mkdir(parents=True, exist_ok=True)
    for package in packages:
        for top in _top_level_paths(package):
            link = target / top.name
            if not link.is_symlink() or link.readlink() != top:
                link.unlink(missing_ok=True)
                link.symlink_to(top)
    if not (target / packages[0]).is_dir():
        raise ConfigurationError(f"the package {packages[0]} is not installed as a folder: run make setup")
    return target


def _top_level_paths(package: str) -> set[Path]:
    """Return the folders and modules that a package has put beside all others."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return set()
    names = {file.parts[0]: file for file in files}
    return {
        Path(str(file.locate())).parents[len(file.parts) - 1] / name
        for name, file in names.items()
        if name not in ("..", "__pycache__") and not name.endswith(".dist-info")
    }


def find_native_directory(root: Path) -> Path | None:
    """Find the engines' shared libraries built for this machine."""
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    folder = root / "build" / "native" / machine / "lib"
    return folder if folder.is_dir() else None


def worker_environment(spec: FunctionSpec, surroundings: Surroundings, runtime_api: str) -> dict[str, str]:
    """Build the whole environment of a worker: what Lambda sets and what the template says, nothing of the caller's.

    Parameters
    ----------
    spec : FunctionSpec
        The function.
    surroundings : Surroundings
        What all workers share.
    runtime_api : str
        `host:port` of the worker's Runtime API.
    """
    code = str(spec.paths[0])
    files = [surroundings.columns] if spec.arrivals is not None and surroundings.columns is not None else []
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, (*spec.paths, *files, surroundings.packages))),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_megabytes),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": "local",
        "LAMBDA_TASK_ROOT": code,
        "_HANDLER": spec.handler,
        **surroundings.environment,
        **spec.environment,
        **surroundings.by_function.get(spec.name, {}),
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
    }


def start_process(spec: FunctionSpec, surroundings: Surroundings, runtime_api: str) -> subprocess.Popen[bytes]:
    """Start one worker; its stdout and stderr are pipes, and it dies with the platform."""
    parent = os.getpid()
    wanted = max(HARD_LIMIT_FACTOR * spec.memory_megabytes * MEGABYTE, HARD_LIMIT_FLOOR_BYTES)
    hard_limit = _at_most_hard(resource.RLIMIT_DATA, wanted)
    # Loaded before the fork: between fork and exec nothing may be.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    files = _at_most_hard(resource.RLIMIT_NOFILE, FILES_OF_A_WORKER)

    def before_exec() -> None:  # pragma: no cover - runs in the child between fork and exec
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            resource.setrlimit(resource.RLIMIT_DATA, (hard_limit, hard_limit))
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    # -S: no site-packages, so the worker sees the function, its layers and the runtime client, as in Lambda.
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "awslambdaric", spec.handler],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=spec.paths[0],
        env=worker_environment(spec, surroundings, runtime_api),
        bufsize=0,
        process_group=0,
        preexec_fn=before_exec,  # noqa: PLW1509 - one thread forks, and the function touches no lock
    )
