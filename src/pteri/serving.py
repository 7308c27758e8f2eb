"""Running the service in this process: uvicorn around the application, logs as JSON lines without secrets."""

from __future__ import annotations

import logging
from typing import Final

import structlog
import uvicorn

from pteri.settings import Settings
from pteri.wiring import compose, served

__all__ = ["serve"]

_DRAIN_S: Final = 10
_KEEP_ALIVE_S: Final = 15


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
    uvicorn.run(
        served(compose(settings), requests_per_minute=server.requests_per_minute),
        host=server.host,
        port=server.port,
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
