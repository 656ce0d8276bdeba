"""LightGBM's text format: its frame is checked before the library sees it.

The library trusts its file. It reads trees at offsets that the header gives (`tree_sizes`) and scans for the next `=`
without looking at the end of the text, so a file cut short is read beyond its end and can kill the process. Its frame
(header, offset of each tree, closing marker) costs some tens of microseconds to check and catches every truncated or
foreign file. What stands inside a tree is not checked again on every cold start: the manifest's digest guards that.
"""

from __future__ import annotations

from ratecard.kernel.errors import ArtifactError
from ratecard.kernel.value import Value

#: What LightGBM 4 writes.
FORMAT = "v4"

#: Header keys without which the library refuses the file, or divides by zero.
NEEDED = ("version", "num_class", "num_tree_per_iteration", "max_feature_idx", "feature_names", "tree_sizes")

END_OF_TREES = b"end of trees\n"
END = b"\nend of parameters\n"


class ModelText(Value):
    """What the header of a model file says.

    Attributes
    ----------
    feature_names : tuple of str
        Column names in training; `Column_<i>` where training gave none.
    outputs : int
        Trees per iteration, which is scores per row, >= 1.
    """

    feature_names: tuple[str, ...]
    outputs: int


def parse_model_text(content: bytes) -> ModelText:
    """Check the frame of a model file and read its header.

    Raises
    ------
    ArtifactError
        If the file is not a whole LightGBM text model of format v4.
    """
    if not content.startswith(b"tree\n"):
        raise ArtifactError("the model file is not a LightGBM text model: it does not start with 'tree'")
    if b"\0" in content:
        raise ArtifactError("the LightGBM model file is damaged: the library would stop at its zero byte")
    start = content.find(b"\n\n") + 2
    header = _parse_header(content[:start])
    sizes = _numbers(header["tree_sizes"])
    _check_trees(content, start, sizes)
    names = tuple(header["feature_names"].split(" "))
    outputs, classes = _numbers(header["num_tree_per_iteration"]), _numbers(header["num_class"])
    counts = len(outputs) == len(classes) == 1 and outputs[0] >= 1 and classes[0] >= 1
    if not counts or _numbers(header["max_feature_idx"]) != [len(names) - 1]:
        raise ArtifactError("the LightGBM model file is damaged: its header contradicts itself")
    if not sizes or len(sizes) % outputs[0]:
        raise ArtifactError("the LightGBM model file is damaged: it has no whole number of iterations")
    return ModelText(names, outputs[0])


def _parse_header(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").splitlines()
    header = dict(line.split("=", 1) for line in lines if "=" in line)
    missing = [key for key in NEEDED if key not in header]
    if missing:
        raise ArtifactError(f"the LightGBM model file is truncated or damaged: its header has no {missing[0]}")
    if header["version"] != FORMAT:
        raise ArtifactError(f"the LightGBM model file is not of format {FORMAT}, the only one supported")
    return header


def _numbers(text: str) -> list[int]:
    words = text.split(" ")
    if not all(word.isascii() and word.isdigit() and len(word) < 16 for word in words):
        raise ArtifactError("the LightGBM model file is damaged: its header has a number that is none")
    return [int(word) for word in words]


def _check_trees(content: bytes, start: int, sizes: list[int]) -> None:
    place = start
    for number, size in enumerate(sizes):
        # Each tree is closed by an empty line: that is where the library stops reading its `key=value` lines.
        if not content.startswith(b"Tree=%d\n" % number, place) or content[place + size - 2 : place + size] != b"\n\n":
            raise ArtifactError(f"the LightGBM model file is truncated or damaged: tree {number} is out of place")
        place += size
    # After the trees may come importances and the training parameters, which scoring does not need: an exported model
    # leaves them out. What follows the parameters is the Python package's own.
    shortened = content[place:].strip() == END_OF_TREES.strip()
    if not content.startswith(END_OF_TREES, place) or not content.endswith(b"\n"):
        raise ArtifactError("the LightGBM model file is truncated: its end is missing")
    if not shortened and content.find(END, place) < 0:
        raise ArtifactError("the LightGBM model file is truncated: its end is missing")
