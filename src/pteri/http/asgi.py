"""The door as an ASGI application: for any server, and for tests without one.

Reads a body under the limit and the deadline of its route and sends what the door answers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.routing import Router

from pteri.http import admission
from pteri.http.answers import Answer, header_pairs
from pteri.http.door import Door, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import Lifespan, Receive, Scope, Send

    from pteri.http.admission import Limits
    from pteri.http.door import Admitted
    from pteri.http.routing import AnyRoute

__all__ = ["Application", "build_asgi"]


def build_asgi(
    routes: Sequence[AnyRoute],
    *,
    public_origin: str,
    limits: Limits,
    request_id: Callable[[], str],
    clock: Callable[[], float],
    readiness: Readiness | None = None,
    lifespan: Lifespan[Any] | None = None,
) -> Application:
    """Return the application that serves ``routes``; see :class:`pteri.http.door.Door` for the rest."""
    door = Door(
        routes, public_origin=public_origin, limits=limits, request_id=request_id, clock=clock, readiness=readiness
    )
    return Application(door, lifespan=lifespan)


class Application:
    """ASGI 3. ``lifespan`` runs beside the requests; web sockets are closed."""

    def __init__(self, door: Door, *, lifespan: Lifespan[Any] | None = None) -> None:
        self.door = door
        self._others = Router(lifespan=lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or be the lifespan of the server."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send, crowded=False)
        else:
            await self._others(scope, receive, send)

    async def crowded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that came over one connection too many."""
        await self._answer(scope, receive, send, crowded=True)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, crowded: bool) -> None:
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        opened = self.door.open(
            scope["method"],
            _raw_path(scope),
            scope["query_string"],
            headers,
            dict(headers),
            _peer(scope),
            sum(len(name) + len(value) for name, value in headers),
            crowded=crowded,
        )
        if isinstance(opened, Answer):
            await _send(opened, send)
            return
        try:
            body = await _read_body(receive, opened, timeout_s=self.door.limits.body_timeout_s)
        except _ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - every failure becomes an answer
            await _send(self.door.refuse(opened, error), send)
            return
        started = self.door.start(opened, body)
        await _send(started if isinstance(started, Answer) else await self.door.finish(opened, started), send)


class _ClientGone(Exception):
    """The caller hung up before the body was there: nobody is left to answer."""


def _raw_path(scope: Scope) -> bytes:
    raw_path: bytes = scope["raw_path"]
    # something in between has read the path in another way: there is nothing at such an address
    return raw_path if raw_path == scope["path"].encode("utf-8") else b"%"


def _peer(scope: Scope) -> str:
    """The peer's address as the server saw it; empty without one (a Unix socket)."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _read_body(receive: Receive, admitted: Admitted, *, timeout_s: float) -> bytes:
    """Read the whole body. The limits hold for what arrives, not for what was announced."""
    body = bytearray()
    try:
        # one deadline for all of it: a byte now and then must not keep the request open
        async with asyncio.timeout(timeout_s):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _ClientGone
                body += message.get("body", b"")
                admission.check_body(len(body), admitted.max_body_bytes)
                more = message.get("more_body", False)
    except TimeoutError:
        raise admission.body_timeout() from None
    return bytes(body)


async def _send(answer: Answer, send: Send) -> None:
    headers = header_pairs(answer.head)
    if answer.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
