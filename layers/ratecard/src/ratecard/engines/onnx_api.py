"""ONNX Runtime's C API: a table of functions, and the few of them that scoring needs.

`OrtGetApiBase()->GetApi(version)` answers a struct of function pointers that is append-only: a slot never moves
(`onnxruntime_c_api.h`). All slots used here are of the API's first version.
"""

from __future__ import annotations

from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char_p,
    c_int,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
    cast,
)

from ratecard.engines.native import library_message
from ratecard.kernel.errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

API_VERSION = 1

#: ONNXTensorElementDataType
FLOAT, INT64, STRING, DOUBLE = 1, 7, 8, 11
#: ONNXType
TENSOR = 1

Out = POINTER(c_void_p)
Text = c_char_p
Size = c_size_t

# name: (slot, types of the arguments). Each answers a status, which is null when all went well.
FUNCTIONS = {
    "CreateEnv": (3, (c_int, Text, Out)),
    "CreateSessionFromArray": (8, (c_void_p, c_void_p, Size, c_void_p, Out)),
    "Run": (9, (c_void_p, c_void_p, POINTER(Text), Out, Size, POINTER(Text), Size, Out)),
    "CreateSessionOptions": (10, (Out,)),
    "SetSessionLogSeverityLevel": (22, (c_void_p, c_int)),
    "SetSessionGraphOptimizationLevel": (23, (c_void_p, c_int)),
    "SetIntraOpNumThreads": (24, (c_void_p, c_int)),
    "SetInterOpNumThreads": (25, (c_void_p, c_int)),
    "SessionGetInputCount": (30, (c_void_p, POINTER(Size))),
    "SessionGetOutputCount": (31, (c_void_p, POINTER(Size))),
    "SessionGetInputTypeInfo": (33, (c_void_p, Size, Out)),
    "SessionGetOutputTypeInfo": (34, (c_void_p, Size, Out)),
    "SessionGetInputName": (36, (c_void_p, Size, c_void_p, Out)),
    "SessionGetOutputName": (37, (c_void_p, Size, c_void_p, Out)),
    "CreateTensorAsOrtValue": (48, (c_void_p, POINTER(c_int64), Size, c_int, Out)),
    "CreateTensorWithDataAsOrtValue": (49, (c_void_p, c_void_p, Size, POINTER(c_int64), Size, c_int, Out)),
    "GetTensorMutableData": (51, (c_void_p, Out)),
    "FillStringTensor": (52, (c_void_p, POINTER(Text), Size)),
    "CastTypeInfoToTensorInfo": (55, (c_void_p, Out)),
    "GetOnnxTypeFromTypeInfo": (56, (c_void_p, POINTER(c_int))),
    "GetTensorElementType": (60, (c_void_p, POINTER(c_int))),
    "GetDimensionsCount": (61, (c_void_p, POINTER(Size))),
    "GetDimensions": (62, (c_void_p, POINTER(c_int64), Size)),
    "GetTensorTypeAndShape": (65, (c_void_p, Out)),
    "CreateCpuMemoryInfo": (69, (c_int, c_int, Out)),
    "AllocatorFree": (76, (c_void_p, c_void_p)),
    "GetAllocatorWithDefaultOptions": (78, (Out,)),
}
ERROR_MESSAGE_SLOT = 2
# name: slot. Each takes what it frees and answers nothing.
RELEASES = {
    "Env": 92,
    "Status": 93,
    "MemoryInfo": 94,
    "Session": 95,
    "Value": 96,
    "TypeInfo": 98,
    "TensorTypeAndShapeInfo": 99,
    "SessionOptions": 100,
}


class _ApiBase(Structure):
    _fields_ = (("get_api", CFUNCTYPE(c_void_p, c_uint32)), ("get_version", CFUNCTYPE(c_char_p)))


class OrtApi:
    """The functions of a loaded library.

    Parameters
    ----------
    library : CDLL
        ONNX Runtime.

    Raises
    ------
    EngineError
        If the library does not offer its first API.
    """

    def __init__(self, library: CDLL) -> None:
        library.OrtGetApiBase.restype = POINTER(_ApiBase)
        base = library.OrtGetApiBase().contents
        self.library_version: str = (base.get_version() or b"").decode("ascii", "replace")
        address = base.get_api(API_VERSION)
        if not address:
            raise EngineError("the ONNX Runtime library does not offer the C API")
        self._table = cast(address, POINTER(c_void_p))
        self._functions = {
            name: CFUNCTYPE(c_void_p, *types)(self._table[slot]) for name, (slot, types) in FUNCTIONS.items()
        }
        self._release = {name: CFUNCTYPE(None, c_void_p)(self._table[slot]) for name, slot in RELEASES.items()}
        self._message = CFUNCTYPE(c_char_p, c_void_p)(self._table[ERROR_MESSAGE_SLOT])

    def call(self, name: str, *arguments: object) -> None:
        """Call a function.

        Raises
        ------
        EngineError
            If its status is not good, with the library's words.
        """
        if status := self._functions[name](*arguments):
            self.refuse(status)

    def create(self, name: str, *arguments: object) -> c_void_p:
        """Call a function whose last argument is where it puts what it makes; answer that.

        Raises
        ------
        EngineError
            As `call`.
        """
        made = c_void_p()
        self.call(name, *arguments, byref(made))
        return made

    def release(self, kind: str, what: c_void_p) -> None:
        """Free something the library made."""
        self._release[kind](what)

    def function(self, name: str) -> Callable[..., int | None]:
        """Answer the bare function, for the path of every call: a status that is not None goes to `refuse`."""
        return self._functions[name]

    def refuse(self, status: int) -> None:
        """Free a status and raise it as an `EngineError`."""
        message = library_message(self._message(status))
        self._release["Status"](status)
        raise EngineError(f"ONNX Runtime: {message}")
