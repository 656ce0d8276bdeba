"""uvicorn, without its signals, its logs and its defaults: sockets, HTTP and a clean stop."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterator

import uvicorn

from ratecard_workbench.local.errors import AddressTakenError, ConfigurationError
from ratecard_workbench.local.gateway import Gateway
from ratecard_workbench.local.http_protocol import GatewayProtocol

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 75


class _Server(uvicorn.Server):
    """The platform, not uvicorn, listens to signals: it has children to stop after the last answer."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Take the address.

    Parameters
    ----------
    host : str
        Name or address.
    port : int
        0 takes any free one.

    Raises
    ------
    AddressTakenError
        If somebody has it.
    ConfigurationError
        If there is no such address here.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressTakenError(f"port {port} of {host} is taken; stop who has it or use --port") from None
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    listener.listen(BACKLOG)
    return listener


def make_server(gateway: Gateway, drain_seconds: float) -> uvicorn.Server:
    """Make the HTTP server; `serve` it with the sockets of `bind`."""
    config = uvicorn.Config(
        gateway,
        http=GatewayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="none",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="critical",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
        backlog=BACKLOG,
    )
    return _Server(config)
