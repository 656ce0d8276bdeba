"""Prepare what it takes to run the arm64 layer on an x86-64 Debian, then prove that it scores as the x86-64 layer does.

    python layers/native/prove_arm64.py [--prepare-only]

Into ``build/arm64`` go qemu's user-mode emulator and a Debian arm64 root with Python 3.13; nothing is installed and no
setting of the machine is changed. Packages come from the Debian mirror this machine's apt uses, verified with Debian's
own keys. The proof itself is ``pytest -m arm64`` (tests/contract/engines/test_arm64.py).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TARGET = PROJECT / "build" / "arm64"

#: The Debian release with Python 3.13 and with qemu 10; under qemu 7.2 ONNX Runtime's library crashes while loading.
SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

#: Installed into the root, with what they depend on. The engines need the C++ library besides Python.
ROOT_PACKAGES = ("python3.13", "libstdc++6")


class PrepareError(Exception):
    """The proof cannot be prepared on this machine; the message says why."""


def tell(message: str) -> None:
    """Write one line of progress to stderr."""
    print(f"arm64 proof: {message}", file=sys.stderr, flush=True)


def run(*command: str) -> str:
    """Run a command; answer what it printed.

    Raises
    ------
    PrepareError
        If it is not there or fails.
    """
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise PrepareError(f"{command[0]} is not on this machine; a Debian with apt is needed") from error
    except subprocess.CalledProcessError as error:
        raise PrepareError(f"{command[0]} failed: {error.stderr.strip()[-500:]}") from error


def find_mirror() -> str:
    """Address of the Debian mirror that this machine's apt uses."""
    lines = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages").splitlines()
    mirrors = [line.split()[0] for line in lines if line.endswith(" Debian")]
    if not mirrors:
        raise PrepareError("apt on this machine has no Debian mirror")
    return mirrors[0]


class Apt:
    """An apt of its own for one architecture: its lists, cache and status lie in a folder, the machine's are not used.

    Parameters
    ----------
    folder : Path
        Where it keeps everything.
    arch : str
        Debian's name of the architecture.
    """

    def __init__(self, folder: Path, arch: str) -> None:
        self.archives = folder / "cache" / "archives"
        for part in (folder / "state" / "lists" / "partial", self.archives / "partial"):
            part.mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {find_mirror()} {SUITE} main\n")
        settings = {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "APT::Architecture": arch,
            "APT::Architectures": arch,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
        }
        self._options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]

    def fetch(self, *packages: str) -> list[Path]:
        """Download packages and what they depend on; answer the files."""
        run("apt-get", *self._options, "--quiet", "update")
        run("apt-get", *self._options, "--quiet", "--yes", "--download-only", "install", *packages)
        return sorted(self.archives.glob("*.deb"))


def unpack(packages: list[Path], root: Path) -> None:
    """Unpack packages into a root of merged /usr folders."""
    for name in ("bin", "lib", "sbin"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        run("dpkg-deb", "--extract", str(package), str(root))


def prepare(target: Path) -> None:
    """Fetch the emulator and the arm64 root, and build the arm64 layer, as far as they are not there."""
    qemu, python = target / "qemu" / "usr" / "bin" / "qemu-aarch64", target / "root" / "usr" / "bin" / "python3.13"
    if not qemu.exists():
        tell("fetching qemu-user (15 MB)")
        unpack(
            Apt(target / "apt-host", run("dpkg", "--print-architecture").strip()).fetch("qemu-user"), target / "qemu"
        )
        shutil.rmtree(target / "apt-host")
        for other in qemu.parent.iterdir():  # the package emulates thirty machines, in half a gigabyte
            if other != qemu:
                other.unlink()
    if not python.exists():
        tell("fetching Python 3.13 for arm64 (15 MB)")
        unpack(Apt(target / "apt-arm64", "arm64").fetch(*ROOT_PACKAGES), target / "root")
        shutil.rmtree(target / "apt-arm64")
    for arch in ("arm64", "x86_64"):
        if subprocess.run(
            [sys.executable, str(PROJECT / "layers" / "native" / "build.py"), "--arch", arch], check=False
        ).returncode:
            raise PrepareError(f"the {arch} layer could not be built")
    tell(
        run(
            str(qemu),
            "-L",
            str(target / "root"),
            str(python),
            "-c",
            "import platform as p; print(p.machine(), p.python_version())",
        ).strip()
    )


def main(arguments: list[str] | None = None) -> int:
    """Prepare, then run the proof; answer the exit code."""
    parser = argparse.ArgumentParser(description="Prove the arm64 native layer under qemu.")
    parser.add_argument("--prepare-only", action="store_true", help="stop before the proof")
    options = parser.parse_args(arguments)
    try:
        prepare(TARGET)
    except PrepareError as error:
        tell(f"cannot prepare: {error}")
        return 1
    if options.prepare_only:
        return 0
    proof = [sys.executable, "-m", "pytest", "tests/contract/engines/test_arm64.py", "-m", "arm64", "-n", "0", "-rP"]
    return subprocess.run(proof, cwd=PROJECT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
