"""The shared libraries of the native layer: where they are, which version, how they are opened."""

from __future__ import annotations

import json
from ctypes import CDLL, RTLD_GLOBAL

from ratecard.engines.files import load_bytes
from ratecard.kernel.errors import EngineError

#: File name of each engine's library in the native layer.
LIBRARIES = {"lightgbm": "lib_lightgbm.so", "xgboost": "libxgboost.so", "onnx": "libonnxruntime.so"}

#: Longest message of a library that is passed on, in characters.
MESSAGE_LENGTH = 300


def load_library(engine: str, native_dir: str) -> CDLL:
    """Open an engine's shared library.

    Raises
    ------
    EngineError
        If the library is not in `native_dir` or is not for this machine.
    """
    if engine != "onnx":
        # The boosters ask for libgomp by name. The layer brings it, and it is found because it is loaded already.
        openmp = _open(f"{native_dir}/libgomp.so.1", RTLD_GLOBAL)
        # Loading a model would start a team of threads that then spin for their next piece of work: with the second
        # CPU busy, or absent as in Lambda, that costs up to 8 ms of a cold start and takes time from the calls.
        openmp.omp_set_num_threads(1)
    return _open(f"{native_dir}/{LIBRARIES[engine]}", 0)


def _open(path: str, mode: int) -> CDLL:
    try:
        return CDLL(path, mode)
    except OSError as error:
        raise EngineError(f"a native library cannot be loaded: {error} (`make native` builds them)") from error


def load_library_version(distribution: str, native_dir: str) -> str:
    """Read a library's version from the layer's record, for a library that cannot tell it by itself.

    Raises
    ------
    EngineError
        If the layer has no such record.
    """
    try:
        version = json.loads(load_bytes(native_dir, "versions.json"))["libraries"][distribution]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EngineError("the native layer has no sound versions.json (`make native` builds it)") from error
    return str(version)


def library_message(raw: bytes | None) -> str:
    """A library's own error message as one short printable line."""
    text = (raw or b"no message").decode("utf-8", "replace")
    line = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in line)[:MESSAGE_LENGTH]
