"""Where eSIM chips come to, and who tells of their downloads: ES9+ and ES2+ (docs/spec/esim-chip.md sections 9, 10).

Nobody signs these requests; what counts is what a chip signed inside of them. A no has status 200, as the standard
wants it: it stands in the header of the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import NoneType
from typing import Final, TypeVar

import msgspec

from pteri.app import chips
from pteri.app.deployment import Deployment
from pteri.core.errors import ProtocolError
from pteri.core.euicc.es2 import ACKNOWLEDGED, Acknowledged, HandleDownloadProgressInfo, HandleOrderNotification
from pteri.core.euicc.es9 import (
    DOWNLOAD_REFUSED,
    MAX_BASE64,
    AuthenticateClient,
    HandleNotification,
    InitiateAuthentication,
    Initiated,
    Refused,
    ResponseHeader,
    refusal_of_answer,
    refusal_of_start,
)
from pteri.http.mailboxes import Telling
from pteri.http.problems import Kind
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Encoded, Reply, Route

__all__ = ["chip_routes", "partner_routes"]

BodyT = TypeVar("BodyT")
_ES9: Final = "/gsma/rsp2/es9plus/"
_ES2: Final = "/gsma/rsp2/es2plus/"
_BODY_BYTES: Final = MAX_BASE64 + 2048
_HEADERS: Final = {"x-admin-protocol": "gsma/rsp/v2.2.0"}
_ASKED: Final = Rate("eSIM chips", burst=30, per_s=60.0)
"""For each network: an answer costs three verifications of signatures."""


class Es9Answer(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An answer of ES9+: ``header`` says whether it was done; the rest is there where it was."""

    header: ResponseHeader
    transaction_id: str | None = None
    server_signed1: str | None = None
    server_signature1: str | None = None
    ci_key_id: str | None = msgspec.field(name="euiccCiPKIdToBeUsed", default=None)
    server_certificate: str | None = None


class _Endpoints:
    """One method per route, over one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def initiate(self, call: Call[InitiateAuthentication]) -> Reply:
        """POST .../es9plus/initiateAuthentication."""
        try:
            told: Initiated | Refused = chips.initiate(self._deployment, call.body, self._deployment.clock.now())
        except ProtocolError as error:
            told = refusal_of_start(error)
        return _said(told)

    async def authenticate(self, call: Call[AuthenticateClient]) -> Reply:
        """POST .../es9plus/authenticateClient."""
        try:
            await chips.authenticate(self._deployment, call.body, self._deployment.clock.now())
        except ProtocolError as error:
            return _said(refusal_of_answer(error))
        return _said(DOWNLOAD_REFUSED)

    async def notification(self, call: Call[HandleNotification]) -> Reply:
        """POST .../es9plus/handleNotification: answered 204, whatever is made of it."""
        # A phone sends what it could not bring home again and again until it hears that it has.
        with suppress(ProtocolError):
            await chips.hear_notification(self._deployment, call.body, self._deployment.clock.now())
        return Reply(204, None, _HEADERS)

    async def progress(self, call: Call[HandleDownloadProgressInfo]) -> Reply:
        """POST .../es2plus/handleDownloadProgressInfo."""
        with suppress(ProtocolError):
            await chips.hear_partner(self._deployment, call.body.progress().evidence, self._deployment.clock.now())
        return Reply(200, ACKNOWLEDGED, _HEADERS)

    async def order(self, call: Call[HandleOrderNotification]) -> Reply:
        """POST .../es2plus/handleNotification."""
        with suppress(ProtocolError):
            await chips.hear_partner(self._deployment, call.body.notified().evidence, self._deployment.clock.now())
        return Reply(200, ACKNOWLEDGED, _HEADERS)


def _said(told: Initiated | Refused) -> Reply:
    return Reply(200, Encoded(msgspec.json.encode(told), Es9Answer), _HEADERS)


def chip_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """The rows of the table; none where no chip is asked."""
    desk = deployment.chips
    if desk is None:
        return ()
    ends = _Endpoints(deployment)
    row = _Rows(deployment, told).row
    answer: dict[int, type] = {200: Es9Answer}
    return (
        row(f"{_ES9}initiateAuthentication", ends.initiate, InitiateAuthentication, answer, "A chip wants to talk"),
        row(f"{_ES9}authenticateClient", ends.authenticate, AuthenticateClient, answer, "A chip answers us"),
        row(
            f"{_ES9}handleNotification", ends.notification, HandleNotification, {204: NoneType}, "A chip did something"
        ),
        *(() if desk.partners_apart else partner_routes(deployment, told)),
    )


def partner_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """ES2+: on the port of the partners, where there is one, and else with the others."""
    ends = _Endpoints(deployment)
    row = _Rows(deployment, told).row
    answer: dict[int, type] = {200: Acknowledged}
    return (
        row(
            f"{_ES2}handleDownloadProgressInfo",
            ends.progress,
            HandleDownloadProgressInfo,
            answer,
            "An SM-DP+ tells of a download",
        ),
        row(f"{_ES2}handleNotification", ends.order, HandleOrderNotification, answer, "An SM-DP+ tells of an order"),
    )


class _Rows:
    """What all rows have."""

    def __init__(self, deployment: Deployment, told: Telling) -> None:
        self._deployment, self._told = deployment, told

    def row(
        self,
        path: str,
        endpoint: Callable[[Call[BodyT]], Awaitable[Reply]],
        body: type[BodyT],
        replies: dict[int, type],
        summary: str,
    ) -> Route[BodyT]:
        """One of them."""
        return Route(
            method="POST",
            path=path,
            endpoint=self._told(endpoint, self._deployment),
            body=body,
            replies=replies,
            auth=Auth.NONE,
            summary=summary,
            max_body_bytes=_BODY_BYTES,
            tags=("eSIM",),
            problems=(Kind.TOO_LARGE, Kind.UNAVAILABLE),
            rate=_ASKED,
        )
