"""Seal what `sam build` made: check it, and give each function the digest that decides whether a version is published.

SAM publishes a version when `AutoPublishCodeSha256` changes, and looks at nothing else. A digest over the zip alone
would leave an alias on old layers, prices or limits when only those changed, so it goes over all that a version holds:
the zip, every layer, and the function's properties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard_workbench.local.cloudformation import Node, load_yaml
from ratecard_workbench.publish.files import store_text, yaml_text

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
NOTICE = "Made by `sam build` and `ratecard seal`."
DIGEST = "AutoPublishCodeSha256"
DIGEST_PARAMETER = "CodeSha256"
DIGEST_RULE = "BuiltWithDigests"
ARCHITECTURE_PARAMETER = "Architecture"

UNVERSIONED = frozenset(
    {
        *(DIGEST, "AutoPublishAlias", "AutoPublishAliasAllProperties", "CodeUri", "DeploymentPreference", "Events"),
        *("EventInvokeConfig", "ProvisionedConcurrencyConfig", "ReservedConcurrentExecutions", "Tags"),
    }
)
"""Properties that no version holds: the function's or the alias's own, and the zip's address.
Source: SAM's reference of AWS::Serverless::Function, Lambda's of PublishVersion."""

ZIP_BUDGET_BYTES = 5_000_000
"""A model's zip. Source: DESIGN.md section 3."""

UNZIPPED_BUDGET_BYTES = 90_000_000
"""A model's folder without its layers: what these leave of `UNZIPPED_LIMIT_BYTES`."""

UNZIPPED_LIMIT_BYTES = 262_144_000
"""Lambda's limit on a function and its layers together, unzipped. Source: Lambda quotas."""

ELF_MACHINES = {62: "x86_64", 183: "arm64"}
"""Field e_machine of a library's header -> Lambda's name of the architecture. Source: ELF-64 object file format."""


class SealError(RatecardError):
    """What was built must not be deployed."""

    code = "invalid_build"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class SealedFunction:
    """One function of a build.

    Attributes
    ----------
    name : str
        Logical id.
    sha256 : str
        Digest over zip, layers and versioned properties, hexadecimal.
    zip_bytes, total_bytes : int
        Size of the function alone, zipped; and with its layers, unzipped.
    """

    name: str
    sha256: str
    zip_bytes: int
    total_bytes: int


def seal_build(folder: Path, architecture: str) -> list[SealedFunction]:
    """Check a build and write the functions' digests into its template.

    Parameters
    ----------
    folder : Path
        What `sam build` wrote, with template.yaml in it.
    architecture : str
        Processor it will be deployed for, x86_64 or arm64.

    Raises
    ------
    SealError
        If a function is above its budget, or a library is for another processor.
    """
    template = settled(load_yaml(folder / "template.yaml"), architecture)
    resources = template["Resources"]
    shared = (template.get("Globals") or {}).get("Function") or {}
    sealed = []
    for name, resource in resources.items():
        if resource["Type"] == FUNCTION:
            properties = merge_globals(shared, resource["Properties"])
            folders = [folder / properties["CodeUri"], *layer_folders(folder, resources, properties.get("Layers", []))]
            sealed.append(seal_function(name, folders, properties, architecture))
            resource["Properties"][DIGEST] = sealed[-1].sha256
    store_text(folder / "template.yaml", yaml_text(template, NOTICE))
    return sealed


def settled(template: dict[str, Node], architecture: str) -> dict[str, Node]:
    """Take out what the build has decided: the processor, and the parameter and rule that stand for a missing digest.

    Defaults would not do: `sam deploy` keeps a parameter's earlier value unless it is given a new one.
    """
    fixed: dict[str, Node] = replace_reference(template, ARCHITECTURE_PARAMETER, architecture)
    for section, names in (("Parameters", (DIGEST_PARAMETER, ARCHITECTURE_PARAMETER)), ("Rules", (DIGEST_RULE,))):
        left = {name: value for name, value in (fixed.pop(section, None) or {}).items() if name not in names}
        if left:
            fixed[section] = left
    return fixed


