"""An artifact's manifest is parsed strictly, and every file beside it is vouched for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.artifacts import describe_artifact, write_model

from ratecard.engines.manifest import Calibration, load_manifest, parse_manifest
from ratecard.kernel.errors import ArtifactError

CONTENT = b"a model"
GOOD = describe_artifact("lightgbm", CONTENT, ["income", "debt"])
DIGEST = GOOD["files"]["model.txt"]  # type: ignore[index]


def test_a_manifest_is_read() -> None:
    """Every member reaches the value, typed."""
    manifest = parse_manifest(json.dumps(GOOD | {"calibration": {"slope": 2, "intercept": -0.5}}).encode())

    assert (manifest.model, manifest.version) == ("any-model", "1.0.0")
    assert (manifest.engine, manifest.engine_version, manifest.model_file) == ("lightgbm", "4.7.0", "model.txt")
    assert manifest.columns == ("income", "debt")
    assert manifest.calibration == Calibration(2.0, -0.5)
    assert manifest.output == "log_odds"
    assert manifest.files == {"model.txt": DIGEST}
    assert manifest.metrics == {"auc": 0.8}


@pytest.mark.parametrize("member", sorted(GOOD))
def test_every_member_is_needed(member: str) -> None:
    """A manifest without one of them is refused, by its name."""
    text = json.dumps({name: value for name, value in GOOD.items() if name != member}).encode()

    with pytest.raises(ArtifactError, match=f"{member} is missing"):
        parse_manifest(text)


@pytest.mark.parametrize("member", sorted(GOOD))
@pytest.mark.parametrize("value", [None, True, 1.5, [[]]], ids=repr)
def test_every_member_has_one_type(member: str, value: object) -> None:
    """A member of another JSON type is refused."""
    text = json.dumps(GOOD | {member: value}).encode()

    with pytest.raises(ArtifactError, match=member):
        parse_manifest(text)


MALFORMED: dict[str, object] = {
    "unknown member": GOOD | {"extra": 1},
    "another format": GOOD | {"format": 2},
    "another engine": GOOD | {"engine": "catboost"},
    "no columns": GOOD | {"columns": []},
    "a column twice": GOOD | {"columns": ["income", "income"]},
    "an empty column": GOOD | {"columns": ["income", ""]},
    "a column that is a number": GOOD | {"columns": ["income", 2]},
    "slope 0": GOOD | {"calibration": {"slope": 0, "intercept": 0}},
    "negative slope": GOOD | {"calibration": {"slope": -1.0, "intercept": 0.0}},
    "infinite slope": GOOD | {"calibration": {"slope": 10**400, "intercept": 0}},
    "no intercept": GOOD | {"calibration": {"slope": 1.0}},
    "a text for a slope": GOOD | {"calibration": {"slope": "1", "intercept": 0.0}},
    "a boolean for a slope": GOOD | {"calibration": {"slope": True, "intercept": 0.0}},
    "more calibration": GOOD | {"calibration": {"slope": 1.0, "intercept": 0.0, "bins": 3}},
    "an output of no kind": GOOD | {"output": "margin"},
    "fractions of a booster": GOOD | {"output": "probability"},
    "fractions by class of a booster": GOOD | {"output": "probability_by_class"},
    "a calibrated value": GOOD | {"output": "value", "calibration": {"slope": 1.1, "intercept": 0.0}},
    "a shifted value": GOOD | {"output": "value", "calibration": {"slope": 1.0, "intercept": 0.1}},
    "shifted classes": GOOD | {"output": "log_odds_by_class", "calibration": {"slope": 1.1, "intercept": 0.1}},
    "no files": GOOD | {"files": {}},
    "no model file": GOOD | {"files": {"words.json": DIGEST}},
    "two model files": GOOD | {"files": {"a.txt": DIGEST, "b.txt": DIGEST}},
    "another engine's model file": GOOD | {"files": {"model.ubj": DIGEST}},
    "a path": GOOD | {"files": {"../model.txt": DIGEST}},
    "an absolute path": GOOD | {"files": {"/model.txt": DIGEST}},
    "itself": GOOD | {"files": {"model.txt": DIGEST, "manifest.json": DIGEST}},
    "the folder": GOOD | {"files": {"model.txt": DIGEST, "..": DIGEST}},
    "a short digest": GOOD | {"files": {"model.txt": "ab"}},
    "a digest in capitals": GOOD | {"files": {"model.txt": "A" * 64}},
    "a digest that is a number": GOOD | {"files": {"model.txt": 5}},
    "a list": [GOOD],
    "a text": "manifest",
    "nothing": None,
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_manifests_are_refused(case: str) -> None:
    """What the format does not allow is an error, not a guess."""
    text = json.dumps(MALFORMED[case]).encode()

    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        parse_manifest(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format":1,"format":1}', b'{"format":NaN}', b'{"format":-Infinity}'],
    ids=["empty", "cut", "not UTF-8", "deep", "twice", "NaN", "infinity"],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    """RFC 8259 JSON without repeated members, and nothing else."""
    with pytest.raises(ArtifactError, match="not JSON"):
        parse_manifest(text)


def test_a_sound_folder_is_loaded(tmp_path: Path) -> None:
    """All files are there with their digests, and no other."""
    assert load_manifest(write_model(tmp_path, "lightgbm", CONTENT, ["income"])).columns == ("income",)


def damage_content(folder: Path) -> None:
    """Change a byte of the model."""
    (folder / "model.txt").write_bytes(b"a modem")


def remove(folder: Path) -> None:
    """Delete the model."""
    (folder / "model.txt").unlink()


def add_file(folder: Path) -> None:
    """Leave a file there that nobody lists."""
    (folder / "model.pkl").write_bytes(b"")


def add_folder(folder: Path) -> None:
    """Leave a folder there that nobody lists."""
    (folder / "cache").mkdir()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_content, "SHA-256 differs"),
        (remove, "model.txt cannot be read"),
        (add_file, "'model.pkl', which its manifest does not list"),
        (add_folder, "'cache', which its manifest does not list"),
    ],
)
def test_a_folder_that_is_not_as_listed_is_refused(
    damage: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    """A changed, missing or unlisted file stops the function from starting."""
    folder = write_model(tmp_path, "lightgbm", CONTENT, ["income"])
    damage(folder)

    with pytest.raises(ArtifactError, match=sentence):
        load_manifest(folder)


def test_further_listed_files_are_verified_too(tmp_path: Path) -> None:
    """A file beside the model (a vocabulary, say) has a digest of its own."""
    folder = write_model(tmp_path, "lightgbm", CONTENT, ["income"])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["words.json"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "words.json").write_text("{}")

    with pytest.raises(ArtifactError, match=r"words\.json"):
        load_manifest(folder)
