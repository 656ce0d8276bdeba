"""Files that are not the model they should be are a clear error before anything is scored, and never kill the process.

Each is loaded in a child process: LightGBM aborts on most damaged files and XGBoost reads beyond the end of some, so
what is proven here is that such a file does not reach them.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
from support import graphs
from support.artifacts import SUFFIXES, VERSIONS, load_in_child, write_model
from support.boosters import NAMES, train_lightgbm, train_xgboost
from support.cards import encode_card, made_card

LIBRARIES = ["lightgbm", "xgboost", "onnx"]
ENGINES = [*LIBRARIES, "scorecard"]
BAD_ARTIFACT = {"invalid_artifact"}


@pytest.fixture(scope="session")
def models() -> dict[str, bytes]:
    """A sound model file of each engine."""
    return {
        "lightgbm": train_lightgbm("binary").model_to_string().encode(),
        "xgboost": bytes(train_xgboost("binary").save_raw("ubj")),
        "onnx": graphs.forest().SerializeToString(),
        "scorecard": encode_card(made_card()),
    }


def codes(native_dir: Path, folders: list[Path]) -> list[object]:
    """Load artifacts in a child that must survive them all; answer the code of each refusal (None: it was scored)."""
    status, outcomes = load_in_child(native_dir, folders)

    assert status == 0, f"the child died with {status} on artifact {len(outcomes)} of {len(folders)}"
    assert len(outcomes) == len(folders)
    return [outcome.get("code") for outcome in outcomes]


def write_all(folder: Path, engine: str, contents: list[bytes]) -> list[Path]:
    """Write an artifact with a right digest for each content, so that only the engine's own checks can refuse it."""
    return [write_model(folder / str(place), engine, content, NAMES) for place, content in enumerate(contents)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sound_file_is_scored(engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """What the other tests damage is accepted as it is, and the library prints nothing to stdout."""
    assert codes(native_dir, write_all(tmp_path, engine, [models[engine]])) == [None]


@pytest.mark.parametrize("engine", ENGINES)
def test_foreign_files_are_refused(engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """Another engine's model, an image, text, JSON, noise, zeros and nothing at all are no model."""
    chance = random.Random(1)
    foreign = [content for name, content in models.items() if name != engine]
    foreign += [b"", b"\n", b"tree\n", b"{}", b'{"learner":{}}', b"hello\n" * 50, b"\0" * 5000, b"\xff" * 5000]
    foreign += [b"\x89PNG\r\n\x1a\n" + chance.randbytes(3000), b"PK\x03\x04" + chance.randbytes(3000), b"\x80\x04\x95"]
    foreign += [chance.randbytes(chance.randrange(1, 20_000)) for _ in range(20)]

    assert set(codes(native_dir, write_all(tmp_path, engine, foreign))) == BAD_ARTIFACT


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost", "scorecard"])
def test_truncated_models_are_refused(engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """A file cut short anywhere is refused, even if its digest is that of the cut file."""
    whole = models[engine]
    cuts = [whole[: len(whole) * part // 60] for part in range(1, 60)]
    cuts += [whole[:-end] for end in range(1, 25)]
    if engine == "lightgbm":
        # After its parameters the file holds only a line that the library does not read.
        whole = whole[: whole.index(b"\nend of parameters\n") + 19]
        cuts = [whole[: len(whole) * part // 60] for part in range(1, 60)] + [whole[:-end] for end in range(1, 25)]
        cuts += [whole[: whole.index(mark)] for mark in (b"Tree=3\n", b"end of trees", b"\nparameters:", b"Tree=0\n")]

    assert set(codes(native_dir, write_all(tmp_path, engine, cuts))) == BAD_ARTIFACT


def test_a_truncated_graph_does_no_harm(models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """ONNX Runtime refuses a cut graph by itself.

    A file cut between two of its last fields is a shorter sound file to Protocol Buffers; only the digest tells.
    """
    whole = models["onnx"]
    cuts = [whole[: len(whole) * part // 60] for part in range(1, 60)]
    ends = [whole[:-end] for end in range(1, 25)]

    assert set(codes(native_dir, write_all(tmp_path / "cuts", "onnx", cuts))) == BAD_ARTIFACT
    assert set(codes(native_dir, write_all(tmp_path / "ends", "onnx", ends))) <= {*BAD_ARTIFACT, None}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_changed_byte_never_reaches_the_library(
    engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """A flipped bit, a missing or doubled stretch, an appended byte: the digest differs, the artifact is refused."""
    chance, whole, changed = random.Random(2), models[engine], []
    for _ in range(20):
        place, length = chance.randrange(len(whole)), chance.randrange(1, 4000)
        flipped = bytes([whole[place] ^ (1 << chance.randrange(8))])
        changed.append(whole[:place] + flipped + whole[place + 1 :])
        changed.append(whole[:place] + whole[place + length :])
        changed.append(whole[: place + length] + whole[place:])
    folders = write_all(tmp_path, engine, [whole] * len(changed))
    for folder, content in zip(folders, changed, strict=True):
        (folder / f"model{SUFFIXES[engine]}").write_bytes(content + b"\n" * (content == whole))

    assert set(codes(native_dir, folders)) == BAD_ARTIFACT


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_files_are_refused(engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """No folder, no manifest, no model file, a folder in its place."""
    bare, without, folder_instead = write_all(tmp_path, engine, [models[engine]] * 3)
    name = f"model{SUFFIXES[engine]}"
    (bare / "manifest.json").unlink()
    (without / name).unlink()
    (folder_instead / name).unlink()
    (folder_instead / name).mkdir()

    outcome = codes(native_dir, [tmp_path / "nowhere", bare, without, folder_instead])

    assert outcome == ["invalid_artifact"] * 4


@pytest.mark.parametrize("engine", ENGINES)
def test_other_columns_are_refused(engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path) -> None:
    """A manifest of fewer or more columns than the model takes is an error before a row is scored."""
    lists = [NAMES[:-1], [*NAMES, "one_more"], NAMES[:1]]
    folders = [write_model(tmp_path / str(len(names)), engine, models[engine], names) for names in lists]

    assert set(codes(native_dir, folders)) == BAD_ARTIFACT


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost", "scorecard"])
def test_columns_in_another_order_are_refused(
    engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """A model that knows its columns' names is not fed others, nor the same in another order."""
    lists = [NAMES[::-1], [*NAMES[:-1], "renamed"]]
    folders = [write_model(tmp_path / names[-1], engine, models[engine], names) for names in lists]

    assert set(codes(native_dir, folders)) == BAD_ARTIFACT


@pytest.mark.parametrize("engine", ENGINES)
def test_versions_the_library_may_misread_are_refused(
    engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """Same major version and no newer minor one: that is what a library reads."""
    major, minor, patch = (int(part) for part in VERSIONS[engine].split("."))
    good = [f"{major}.{minor}.{patch + 1}", f"{major}.{minor}.0rc1"]
    good += [f"{major}.{minor - 1}.9"] if minor else []  # a scorecard's format is the first of its kind
    bad = [f"{major}.{minor + 1}.0", f"{major + 1}.0.0", f"{major - 1}.9.9", "", "4", "latest", f"{major}.{minor}"]
    folders = write_all(tmp_path, engine, [models[engine]] * len(good + bad))
    for folder, version in zip(folders, good + bad, strict=True):
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | {"engine_version": version}))

    assert codes(native_dir, folders) == [None] * len(good) + ["invalid_artifact"] * len(bad)


def test_a_model_file_that_says_it_is_newer_is_refused(
    models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """The version inside the file counts too, whatever the manifest claims."""
    written = b"version[#L" + bytes(7) + b"\x03i\x03i\x02i\x00}"
    assert models["xgboost"].endswith(written)
    newer = models["xgboost"][: -len(b"i\x02i\x00}")] + b"i\x03i\x00}"
    other_format = models["lightgbm"].replace(b"\nversion=v4\n", b"\nversion=v5\n")
    folders = [
        write_model(tmp_path / "xgboost", "xgboost", newer, NAMES),
        write_model(tmp_path / "lightgbm", "lightgbm", other_format, NAMES),
    ]

    assert set(codes(native_dir, folders)) == BAD_ARTIFACT


@pytest.mark.parametrize("engine", LIBRARIES)
def test_a_native_layer_without_the_library_is_an_engine_failure(
    engine: str, models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """A missing folder, an empty library and a text in its place say that the layer is at fault, not the artifact."""
    folder = write_model(tmp_path / "artifact", engine, models[engine], NAMES)
    layer = tmp_path / "layer"
    shutil.copytree(native_dir, layer)
    outcomes = [codes(tmp_path / "nowhere", [folder])]
    library = {"lightgbm": "lib_lightgbm.so", "xgboost": "libxgboost.so", "onnx": "libonnxruntime.so"}[engine]
    for content in (b"", b"not a library"):
        (layer / library).write_bytes(content)
        outcomes.append(codes(layer, [folder]))

    assert outcomes == [["engine_failure"]] * 3


def test_a_layer_of_unknown_version_is_an_engine_failure(
    models: dict[str, bytes], native_dir: Path, tmp_path: Path
) -> None:
    """LightGBM cannot tell its version: without the layer's record it is not guessed."""
    folder = write_model(tmp_path / "artifact", "lightgbm", models["lightgbm"], NAMES)
    layer = tmp_path / "layer"
    shutil.copytree(native_dir, layer)
    outcomes = []
    for record in ("{}", "[]", "", '{"libraries": {"lightgbm": "unknown"}}'):
        (layer / "versions.json").write_text(record)
        outcomes += codes(layer, [folder])

    assert outcomes == ["engine_failure"] * 4
