"""Running the service in this process, all of it in one event loop; logs as JSON lines without secrets.

Told to stop, a process lets nobody wait for nothing: it is not ready any more, accepts nobody new, answers what is
under way and what still comes in on open connections with ``Connection: close``, and ends. In a group of processes
another one answers whoever connects again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvicorn
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pteri.adapters.system import monotonic_s
from pteri.app.loops import Stopping
from pteri.http.lane import protocol_class
from pteri.http.partners import PartnerPort
from pteri.partner_settings import PartnersSettings
from pteri.partner_tls import partner_tls
from pteri.settings import ServerSettings, Settings, SettingsError
from pteri.wiring import api_of, deployed, partner_api_of, start_local_loops, start_loops

if TYPE_CHECKING:
    from pteri.http.asgi import Application

__all__ = ["DRAIN_S", "READY", "configure_logs", "listen", "partner_port", "serve", "settle_memory", "work"]

READY: Final = b"ready\n"
"""What a process tells its supervisor when it answers requests."""

DRAIN_S: Final = 10
"""How long requests under way may take when a process is told to stop."""
_QUIET_S: Final = 2.0
"""How long it waits for the next request on an open connection that is quiet, so that it can be told to close."""
_KEEP_ALIVE_S: Final = 15
_BACKLOG: Final = 2048
_CONNECTIONS: Final = 1024
_LOOK_S: Final = 0.02
_GARBAGE: Final = (20_000, 20, 20)
"""After how many new objects that may form a cycle Python looks for dead ones, and how many of those looks go before
one at older objects. A request makes no cycle; with Python's own numbers a twentieth of its time goes into looking."""

_log = structlog.get_logger("pteri.serving")


def configure_logs() -> None:
    """One JSON object a line, on standard output."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


def listen(server: ServerSettings) -> socket.socket:
    """The socket that people and sites reach; processes that we start inherit it."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        return socket.create_server((server.host, server.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {server.host}, port {server.port}: {error.strerror}. Stop the program that is there, or "
            "set another host or port."
        ) from error


def partner_port(partners: PartnersSettings, *, shared: bool) -> PartnerPort:
    """The port of the partners; ``shared``: with the other processes of a group, among which the kernel chooses."""
    tls = partner_tls(partners)
    family = socket.AF_INET6 if ":" in partners.host else socket.AF_INET
    try:
        listener = socket.create_server((partners.host, partners.port), family=family, reuse_port=shared)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen for partners on {partners.host}, port {partners.port}: {error.strerror}. Stop the program "
            "that is there, or set another host or port in [partners]."
        ) from error
    return PartnerPort(listener, tls, partners.names)


def serve(settings: Settings, *, inherited: tuple[int, int] | None = None) -> None:
    """Answer requests until SIGTERM or SIGINT, then until those under way are answered.

    ``inherited``: file descriptors of the listening socket and of a socket to the process that supervises this one.
    It is told when this one is ready; when it is gone, this one stops.
    """
    configure_logs()
    if inherited is None:
        # The port first: a second service beside a running one must not touch its database.
        with listen(settings.server) as listener:
            _run(_serve(settings, listener, None))
        return
    with socket.socket(fileno=inherited[0]) as listener, socket.socket(fileno=inherited[1]) as supervisor:
        _run(_serve(settings, listener, supervisor))


def work(settings: Settings) -> None:
    """Do the work after the commit, and nothing else, until SIGTERM or SIGINT."""
    configure_logs()
    _run(_work(settings))


def _run(service: Coroutine[Any, Any, None]) -> None:
    # The loop that is chosen here is the loop of the database's connections, too.
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(service)


