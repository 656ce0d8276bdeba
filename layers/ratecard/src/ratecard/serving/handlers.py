"""The composition root of a model function: artifact, engine, contract and decision become Lambda's entry points."""

from __future__ import annotations

import os

from ratecard.engines import load_engine
from ratecard.engines.manifest import BY_CLASS, VALUE, load_manifest
from ratecard.kernel.errors import ArtifactError
from ratecard.metering.usage import SERVICE_LEVEL, STANDARD_LEVEL
from ratecard.serving.model import Model
from ratecard.serving.rest import answer_http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from ratecard.contract import ModelContract
    from ratecard.engines.engine import Engine
    from ratecard.engines.manifest import Manifest
    from ratecard.serving.contributions import ContributionSource
    from ratecard.serving.model import Decide

    Handler: TypeAlias = Callable[[dict[str, Any], Any], dict[str, Any]]


def load_model(contract: ModelContract, decide: Decide, artifact_folder: str, native_dir: str | None) -> Model:
    """Verify an artifact and load its engine.

    Parameters
    ----------
    contract : ModelContract
        Must have the same slug, version and columns as the artifact.
    decide : callable
        From `Scored` to `Decision`.
    artifact_folder : str
        Folder with manifest.json and the files it lists.
    native_dir : str or None
        Folder of the engines' shared libraries; None for Lambda's place.

    Raises
    ------
    ArtifactError
        If a file is missing or changed, or made for another contract; the function must then not start.
    """
    manifest = load_manifest(artifact_folder)
    if (manifest.model, manifest.version) != (contract.slug, contract.version):
        raise ArtifactError(
            f"the artifact is of {manifest.model} {manifest.version}, not {contract.slug} {contract.version}"
        )
    if manifest.columns != contract.columns:
        raise ArtifactError("the artifact's columns are not the contract's, or in another order")
    check_output(contract, manifest.output)
    sampled = bool(contract.reasons) and manifest.engine == "onnx"
    if contract.sampled_reasons != sampled:
        raise ArtifactError(f"a {manifest.engine} model's reasons are not as the contract says in sampled_reasons")
    if contract.names_words and manifest.engine != "text":
        raise ArtifactError(f"the contract's reasons name words, which a {manifest.engine} model has none of")
    engine = load_engine(artifact_folder, manifest, native_dir)
    if (engine.outputs > 1) != (manifest.output in BY_CLASS):
        raise ArtifactError(f"the model gives {engine.outputs} scores a row, which are not {manifest.output}")
    source = sampled_source(engine, manifest, artifact_folder) if sampled else None
    return Model(contract, engine, manifest, decide, source=source)


def sampled_source(engine: Engine, manifest: Manifest, artifact_folder: str) -> ContributionSource:
    """Set up the sampling of Shapley values against the artifact's background rows.

    Raises
    ------
    ArtifactError
        If it has none, or they are not what the graph takes.
    """
    from ratecard.engines.background import load_background
    from ratecard.engines.shapley import ShapleySampler
    from ratecard.serving.contributions import SampledSource

    return SampledSource(ShapleySampler(engine, load_background(artifact_folder, manifest)), manifest.output)


def check_output(contract: ModelContract, output: str) -> None:
    """Check that a contract promises what its artifact's scores can hold.

    Raises
    ------
    ArtifactError
        If a value is promised as a chance or a chance as a value, or a score scale is laid over what is no log-odds of
        one event.
    """
    if contract.predicts_value != (output == VALUE):
        raise ArtifactError(f"the artifact's output is {output}, and the contract says otherwise in predicts_value")
    if contract.scale and output in (VALUE, *BY_CLASS):
        raise ArtifactError(f"a score scale is for the log-odds of one event, and the artifact's output is {output}")


def serve(contract: ModelContract, *, decide: Decide, artifact: str) -> tuple[Handler, Handler]:
    """Build the entry points of one model.

    Parameters
    ----------
    contract : ModelContract
        What the model takes and gives.
    decide : callable
        From `Scored` to `Decision`.
    artifact : str
        The handler's own file: the folder `artifact` lies beside it.

    Returns
    -------
    tuple
        `lambda_handler` for REST, the Open Inference Protocol and direct invocation; `batch_handler` for files in S3.

    Raises
    ------
    ArtifactError
        At import, while Lambda's init phase has a full vCPU; the function then does not start.
    ValueError
        If RATECARD_LEVEL, the service level that usage lines name, is no slug.
    """
    folder = os.path.join(os.path.dirname(artifact), "artifact")  # noqa: PTH118, PTH120 - pathlib costs 5 ms at start
    model = load_model(contract, decide, folder, os.environ.get("RATECARD_NATIVE_DIR"))
    SERVICE_LEVEL.set(os.environ.get("RATECARD_LEVEL", STANDARD_LEVEL))

    def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if type(event) is dict and "httpMethod" in event:
            return answer_http(model, event, context.aws_request_id)
        from ratecard.serving.direct import answer_direct

        return answer_direct(model, event, context.aws_request_id)

    def batch_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        from ratecard.serving.batch.steps import answer_batch

        # Without the alias: a plan is scored by the version that made it, whatever the alias stands for by then.
        function = ":".join(context.invoked_function_arn.split(":")[:7])
        return answer_batch(model, event, os.environ, f"{function}:{context.function_version}")

    return lambda_handler, batch_handler
