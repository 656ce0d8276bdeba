"""The data catalogue: which public data sets the models are trained on, and where they lie on this machine.

The sets themselves are data, not code: `catalogue.toml` beside this module names each with its official address,
licence, citation and digests. Nothing is downloaded: a person agrees to a licence, a program does not.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, NotFoundError, RatecardError

FOLDER_VARIABLE = "RATECARD_DATA_DIR"


class DataSetMissingError(RatecardError):
    """A data set is not on this machine; the detail says how to get it."""

    code = "data_set_missing"
    kind = ErrorKind.NOT_FOUND


class DataSetChangedError(RatecardError):
    """A file of a data set is not the one the catalogue names."""

    code = "data_set_changed"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Original:
    """The publisher's own file of the same table: the same numbers under other headings or in another format.

    Attributes
    ----------
    file : str
        Name under which it is looked for, relative to the data folder; a CSV file with headings.
    address : str
        Where the publisher offers it for download.
    sha256 : str
        Its digest.
    columns : tuple of str
        The catalogued file's names for its columns, by position.
    """

    file: str
    address: str
    sha256: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One public data set.

    Attributes
    ----------
    name : str
        Name in the catalogue, and of its folder.
    title, publisher, licence, citation : str
        For people and model cards.
    address : str
        Official page of the upstream, which is not always where the catalogued file was taken from.
    files : mapping of str to str
        SHA-256 by file name relative to the data folder: digests of the files the models were trained on.
    obtain : str
        How a person gets the same content from the official address, and in what that differs.
    original : Original or None
        The publisher's own file, where it can be taken as it is.
    """

    name: str
    title: str
    publisher: str
    licence: str
    citation: str
    address: str
    files: Mapping[str, str]
    obtain: str
    original: Original | None = None


@cache
def load_catalogue() -> Mapping[str, DataSet]:
    """Read the catalogue that lies beside this module."""
    text = (files("ratecard_workbench.training") / "catalogue.toml").read_text(encoding="utf-8")
    return {name: _parse_data_set(name, entry) for name, entry in tomllib.loads(text).items()}


def get_data_set(name: str) -> DataSet:
    """Return a data set by its name in the catalogue.

    Raises
    ------
    NotFoundError
        If the catalogue has none of that name.
    """
    catalogue = load_catalogue()
    if name not in catalogue:
        raise NotFoundError(f"the data catalogue has no set {name!r}; it has: {', '.join(sorted(catalogue))}")
    return catalogue[name]


def list_data_folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where data sets are looked for, in order: RATECARD_DATA_DIR if set, then the user's cache folder.

    Notes
    -----
    Cache: XDG Base Directory Specification, $XDG_CACHE_HOME or ~/.cache.
    """
    cache_home = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    named = [Path(environ[FOLDER_VARIABLE])] if environ.get(FOLDER_VARIABLE) else []
    return [*named, Path(cache_home) / "ratecard" / "data"]


def find_path(file: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the first file of this relative name in the data folders, unverified, or None."""
    paths = (folder / file for folder in list_data_folders(environ))
    return next((path for path in paths if path.is_file()), None)


def get_path(data_set: DataSet, file: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of a file of a data set, after its digest was verified.

    Parameters
    ----------
    data_set : DataSet
        From the catalogue.
    file : str, optional
        One of its files; needed if it has several.
    environ : mapping
        Environment variables.

    Raises
    ------
    NotFoundError
        If the set has no such file.
    DataSetMissingError
        If the file is in no data folder; says how to get it.
    DataSetChangedError
        If its SHA-256 is not the catalogue's.
    """
    name = file or next(iter(data_set.files))
    if name not in data_set.files or (file is None and len(data_set.files) > 1):
        raise NotFoundError(f"name one file of {data_set.name}: {', '.join(data_set.files)}")
    path = find_path(name, environ)
    if path is None:
        raise DataSetMissingError(describe_missing(data_set, name, environ))
    verify_file(path, data_set.files[name], data_set)
    return path


def find_original(data_set: DataSet, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path of the publisher's own file of a set, after its digest was verified, or None.

    Raises
    ------
    DataSetChangedError
        If its SHA-256 is not the catalogue's.
    """
    original = data_set.original
    path = find_path(original.file, environ) if original else None
    if original and path:
        verify_file(path, original.sha256, data_set)
    return path


def verify_file(path: Path, sha256: str, data_set: DataSet) -> None:
    """Refuse a file with another digest.

    Raises
    ------
    DataSetChangedError
        If its SHA-256 is not `sha256`.
    """
    if sha256_hex(path.read_bytes()) != sha256:
        raise DataSetChangedError(
            f"{path.name} is not the file the catalogue names for {data_set.name}: its SHA-256 should be {sha256}. "
            f"Remove it, then: {data_set.obtain}"
        )


def describe_missing(data_set: DataSet, file: str, environ: Mapping[str, str] = os.environ) -> str:
    """Say which file is missing, where it was looked for and how a person gets it."""
    looked = " and ".join(str(folder) for folder in list_data_folders(environ))
    return (
        f"{file} is not on this machine. Looked in {looked}; set {FOLDER_VARIABLE} to the folder that holds "
        f"{data_set.name}/, or put the file under one of these. Data set: {data_set.title}, {data_set.publisher}, "
        f"{data_set.address}, licence {data_set.licence}. SHA-256: {data_set.files[file]}. "
        f"How to get it: {data_set.obtain}"
    )


def _parse_data_set(name: str, entry: Mapping[str, object]) -> DataSet:
    fields = {key: " ".join(str(value).split()) for key, value in entry.items() if isinstance(value, str)}
    listed, original = entry["files"], entry.get("original")
    if not isinstance(listed, dict) or not (original is None or isinstance(original, dict)):
        raise TypeError(f"catalogue.toml: {name} has a malformed table")
    return DataSet(
        name=name,
        files={str(file): str(digest) for file, digest in listed.items()},
        original=_parse_original(original) if original else None,
        **fields,
    )


def _parse_original(entry: Mapping[str, object]) -> Original:
    columns = entry["columns"]
    if not isinstance(columns, list):
        raise TypeError("catalogue.toml: columns must be a list")
    return Original(
        file=str(entry["file"]),
        address=str(entry["address"]),
        sha256=str(entry["sha256"]),
        columns=tuple(str(column) for column in columns),
    )