async def _serve(settings: Settings, listener: socket.socket, supervisor: socket.socket | None) -> None:
    server = settings.server
    stop = _told_to_stop()
    partners = None
    if settings.partners is not None:
        partners = partner_port(settings.partners, shared=supervisor is not None)
    async with deployed(settings) as deployment:
        stop_loops = Stopping()
        loops = start_local_loops(deployment, stop_loops)
        if server.loops:
            loops += start_loops(deployment, stop_loops)

        def ready() -> None:
            if supervisor is None:
                _log.info(
                    "listening",
                    public_origin=server.public_origin,
                    host=server.host,
                    port=server.port,
                    sends_mail=deployment.courier is not None,
                    policy=deployment.rules.digest(),
                )
                return
            supervisor.setblocking(False)
            supervisor.send(READY)
            asyncio.get_running_loop().add_reader(supervisor, stop.set)

        try:
            service = _Server(api_of(deployment, server), server, ready=ready, stop=stop)
            if partners is not None:
                service.let_in(partners, partner_api_of(deployment, server))
            await service.serve([listener])
        finally:
            if partners is not None:
                partners.stop()
            stop_loops.set()
            await asyncio.gather(*loops)


async def _work(settings: Settings) -> None:
    stop, stop_loops = _told_to_stop(), Stopping()
    async with deployed(settings) as deployment:
        loops = start_loops(deployment, stop_loops)
        policy = deployment.rules.digest()
        _log.info("working", loops=len(loops), sends_mail=deployment.courier is not None, policy=policy)
        told = asyncio.create_task(stop.wait())
        # A worker whose loop ended by a bug is none: it ends, and whoever watches it starts another.
        await asyncio.wait({told, *loops}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        stop_loops.set()
        await asyncio.gather(*loops)


def _told_to_stop() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # One process has nothing to roll; without this the signal for it would end the service.
    loop.add_signal_handler(signal.SIGHUP, lambda: _log.warning("nothing_to_roll"))
    return stop


def _config(application: Application, server: ServerSettings) -> uvicorn.Config:
    """How uvicorn runs our application."""
    return uvicorn.Config(
        application,
        loop="none",
        lifespan="off",
        http=protocol_class(application, lane=server.fast_lane),
        ws="none",
        # The access log would name ids and addresses of people; what is refused is logged by the web side itself.
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=_CONNECTIONS,
        proxy_headers=False,
    )


def settle_memory() -> None:
    """What is there now stays as long as the process: no search for garbage walks through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


class _Server(uvicorn.Server):
    """uvicorn, with our way to stop."""

    def __init__(
        self,
        application: Application,
        server: ServerSettings,
        *,
        ready: Callable[[], None],
        stop: asyncio.Event,
    ) -> None:
        super().__init__(_config(application, server))
        self._settings = server
        self._readiness = application.door.readiness
        self._ready, self._stop = ready, stop
        self._partners: PartnerPort | None = None
        self._partner_config = self.config

    def let_in(self, partners: PartnerPort, application: Application) -> None:
        """Answer partners, too, from the start to the stop: on their port, with what is theirs."""
        self._partners = partners
        self._partner_config = _config(application, self._settings)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are caught by whoever runs this; uvicorn's own would be sent again at the end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self._partners is not None:
            self._partner_config.load()
            self._partners.start(self._partner_protocol)
        settle_memory()
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop."""
        return await super().on_tick(counter) or self._stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody new; answer who is there, and tell them to go; then close what is quiet."""
        self._readiness.draining = True
        for server in self.servers:
            server.close()
        if self._partners is not None:
            self._partners.stop()
        self._say_close()
        began = monotonic_s()
        while self.server_state.connections and monotonic_s() < began + DRAIN_S:
            if not self.server_state.tasks and monotonic_s() >= began + _QUIET_S:
                break
            await asyncio.sleep(_LOOK_S)
        await super().shutdown(sockets)

    def _partner_protocol(self) -> asyncio.Protocol:
        # Its connections and tasks are those of this server: what is under way is answered before the end.
        config = self._partner_config
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
            config=config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _say_close(self) -> None:
        """Each answer from now on ends its connection, and says so: nobody sends a request into a closing one."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in self.server_state.connections:
            # One whose answer has begun without those words stays open for one more request.
            if isinstance(connection, HttpToolsProtocol) and connection.cycle is not None:
                connection.cycle.keep_alive = connection.cycle.keep_alive and connection.cycle.response_started
