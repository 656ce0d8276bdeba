"""Files that land in the inbox: announced once complete, delivered at least once, and never forgotten."""

import hashlib
import json
import os
import time

import pytest
from support.platform import FIXTURE_APP, fixture_platform, start_platform, wait_until

from ratecard_workbench.local.deliveries import Deliveries, Status

pytestmark = pytest.mark.xdist_group("local-inbox")


def drop(platform, name, text, *, customer="tester", model="echo"):
    """Put a file into the inbox, as a person would."""
    path = platform.home / "inbox" / customer / model / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def results(platform, name, customer="tester", model="echo"):
    """Return the manifests of a file, one for each version of it that was delivered."""
    return sorted((platform.home / "outbox" / customer / model / name).glob("*/manifest.json"))


def deliveries(home):
    opened = Deliveries(home / "deliveries.sqlite")
    try:
        return {delivery.key.removeprefix("inbox/"): delivery for delivery in opened.list_by_status()}
    finally:
        opened.close()


def batch_lines(platform):
    return [line for line in platform.usage_lines() if line["data"].get("operation") == "batch"]


def test_a_dropped_file_is_scored_and_metered(platform):
    """Results lie in the outbox, one usage line in the lake; the file stays where it is."""
    path = drop(platform, "a.csv", "x\ny\nz\n")
    wait_until(lambda: results(platform, "a.csv"))

    wait_until(lambda: deliveries(platform.home)["tester/echo/a.csv"].status is Status.DELIVERED)
    assert path.exists()
    assert [line["data"]["units"] for line in batch_lines(platform) if "a.csv" in line["id"]] == [3]


def test_the_event_is_s3s(platform):
    """EventBridge's shape, with the object's real size, digest and version."""
    path = drop(platform, "event.csv", "hello\n")
    wait_until(lambda: results(platform, "event.csv"))
    event = json.loads(results(platform, "event.csv")[0].read_text())["event"]

    assert (event["source"], event["detail-type"], event["version"]) == ("aws.s3", "Object Created", "0")
    assert event["detail"]["bucket"]["name"] == "Inbox"
    described = event["detail"]["object"]
    assert (described["key"], described["size"]) == ("inbox/tester/echo/event.csv", 6)
    assert described["etag"] == hashlib.md5(path.read_bytes()).hexdigest()
    assert described["version-id"]
    assert described["sequencer"]
    assert event["time"].endswith("Z")


def test_a_file_is_not_taken_while_it_is_written(platform):
    """It is announced when it has stopped growing, whole, and once."""
    path = drop(platform, "slow.csv", "")
    for number in range(12):
        with path.open("a") as file:
            file.write(f"{number}\n")
        time.sleep(0.2)
    wait_until(lambda: results(platform, "slow.csv"))
    time.sleep(1.0)

    manifests = results(platform, "slow.csv")
    assert [json.loads(path.read_text())["rows"] for path in manifests] == [12]


def test_a_file_written_again_is_delivered_again(platform):
    """A new version is another delivery with results of its own."""
    drop(platform, "again.csv", "1\n")
    wait_until(lambda: len(results(platform, "again.csv")) == 1)
    drop(platform, "again.csv", "1\n2\n")
    wait_until(lambda: len(results(platform, "again.csv")) == 2)

    assert sorted(line["data"]["units"] for line in batch_lines(platform) if "again.csv" in line["id"]) == [1, 2]


