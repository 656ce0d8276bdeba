"""Functions that hang, crash, leak or do not start: their callers are answered and they are replaced."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.platform import children_of, fixture_platform, state_of, wait_until

pytestmark = pytest.mark.xdist_group("local-workers")


def pid_of(platform):
    return platform.predict({"do": "show"}).json()["pid"]


def serve(platform, model):
    """Call until the function answers: where a start takes long, the first call may end as 504."""
    replies = []
    wait_until(lambda: replies.append(platform.predict({"do": "show"}, model)) or replies[-1].status == 200)
    return replies[-1].json()


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("crash", "signal 6"),
        ("kill", "signal 9"),
        ("exit", "status 3"),
        ("usage_then_die", "status 9"),
        ("leak", "more than its 128 MB"),
        ("gulp", "MemoryError"),
        ("raise", "ValueError"),
    ],
)
def test_a_failing_function_is_answered_500_and_replaced(platform, action, reason):
    """The caller gets 500 in the words of the API, the log the reason, and the next caller an answer."""
    reply = platform.predict({"do": action})

    assert (reply.status, reply.json()["code"]) == (500, "internal_error")
    assert reply.headers["x-amzn-errortype"] == "InternalServerErrorException"
    wait_until(lambda: reason in platform.log_text("EchoFunction"))
    assert platform.predict({"do": "echo"}).status == 200
    line = next(line for line in platform.access_lines() if line["extendedRequestId"] == reply.call_id)
    assert (line["status"], line["integrationStatus"]) == ("500", "502")


def test_a_process_that_died_is_another_one_afterwards(tmp_path):
    """A crash costs the process; a raised exception does not. On a platform of its own: it has one process."""
    with fixture_platform(tmp_path / "home") as platform:
        first = pid_of(platform)
        platform.predict({"do": "raise"})
        assert pid_of(platform) == first
        platform.predict({"do": "crash"})
        assert pid_of(platform) != first


@pytest.mark.parametrize("action", ["hang", "spin"])
def test_a_hanging_function_ends_as_504_and_is_killed(platform, action):
    """The integration's one second is over before the function's two; then the process goes, busy or asleep."""
    pid = serve(platform, "hasty")["pid"]
    reply = platform.predict({"do": action}, "hasty")

    assert (reply.status, reply.json()["code"]) == (504, "timeout")
    wait_until(lambda: state_of(pid) is None)
    assert "timed out after 2 seconds" in platform.log_text("HastyFunction")
    serve(platform, "hasty")


def test_an_answer_that_comes_too_late_is_not_charged(platform):
    """The function finishes after the gateway gave up: a usage line, but an access line with 504."""
    serve(platform, "hasty")
    reply = platform.predict({"do": "sleep", "seconds": 1.3}, "hasty")
    assert reply.status == 504
    wait_until(lambda: any(line["id"] == reply.call_id for line in platform.usage_lines()))

    line = next(line for line in platform.access_lines() if line["extendedRequestId"] == reply.call_id)
    assert line["status"] == "504"


@pytest.mark.parametrize("answer", [None, "text", [], {}, {"statusCode": "x"}, {"statusCode": 200, "body": 5}])
def test_a_malformed_answer_is_500(platform, answer):
    """What is no proxy answer is the platform's failure, not the client's."""
    assert platform.predict({"do": "malformed", "answer": answer}).status == 500


def test_a_function_may_answer_any_status(platform):
    """Statuses and headers of the function pass through; its gateway headers do not."""
    reply = platform.predict({"do": "status", "status": 422, "headers": {"X-Own": "1", "x-amz-apigw-id": "forged"}})

    assert (reply.status, reply.headers["x-own"]) == (422, "1")
    assert reply.call_id != "forged"


def test_an_answer_over_lambdas_limit_is_500(platform):
    """6,291,556 bytes is the most a function may return; just below passes whole."""
    assert len(platform.predict({"do": "big", "bytes": 5_900_000}).body) > 5_900_000
    assert platform.predict({"do": "big", "bytes": 6_400_000}).status == 500
    assert platform.predict({"do": "echo"}).status == 200


def test_a_talkative_function_does_not_block(platform):
    """Far more output than a pipe holds: all of it is in the log, and the usage line in the lake."""
    reply = platform.predict({"do": "print", "lines": 3000, "width": 200})

    assert reply.status == 200
    assert any(line["id"] == reply.call_id for line in platform.usage_lines())
    wait_until(lambda: "line 2999 " in platform.log_text("EchoFunction"))
    assert "to stderr" in platform.log_text("EchoFunction")


def test_only_a_usage_line_reaches_the_lake(platform):
    """Look-alikes are log lines."""
    before = len(platform.usage_lines())
    platform.predict({"do": "forge"})

    assert len(platform.usage_lines()) == before + 1


def test_what_a_function_started_goes_with_it(platform):
    """A child of a worker does not outlive it."""
    seen = platform.predict({"do": "child"}).json()
    assert state_of(seen["child"]) is not None
    platform.predict({"do": "crash"})

    wait_until(lambda: state_of(seen["child"]) is None)


def test_one_function_cannot_take_the_calls_of_another(platform):
    """A stranger on a worker's Runtime API is turned away: the event holds the caller's key."""
    neighbour = platform.predict({"do": "show"}, "once").json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
    seen = platform.predict({"do": "peek", "port": int(neighbour.rpartition(":")[2])}).json()["seen"]

    assert seen in ("", "ConnectionResetError")
    assert platform.predict({"do": "echo"}, "once").status == 200


def occupy(platform):
    """Keep the only environment busy for a while, as soon as it is free."""
    while platform.predict({"do": "sleep", "seconds": 3}, "once").status != 200:
        pass


def test_over_the_reserved_concurrency_is_503_at_once(platform):
    """One environment is reserved: the second call at the same time is turned away and not kept waiting."""
    assert platform.predict({"do": "echo"}, "once").status == 200
    with ThreadPoolExecutor(1) as other:
        busy = other.submit(occupy, platform)
        replies = []
        wait_until(lambda: replies.append(platform.predict({"do": "echo"}, "once")) or replies[-1].status != 200)
        reply = replies[-1]
        assert not busy.done()

    assert (reply.status, reply.json()["code"], reply.headers["retry-after"]) == (503, "concurrency_limit", "1")
    line = next(line for line in platform.access_lines() if line["extendedRequestId"] == reply.call_id)
    assert (line["integrationStatus"], line["responseType"]) == ("429", "INTEGRATION_FAILURE")


def test_calls_at_the_same_time_run_in_processes_of_their_own(platform):
    """Four slow calls, four processes; the fifth is over the limit."""
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: platform.predict({"do": "sleep", "seconds": 3}), range(4)))

    assert [reply.status for reply in replies] == [200] * 4
    assert len({reply.json()["pid"] for reply in replies}) == 4


def test_calls_one_after_the_other_start_no_process(platform):
    """A worker that waits is used before another is started."""
    pid_of(platform)
    before = set(platform.worker_pids())
    assert {pid_of(platform) for _ in range(50)} <= before
    assert set(platform.worker_pids()) <= before


def test_a_function_that_does_not_start_is_500_and_not_tried_without_end(platform):
    """A tampered artifact: 500 at once, the reason in the log, and pauses that grow between tries."""
    replies = [platform.predict({"do": "echo"}, "broken") for _ in range(20)]

    assert {reply.status for reply in replies} == {500}
    log = platform.log_text("BrokenFunction")
    assert "the artifact is damaged" in log
    assert "next try in 1 s" in log
    assert log.count("the process is gone") <= 3


def test_nothing_runs_when_nothing_is_called(tmp_path):
    """No process at the start, one for a call, none again after the idle time."""
    with fixture_platform(tmp_path / "home", arguments=["--idle-seconds", "0.3"]) as platform:
        assert children_of(platform.process.pid) == []
        assert platform.predict({"do": "echo"}).status == 200
        wait_until(lambda: children_of(platform.process.pid) == [])
        assert platform.predict({"do": "echo"}).status == 200


def test_a_call_to_a_worker_that_was_killed_while_idle_is_served(platform):
    """An idle process that somebody killed is noticed, not handed a call."""
    import os
    import signal

    pid = pid_of(platform)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: state_of(pid) is None)

    assert platform.predict({"do": "echo"}).status == 200
