"""The chain under kill -9."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from support import issuers

from ratecard.storage.chain import Chain
from ratecard.storage.places import ABANDONED_SECONDS, FolderPlaces, name_of

TESTS = Path(issuers.__file__).resolve().parents[1]


def test_issuers_killed_at_every_step_leave_a_whole_chain(tmp_path):
    """32 parallel issuers: no gap, no number or invoice twice, none half, none lost that an issuer was told of.

    They are killed before, within and after each system call of an append, and at random.
    """
    folder, journal = tmp_path / "chain", tmp_path / "journal"
    path = os.pathsep.join([str(TESTS), *sys.path])
    command = [sys.executable, "-m", "support.issuers", folder, journal]
    environment = os.environ | {"PYTHONPATH": path}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")

    chain = Chain(FolderPlaces(folder))
    documents = [json.loads(document.content) for document in chain.read()]
    assert chain.verify() == ()
    assert [document["number"] for document in documents] == list(range(1, len(issuers.TO_ISSUE) + 1))
    issued = [(document["customer"], document["period"]) for document in documents]
    assert sorted(issued) == sorted(issuers.TO_ISSUE)

    lines = [line.split() for line in journal.read_text().splitlines()]
    told = {int(line[1]): (line[2], line[3]) for line in lines if line[0] == "issued"}
    assert len(told) == len([line for line in lines if line[0] == "issued"])
    assert told.items() <= dict(enumerate(issued, 1)).items()
    assert {(line[1], line[2]) for line in lines if line[0] == "died"} == set(issuers.STEPS)


def test_what_killed_writers_left_is_swept(tmp_path):
    """Half-written files of an hour ago go; one that may still be written to stays, and neither is a document."""
    FolderPlaces(tmp_path)
    old, new = tmp_path / ".1-a.partial", tmp_path / ".2-b.partial"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(old, (ago, ago))

    places = FolderPlaces(tmp_path)

    assert (old.exists(), new.exists()) == (False, True)
    assert places.list_numbers(0) == []


def test_a_number_passed_over_while_listing_is_not_a_gap(tmp_path):
    """A folder is not listed at one instant: number 2 may be missed while 3 is seen."""

    class Passing(FolderPlaces):
        listings = 0

        def list_numbers(self, after):
            self.listings += 1
            found = super().list_numbers(after)
            return [number for number in found if number != 2] if self.listings == 1 else found

    chain = Chain(FolderPlaces(tmp_path))
    for _ in range(3):
        chain.append(lambda number, previous, _: json.dumps({"number": number, "previous_sha256": previous}).encode())

    assert len(Chain(Passing(tmp_path)).read()) == 3
    assert Chain(Passing(tmp_path)).verify() == ()


def test_documents_are_read_only(tmp_path):
    """A slip of an editor does not change one."""
    places = FolderPlaces(tmp_path / "chain")
    places.create(1, b"x")

    assert (tmp_path / "chain" / name_of(1)).stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "chain").stat().st_mode & 0o777 == 0o700
