"""Sample requests, built from the contract's own sample values."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract.model import ModelContract


def sample_row(contract: ModelContract) -> dict[str, object]:
    """Return one typical row, as JSON would hold it."""
    return {feature.name: feature.sample for feature in contract.features}


def sample_inference(contract: ModelContract) -> dict[str, object]:
    """Return the same row as a request of the Open Inference Protocol."""
    from ratecard.contract.protocol import feature_datatypes

    return {
        "inputs": [
            {"name": feature.name, "shape": [1], "datatype": feature_datatypes(feature)[0], "data": [feature.sample]}
            for feature in contract.features
        ]
    }