def test_a_failed_attempt_is_repeated(platform):
    """The function died once; the second attempt succeeds."""
    drop(platform, "once.csv", "once\n")
    wait_until(lambda: results(platform, "once.csv"))

    wait_until(lambda: deliveries(platform.home)["tester/echo/once.csv"].status is Status.DELIVERED)
    assert deliveries(platform.home)["tester/echo/once.csv"].attempts == 2


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("tester/ecko/lost.csv", ["unknown_model"]),
        ("tester/ecko/explain/lost.csv", ["unknown_model"]),
        ("nobody/echo/lost.csv", ["unknown_customer"]),
        ("nobody/ecko/lost.csv", ["unknown_model", "unknown_customer"]),
        ("top.csv", ["misplaced_file"]),
        ("tester/loose.csv", ["misplaced_file"]),
        ("tester/echo/deeper/lost.csv", ["misplaced_file"]),
        ("tester/echo/explain/deeper/and/lost.csv", ["misplaced_file"]),
    ],
)
def test_a_file_that_no_model_is_given_has_a_manifest_that_says_why(platform, name, codes):
    """It lies where results would be; nothing is scored or billed, and the file stays."""
    path = platform.home / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n")
    wait_until(lambda: name in deliveries(platform.home) and deliveries(platform.home)[name].status is Status.FAILED)

    (told,) = (platform.home / "outbox" / name).glob("*/manifest.json")
    manifest = json.loads(told.read_text())
    assert manifest["status"] == "failed"
    assert [problem["code"] for problem in manifest["problems"]] == codes
    assert manifest["object"]["key"] == f"inbox/{name}"
    assert deliveries(platform.home)[name].detail.startswith(f"{codes[0]}: {manifest['reason']}")
    assert path.read_text() == "x\n"
    assert not [line for line in batch_lines(platform) if "lost.csv" in json.dumps(line)]


def test_each_version_of_a_file_that_no_model_is_given_is_told_of_once(tmp_path):
    """Not again after a restart, but again when it was written again."""
    home = tmp_path / "home"
    told = home / "outbox/tester/ecko/a.csv"
    with fixture_platform(home) as platform:
        drop(platform, "a.csv", "x\n", model="ecko")
        wait_until(lambda: list(told.glob("*/manifest.json")))
    (manifest,) = told.glob("*/manifest.json")
    before = manifest.read_text()
    with fixture_platform(home) as platform:
        drop(platform, "a.csv", "x\ny\n", model="ecko")
        wait_until(lambda: len(list(told.glob("*/manifest.json"))) == 2)
        assert manifest.read_text() == before


