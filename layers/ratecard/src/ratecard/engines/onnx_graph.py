"""What an ONNX graph takes and gives, read from its session."""

from __future__ import annotations

from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, cast

from ratecard.engines.onnx_api import DOUBLE, FLOAT, STRING, TENSOR
from ratecard.kernel.errors import ArtifactError
from ratecard.kernel.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import c_void_p

    from ratecard.engines.onnx_api import OrtApi


class Port(Value):
    """An input or output of a graph.

    Attributes
    ----------
    name : str
        The graph's name of it.
    element : int
        Its ONNXTensorElementDataType, or 0 if it is no tensor.
    shape : tuple of int
        Its dimensions; -1 is one that the graph leaves open.
    """

    name: str
    element: int
    shape: tuple[int, ...]

    @property
    def is_text(self) -> bool:
        """Whether its elements are strings."""
        return self.element == STRING


def read_ports(api: OrtApi, session: c_void_p, side: str) -> list[Port]:
    """Read a session's inputs or outputs, in the graph's order.

    Parameters
    ----------
    api : OrtApi
        The library.
    session : c_void_p
        A loaded session.
    side : str
        "Input" or "Output".

    Raises
    ------
    EngineError
        If the library refuses.
    """
    count = c_size_t()
    api.call(f"SessionGet{side}Count", session, byref(count))
    return [_read_port(api, session, side, place) for place in range(count.value)]


def _read_port(api: OrtApi, session: c_void_p, side: str, place: int) -> Port:
    allocator = api.create("GetAllocatorWithDefaultOptions")
    text = api.create(f"SessionGet{side}Name", session, place, allocator)
    name = (cast(text, c_char_p).value or b"").decode("utf-8", "replace")
    api.call("AllocatorFree", allocator, text)
    info = api.create(f"SessionGet{side}TypeInfo", session, place)
    try:
        kind = c_int()
        api.call("GetOnnxTypeFromTypeInfo", info, byref(kind))
        if kind.value != TENSOR:
            return Port(name, 0, ())
        return Port(name, *read_tensor_info(api, api.create("CastTypeInfoToTensorInfo", info)))
    finally:
        api.release("TypeInfo", info)


def read_tensor_info(api: OrtApi, info: c_void_p) -> tuple[int, tuple[int, ...]]:
    """Read a tensor's element type and shape.

    Raises
    ------
    EngineError
        If the library refuses.
    """
    element, rank = c_int(), c_size_t()
    api.call("GetTensorElementType", info, byref(element))
    api.call("GetDimensionsCount", info, byref(rank))
    shape = (c_int64 * rank.value)()
    api.call("GetDimensions", info, shape, rank)
    return element.value, tuple(shape)


def select_outputs(ports: list[Port]) -> list[Port]:
    """Pick the outputs that are scores: the tensors of floating-point numbers, in the graph's order.

    A classifier's label is left out: the decision is the model's `decide`, not the graph's.

    Raises
    ------
    ArtifactError
        If there is none, or an output is a sequence or map.
    """
    for port in ports:
        if not port.element:
            raise ArtifactError(
                f"the ONNX graph's output {port.name!r} is a sequence or map, no tensor (convert it with zipmap=False)"
            )
    chosen = [port for port in ports if port.element in (FLOAT, DOUBLE)]
    if not chosen:
        raise ArtifactError("the ONNX graph has no output of floating-point numbers")
    for port in chosen:
        if len(port.shape) > 2:
            raise ArtifactError(f"the ONNX graph's output {port.name!r} has more than one value per row and output")
    return chosen


def match_inputs(ports: list[Port], columns: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Say which columns each input takes: all in one tensor [n, columns], or one [n, 1] per column, by name.

    Returns
    -------
    list of tuple of int
        Places of the columns, for each input.

    Raises
    ------
    ArtifactError
        If the graph takes other columns than the manifest names, or a fixed number of rows.
    """
    if len(ports) == 1:
        taken = [tuple(range(len(columns)))]
    elif {port.name for port in ports} == set(columns):
        taken = [(columns.index(port.name),) for port in ports]
    else:
        raise ArtifactError(
            f"the ONNX graph's {len(ports)} inputs are neither one tensor nor the {len(columns)} columns by name"
        )
    for port, places in zip(ports, taken, strict=True):
        rows, width = port.shape if len(port.shape) == 2 else (0, 0)
        if rows != -1 or width not in (-1, len(places)):
            raise ArtifactError(
                f"the ONNX graph's input {port.name!r} is not of shape [any, {len(places)}], as the columns ask"
            )
    return taken
