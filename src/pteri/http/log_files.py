"""The published log over HTTP, for anybody (docs/spec/log.md section 7). It is one log over all tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from pteri.app.deployment import Deployment
from pteri.app.log_reading import shown_file
from pteri.core.log.tiles import parse_path
from pteri.http.problems import Kind
from pteri.http.routing import AnyRoute, Auth, Call, Document, Reply, Route
from pteri.http.stop_links import Telling

__all__ = ["LogFile", "LogNote", "log_file_routes"]

_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
_NOT_KEPT: Final = {"cache-control": "no-cache"}


@dataclass(frozen=True, slots=True)
class LogNote(Document):
    """A signed checkpoint."""

    media_type: ClassVar[str] = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class LogFile(Document):
    """Hashes or leaves."""

    media_type: ClassVar[str] = "application/octet-stream"


def log_file_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """The rows of the table; none where no log is kept."""
    desk = deployment.log
    if desk is None:
        return ()
    book = deployment.store.book

    async def checkpoint(_: Call[None]) -> Reply:
        return Reply(200, LogNote(await shown_file(book, desk, "checkpoint")), _NOT_KEPT)

    async def tile(call: Call[None]) -> Reply:
        path = f"tile/{call.path['tile']}"
        content = await shown_file(book, desk, path)
        return Reply(200, LogFile(content), _FOR_EVER if parse_path(path).is_full else _NOT_KEPT)

    def row(path: str, endpoint: object, reply: type[Document], summary: str) -> AnyRoute:
        return Route(
            method="GET",
            path=path,
            endpoint=told(endpoint, deployment),  # type: ignore[arg-type]  # both take a call without a body
            replies={200: reply},
            auth=Auth.NONE,
            summary=summary,
            tags=("log",),
            problems=(Kind.NOT_FOUND, Kind.UNAVAILABLE),
        )

    return (
        row("/log/checkpoint", checkpoint, LogNote, "The newest checkpoint of the log"),
        row("/log/tile/{tile:path}", tile, LogFile, "Hashes or leaves of the log"),
    )