def test_a_file_of_a_customer_who_came_later_is_scored_when_it_is_tried_again(tmp_path):
    """`retry` takes the refusal back: customer or model may be there now."""
    home = tmp_path / "home"
    with fixture_platform(home) as platform:
        drop(platform, "a.csv", "x\ny\n", customer="later")
        wait_until(lambda: results(platform, "a.csv", customer="later"))
        wait_until(lambda: deliveries(home)["later/echo/a.csv"].status is Status.FAILED)
        platform.issue_key(customer="later")
        opened = Deliveries(home / "deliveries.sqlite")
        assert opened.retry(time.time_ns() // 1_000_000) == 1
        opened.close()
        wait_until(lambda: deliveries(home)["later/echo/a.csv"].status is Status.DELIVERED)
        (manifest,) = results(platform, "a.csv", customer="later")
        assert json.loads(manifest.read_text())["rows"] == 2


def test_hidden_partial_and_linked_files_are_left_alone(platform, tmp_path):
    """What somebody still writes, and what could lead out of the inbox, is no delivery."""
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n")
    folder = drop(platform, "visible.csv", "x\n").parent
    (folder / ".hidden.csv").write_text("x\n")
    (folder / "big.csv.partial").write_text("x\n")
    (folder / "link.csv").symlink_to(secret)
    wait_until(lambda: results(platform, "visible.csv"))
    time.sleep(1.0)

    names = {key.rpartition("/")[2] for key in deliveries(platform.home)}
    assert "visible.csv" in names
    assert not names & {".hidden.csv", "big.csv.partial", "link.csv"}


def test_a_name_that_is_not_utf_8_keeps_no_other_file_waiting(platform):
    """It is passed over with one line in the log, and files that come later are scored."""
    folder = drop(platform, "before.csv", "x\n").parent
    with open(os.fsencode(folder) + b"/bad\xff.csv", "w") as file:  # noqa: PTH123
        file.write("x\n")
    wait_until(lambda: "bad\\udcff.csv is not taken" in platform.log_text("platform"))
    drop(platform, "after.csv", "x\n")
    wait_until(lambda: results(platform, "after.csv"))

    assert platform.log_text("platform").count("bad\\udcff.csv is not taken") == 1


def test_a_file_from_the_future_is_scored(platform):
    """A copy that kept the time of a machine whose clock is ahead."""
    path = drop(platform, "future.csv", "x\n")
    os.utime(path, (time.time() + 86_400, time.time() + 86_400))

    wait_until(lambda: results(platform, "future.csv"))


def test_the_failed_list_survives_a_restart_and_can_be_retried(tmp_path):
    """After three attempts a file is given up; it is still known after a restart, and `retry` makes it due."""
    home = tmp_path / "home"
    with fixture_platform(home) as platform:
        path = drop(platform, "bad.csv", "fail\n")
        wait_until(lambda: deliveries(home), 30.0)
        wait_until(lambda: deliveries(home)["tester/echo/bad.csv"].status is Status.FAILED, 30.0)
        given_up = deliveries(home)["tester/echo/bad.csv"]
        assert (given_up.attempts, "ValueError" in given_up.detail) == (3, True)
    with fixture_platform(home) as platform:
        time.sleep(1.5)
        assert deliveries(home)["tester/echo/bad.csv"] == given_up
        stamp = path.stat()
        path.write_text("good\n")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        opened = Deliveries(home / "deliveries.sqlite")
        assert opened.retry(time.time_ns() // 1_000_000) == 1
        opened.close()
        wait_until(lambda: results(platform, "bad.csv"))


def test_a_delivery_cut_off_by_kill_minus_nine_is_made_again(tmp_path):
    """At least once: the file that was being scored is scored after the restart, under the same event time."""
    home = tmp_path / "home"
    first = start_platform(home, project=FIXTURE_APP, plan="standard")
    drop(first, "slow.csv", "slow\n")
    wait_until(lambda: "tester/echo/slow.csv" in deliveries(home))
    time.sleep(0.6)
    first.kill()
    first.process.stdout.close()
    before = deliveries(home)["tester/echo/slow.csv"]
    assert before.status is Status.PENDING

    with fixture_platform(home) as platform:
        wait_until(lambda: results(platform, "slow.csv"))
        event = json.loads(results(platform, "slow.csv")[0].read_text())["event"]
    from ratecard.kernel.clock import rfc3339_from_epoch_ms

    assert event["time"] == rfc3339_from_epoch_ms(before.announced_ms)


def test_an_upload_is_a_file_in_the_callers_own_folder(platform):
    """PUT with a key: the customer comes from the key, and the file is scored like any other."""
    key = platform.issue_key(customer="uploader")
    reply = platform.call("PUT", "/v1/inbox/echo/up.csv", b"a\nb\n", headers={"x-api-key": key.secret})

    assert reply.status == 201
    assert reply.json() == {"key": "inbox/uploader/echo/up.csv", "bytes": 4, "call_id": reply.call_id}
    assert (platform.home / "inbox/uploader/echo/up.csv").read_bytes() == b"a\nb\n"
    wait_until(lambda: results(platform, "up.csv", customer="uploader"))
    explained = platform.call("PUT", "/v1/inbox/echo/up.csv?explain=true", b"a\n", headers={"x-api-key": key.secret})
    assert explained.json()["key"] == "inbox/uploader/echo/explain/up.csv"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/inbox/none/a.csv",
        "/v1/inbox/echo/",
        "/v1/inbox/echo/.hidden",
        "/v1/inbox/echo/..%2f..%2fx",
        "/v1/inbox/echo/a/b.csv",
        "/v1/inbox/echo/a%00b",
        "/v1/inbox/../../etc/x",
        "/v1/inbox/echo/" + "x" * 200,
    ],
)
def test_an_upload_cannot_leave_its_folder(platform, path):
    """Anything but a model and a plain file name is refused, and nothing is written."""
    reply = platform.call("PUT", path, b"x", headers={"x-api-key": platform.key})

    assert reply.status in (400, 404)
    assert not list((platform.home / "inbox").rglob(".*.partial"))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/inbox/none/refused.csv", "unknown_model"),
        ("/v1/inbox/echo/a%20b.csv", "invalid_file_name"),
        ("/v1/inbox/echo/explain", "reserved_file_name"),
        ("/v1/inbox/echo/refused.csv.partial", "reserved_file_name"),
        ("/v1/inbox/echo/refused.csv?explain=yes", "invalid_query"),
        ("/v1/inbox/echo/refused.csv?explain=true&explain=false", "invalid_query"),
        ("/v1/inbox/echo/refused.csv?explain", "invalid_query"),
        ("/v1/inbox/echo/refused.csv?reasons=true", "invalid_query"),
        ("/v1/inbox/echo/refused.csv?explain=true&x=1", "invalid_query"),
    ],
)
def test_a_refused_upload_says_what_is_wrong(platform, path, code):
    """400 in the usual words, with a sentence and a code of its own; nothing is written, and explain stays a folder."""
    reply = platform.call("PUT", path, b"x\n", headers={"x-api-key": platform.key})

    document = reply.json()
    assert (reply.status, document["code"], document["call_id"]) == (400, "invalid_request", reply.call_id)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-amzn-errortype"] == "BadRequestException"
    assert [error["code"] for error in document["errors"]] == [code]
    assert document["detail"] == document["errors"][0]["detail"]
    assert not (platform.home / "inbox/tester/echo/refused.csv").exists()
    assert not (platform.home / "inbox/tester/echo/explain").is_file()


