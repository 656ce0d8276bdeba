"""The rules of the house that no linter knows: sizes, names, who may import whom."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    if (ROOT / name).is_file()
]
SOURCES = [path for path in TRACKED if "tests" not in path.relative_to(ROOT).parts]
MODELS = sorted(path for path in ROOT.glob("functions/models/*") if (path / "src").is_dir())

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
FORBIDDEN_VERBS = re.compile(r"^_?(do|handle|process)_")
MODEL_MAY_IMPORT = {"ratecard.serving", "ratecard.contract", "ratecard.engines", "ratecard.kernel"}
MODEL_MAY_USE = {"__future__", "math", "bisect", "collections", "decimal", "functools"}
"""Of the standard library: what every function has loaded anyway; money is decimal."""

PROGRAM_MAY_USE = {"csv", "datetime", "heapq", "sys"}
"""What `python -m <model>` may use beside: a program for callers, which no function loads."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    described = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if described else 0)


def imported_modules(path: Path) -> set[str]:
    """Names of the modules that are imported at run time: what stands under TYPE_CHECKING is not."""
    modules = set()
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(node.module)
    return modules


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_is_short_and_well_named(path):
    """At most 300 lines a module and 40 a function; names say what is inside."""
    text = path.read_text()
    assert text.count("\n") <= 300
    assert not FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parts}
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if body_lines(node) > 40] == []
    assert [node.name for node in functions if FORBIDDEN_VERBS.match(node.name)] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_a_model_imports_the_library_and_itself_only(model):
    """No other model, no AWS, no numerical library; of ours, only what a model may know."""
    for path in (model / "src").rglob("*.py"):
        standard = MODEL_MAY_USE | (PROGRAM_MAY_USE if path.name == "__main__.py" else set())
        for module in imported_modules(path):
            own = module.split(".")[0] == model.name
            library = any(module == allowed or module.startswith(allowed + ".") for allowed in MODEL_MAY_IMPORT)
            assert own or library or module.split(".")[0] in standard, f"{name_of(path)} imports {module}"


def test_no_tracked_file_names_a_machine():
    """No absolute path of a person's machine stands in the tree."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = []
    for name in listed:
        path = ROOT / name
        try:
            text = path.read_text()
        except (UnicodeDecodeError, OSError):
            continue
        found += [name for _ in re.finditer(r"(?<![\w.])/(?:work|root|home/[a-z]+)/[\w./-]+", text)]
    assert found == []
