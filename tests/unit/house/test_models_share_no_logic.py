"""What two models need is the library's: no function and no run of lines stands in two model folders."""

import ast
import itertools
from pathlib import Path

MODELS = sorted(
    path for path in (Path(__file__).resolve().parents[3] / "functions" / "models").iterdir() if path.is_dir()
)
RUN = 6
"""Lines in a row, imports and documentation left out, that must not be the same in two models."""

SMALLEST = 3
"""Statements from which a function is logic rather than wiring."""


def bare(tree):
    """Return a module's tree without imports and documentation."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not is_silent(one)] or [ast.Pass()]
    return tree


def is_silent(node):
    """Tell whether a statement is an import or a text alone."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return text or isinstance(node, ast.Import | ast.ImportFrom)


def read_model(folder):
    """Return the bodies of a model's functions and the runs of its lines, each with where it stands."""
    functions, runs = {}, {}
    for path in sorted(folder.rglob("*.py")):
        tree = bare(ast.parse(path.read_text()))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and len(list(ast.walk(node))) > 40 and len(node.body) >= SMALLEST:
                functions["\n".join(ast.unparse(one) for one in node.body)] = f"{path.name}:{node.name}"
        lines = [line.strip() for line in ast.unparse(tree).splitlines() if line.strip()]
        for start in range(len(lines) - RUN + 1):
            runs["\n".join(lines[start : start + RUN])] = f"{path.name}: {lines[start]}"
    return functions, runs


def find_copies(folders):
    """Return what stands in two folders, as pairs of places."""
    read = {folder.name: read_model(folder) for folder in folders}
    copies = []
    for (one, first), (two, second) in itertools.combinations(read.items(), 2):
        for ours, theirs in zip(first, second, strict=True):
            copies += [(f"{one}/{ours[text]}", f"{two}/{theirs[text]}") for text in sorted(ours.keys() & theirs.keys())]
    return copies


def test_models_share_no_logic():
    """Wiring alone may look alike: a handler's two lines, a recipe's calls with its own names."""
    assert find_copies([folder for folder in MODELS if (folder / "src").is_dir()]) == []


def test_a_copied_function_is_found(tmp_path):
    """Another name, another docstring and other imports do not hide a copy; a different body is no copy."""
    body = (
        "    total = 0\n    for value in values:\n        total += value ** 2 + 3 * value - 1\n"
        "    return total / len(values) + {}\n"
    )
    for name, text in (("a", body.format(1)), ("b", body.format(1)), ("c", body.format(2))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text(f'import {name}\n\n\ndef {name}(values):\n    """{name}."""\n{text}')
    assert find_copies([tmp_path / "a", tmp_path / "b"]) == [("a/x.py:a", "b/x.py:b")]
    assert find_copies([tmp_path / "a", tmp_path / "c"]) == []
