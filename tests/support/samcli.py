"""SAM CLI at work: build, seal, invoke, serve. Everything runs in Docker, in the image of Lambda's Python 3.13."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratecard_workbench.local.cloudformation import load_yaml
from ratecard_workbench.publish.files import yaml_text
from ratecard_workbench.publish.seal import replace_reference, seal_build

IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
QUIET = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1"}


@dataclass(frozen=True)
class SamCli:
    """The command, the checkout it works on and what it built.

    Attributes
    ----------
    program : Path
        The command `sam`.
    repository : Path
        The checkout.
    build : Path
        Folder with the built template.
    """

    program: Path
    repository: Path
    build: Path

    @property
    def template(self) -> Path:
        """The built template."""
        return self.build / "template.yaml"

    def run(self, *arguments: str, architecture: str = "x86_64") -> subprocess.CompletedProcess[str]:
        """Run one command in the checkout."""
        command = [str(self.program), *arguments]
        environ = os.environ | QUIET | {"PYTHON": sys.executable, "RATECARD_ARCH": architecture}
        done = subprocess.run(
            command, cwd=self.repository, env=environ, capture_output=True, text=True, check=False, timeout=280
        )
        if done.returncode:
            raise AssertionError(f"sam {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def build_all(self, architecture: str) -> None:
        """Build layers and zips, then seal them, as `make sam-build` does."""
        override = f"Architecture={architecture}"
        self.run(
            *("build", "--build-dir", str(self.build), "--parameter-overrides", override), architecture=architecture
        )
        seal_build(self.build, architecture)

    def invoke(self, function: str, event: Path, *, template: Path | None = None) -> tuple[dict[str, Any], str]:
        """Invoke a function once; return its answer and its log."""
        arguments = ["local", "invoke", function, "--template", str(template or self.template), "--event", str(event)]
        done = self.run(*arguments, *skip_pull())
        return json.loads(done.stdout), done.stderr

    @contextmanager
    def serving(self, command: str, ready: str, *, template: Path | None = None) -> Iterator[str]:
        """Run `sam local start-api` or `start-lambda` and give its address once `ready`, a path, is answered."""
        port = free_port()
        arguments = ["local", command, "--template", str(template or self.template), "--port", str(port), *skip_pull()]
        arguments += ["--warm-containers", "LAZY"]
        log = self.log_of(command)
        with log.open("w") as output:
            server = subprocess.Popen(
                [str(self.program), *arguments],
                cwd=self.repository,
                env=os.environ | QUIET,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                wait_for(f"http://127.0.0.1:{port}{ready}", server, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(timeout=60)

    def log_of(self, command: str) -> Path:
        """Return where a command that serves, and the functions it serves, write."""
        return self.build.parent / f"{command}.log"

    def with_environment(self, variables: dict[str, str], *functions: str) -> Path:
        """Write a copy of the built template in which some functions have more environment variables; return it."""
        template = load_yaml(self.template)
        for function in functions:
            template["Resources"][function]["Properties"]["Environment"]["Variables"] |= variables
        copy = self.build / f"{functions[0]}.yaml"
        copy.write_text(yaml_text(template, "the built template with another environment"))
        return copy

    def nested_with_environment(self, stack: str, layers: tuple[str, ...], variables: dict[str, str]) -> Path:
        """Write a copy of a nested stack that stands alone, for SAM CLI finds no layer that a parameter names.

        Parameters
        ----------
        stack : str
            Logical id of the nested stack.
        layers : tuple of str
            Parameters that are layers of the root under the same name.
        variables : dict
            More environment variables for all its functions.
        """
        template = replace_reference(load_yaml(self.build / stack / "template.yaml"), "Architecture", "x86_64")
        for layer in layers:
            del template["Parameters"][layer]
            properties = {"ContentUri": f"../{layer}", "CompatibleRuntimes": ["python3.13"]}
            template["Resources"][layer] = {"Type": "AWS::Serverless::LayerVersion", "Properties": properties}
        template["Globals"]["Function"]["Environment"]["Variables"] |= variables
        copy = self.build / stack / "alone.yaml"
        copy.write_text(yaml_text(template, "the built stack, alone"))
        return copy


def has_image() -> bool:
    """Whether Lambda's base image, or its stand-in, is on this machine already."""
    return subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode == 0


def skip_pull() -> list[str]:
    """Spare the registry where the image is here."""
    return ["--skip-pull-image"] if has_image() else []


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers anything at all."""
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(f"no answer from {url}:\n{log.read_text()[-3000:]}")
