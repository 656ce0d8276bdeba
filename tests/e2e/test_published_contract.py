"""The published OpenAPI document, held against the running platform by schemathesis; and the protocol's own client."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.platform import running_platform

from credit_rating.contract import CONTRACT
from ratecard.contract.protocol import feature_datatypes

pytestmark = pytest.mark.xdist_group("published")


@pytest.fixture(scope="module")
def platform(tmp_path_factory, native_dir):
    """A platform of this module's own."""
    with running_platform(tmp_path_factory.mktemp("published")) as running:
        yield running


ROWS = ("--exclude-path-regex", "infer$", "--max-examples", "100")
TENSORS = ("--include-path-regex", "models/[^/]+/infer$", "--max-examples", "50")
# The same functions by a second path: what is generated at random goes there too, what is enumerated does not.
VERSIONS = ("--include-path-regex", "versions/[^/]+/infer$", "--max-examples", "50", "--phases", "examples,fuzzing")
# API Gateway knows no 405: a method that a path does not have is an unknown route, here 404.
OF_ROWS = "unsupported_method"
# No schema can say that each feature needs a tensor, so requests that fit the schema may be refused.
OF_TENSORS = "unsupported_method,positive_data_acceptance"


@pytest.mark.slow(60)
@pytest.mark.parametrize(
    ("options", "not_checked"),
    [(ROWS, OF_ROWS), (TENSORS, OF_TENSORS), (VERSIONS, OF_TENSORS)],
    ids=["rows", "tensors", "versions"],
)
def test_every_answer_is_documented(platform, repository, options, not_checked):
    """No generated request, valid or not, gets a 5xx, or a status, media type or shape that is not documented."""
    command = [Path(sys.executable).with_name("schemathesis"), "run", repository / "infra/openapi.public.yaml"]
    checked = ["--exclude-checks", not_checked, "--seed", "7", "--no-color"]
    finished = subprocess.run(
        [*command, *options, *checked, "--url", platform.url, "--header", f"x-api-key: {platform.key}"],
        cwd=platform.home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:]


def test_the_protocols_own_client_is_served(platform):
    """Tritonclient reads metadata and readiness, and gets predictions for JSON tensors."""
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

    client = InferenceServerClient(platform.url.removeprefix("http://"))
    key = {"x-api-key": platform.key}
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(CONTRACT.slug)
    metadata = client.get_model_metadata(CONTRACT.slug)
    assert metadata["name"] == CONTRACT.slug
    inputs = []
    for feature in CONTRACT.features:
        datatype = feature_datatypes(feature)[0]
        tensor = InferInput(feature.name, [2], datatype)
        kind = {"FP64": np.float64, "INT64": np.int64}.get(datatype, np.object_)
        tensor.set_data_from_numpy(np.array([feature.sample] * 2, dtype=kind), binary_data=False)
        inputs.append(tensor)
    outputs = [InferRequestedOutput(output.name, binary_data=False) for output in CONTRACT.outputs]
    answer = client.infer(CONTRACT.slug, inputs, outputs=outputs, headers=key, request_id="mine")
    probability = answer.as_numpy("probability_of_default")
    assert probability.shape == (2,)
    assert probability[0] == probability[1]
    assert answer.get_response()["id"] == "mine"
    assert answer.as_numpy("decision")[0] in {"approve", "refer", "decline", b"approve", b"refer", b"decline"}


def test_the_protocols_own_client_reads_refusals(platform):
    """Binary tensors, which are that client's default, and a missing key get an error it can show."""
    from tritonclient.http import InferenceServerClient, InferInput
    from tritonclient.utils import InferenceServerException

    client = InferenceServerClient(platform.url.removeprefix("http://"))
    tensor = InferInput("credit_limit", [1], "FP64")
    tensor.set_data_from_numpy(np.array([50_000.0]))
    with pytest.raises(InferenceServerException, match="binary"):
        client.infer(CONTRACT.slug, [tensor], headers={"x-api-key": platform.key})
    with pytest.raises(InferenceServerException, match="forbidden"):
        client.infer(CONTRACT.slug, [tensor])
