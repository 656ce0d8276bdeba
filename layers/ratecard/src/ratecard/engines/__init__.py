"""The engines: LightGBM, XGBoost and ONNX Runtime through their C APIs, scorecards, texts, behind one protocol.

No numpy and no Python front end of a library is imported, and only the engine that an artifact names is loaded: that is
what makes a cold start short (reference/engines.md).
"""

from __future__ import annotations

from ratecard.engines.engine import Engine
from ratecard.engines.files import load_bytes
from ratecard.engines.manifest import Manifest, load_manifest
from ratecard.kernel.errors import ArtifactError

__all__ = ["Engine", "Manifest", "load_engine", "load_manifest"]

#: Where Lambda unpacks the native layer.
LAYER_DIRECTORY = "/opt/lib"


def load_engine(manifest_dir: str, manifest: Manifest, native_dir: str | None) -> Engine:
    """Load the engine an artifact names and its model, and check that they belong together.

    Parameters
    ----------
    manifest_dir : str
        The artifact's folder.
    manifest : Manifest
        What `load_manifest` answered for that folder; it has verified the digests.
    native_dir : str or None
        Folder of the shared libraries; None is `/opt/lib`, where Lambda unpacks the native layer. A scorecard
        and a text model need none.

    Returns
    -------
    Engine
        Ready to score.

    Raises
    ------
    ArtifactError
        If the model file is foreign, damaged, of an unsupported version, or of other columns than the manifest says.
    EngineError
        If a shared library is missing or cannot be loaded.
    """
    try:
        content = load_bytes(manifest_dir, manifest.model_file)
    except OSError as error:
        raise ArtifactError(f"the model file {manifest.model_file} cannot be read: {error.strerror}") from error
    if not content:
        raise ArtifactError(f"the model file {manifest.model_file} is empty")
    return _create_engine(manifest, content, native_dir or LAYER_DIRECTORY)


def _create_engine(manifest: Manifest, content: bytes, native_dir: str) -> Engine:
    # Imported by name of engine: a function holds one model and pays for one library.
    if manifest.engine == "lightgbm":
        from ratecard.engines.lightgbm import LightGbmEngine

        return LightGbmEngine(manifest, content, native_dir)
    if manifest.engine == "xgboost":
        from ratecard.engines.xgboost import XgboostEngine

        return XgboostEngine(manifest, content, native_dir)
    if manifest.engine == "scorecard":
        from ratecard.engines.scorecard import ScorecardEngine

        return ScorecardEngine(manifest, content)
    if manifest.engine == "text":
        from ratecard.engines.text import TextEngine

        return TextEngine(manifest, content)
    from ratecard.engines.onnx import OnnxEngine

    return OnnxEngine(manifest, content, native_dir)
