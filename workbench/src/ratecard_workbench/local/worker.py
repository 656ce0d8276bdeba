"""One worker: a process of a function, its Runtime API, its pipes and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time

from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.calls import Call, End, Owner, Sinks, State
from ratecard_workbench.local.errors import FunctionFailedError
from ratecard_workbench.local.inspection import find_resident_bytes, open_exit_descriptor, owns_connection
from ratecard_workbench.local.launch import MEGABYTE, Surroundings, start_process
from ratecard_workbench.local.output import LineReader, find_usage_hour
from ratecard_workbench.local.runtime_api import RuntimeConnection, invocation_head

# Lambda gives the init phase ten seconds and, once they are over, repeats it within the call's own time.
INIT_SECONDS = 10


class Worker:
    """One process of a function.

    Parameters
    ----------
    spec : FunctionSpec
        The function.
    owner : Owner
        The pool.
    sinks : Sinks
        Where its lines go.
    """

    def __init__(self, spec: FunctionSpec, owner: Owner, sinks: Sinks) -> None:
        self.spec = spec
        self.state = State.STARTING
        self.call: Call | None = None
        self.made_at = time.monotonic()
        self.idle_since = 0.0
        self.gone = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._sinks = sinks
        self._started = False
        self._has_process = False
        self._usage_lost = False
        self._server: asyncio.Server | None = None
        self._waiting: asyncio.Transport | None = None
        self._end_reason = ""
        self._init_until = time.monotonic() + INIT_SECONDS + spec.timeout_seconds
        self._arn = f"arn:aws:lambda:local:000000000000:function:{spec.name}"

    async def start(self, surroundings: Surroundings) -> None:
        """Open the Runtime API and start the process."""
        self._loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0), backlog=4)
        self._port = listener.getsockname()[1]
        self.process = start_process(self.spec, surroundings, f"127.0.0.1:{self._port}")
        self.origin = f"{self.spec.name}/{self.process.pid}"
        self._readers = self._open_pipes(self.process)
        self._exit = open_exit_descriptor(self.process.pid)
        self._has_process = True
        if self._exit is not None:
            self._loop.add_reader(self._exit, self._ended)
        self._server = await self._loop.create_server(lambda: RuntimeConnection(self), sock=listener)
        if self.state is State.GONE:
            # It ended before it could be listened to.
            self._server.close()

    def _open_pipes(self, process: subprocess.Popen[bytes]) -> tuple[LineReader, LineReader]:
        assert process.stdout is not None
        assert process.stderr is not None
        out = LineReader(os.dup(process.stdout.fileno()), self._stdout_line)
        err = LineReader(os.dup(process.stderr.fileno()), lambda line: self._sinks.record_log(self.origin, line))
        process.stdout.close()
        process.stderr.close()
        # What a call prints is read when it ends and at every tick: waking up for each line would double the work.
        out.widen_pipe()
        self._loop.add_reader(err.descriptor, self._stderr_readable)
        return out, err

    def _stderr_readable(self) -> None:
        if not self._readers[1].drain():
            self._loop.remove_reader(self._readers[1].descriptor)

    def _stdout_line(self, line: bytes) -> None:
        hour = find_usage_hour(line)
        if hour is None:
            self._sinks.record_log(self.origin, line)
            return
        try:
            self._sinks.record_usage(hour, line)
        except OSError as error:
            # The call must not be answered without its line: `response_posted` sees this.
            self._usage_lost = True
            self._sinks.record_log(self.origin, f"a usage line could not be stored: {error.strerror}")

    # What the Runtime API calls.

    def admits(self, transport: asyncio.Transport) -> bool:
        """Tell whether a connection comes from this worker's process."""
        peer = transport.get_extra_info("peername")
        return owns_connection(self.process.pid, peer[1], self._port)

    def next_requested(self, transport: asyncio.Transport) -> None:
        """Wait for a call."""
        if self.state is State.GONE or self.call is not None:
            transport.close()
            return
        self._waiting = transport
        self._started = True
        self.state = State.IDLE
        self.idle_since = time.monotonic()
        self._owner.worker_idle(self)

    def run(self, call: Call) -> None:
        """Give the waiting process a call."""
        transport, self._waiting = self._waiting, None
        assert transport is not None
        self.call = call
        self.state = State.BUSY
        self._usage_lost = False
        call.started_at = time.monotonic()
        call.run_until = call.started_at + self.spec.timeout_seconds
        deadline = time.time_ns() // 1_000_000 + self.spec.timeout_seconds * 1000
        transport.write(invocation_head(call.request_id, self._arn, deadline, len(call.event)) + call.event)

    def response_posted(self, request_id: str, body: bytes) -> bool:
        """Answer the caller, after everything the call printed has been stored."""
        call = self.call
        if call is None or call.request_id != request_id:
            return False
        # The process wrote its usage line before it posted: it is in the pipe now.
        self._readers[0].drain()
        self.call = None
        if self._usage_lost:
            call.fail(FunctionFailedError("its usage line could not be stored"))
        elif not call.answer.done():
            call.answer.set_result(body)
        self._owner.call_ended(call)
        return True

    def error_posted(self, request_id: str, body: bytes, *, too_large: bool = False) -> bool:
        """Fail the call. The message and the stack trace may hold what the caller sent, so only the type is kept."""
        call = self.call
        if call is None or call.request_id != request_id:
            return False
        self._readers[0].drain()
        self.call = None
        kind = "Function.ResponseSizeTooLarge" if too_large else _error_type(body)
        self._sinks.record_log(self.origin, f"{request_id} failed with {kind}")
        call.fail(FunctionFailedError(f"the function failed with {kind}"))
        self._owner.call_ended(call)
        return True

    def initialisation_failed(self, body: bytes) -> None:
        """Note why; the process ends by itself."""
        self._end_reason = f"could not start: {_error_type(body)}"

    def connection_closed(self, transport: asyncio.Transport) -> None:
        """Stop giving it calls: a process that closes the connection it waits on is ending."""
        if transport is self._waiting:
            self.kill("it closed its Runtime API connection")

    # Its end.

    def kill(self, reason: str) -> None:
        """End the process and everything it started, at once."""
        if self.state is State.GONE or not self._has_process:
            return
        self._end_reason = self._end_reason or reason
        self.state = State.GONE
        _kill_group(self.process.pid)

    def check(self, now: float) -> None:
        """Read what it printed, and kill it if it is over its time; called many times a second."""
        if not self._has_process:
            return
        self._readers[0].drain()
        if self._exit is None and self.process.poll() is not None:
            self._ended()
        elif self.state is State.STARTING and now > self._init_until:
            self.kill("it did not start in time")
        elif self.call is not None and now > self.call.run_until:
            self.kill(f"the call {self.call.request_id} timed out after {self.spec.timeout_seconds} seconds")

    def check_memory(self) -> None:
        """Kill the process if it uses more than its memory, as Lambda does."""
        if not self._has_process or self.state is State.GONE:
            return
        resident = find_resident_bytes(self.process.pid)
        if resident is not None and resident > self.spec.memory_megabytes * MEGABYTE:
            self.kill(f"it used more than its {self.spec.memory_megabytes} MB of memory")

    def _ended(self) -> None:
        # What it started and left behind goes with it; first, while its own id still names the group.
        _kill_group(self.process.pid)
        code = self.process.wait()
        if self._exit is not None:
            self._loop.remove_reader(self._exit)
            os.close(self._exit)
            self._exit = None
        self.state = State.GONE
        self._has_process = False
        for reader in self._readers:
            self._loop.remove_reader(reader.descriptor)
            reader.drain()
            reader.close()
        if self._server is not None:
            self._server.close()
        reason = self._end_reason or (f"it ended with signal {-code}" if code < 0 else f"it ended with status {code}")
        self._sinks.record_log(self.origin, f"the process is gone: {reason}")
        call, self.call = self.call, None
        if call is not None:
            call.fail(FunctionFailedError(reason))
            self._owner.call_ended(call)
        killed = code == -signal.SIGKILL and not self._end_reason
        at_start = End.KILLED_AT_START if killed else End.FAILED_AT_START
        self._owner.worker_gone(self, End.AFTER_START if self._started else at_start)
        if not self.gone.done():
            self.gone.set_result(None)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _error_type(body: bytes) -> str:
    """Read the error's type out of a posted error, and nothing else of it."""
    try:
        kind = json.loads(body)["errorType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "an unknown error"
    return str(kind)[:100]
