"""A build's digests follow every byte of zip and layers and every versioned property, and a wrong build is refused."""

import shutil
from random import Random

import pytest
from support.translation import translate

from ratecard_workbench.local.cloudformation import load_yaml
from ratecard_workbench.publish import seal as module
from ratecard_workbench.publish.seal import SealError, seal_build

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  CodeSha256: {Type: String, Default: unbuilt}
  Architecture: {Type: String, Default: x86_64}
  Stage: {Type: String, Default: dev}
Rules:
  BuiltWithDigests: {Assertions: [{Assert: {"Fn::Not": [{"Fn::Equals": [{Ref: CodeSha256}, unbuilt]}]}}]}
Globals:
  Function:
    Runtime: python3.13
    Architectures: [{Ref: Architecture}]
    Layers: [{Ref: Shared}, {Ref: Native}]
    Timeout: 10
    Environment: {Variables: {RATECARD_OUTBOX: {Ref: Stage}}}
    Tags: {application: ratecard}
Resources:
  Shared: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: Shared}}
  Native: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: Native}}
  Model:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: Model
      Handler: m.f
      AutoPublishAlias: live
      AutoPublishCodeSha256: {Ref: CodeSha256}
      ReservedConcurrentExecutions: 5
      Environment: {Variables: {ROW_PRICE: 0.0005 USD}}
"""
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + (3).to_bytes(2, "little")
FILES = {
    "Model/model/handler.py": b"x = 1\n",
    "Model/model/artifact/model.txt": b"tree\n",
    "Shared/python/ratecard/__init__.py": b"\n",
    "Native/lib/lib_engine.so": ELF + (62).to_bytes(2, "little") + b"code",
}


@pytest.fixture
def build(tmp_path):
    """A folder as `sam build` leaves it."""
    for name, content in FILES.items():
        path = tmp_path / "built" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "built" / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "built"


def version_of(build):
    """Return the logical id of the version that a build would publish."""
    resources = translate(build / "template.yaml")["Resources"]
    return next(name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_in_zip_or_layer_publishes_another_version(build, tmp_path, name):
    """The last byte of each file in turn: another digest, another version."""
    other = tmp_path / "other"
    shutil.copytree(build, other)
    content = bytearray((other / name).read_bytes())
    content[-1] ^= 1
    (other / name).write_bytes(content)
    first, second = (seal_build(folder, "x86_64")[0] for folder in (build, other))
    assert first.sha256 != second.sha256
    assert version_of(build) == f"ModelVersion{first.sha256[:10]}"
    assert version_of(other) == f"ModelVersion{second.sha256[:10]}"


def test_the_same_content_is_the_same_version(build, tmp_path):
    """Times and folders do not count, so a rebuild of nothing new publishes nothing."""
    other = tmp_path / "other"
    shutil.copytree(build, other)
    (other / "Model/model/handler.py").touch()
    assert seal_build(build, "x86_64") == seal_build(other, "x86_64")


def sealed_with(build, replacements):
    """Seal the build with pieces of its template replaced; return the digest."""
    text = TEMPLATE
    for old, new in replacements.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (build / "template.yaml").write_text(text)
    return seal_build(build, "x86_64")[0].sha256


@pytest.mark.parametrize(
    "change",
    [
        {"0.0005 USD": "0.0006 USD"},
        {"RATECARD_OUTBOX: {Ref: Stage}": "RATECARD_OUTBOX: other"},
        {"Timeout: 10": "Timeout: 11"},
        {"Timeout: 10": "MemorySize: 512"},
        {"[{Ref: Shared}, {Ref: Native}]": "[{Ref: Shared}, {Ref: Native}, 'arn:aws:lambda:x:1:layer:y:2']"},
    ],
)
def test_a_changed_configuration_publishes_another_version(build, change):
    """SAM looks at the digest alone, so an alias would keep the old price; own properties and Globals alike."""
    before, version = sealed_with(build, {}), version_of(build)
    assert sealed_with(build, change) != before
    assert version_of(build) != version


@pytest.mark.parametrize(
    "change",
    [
        {"ReservedConcurrentExecutions: 5": "ReservedConcurrentExecutions: 6"},
        {"Tags: {application: ratecard}": "Tags: {application: other}"},
        {"AutoPublishAlias: live": "DeploymentPreference: {Type: AllAtOnce}"},
        {"    Timeout: 10\n": "", "      Handler: m.f\n": "      Handler: m.f\n      Timeout: 10\n"},
    ],
)
def test_what_no_version_holds_publishes_none(build, change):
    """Concurrency, tags and roll-out belong to the function and its alias; where a value is written does not matter."""
    assert sealed_with(build, change) == sealed_with(build, {})


def test_a_function_takes_the_layers_of_globals_and_its_own(build):
    """SAM puts the lists one after the other; each layer's bytes count."""
    own = {"      Handler: m.f\n": "      Handler: m.f\n      Layers: [{Ref: Native}]\n", ", {Ref: Native}]": "]"}
    before = sealed_with(build, own)
    (build / "Shared/python/ratecard/__init__.py").write_text("x = 1\n")
    assert sealed_with(build, own) != before


