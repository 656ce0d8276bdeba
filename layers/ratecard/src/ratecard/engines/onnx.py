"""ONNX graphs through ONNX Runtime's C API."""

from __future__ import annotations

from ctypes import POINTER, c_char_p, c_double, c_float, c_void_p, cast

from ratecard.engines.native import load_library
from ratecard.engines.onnx_api import DOUBLE, OrtApi
from ratecard.engines.onnx_graph import Port, match_inputs, read_ports, read_tensor_info, select_outputs
from ratecard.engines.onnx_tensors import InputTensor, OutputTensor
from ratecard.engines.versions import check_version
from ratecard.kernel.errors import ArtifactError, EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ctypes import Array

    from ratecard.engines.manifest import Manifest

#: Only what ends the process is logged: errors come back as statuses, and stdout is for usage lines.
FATAL = 4
#: ORT_ENABLE_ALL, as the Python package has it: the same optimised graph, the same last digits.
OPTIMIZATION = 99


class OnnxEngine:
    """An ONNX graph; see `ratecard.engines.engine.Engine`.

    Its scores are its floating-point output tensors, one after another in the graph's order.
    """

    name = "onnx"

    def __init__(self, manifest: Manifest, content: bytes, native_dir: str) -> None:
        self._api = OrtApi(load_library(self.name, native_dir))
        self.library_version = self._api.library_version
        check_version(self.name, manifest.engine_version, self.library_version)
        self.columns = len(manifest.columns)
        self._environment = self._api.create("CreateEnv", FATAL, b"ratecard")
        self._session: c_void_p | None = self._load_session(content)
        inputs = read_ports(self._api, self._session, "Input")
        outputs = select_outputs(read_ports(self._api, self._session, "Output"))
        taken = match_inputs(inputs, manifest.columns)
        self._inputs = [InputTensor(self._api, port, places) for port, places in zip(inputs, taken, strict=True)]
        self._input_names = _names(inputs)
        self._output_names = _names(outputs)
        self._handles = (c_void_p * len(inputs))()
        self._answers = (c_void_p * len(outputs))()
        self._run = self._api.function("Run")
        # Where all widths are declared, the graph writes into memory of ours; else it makes its own.
        declared = min(_width(port) for port in outputs) >= 1
        self._kept = [OutputTensor(self._api, port) for port in outputs] if declared else []
        self._count = 0
        self.outputs = 0
        self.outputs = self._count_outputs(inputs, outputs, taken)

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score rows: the graph's floating-point outputs, `outputs` per row."""
        if self._session is None:
            raise EngineError("the engine is closed")
        if not rows:
            return []
        for row in rows:
            if len(row) != self.columns:
                raise EngineError(f"a row has not the {self.columns} values of the graph's columns")
        handles, answers = self._handles, self._answers
        if len(rows) != self._count or not self._kept:
            self._reserve(len(rows))
        for tensor in self._inputs:
            tensor.fill(rows)
        names, wanted = self._input_names, self._output_names
        status = self._run(self._session, None, names, handles, len(handles), wanted, len(answers), answers)
        if status:
            self._api.refuse(status)
        return _join([tensor.read() for tensor in self._kept]) if self._kept else self._read(len(rows))

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Refuse: a graph has no exact contributions."""
        raise EngineError(
            "an ONNX graph has no exact contributions; only LightGBM and XGBoost models explain their rows"
        )

    def close(self) -> None:
        """Free the session."""
        if self._session is None:
            return
        for taken in self._inputs:
            taken.free()
        for kept in self._kept:
            kept.free()
        self._api.release("Session", self._session)
        self._api.release("Env", self._environment)
        self._session = None

    def _reserve(self, count: int) -> None:
        """Make room for a call of so many rows; outputs of widths that nobody declared have none."""
        self._count = 0
        for place, tensor in enumerate(self._inputs):
            self._handles[place] = tensor.reserve(count)
        for place in range(len(self._answers)):
            self._answers[place] = self._kept[place].reserve(count) if self._kept else None
        self._count = count

    def _read(self, count: int) -> list[tuple[float, ...]]:
        """Copy outputs that the library made, free them and join them row by row."""
        try:
            scores = _join([self._read_output(answer, count) for answer in self._answers])
        finally:
            for answer in self._answers:
                self._api.release("Value", c_void_p(answer))
        if self.outputs and len(scores[0]) != self.outputs:
            raise EngineError("ONNX Runtime answered with another number of values than the graph declares")
        return scores

    def _read_output(self, answer: int | None, count: int) -> list[tuple[float, ...]]:
        value = c_void_p(answer)
        info = self._api.create("GetTensorTypeAndShape", value)
        element, shape = read_tensor_info(self._api, info)
        self._api.release("TensorTypeAndShapeInfo", info)
        width = shape[1] if len(shape) == 2 else 1
        if not 1 <= len(shape) <= 2 or shape[0] != count or width < 1:
            raise EngineError("ONNX Runtime answered with another number of rows than it was given")
        kind = c_double if element == DOUBLE else c_float
        data = cast(self._api.create("GetTensorMutableData", value), POINTER(kind))
        values: list[float] = data[: count * width]
        return [tuple(values[start : start + width]) for start in range(0, count * width, width)]

    def _load_session(self, content: bytes) -> c_void_p:
        api = self._api
        options = api.create("CreateSessionOptions")
        try:
            api.call("SetSessionLogSeverityLevel", options, FATAL)
            api.call("SetSessionGraphOptimizationLevel", options, OPTIMIZATION)
            api.call("SetIntraOpNumThreads", options, 1)
            api.call("SetInterOpNumThreads", options, 1)
            return api.create("CreateSessionFromArray", self._environment, content, len(content), options)
        except EngineError as error:
            raise ArtifactError(f"the ONNX model file is not taken: {error.detail}") from error
        finally:
            api.release("SessionOptions", options)

    def _count_outputs(self, inputs: list[Port], outputs: list[Port], taken: list[tuple[int, ...]]) -> int:
        """Scores per row, as the graph declares them, or else as it answers a row of zeros."""
        widths = [_width(port) for port in outputs]
        if min(widths) >= 1 and all(port.shape[1] >= 1 for port in inputs):
            return sum(widths)
        row: list[float | str] = [0.0] * self.columns
        for port, places in zip(inputs, taken, strict=True):
            for place in places:
                row[place] = "" if port.is_text else 0.0
        try:
            return len(self.score([row])[0])
        except EngineError as error:
            raise ArtifactError(f"the ONNX graph cannot score the manifest's columns: {error.detail}") from error


def _width(port: Port) -> int:
    """Return how many scores of a row an output declares; less than 1 if it leaves that open."""
    return port.shape[1] if len(port.shape) == 2 else len(port.shape)


def _join(blocks: list[list[tuple[float, ...]]]) -> list[tuple[float, ...]]:
    """Join the scores of several outputs row by row."""
    if len(blocks) == 1:
        return blocks[0]
    return [tuple([value for part in parts for value in part]) for parts in zip(*blocks, strict=True)]


def _names(ports: list[Port]) -> Array[c_char_p]:
    names = [port.name.encode() for port in ports]
    return (c_char_p * len(names))(*names)
