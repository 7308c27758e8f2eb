"""The relay's routes: mailboxes for two phones, which sign nothing here (docs/spec/transfer.md section 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Final, Protocol, TypeVar

from pteri.app import relaying
from pteri.app.deployment import Deployment
from pteri.core import wire
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Reply, Route

__all__ = ["mailbox_routes"]

BodyT = TypeVar("BodyT")

_BODY_BYTES: Final = 5600
"""A message of 4096 bytes in base64url, and the little around it."""
_OPENED: Final = Rate("mailboxes opened", burst=10, per_s=3600)
_PROBLEMS: Final = (
    *(Kind.NOT_FOUND, Kind.NOT_ALLOWED, Kind.CONFLICT, Kind.GONE),
    *(Kind.TOO_LARGE, Kind.SLOW_DOWN, Kind.UNAVAILABLE),
)


class Telling(Protocol):
    """Turns refusals of the application into problems."""

    def __call__(
        self, endpoint: Callable[[Call[BodyT]], Awaitable[Reply]], deployment: Deployment
    ) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
        """The endpoint with its refusals told."""
        ...


class _Endpoints:
    """One method per route, over one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def open(self, call: Call[wire.OpenMailbox]) -> Reply:
        """POST /v1/{tenant}/mailboxes."""
        tenant = self._deployment.tenant(call.path["tenant"])
        return Reply(201, await relaying.open_mailbox(self._deployment, tenant, call.body.id))

    async def put(self, call: Call[wire.PutMessage]) -> Reply:
        """PUT /v1/{tenant}/mailboxes/{mailbox}."""
        tenant = self._deployment.tenant(call.path["tenant"])
        return Reply(200, await relaying.put_message(self._deployment, tenant, call.path["mailbox"], call.body))

    async def read(self, call: Call[None]) -> Reply:
        """GET /v1/{tenant}/mailboxes/{mailbox}."""
        tenant = self._deployment.tenant(call.path["tenant"])
        return Reply(200, await relaying.read_mailbox(self._deployment, tenant, call.path["mailbox"]))

    async def end(self, call: Call[None]) -> Reply:
        """DELETE /v1/{tenant}/mailboxes/{mailbox}."""
        tenant = self._deployment.tenant(call.path["tenant"])
        await relaying.end_mailbox(self._deployment, tenant, call.path["mailbox"])
        return Reply(200, wire.Nothing())


def mailbox_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """The rows of the table."""
    ends = _Endpoints(deployment)
    seen: dict[int, type] = {200: wire.MailboxSeen}

    def row(  # noqa: PLR0917 - a row of the table below, in the order of its columns
        method: str,
        path: str,
        endpoint: Callable[[Call[BodyT]], Awaitable[Reply]],
        body: type[BodyT] | None,
        replies: dict[int, type],
        summary: str,
    ) -> Route[BodyT]:
        return Route(
            method=method,
            path=f"/v1/{{tenant}}/mailboxes{path}",
            endpoint=told(_no_page(endpoint), deployment),
            body=body,
            replies=replies,
            auth=Auth.NONE,
            summary=summary,
            max_body_bytes=_BODY_BYTES,
            tags=("mailbox",),
            problems=_PROBLEMS,
            rate=_OPENED if method == "POST" else None,
        )

    return (
        row("POST", "", ends.open, wire.OpenMailbox, {201: wire.MailboxSeen}, "Open a mailbox"),
        row("PUT", "/{mailbox}", ends.put, wire.PutMessage, seen, "Leave a sealed message"),
        row("GET", "/{mailbox}", ends.read, None, seen, "Look what a mailbox holds"),
        row("DELETE", "/{mailbox}", ends.end, None, {200: wire.Nothing}, "Use a mailbox up"),
    )


def _no_page(endpoint: Callable[[Call[BodyT]], Awaitable[Reply]]) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
    """The endpoint, for programs only: what a browser shows as a page would be a place to leave things (MI-17)."""

    @wraps(endpoint)
    async def guarded(call: Call[BodyT]) -> Reply:
        # A browser says here what it will do with the answer; a phone says nothing.
        for_program = call.header("sec-fetch-dest") in {(), ("empty",)}
        mode = call.header("sec-fetch-mode")
        if not for_program or len(mode) > 1 or mode == ("navigate",):
            raise ProblemError(
                Kind.NOT_ALLOWED, code=HttpCode.NAVIGATION, detail="This is for phones, not for a browser's window."
            )
        return await endpoint(call)

    return guarded
