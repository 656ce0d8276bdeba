"""The frames of model files, versions, and a library's words."""

import pytest

from ratecard.engines.lightgbm_text import parse_model_text
from ratecard.engines.native import library_message
from ratecard.engines.versions import check_version
from ratecard.engines.xgboost_ubjson import HEAD, parse_model_version
from ratecard.kernel.errors import ArtifactError, EngineError

TREES = [f"Tree={place}\nnum_leaves=1\nnum_cat=0\nleaf_value=0.5\n\n\n" for place in range(4)]


def model_text(**changes: str) -> bytes:
    """A LightGBM text model of four trees of one leaf, with other header values."""
    header = {
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "2",
        "label_index": "0",
        "max_feature_idx": "1",
        "feature_names": "income debt",
        "tree_sizes": " ".join(str(len(tree)) for tree in TREES),
    } | changes
    lines = "".join(f"{name}={value}\n" for name, value in header.items())
    return f"tree\n{lines}\n{''.join(TREES)}end of trees\n\nparameters:\n[seed: 0]\n\nend of parameters\n".encode()


def test_the_header_is_read() -> None:
    """Names of the columns and trees per iteration."""
    model = parse_model_text(model_text())

    assert (model.feature_names, model.outputs) == (("income", "debt"), 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "v3"},
        {"num_class": "0"},
        {"num_class": "one"},
        {"num_tree_per_iteration": "0"},
        {"num_tree_per_iteration": "3"},
        {"num_tree_per_iteration": "-2"},
        {"max_feature_idx": "2"},
        {"max_feature_idx": "9999999999999999999999"},
        {"feature_names": "income"},
        {"tree_sizes": ""},
        {"tree_sizes": "1 2 3 4"},
        {"tree_sizes": " ".join(str(len(tree)) for tree in TREES[:3])},
        {"tree_sizes": "999999999 1 1 1"},
        {"tree_sizes": "٤٠ 40 40 40"},
    ],
    ids=repr,
)
def test_a_header_that_is_wrong_is_refused(changes: dict[str, str]) -> None:
    """Values by which the library would divide by zero or read beyond the end never reach it."""
    with pytest.raises(ArtifactError, match="LightGBM"):
        parse_model_text(model_text(**changes))


def test_a_zero_byte_is_refused() -> None:
    """The library takes the text as a C string, which a zero byte would end."""
    with pytest.raises(ArtifactError, match="zero byte"):
        parse_model_text(model_text().replace(b"leaf_value=0.5", b"leaf_value=0\x005", 1))


@pytest.mark.parametrize(
    ("encoded", "version"),
    [
        (b"i\x03i\x02i\x00", "3.2.0"),
        (b"i\x03i\x0ci\x7e", "3.12.126"),
        (b"i\x03I\x01\x00i\x01", "3.256.1"),
        (b"i}i}i}", "125.125.125"),
    ],
)
def test_the_version_that_wrote_a_model_is_read(encoded: bytes, version: str) -> None:
    """Integers of one and of two bytes, big-endian (UBJSON draft 12)."""
    tail = b"}L" + bytes(7) + b"\x07version[#L" + bytes(7) + b"\x03" + encoded + b"}"

    assert parse_model_version(HEAD + b"..." + tail) == version


@pytest.mark.parametrize(
    ("made_with", "library", "fits"),
    [
        ("4.7.0", "4.7.0", True),
        ("4.7.3", "4.7.0", True),
        ("4.0.0", "4.7.0", True),
        ("4.7.0.99", "4.7.0", True),
        ("4.8.0", "4.7.0", False),
        ("4.10.0", "4.9.0", False),
        ("4.9.0", "4.10.0", True),
        ("5.0.0", "4.7.0", False),
        ("3.9.0", "4.7.0", False),
        ("4.7", "4.7.0", False),
        ("four.seven.nil", "4.7.0", False),
        ("-4.7.0", "4.7.0", False),
    ],
)
def test_versions_fit_within_a_major_up_to_the_library(made_with: str, library: str, fits: bool) -> None:
    """Same major version, a minor version not above the library's, any patch."""
    if fits:
        check_version("lightgbm", made_with, library)
        return
    with pytest.raises(ArtifactError):
        check_version("lightgbm", made_with, library)


def test_a_library_of_unknown_version_is_not_trusted() -> None:
    """Then it is the layer that is wrong, not the artifact."""
    with pytest.raises(EngineError):
        check_version("lightgbm", "4.7.0", "unknown")


def test_a_librarys_words_become_one_short_line() -> None:
    """Line breaks, control characters and length: a log line stays a line."""
    assert library_message(b"bad\n  file\x1b[31m\xff") == "bad file?[31m\ufffd"
    assert len(library_message(b"x" * 5000)) == 300
    assert library_message(None) == "no message"
