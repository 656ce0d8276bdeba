"""The platform: everything put together, from the project's files to a listening gateway, and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvicorn

from ratecard.billing.plans import PriceBook
from ratecard.billing.pricebook import load_price_book
from ratecard.storage.accounts import IssuedKey
from ratecard_workbench.local.access_log import AccessLog
from ratecard_workbench.local.accountable import audited, operator_name
from ratecard_workbench.local.application import Application, load_application
from ratecard_workbench.local.clockwork import Clockwork
from ratecard_workbench.local.demo import issue_demo_key
from ratecard_workbench.local.errors import ConfigurationError
from ratecard_workbench.local.file_doors import FileDoors
from ratecard_workbench.local.gateway import Gateway
from ratecard_workbench.local.home import Home, HomeLock, usable
from ratecard_workbench.local.inbox import Inbox
from ratecard_workbench.local.keyring import Keyring
from ratecard_workbench.local.launch import (
    Surroundings,
    allow_many_connections,
    find_native_directory,
    prepare_columns,
    prepare_packages,
)
from ratecard_workbench.local.minute import Minute
from ratecard_workbench.local.openapi import Definition, LambdaIntegration, load_definition
from ratecard_workbench.local.opening import open_accounts, open_counters, open_sinks
from ratecard_workbench.local.pool import FunctionPool
from ratecard_workbench.local.refusals import parse_refusals
from ratecard_workbench.local.router import Router
from ratecard_workbench.local.server import bind, make_server
from ratecard_workbench.local.sinks import PlatformSinks
from ratecard_workbench.local.vigil import Vigil

ACCOUNTS = "RATECARD_ACCOUNTS"
"""A function that the template gives a ledger gets this home's."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the platform.

    Attributes
    ----------
    root : Path
        The project's folder.
    home : Path
        Where everything is kept.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    parameters : Mapping of str to str
        Values of the template's parameters.
    idle_seconds : float
        How long a worker without calls is kept.
    drain_seconds : float
        How long calls in flight may take when the platform stops.
    refresh_seconds : float
        How often usage is counted for customers, and prepaid balances are netted.
    """

    root: Path
    home: Path
    host: str = "127.0.0.1"
    port: int = 8080
    parameters: Mapping[str, str] = field(default_factory=dict)
    idle_seconds: float = 300.0
    drain_seconds: float = 30.0
    refresh_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Project:
    """The project's files, read."""

    application: Application
    definition: Definition
    book: PriceBook