def test_a_file_that_moves_between_layers_is_another_build(build, tmp_path):
    """The same bytes in another place are found in another order by Python."""
    first = seal_build(build, "x86_64")
    (build / "Shared/lib").mkdir()
    (build / "Native/lib/lib_engine.so").rename(build / "Shared/lib/lib_engine.so")
    (build / "Native/lib/other.txt").write_text("x")
    assert seal_build(build, "x86_64") != first


def test_a_sealed_build_leaves_nothing_to_decide_at_deployment(build):
    """`sam deploy` keeps a parameter's earlier value, so digest and processor are written where they are used."""
    seal_build(build, "x86_64")
    sealed = load_yaml(build / "template.yaml")
    assert set(sealed["Parameters"]) == {"Stage"}
    assert "Rules" not in sealed
    assert sealed["Globals"]["Function"]["Architectures"] == ["x86_64"]


def test_sealing_twice_is_sealing_once(build):
    """The second time finds the digest it would write."""
    first = seal_build(build, "x86_64")
    text = (build / "template.yaml").read_text()
    assert seal_build(build, "x86_64") == first
    assert (build / "template.yaml").read_text() == text


def test_libraries_for_another_processor_are_refused(build):
    """An x86-64 library in an arm64 function would fail at its first call."""
    with pytest.raises(SealError, match=r"lib_engine\.so is for x86_64, the functions for arm64"):
        seal_build(build, "arm64")


def test_a_zip_above_its_budget_is_refused(build):
    """5 MB of noise are no less when they are zipped; of one letter they are nothing."""
    artifact = build / "Model/model/artifact/model.txt"
    artifact.write_bytes(b"x" * 5_000_000)
    assert seal_build(build, "x86_64")[0].zip_bytes < 100_000
    artifact.write_bytes(Random(0).randbytes(5_000_000))
    with pytest.raises(SealError, match="bytes zipped, more than its budget of 5000000"):
        seal_build(build, "x86_64")


def test_a_function_with_its_layers_above_lambdas_limit_is_refused(build, monkeypatch):
    """262,144,000 bytes in all; the test lowers the limit instead of writing that much."""
    monkeypatch.setattr(module, "UNZIPPED_LIMIT_BYTES", 10)
    with pytest.raises(SealError, match="more than Lambda's 10"):
        seal_build(build, "x86_64")


def test_a_layer_that_was_not_built_is_refused(build):
    """An empty folder would deploy a function that cannot import."""
    shutil.rmtree(build / "Shared")
    with pytest.raises(SealError, match="Shared is not built"):
        seal_build(build, "x86_64")