def test_an_upload_may_say_that_nothing_is_to_be_explained(platform):
    """`explain=false` is the same as no query."""
    reply = platform.call("PUT", "/v1/inbox/echo/plain.csv?explain=false", b"x\n", headers={"x-api-key": platform.key})

    assert (reply.status, reply.json()["key"]) == (201, "inbox/tester/echo/plain.csv")


def test_an_upload_needs_a_key(platform):
    """No key, no file."""
    reply = platform.call("PUT", "/v1/inbox/echo/nokey.csv", b"x", headers={})

    assert reply.status == 403
    assert not list((platform.home / "inbox").rglob("nokey.csv"))


def test_an_upload_that_breaks_off_leaves_nothing(platform):
    """Half a file is no file."""
    import socket

    with socket.create_connection((platform.host, platform.port)) as client:
        client.sendall(
            b"PUT /v1/inbox/echo/half.csv HTTP/1.1\r\nHost: x\r\nx-api-key: %b\r\nContent-Length: 100\r\n\r\nhalf"
            % platform.key.encode()
        )
        time.sleep(0.3)
        assert list((platform.home / "inbox").rglob(".half.csv*.partial"))
    wait_until(lambda: not list((platform.home / "inbox").rglob(".half.csv*")))
    assert not list((platform.home / "inbox").rglob("half.csv"))


def test_an_upload_to_a_full_disk_is_500_and_leaves_nothing(tmp_path):
    """A fault of the platform itself has an answer in the usual words, and its place is in the log."""
    import resource

    with fixture_platform(tmp_path / "home") as platform:
        unlimited = resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
        reply = platform.call("PUT", "/v1/inbox/echo/big.csv", b"x" * 300_000)
        resource.prlimit(platform.process.pid, resource.RLIMIT_FSIZE, unlimited)

        assert (reply.status, reply.json()["code"]) == (500, "internal_error")
        assert not list((platform.home / "inbox").rglob("*big.csv*"))
        assert "OSError in _store, upload.py" in platform.log_text("platform")
        assert platform.call("PUT", "/v1/inbox/echo/big.csv", b"x" * 300_000).status == 201


def test_what_a_killed_upload_left_is_removed_at_the_next_start(tmp_path):
    """Half a file of an upload that died with the platform does not stay."""
    home = tmp_path / "home"
    folder = home / "inbox/tester/echo"
    folder.mkdir(parents=True)
    (folder / ".half.csv.0000.partial").write_text("half")
    with fixture_platform(home):
        assert not list(folder.iterdir())
