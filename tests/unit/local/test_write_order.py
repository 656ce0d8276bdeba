"""The claim on which charging rests: a callback scheduled after a write runs when the socket has the bytes."""

import asyncio
import socket

import pytest
import uvloop


@pytest.mark.parametrize("size", [1, 500, 20_000])
@pytest.mark.parametrize("start", ["callback", "input"])
def test_a_callback_scheduled_after_a_write_runs_when_the_socket_has_it(size, start):
    """Uvloop writes at once or, before 0.22, after it has polled; the callbacks of the next turn come after both.

    The other end is read without the loop's help, inside the callback: what is there then was in the socket.
    """

    async def scenario() -> bytes:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        seen = loop.create_future()

        def look() -> None:
            try:
                seen.set_result(theirs.recv(100_000))
            except BlockingIOError:
                seen.set_result(b"")

        class Writer(asyncio.Protocol):
            def connection_made(self, transport) -> None:
                self.transport = transport

            def data_received(self, data: bytes) -> None:
                self.write()

            def write(self) -> None:
                self.transport.write(b"a" * (size // 2))
                self.transport.write(b"b" * (size - size // 2))
                loop.call_soon(look)

        transport, writer = await loop.create_connection(Writer, sock=ours)
        if start == "callback":
            loop.call_soon(writer.write)
        else:
            theirs.send(b"go")
        content = await seen
        transport.close()
        theirs.close()
        return content

    assert len(uvloop.run(scenario())) == size
