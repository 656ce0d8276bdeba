"""The native layer's builder: what it takes from wheels, and what it refuses."""

import hashlib
import importlib.util
import json
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def builder(repository: Path) -> Iterator[ModuleType]:
    """The script as a module."""
    folder = str(repository / "layers" / "native")
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("native_build", f"{folder}/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["native_build"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(folder)


def library_of(*segments: tuple[int, bytes], gap: bytes = b"", alignment: int = 4096) -> bytes:
    """An ELF library for x86-64: headers mapped at 0, segments of (address, content), `gap` before the last."""
    table = 64 + 56 * (1 + len(segments))
    content = bytearray(table)
    headers = [struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, table, table, alignment)]
    for number, (address, body) in enumerate(segments):
        if number == len(segments) - 1:
            content += gap
        content += bytes((address - len(content)) % alignment)
        headers.append(struct.pack("<IIQQQQQQ", 1, 4, len(content), address, address, len(body), len(body), alignment))
        content += body
    kind = struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 9, 0, 64, 56, len(headers), 64, 1, 0)
    content[:table] = b"\x7fELF\x02\x01\x01" + bytes(9) + kind + b"".join(headers)
    return bytes(content)


LIBRARY = library_of((0x1000, b"text"))
SYMBOLS = b"s" * 100_000


def test_the_private_name_of_libgomp_is_taken_back(builder: ModuleType) -> None:
    """Wherever it stands, without moving what stands behind it."""
    library = b"\x7fELF..\0libgomp-e985bcbb.so.1.0.0\0GOMP_1.0\0libgomp-e985bcbb.so.1.0.0\0end"
    renamed = builder.rename_gomp(library)

    assert renamed == library.replace(b"libgomp-e985bcbb.so.1.0.0", b"libgomp.so.1".ljust(25, b"\0"))
    assert builder.rename_gomp(renamed) == renamed


@pytest.mark.parametrize(
    "library",
    [
        b"",
        b"\x89PNG" + bytes(100),
        LIBRARY[:40],
        LIBRARY[:-1],
        LIBRARY.replace(b"ELF\x02", b"ELF\x01"),
        LIBRARY.replace(b"\x03\0\x3e\0", b"\x03\0\xb7\0"),
        LIBRARY.replace(b"\x03\0\x3e\0", b"\x02\0\x3e\0"),
        library_of((0x1000, b"text"), alignment=8),
        LIBRARY.replace(struct.pack("<QQ", 4096, 4096), struct.pack("<QQ", 4000, 4096)),
    ],
    ids=["empty", "image", "cut header", "cut", "32 bits", "another machine", "program", "no page", "out of line"],
)
def test_what_a_loader_would_not_take_is_refused(builder: ModuleType, library: bytes) -> None:
    """ELF, 64 bits, machine 62, shared, segments in the file and in line with their addresses (System V ABI)."""
    assert builder.is_library(LIBRARY, "x86_64")
    assert not builder.is_library(library, "x86_64")


def test_symbols_between_segments_are_stripped(builder: ModuleType) -> None:
    """What is mapped stays at its address; what is not mapped goes, and the last segment moves up in the file."""
    library = library_of((0x2000, b"text"), (0x51000, b"strings"), gap=SYMBOLS)
    stripped = builder.strip_symbols(library)

    assert len(stripped) < 20_000 < len(library)
    assert builder.is_library(stripped, "x86_64")
    before, after = (sys.modules["elf"].read_segments(content) for content in (library, stripped))
    assert [segment.address for segment in before] == [segment.address for segment in after]
    assert [stripped[segment.offset : segment.end] for segment in after] == [stripped[:232], b"text", b"strings"]


def test_a_library_without_symbols_is_left_alone(builder: ModuleType) -> None:
    """Its maker's bytes are not touched for nothing."""
    library = library_of((0x1000, b"text" * 100), (0x3000, b"data"))

    assert builder.strip_symbols(library) == library


