"""The data catalogue: every set named, found, verified, or explained."""

import gzip
import hashlib
import re

import numpy as np
import pytest

from ratecard.kernel.errors import NotFoundError
from ratecard_workbench.training.catalogue import (
    DataSetChangedError,
    DataSetMissingError,
    find_path,
    get_data_set,
    get_path,
    list_data_folders,
    load_catalogue,
)
from ratecard_workbench.training.table import load_arff, load_csv, load_file, load_table

CATALOGUE = load_catalogue()
TAIWAN = get_data_set("taiwan_credit_default")
FILE = "taiwan_credit_default/UCI_Credit_Card.csv.gz"


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_set_says_where_it_comes_from(name):
    """Address, licence, citation, how to get it, and a digest for each file in its folder."""
    data_set = CATALOGUE[name]
    assert data_set.address.startswith("https://")
    assert all((data_set.title, data_set.publisher, data_set.licence, data_set.citation, data_set.obtain))
    assert data_set.files
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in data_set.files.values())
    assert all(not file.startswith("/") and ".." not in file for file in data_set.files)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_digest_is_that_of_the_shared_file(name, requires_shared):
    """The catalogue names the files this project was built with."""
    for file in CATALOGUE[name].files:
        assert get_path(CATALOGUE[name], file, {"RATECARD_DATA_DIR": str(requires_shared / "data")}).is_file()


def test_an_unknown_set_is_not_found():
    """The error lists what there is."""
    with pytest.raises(NotFoundError, match="taiwan_credit_default"):
        get_data_set("no_such_set")


def test_a_missing_set_says_how_to_get_it(tmp_path):
    """Which file, where it was looked for, the official address, the licence, the digest, and what to do."""
    with pytest.raises(DataSetMissingError) as caught:
        load_table(TAIWAN, environ={"XDG_CACHE_HOME": str(tmp_path)})
    detail = caught.value.detail
    for part in (FILE, str(tmp_path / "ratecard" / "data"), "RATECARD_DATA_DIR", TAIWAN.address, "CC BY 4.0"):
        assert part in detail
    assert "https://archive.ics.uci.edu/static/public/350/data.csv" in detail
    assert TAIWAN.files[FILE] in detail


def test_a_changed_file_is_refused(tmp_path):
    """Another table under the right name is not the data set."""
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"ID,LIMIT_BAL\n1,2\n"))
    with pytest.raises(DataSetChangedError, match="SHA-256"):
        load_table(TAIWAN, environ={"RATECARD_DATA_DIR": str(tmp_path)})


def test_the_named_folder_comes_before_the_cache(tmp_path):
    """RATECARD_DATA_DIR first, then the cache of the XDG specification."""
    environ = {"RATECARD_DATA_DIR": str(tmp_path / "named"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    folders = list_data_folders(environ)
    assert folders == [tmp_path / "named", tmp_path / "cache" / "ratecard" / "data"]
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / "some.csv").write_text("")
        assert find_path("some.csv", environ) == folder / "some.csv"


def test_one_of_several_files_must_be_named():
    """A set of many files has no default one."""
    with pytest.raises(NotFoundError, match="window3_train"):
        get_path(CATALOGUE["american_bankruptcy_panels"])


def test_the_publishers_own_file_is_read_as_it_is(tmp_path, requires_shared):
    """UCI's data.csv has other headings and the same numbers; its digest proves that nothing else differs."""
    catalogued = load_table(TAIWAN, environ={"RATECARD_DATA_DIR": str(requires_shared / "data")})
    heading = ",".join(["ID", *(f"X{number}" for number in range(1, 24)), "Y"])
    cells = np.column_stack([values.astype(np.int64) for values in catalogued.values()])
    lines = [heading, *(",".join(map(str, row)) for row in cells.tolist())]
    content = "".join(f"{line}\r\n" for line in lines).encode()
    assert TAIWAN.original is not None
    # The digest that others found for UCI's file, recorded before this one was written.
    assert hashlib.sha256(content).hexdigest() == TAIWAN.original.sha256

    path = tmp_path / TAIWAN.original.file
    path.parent.mkdir()
    path.write_bytes(content)
    read = load_table(TAIWAN, environ={"RATECARD_DATA_DIR": str(tmp_path)})
    assert list(read) == list(catalogued)
    assert all(np.array_equal(read[name], catalogued[name]) for name in read)

    path.write_bytes(content.replace(b"20000", b"20001", 1))
    with pytest.raises(DataSetChangedError, match=r"data\.csv"):
        load_table(TAIWAN, environ={"RATECARD_DATA_DIR": str(tmp_path)})


def test_a_missing_number_is_nan_and_rows_keep_their_order(tmp_path):
    """Columns come as plain arrays; text stays text."""
    path = tmp_path / "table.csv"
    path.write_text("".join(["number,word\n", "3,b\n", ",a\n", "1,\n"]))
    table = load_csv(path)
    assert np.array_equal(table["number"], [3.0, np.nan, 1.0], equal_nan=True)
    assert table["word"].tolist() == ["b", "a", None]


def test_weka_files_and_tables_with_spaces_are_read(tmp_path, requires_shared):
    """South German credit has 300 bad risks in 1,000; the first Polish year 271 bankruptcies in 7,027, with gaps."""
    environ = {"RATECARD_DATA_DIR": str(requires_shared / "data")}
    german = load_table(get_data_set("south_german_credit"), environ=environ)
    assert (len(german), int((german["credit_risk"] == 0).sum())) == (21, 300)
    polish = load_table(get_data_set("polish_bankruptcy"), "polish_bankruptcy/1year.arff.gz", environ)
    assert (len(polish), polish["class"].size, int(polish["class"].sum())) == (65, 7027, 271)
    assert 0 < np.isnan(polish["Attr37"]).mean() < 1
    (tmp_path / "short.arff").write_text("@relation x\n@attribute a numeric\n@attribute b numeric\n@data\n1,2\n3\n")
    with pytest.raises(ValueError, match="another number of cells"):
        load_arff(tmp_path / "short.arff")
    (tmp_path / "small.asc").write_text("a b\n1 2\n")
    assert {name: values.tolist() for name, values in load_file(tmp_path / "small.asc").items()} == {"a": [1], "b": [2]}