def replace_reference(node: Node, parameter: str, value: str) -> Node:
    """Put a value in the place of every reference to a parameter."""
    if isinstance(node, list):
        return [replace_reference(item, parameter, value) for item in node]
    if not isinstance(node, dict):
        return node
    if node == {"Ref": parameter}:
        return value
    return {key: replace_reference(item, parameter, value) for key, item in node.items()}


def merge_globals(shared: Node, own: Node) -> Node:
    """Put a function's own properties over those of Globals, as SAM does: mappings merge, lists follow one another."""
    if isinstance(shared, dict) and isinstance(own, dict) and not is_intrinsic(shared) and not is_intrinsic(own):
        return shared | {name: merge_globals(shared[name], own[name]) if name in shared else own[name] for name in own}
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own


def is_intrinsic(node: dict[str, Node]) -> bool:
    """Say whether a mapping stands for a value that CloudFormation fills in."""
    return len(node) == 1 and next(iter(node)).startswith(("Ref", "Fn::"))


def layer_folders(folder: Path, resources: dict[str, Node], layers: list[Node]) -> list[Path]:
    """Return the built folders of the template's own layers, in the functions' order."""
    named = [resources.get(str(layer.get("Ref")), {}) for layer in layers if isinstance(layer, dict)]
    return [folder / layer["Properties"]["ContentUri"] for layer in named if layer.get("Type") == LAYER]


def seal_function(name: str, folders: list[Path], properties: dict[str, Node], architecture: str) -> SealedFunction:
    """Check one function's folders, its own first, and digest them with its properties.

    Raises
    ------
    SealError
        As `seal_build`.
    """
    sizes = [size_of(folder) for folder in folders]
    zipped = zip_size_of(folders[0])
    if zipped > ZIP_BUDGET_BYTES:
        raise SealError(f"{name} has {zipped} bytes zipped, more than its budget of {ZIP_BUDGET_BYTES}")
    if sum(sizes) > UNZIPPED_LIMIT_BYTES:
        raise SealError(f"{name} and its layers have {sum(sizes)} bytes, more than Lambda's {UNZIPPED_LIMIT_BYTES}")
    for folder in folders:
        refuse_other_processors(folder, architecture)
    return SealedFunction(name, digest_of(folders, properties), zipped, sum(sizes))


def digest_of(folders: list[Path], properties: dict[str, Node]) -> str:
    """Digest the versioned properties, and names and contents of all files by folder; times and modes do not count."""
    versioned = {name: value for name, value in properties.items() if name not in UNVERSIONED}
    digest = sha256(json.dumps(versioned, sort_keys=True, default=str).encode() + b"\n")
    for number, folder in enumerate(folders):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = sha256(path.read_bytes()).hexdigest()
            digest.update(f"{number} {path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def size_of(folder: Path) -> int:
    """Sum the files under a folder, in bytes.

    Raises
    ------
    SealError
        If it holds none: the build is not there.
    """
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    if not sizes:
        raise SealError(f"{folder.name} is not built; run sam build first")
    return sum(sizes)


def refuse_other_processors(folder: Path, architecture: str) -> None:
    """Refuse shared libraries that the deployed function could not load.

    Raises
    ------
    SealError
        If one is for another processor.
    """
    for path in sorted(folder.rglob("*.so*")):
        with path.open("rb") as library:
            header = library.read(20)
        machine = ELF_MACHINES.get(int.from_bytes(header[18:20], "little"))
        if header[:4] != b"\x7fELF" or machine != architecture:
            raise SealError(f"{path.name} is for {machine or 'no known processor'}, the functions for {architecture}")


def zip_size_of(folder: Path) -> int:
    """Zip the files under a folder as they are deployed, and weigh the zip in bytes."""
    with TemporaryFile() as written:
        with ZipFile(written, "w", ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder))
        return written.tell()