def test_a_wheel_must_hold_exactly_one_such_file(builder: ModuleType, tmp_path: Path) -> None:
    """A new release that moves or doubles its library is noticed."""
    with zipfile.ZipFile(tmp_path / "lightgbm-4.7.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("lightgbm/lib/lib_lightgbm.so", b"one")
        wheel.writestr("lightgbm/lib/lib_lightgbm.so.2", b"two")
    piece = builder.LIBRARIES[0]

    with pytest.raises(builder.BuildError, match="found 2"):
        builder.read_piece(tmp_path, piece)
    with pytest.raises(builder.BuildError, match="one wheel of xgboost_cpu"):
        builder.read_piece(tmp_path, builder.LIBRARIES[1])


def test_a_layer_above_its_budget_is_refused(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of all files together counts, and the budget itself is allowed."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.so").write_bytes(bytes(60))
    (tmp_path / "NOTICE").write_bytes(bytes(40))
    monkeypatch.setattr(builder, "BUDGET_BYTES", 100)
    assert builder.check_budget(tmp_path) == 100
    monkeypatch.setattr(builder, "BUDGET_BYTES", 99)

    with pytest.raises(builder.BuildError, match="budget"):
        builder.check_budget(tmp_path)


def test_the_built_layer_is_what_its_record_says(builder: ModuleType, native_dir: Path) -> None:
    """Four libraries within 65 MB, pinned versions, digests of every file, licences."""
    layer = native_dir.parent
    record = json.loads((native_dir / "versions.json").read_text())
    libraries = {"lib_lightgbm.so", "libxgboost.so", "libonnxruntime.so", "libgomp.so.1"}

    assert {path.name for path in native_dir.iterdir()} == {*libraries, "versions.json"}
    assert record["libraries"] == {"lightgbm": "4.7.0", "xgboost-cpu": "3.2.0", "onnxruntime": "1.31.1"}
    assert builder.check_budget(layer) <= 65_000_000
    for name, digest in record["files"].items():
        assert hashlib.sha256((layer / name).read_bytes()).hexdigest() == digest
    assert {f"lib/{name}" for name in libraries} < set(record["files"])
    assert {"licences/NOTICE.txt", "licences/lightgbm/LICENSE", "licences/onnxruntime/LICENSE"} < set(record["files"])


def test_every_wheel_is_pinned_for_both_architectures(builder: ModuleType) -> None:
    """Three distributions, two digests each, and no address of an index."""
    text = builder.REQUIREMENTS.read_text()

    assert text.count("==") == 3
    assert text.count("--hash=sha256:") == 6
    assert "://" not in text


def test_a_layer_is_not_built_twice(builder: ModuleType, native_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second build finds the first and does nothing; a changed file is found out."""
    record = json.loads((native_dir / "versions.json").read_text())
    assert builder.main(["--arch", record["arch"], "--target", str(native_dir.parent)]) == 0

    assert "built already" in capsys.readouterr().err
    assert not builder.is_built(native_dir.parent, "arm64" if record["arch"] == "x86_64" else "x86_64")


def test_a_changed_file_asks_for_a_new_build(builder: ModuleType, native_dir: Path, tmp_path: Path) -> None:
    """Digests decide, not times."""
    for path in native_dir.parent.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(native_dir.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    arch = json.loads((native_dir / "versions.json").read_text())["arch"]
    assert builder.is_built(tmp_path, arch)
    (tmp_path / "lib" / "libgomp.so.1").write_bytes(b"something else")

    assert not builder.is_built(tmp_path, arch)


def test_a_build_without_wheels_says_so(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """When pip fails the exit code is 1, the reason is on stderr, and nothing is left behind."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    monkeypatch.setattr(builder, "is_built", lambda *_: False)

    assert builder.main(["--arch", "x86_64", "--target", str(tmp_path / "layer")]) == 1
    assert "could not download" in capfd.readouterr().err
    assert list((tmp_path / "layer").iterdir()) == []
