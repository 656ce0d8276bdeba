"""The inbox as a folder: complete files are named, and everything else is passed over with a word."""

import os
import subprocess
import time

import pytest

from ratecard_workbench.local.deliveries import LONGEST_PAUSE_MS, Deliveries
from ratecard_workbench.local.inbox_folder import STABLE_SECONDS, InboxFolder


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox" / "acme" / "echo" / "explain").mkdir(parents=True)
    return tmp_path / "inbox"


def complete(folder):
    """Return the names that two scans far enough apart call complete, and the sentences of the first."""
    found, sentences = folder.scan(100.0)
    assert found == []
    found, again = folder.scan(100.0 + STABLE_SECONDS)
    assert again == [], "a sentence is told once"
    return sorted(name for name, _ in found), sentences


def test_files_lie_in_a_models_folder_or_in_its_explain(inbox):
    """Both depths count; hidden and partial files belong to somebody who still writes."""
    for name in ("a.csv", "explain/b.csv", ".hidden", "c.csv.partial"):
        (inbox / "acme/echo" / name).write_text("x")

    assert complete(InboxFolder(inbox)) == (["acme/echo/a.csv", "acme/echo/explain/b.csv"], [])


def test_a_file_is_complete_when_it_stops_changing_not_by_its_own_time(inbox):
    """A file from the future is complete as soon as any other; one that changes is not."""
    path = inbox / "acme/echo/future.csv"
    path.write_text("x")
    os.utime(path, (time.time() + 86_400, time.time() + 86_400))
    folder = InboxFolder(inbox)

    assert folder.scan(10.0)[0] == []
    assert folder.scan(10.5)[0] == []
    path.write_text("xy")
    assert folder.scan(11.0)[0] == []
    assert folder.scan(11.9)[0] == []
    assert [name for name, _ in folder.scan(12.0)[0]] == ["acme/echo/future.csv"]


@pytest.mark.parametrize("name", [b"n\xffame.csv", b"line\nbreak.csv", b"\x1b[31m.csv", "c1\x85.csv".encode()])
def test_a_name_that_no_key_can_have_is_passed_over(inbox, name):
    """Neither as a file nor as a folder does it keep the others from being taken, and the sentence is plain ASCII."""
    (inbox / "acme/echo/good.csv").write_text("x")
    with open(os.path.join(os.fsencode(inbox), b"acme/echo", name), "w") as file:  # noqa: PTH118, PTH123
        file.write("x")
    folder = os.path.join(os.fsencode(inbox), name, b"echo")  # noqa: PTH118
    os.makedirs(folder)  # noqa: PTH103

    names, sentences = complete(InboxFolder(inbox))
    assert names == ["acme/echo/good.csv"]
    assert len(sentences) == 2
    assert all(sentence.isascii() and sentence.isprintable() for sentence in sentences)


def test_links_are_not_followed(inbox, tmp_path):
    """Neither a linked file nor a file in a linked folder is taken, wherever the link stands."""
    outside = tmp_path / "outside" / "echo"
    outside.mkdir(parents=True)
    (outside / "secret.csv").write_text("secret")
    (inbox / "acme/echo/link.csv").symlink_to(outside / "secret.csv")
    (inbox / "acme/linked").symlink_to(outside)
    (inbox / "linked").symlink_to(outside.parent)

    folder = InboxFolder(inbox)
    names, sentences = complete(folder)
    assert names == []
    assert len([sentence for sentence in sentences if "link" in sentence]) == 3
    assert not folder.holds("acme/linked/secret.csv")
    assert not folder.holds("acme/echo/link.csv")
    assert folder.holds("acme/echo/a.csv")


def test_the_inbox_itself_may_be_a_link(inbox, tmp_path):
    """Its owner may keep it on another disk."""
    (inbox / "acme/echo/a.csv").write_text("x")
    (tmp_path / "elsewhere").symlink_to(inbox)
    folder = InboxFolder(tmp_path / "elsewhere")

    assert complete(folder)[0] == ["acme/echo/a.csv"]
    assert folder.holds("acme/echo/a.csv")


def test_files_in_other_places_are_found_too(inbox):
    """Too high, too deep, or under a folder that is not `explain`: each gets an answer; what is hidden does not."""
    names = ["acme/echo/2026/deep.csv", "acme/echo/explain/more/deep.csv", "acme/loose.csv", "top.csv"]
    for name in (*names, ".trash/acme/echo/a.csv"):
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    assert complete(InboxFolder(inbox)) == (names, [])


def test_folders_may_lie_as_deep_as_the_system_lets_them(inbox, monkeypatch):
    """Deeper than Python calls may be nested, and than a path may be long: that branch is passed over with a word."""
    (inbox / "acme/echo/good.csv").write_text("x")
    monkeypatch.chdir(inbox)
    for _ in range(2100):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    try:
        names, sentences = complete(InboxFolder(inbox))
    finally:
        # Python's own rmtree, by which pytest tidies up, calls itself for each folder.
        subprocess.run(["rm", "-rf", str(inbox / "d")], check=True)
    assert names == ["acme/echo/good.csv"]
    assert [sentence.endswith("File name too long") for sentence in sentences] == [True]


def test_what_is_passed_over_is_told_once_and_again_when_it_came_back(inbox):
    """A sentence for each thing, not for each look."""
    (inbox / "link.csv").symlink_to("elsewhere")
    folder = InboxFolder(inbox)
    assert len(folder.scan(100.0)[1]) == 1
    assert folder.scan(101.0)[1] == []
    (inbox / "link.csv").unlink()
    assert folder.scan(102.0)[1] == []
    (inbox / "link.csv").symlink_to("elsewhere")
    assert len(folder.scan(103.0)[1]) == 1


def test_a_clock_that_was_set_back_does_not_keep_files_waiting(tmp_path):
    """A file that is due in an hour, which no pause could have made, is due now; a proper pause is kept."""
    now_ms = 1_800_000_000_000
    deliveries = Deliveries(tmp_path / "deliveries.sqlite")
    deliveries.announce("inbox/acme/echo/a.csv", "1-1", 1, now_ms + 3_600_000)
    deliveries.announce("inbox/acme/echo/b.csv", "1-1", 1, now_ms + 4_000)

    assert [one.key for one in deliveries.due(now_ms)] == ["inbox/acme/echo/a.csv"]
    assert LONGEST_PAUSE_MS > 4_000
    deliveries.close()
