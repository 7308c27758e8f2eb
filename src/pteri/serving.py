"""Running the service in this process: uvicorn around the application, logs as JSON lines without secrets."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Final

import structlog
import uvicorn

from pteri.settings import ServerSettings, Settings, SettingsError
from pteri.wiring import check_key, compose, served

__all__ = ["serve"]

_DRAIN_S: Final = 10
_KEEP_ALIVE_S: Final = 15
_BACKLOG: Final = 2048

_log = structlog.get_logger("pteri.serving")


def serve(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT; requests under way are finished first."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    server = settings.server
    # The port first: a second service beside a running one must not touch its database.
    with _listen(server) as listener:
        deployment = compose(settings)
        asyncio.run(check_key(deployment))
        config = uvicorn.Config(
            served(deployment, requests_per_minute=server.requests_per_minute),
            loop="uvloop",
            http="httptools",
            ws="none",
            # The access log would name ids and addresses of people; what is refused is logged by the web side itself.
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=True,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
            limit_concurrency=1024,
            proxy_headers=False,
        )
        _log.info("listening", public_origin=server.public_origin, host=server.host, port=server.port)
        running = uvicorn.Server(config)
        # After the drain a Ctrl-C is handed on; it has done its work.
        with suppress(KeyboardInterrupt):
            running.run(sockets=[listener])
    if not running.started:
        raise SettingsError("The service did not start; the lines above say why.")


def _listen(server: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    try:
        return socket.create_server((server.host, server.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {server.host}, port {server.port}: {error.strerror}. Stop the program that is there, or "
            "set another host or port."
        ) from error
