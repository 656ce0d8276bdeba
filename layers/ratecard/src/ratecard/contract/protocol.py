"""The contract in the words of the Open Inference Protocol v2: datatypes and metadata documents."""

from __future__ import annotations

from ratecard.contract.features import Boolean, Integer, Number
from ratecard.contract.outputs import Points, Probability, Quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract.features import Feature
    from ratecard.contract.model import ModelContract
    from ratecard.contract.outputs import Output

WHOLE = ("INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8")
REAL = ("FP64", "FP32", "FP16")

REASONS = "reasons"
"""Name of the output that carries reasons and advice of each row, as JSON text; empty where none are owed."""


def feature_datatypes(feature: Feature) -> tuple[str, ...]:
    """Return the tensor datatypes a feature is read from, the recommended one first."""
    if isinstance(feature, Number):
        return REAL + WHOLE
    if isinstance(feature, Integer):
        return WHOLE
    return ("BOOL",) if isinstance(feature, Boolean) else ("BYTES",)


def output_datatype(output: Output) -> str:
    """Return the tensor datatype of an output; an amount is text, which loses nothing of it."""
    if isinstance(output, Probability | Quantity):
        return "FP64"
    return "INT64" if isinstance(output, Points) else "BYTES"


def model_metadata(contract: ModelContract) -> dict[str, object]:
    """Describe a model as ``GET /v2/models/{slug}`` answers it; -1 stands for any number of rows."""
    outputs = [(output.name, output_datatype(output)) for output in contract.outputs]
    if contract.reasons:
        outputs.append((REASONS, "BYTES"))
    return {
        "name": contract.slug,
        "versions": [contract.version],
        "platform": "ratecard",
        "inputs": [
            {"name": feature.name, "datatype": feature_datatypes(feature)[0], "shape": [-1]}
            for feature in contract.features
        ],
        "outputs": [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in outputs],
    }