@dataclass(frozen=True, slots=True)
class Standing:
    """A platform that answers."""

    project: Project
    host: str
    port: int
    demo: IssuedKey
    inbox: Path

    @property
    def base_url(self) -> str:
        """Where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def load_project(root: Path, parameters: Mapping[str, str]) -> Project:
    """Read the template, the API's definition and the price book.

    Raises
    ------
    ConfigurationError, PriceBookError
        If one of them is missing or wrong, or a route names a function that the template has not.
    """
    application = load_application(root, parameters)
    definition = load_definition(application.stage.definition)
    for route in definition.routes:
        integration = route.integration
        if isinstance(integration, LambdaIntegration) and integration.function not in application.functions:
            raise ConfigurationError(f"{route.resource} is answered by {integration.function}, not in the template")
    return Project(application, definition, load_price_book(root / "infra" / "ratecard.toml"))


def make_surroundings(root: Path, home: Home, application: Application) -> Surroundings:
    """Collect what all workers share, and where those that take files find them."""
    native = find_native_directory(root)
    objects = {"RATECARD_OBJECT_ROOT": str(home.root)}
    ledger = {
        "RATECARD_LEDGER_ROOT": str(home.root),
        "RATECARD_PRICE_BOOK": str((root / "infra" / "ratecard.toml").resolve()),
    }
    with usable(home.runtime):
        packages = prepare_packages(home.runtime.resolve())
        columns = prepare_columns(home.runtime.resolve())
    return Surroundings(
        packages=packages,
        columns=columns,
        environment={"RATECARD_NATIVE_DIR": str(native)} if native is not None else {},
        by_function={
            name: (objects if spec.arrivals is not None else {}) | (ledger if ACCOUNTS in spec.environment else {})
            for name, spec in application.functions.items()
        },
    )


class Platform:
    """One running platform.

    Parameters
    ----------
    options : Options
        How to run.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stop = asyncio.Event()
        self._hurry = False

    def stop(self) -> None:
        """Stop in order; asked twice, at once."""
        self._hurry = self._stop.is_set()
        self._stop.set()

    async def run(self, on_standing: Callable[[Standing], None]) -> None:
        """Run until `stop`.

        Parameters
        ----------
        on_standing : callable
            Told once when the platform answers.

        Raises
        ------
        RatecardError
            If it cannot start: a file is wrong, the address is taken, or another platform works in this home; or if
            a part of it ended by itself.
        """
        options = self._options
        project = load_project(options.root, options.parameters)
        home = Home(options.home.resolve())
        home.prepare()
        allow_many_connections()
        with contextlib.ExitStack() as stack:
            lock = HomeLock(home)
            stack.callback(lock.release)
            listener = stack.enter_context(bind(options.host, options.port))
            sinks = stack.enter_context(contextlib.closing(open_sinks(home)))
            accounts = stack.enter_context(contextlib.closing(open_accounts(home)))
            counters = stack.enter_context(contextlib.closing(open_counters(home)))
            demo = issue_demo_key(audited(home, accounts, operator_name()), project.book.currency)
            keyring = Keyring(accounts, project.book.plans_at(datetime.now(UTC)), counters)
            pools = self._make_pools(project, home, sinks)
            inbox = Inbox(home, pools, accounts, sinks.platform_log)
            inbox.prepare(demo.key.customer_id)
            gateway = make_gateway(project, keyring, pools, sinks=sinks, doors=FileDoors(home, inbox.slugs))
            server = make_server(gateway, options.drain_seconds)
            vigil = Vigil(self._stop, partial(sinks.platform_log.record, "platform"))
            ticking = vigil.start("the clockwork", Clockwork(project.book, keyring, pools, sinks).run())
            watching = vigil.start("the inbox", inbox.run())
            netting = vigil.start("the ledger", self._make_minute(project, home, sinks).run())
            serving = vigil.start("the server", server.serve(sockets=[listener]))
            port = listener.getsockname()[1]
            lock.announce(options.host, port)
            sinks.platform_log.record("platform", f"listening on {options.host} port {port}")
            _spare_the_collector()
            on_standing(Standing(project, options.host, port, demo, home.inbox))
            await self._stop.wait()
            watching.cancel()
            netting.cancel()
            await self._stop_serving(server, serving)
            await inbox.close()
            await self._stop_pools(pools)
            ticking.cancel()
            gateway.close()
            sinks.platform_log.record("platform", "stopped")
            vigil.confirm()

    async def _stop_pools(self, pools: Mapping[str, FunctionPool]) -> None:
        until = time.monotonic() + self._options.drain_seconds
        await asyncio.gather(*(pool.stop(lambda: self._may_wait(until)) for pool in pools.values()))

    def _may_wait(self, until: float) -> bool:
        return not self._hurry and time.monotonic() < until

    def _make_pools(self, project: Project, home: Home, sinks: PlatformSinks) -> dict[str, FunctionPool]:
        surroundings = make_surroundings(self._options.root, home, project.application)
        return {
            name: FunctionPool(spec, surroundings, sinks.function(name), idle_seconds=self._options.idle_seconds)
            for name, spec in project.application.functions.items()
        }

    def _make_minute(self, project: Project, home: Home, sinks: PlatformSinks) -> Minute:
        interval = self._options.refresh_seconds
        return Minute(self._options.root, home, project.book, interval_seconds=interval, log=sinks.platform_log)

    async def _stop_serving(self, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        """Take no new connections and let calls in flight end, unless there is a hurry."""
        server.should_exit = True
        while not serving.done():
            server.force_exit = self._hurry
            await asyncio.wait([serving], timeout=0.05)


def _spare_the_collector() -> None:
    """Keep what lives as long as the platform out of every garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def make_gateway(
    project: Project,
    keyring: Keyring,
    pools: Mapping[str, FunctionPool],
    *,
    sinks: PlatformSinks,
    doors: FileDoors,
) -> Gateway:
    """Put the ASGI application together."""
    stage = project.application.stage

    def access_lost(error: OSError) -> None:
        sinks.platform_log.record("gateway", f"access lines could not be stored: {error.strerror}")

    return Gateway(
        router=Router(project.definition.routes, stage),
        keyring=keyring,
        refusals=parse_refusals(project.definition.document),
        pools=pools,
        access=AccessLog(stage.access_log_format, stage=stage.name, sink=sinks.access.append, on_error=access_lost),
        doors=doors,
        report=lambda fault: sinks.platform_log.record("gateway", fault),
        stage=stage,
    )
