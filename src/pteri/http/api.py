"""The routes of the service: each endpoint reads its call, asks ``app``, and answers. No decision lives here.

Paths begin with the tenant. Phones and relying parties sign every request (RFC 9421); see docs/spec section 10.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec
import structlog

from pteri.app import (
    airgap,
    appealing,
    changing,
    chips,
    codes,
    issue,
    lines,
    offline_codes,
    opening,
    own_anchor,
    own_log,
    queries,
    telling,
    warned,
)
from pteri.app.callers import Asking, ClientAsking, client_call
from pteri.app.committing import Done
from pteri.app.deployment import Deployment
from pteri.app.ports import StoreUnavailable
from pteri.app.refusals import (
    Clashes,
    ClockJumped,
    Denied,
    Gone,
    NotAllowed,
    NotFound,
    PendingLog,
    Refusal,
    SlowDown,
    TooLarge,
)
from pteri.app.respond import respond
from pteri.app.tokens import new_token
from pteri.core import ids, wire
from pteri.core.ids import RequestId
from pteri.core.log.page import AnchorAsked, AnchorTold, LogAsked, LogPage
from pteri.core.statement import instant_text
from pteri.core.verify import Payload
from pteri.domain.challenge import BindAsked, SignInAsked
from pteri.http.chips import chip_routes, partner_routes
from pteri.http.log_files import log_file_routes
from pteri.http.mailboxes import mailbox_routes
from pteri.http.operator_events import operator_event_routes
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.routing import AnyRoute, Auth, Call, Encoded, Reply, Route
from pteri.http.stop_links import stop_link_routes

__all__ = ["api_routes", "partner_api_routes"]

_log = structlog.get_logger("pteri.http")

BodyT = TypeVar("BodyT")
_UNTIL_AN_OPERATOR_CAME_S: Final = 60
_UNTIL_WITNESSES_CAME_S: Final = 2
_Opens = Callable[[Deployment, Asking, BodyT], Awaitable[Done]]
_KINDS: Final = MappingProxyType(
    {
        NotFound: Kind.NOT_FOUND,
        NotAllowed: Kind.NOT_ALLOWED,
        Clashes: Kind.CONFLICT,
        SlowDown: Kind.SLOW_DOWN,
        Gone: Kind.GONE,
        TooLarge: Kind.TOO_LARGE,
        ClockJumped: Kind.UNAVAILABLE,
        PendingLog: Kind.UNAVAILABLE,
    }
)


def _problem(refusal: Refusal, at: int) -> ProblemError:
    if isinstance(refusal, Denied):
        # The reason is for the operator's log; a stranger gets the one denial.
        return ProblemError(Kind.DENIED, code=HttpCode.DENIED, why=refusal.why)
    until = None if refusal.until is None else instant_text(refusal.until)
    wait = None if refusal.until is None else max(1, refusal.until - at)
    kind = _KINDS[type(refusal)]
    if kind is Kind.UNAVAILABLE:
        wait_s = _UNTIL_WITNESSES_CAME_S if isinstance(refusal, PendingLog) else _UNTIL_AN_OPERATOR_CAME_S
        return ProblemError(kind, code=refusal.code, detail=refusal.detail, retry_after_s=wait_s)
    return ProblemError(
        kind,
        code=refusal.code,
        detail=refusal.detail,
        until=until,
        retry_after_s=wait if kind is Kind.SLOW_DOWN else None,
    )


class _Endpoints:
    """One method per route, over one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def asking(self, call: Call[BodyT]) -> Asking:
        """Tenant, signed request and server time of a call."""
        tenant = self._deployment.tenant(call.path["tenant"])
        return Asking(tenant, call.signed_request(), self._deployment.clock.now())

    def client_asking(self, call: Call[BodyT]) -> ClientAsking:
        """The same of a relying party's call, signed or with a token."""
        tenant = self._deployment.tenant(call.path["tenant"])
        return ClientAsking(tenant, call.client_request(), self._deployment.clock.now())

    async def new_token(self, call: Call[wire.Nothing]) -> Reply:
        """POST /v1/{tenant}/tokens."""
        client = client_call(self._deployment, self.client_asking(call))
        return Reply(201, new_token(self._deployment, client.tenant, client.caller, at=client.at))

    async def start_binding(self, call: Call[wire.StartBinding]) -> Reply:
        """POST /v1/{tenant}/bindings."""
        return _reply(await issue.start_binding(self._deployment, self.client_asking(call), call.body), wire.Started)

    async def start_sign_in(self, call: Call[wire.StartSignIn]) -> Reply:
        """POST /v1/{tenant}/logins."""
        return _reply(await issue.start_sign_in(self._deployment, self.client_asking(call), call.body), wire.Started)

    async def sign_in_progress(self, call: Call[None]) -> Reply:
        """GET /v1/{tenant}/logins/{id}."""
        return Reply(200, await queries.progress(self._deployment, self.client_asking(call), _id(call), of=SignInAsked))

    async def binding_progress(self, call: Call[None]) -> Reply:
        """GET /v1/{tenant}/bindings/{id}."""
        return Reply(200, await queries.progress(self._deployment, self.client_asking(call), _id(call), of=BindAsked))

    async def enter_sign_in_code(self, call: Call[wire.EnterCode]) -> Reply:
        """POST /v1/{tenant}/logins/{id}/code."""
        asking = self.client_asking(call)
        done = await codes.enter_code(self._deployment, asking, _id(call), call.body, of=SignInAsked)
        return _reply(done, wire.SignedIn)

    async def bring_answer(self, call: Call[wire.BringAnswer]) -> Reply:
        """POST /v1/{tenant}/logins/{id}/answer."""
        asking = self.client_asking(call)
        return _reply(await airgap.bring_answer(self._deployment, asking, _id(call), call.body), wire.SignedIn)

    async def enter_binding_code(self, call: Call[wire.EnterCode]) -> Reply:
        """POST /v1/{tenant}/bindings/{id}/code."""
        asking = self.client_asking(call)
        done = await codes.enter_code(self._deployment, asking, _id(call), call.body, of=BindAsked)
        return _reply(done, wire.SignedIn)

    async def enter_offline_code(self, call: Call[wire.EnterOfflineCode]) -> Reply:
        """POST /v1/{tenant}/logins/{id}/offline-code."""
        asking = self.client_asking(call)
        done = await offline_codes.enter_offline_code(self._deployment, asking, _id(call), call.body)
        return _reply(done, wire.SignedIn)

    async def feed(self, call: Call[None]) -> Reply:
        """GET /v1/{tenant}/notices."""
        return Reply(200, await telling.feed(self._deployment, self.client_asking(call), call.query.get("after")))

    async def claim(self, call: Call[wire.Claim]) -> Reply:
        """POST /v1/{tenant}/challenges/{id}/claim."""
        return Reply(200, await issue.claim(self._deployment, self.asking(call), _id(call), call.body))

    async def respond(self, call: Call[Payload]) -> Reply:
        """POST /v1/{tenant}/challenges/{id}/response."""
        return _reply(await respond(self._deployment, self.asking(call), _id(call)), wire.Decided)

    async def prompts(self, call: Call[wire.Nothing]) -> Reply:
        """POST /v1/{tenant}/prompts."""
        return Reply(200, await queries.prompts(self._deployment, self.asking(call)))

    async def devices(self, call: Call[wire.Nothing]) -> Reply:
        """POST /v1/{tenant}/devices."""
        return Reply(200, await queries.devices(self._deployment, self.asking(call)))

    async def own_log(self, call: Call[LogAsked]) -> Reply:
        """POST /v1/{tenant}/log."""
        return Reply(200, await own_log.own_log(self._deployment, self.asking(call), call.body))

    async def own_anchor(self, call: Call[AnchorAsked]) -> Reply:
        """POST /v1/{tenant}/anchors."""
        return Reply(200, await own_anchor.own_anchor(self._deployment, self.asking(call), call.body))

    async def channels(self, call: Call[wire.Nothing]) -> Reply:
        """POST /v1/{tenant}/channels."""
        return Reply(200, await warned.channels(self._deployment, self.asking(call)))

    async def start_migration(self, call: Call[wire.StartMigration]) -> Reply:
        """POST /v1/{tenant}/migrations."""
        done = await opening.start_migration(self._deployment, self.asking(call), call.body)
        return _reply(done, wire.Claimed)

    async def start_activation(self, call: Call[wire.Nothing]) -> Reply:
        """POST /v1/{tenant}/activations."""
        return _reply(await opening.start_activation(self._deployment, self.asking(call)), wire.Claimed)

    async def set_up_codes(self, call: Call[wire.SetUpCodes]) -> Reply:
        """POST /v1/{tenant}/code-setups."""
        return _reply(await appealing.set_up_codes(self._deployment, self.asking(call), call.body), wire.Claimed)

    async def start_recovery(self, call: Call[wire.StartRecovery]) -> Reply:
        """POST /v1/{tenant}/recoveries."""
        return _reply(await codes.start_recovery(self._deployment, self.asking(call), call.body), wire.Claimed)

    def tells(
        self, use_case: _Opens[BodyT], message: type[msgspec.Struct]
    ) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
        """An endpoint that answers with what came of it."""

        async def endpoint(call: Call[BodyT]) -> Reply:
            return _reply(await use_case(self._deployment, self.asking(call), call.body), message)

        return endpoint

    def opens(self, use_case: _Opens[BodyT]) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
        """An endpoint that answers with a statement to sign."""
        return self.tells(use_case, wire.Claimed)


def _id(call: Call[BodyT]) -> RequestId:
    return ids.request_id(call.path["id"])


def _reply(done: Done, message: type[msgspec.Struct]) -> Reply:
    # Recorded word for word, sent word for word.
    return Reply(done.status, Encoded(done.body, message))


def _told(
    endpoint: Callable[[Call[BodyT]], Awaitable[Reply]], deployment: Deployment
) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
    """The endpoint with refusals of the application turned into problems."""

    @wraps(endpoint)
    async def translated(call: Call[BodyT]) -> Reply:
        try:
            return await endpoint(call)
        except Refusal as refusal:
            raise _problem(refusal, deployment.clock.now()) from refusal
        except StoreUnavailable as error:
            _log.error("store_unavailable", request_id=call.request_id)
            raise ProblemError(Kind.UNAVAILABLE, code="UNAVAILABLE", retry_after_s=1) from error

    return translated


_CLIENT_PROBLEMS = (Kind.NOT_FOUND, Kind.CONFLICT, Kind.SLOW_DOWN, Kind.UNAVAILABLE)
_PHONE_PROBLEMS = (Kind.NOT_FOUND, Kind.NOT_ALLOWED, Kind.CONFLICT, Kind.SLOW_DOWN, Kind.UNAVAILABLE)


def api_routes(deployment: Deployment) -> Sequence[AnyRoute]:
    """The table of all routes of the service."""
    ends = _Endpoints(deployment)

    def client(  # noqa: PLR0917 - a row of the table below, in the order of its columns
        method: str,
        path: str,
        endpoint: Callable[[Call[BodyT]], Awaitable[Reply]],
        body: type[BodyT] | None,
        replies: dict[int, type],
        summary: str,
        auth: Auth = Auth.CLIENT,
        query: Mapping[str, str] = MappingProxyType({}),
    ) -> Route[BodyT]:
        return Route(
            method=method,
            path=f"/v1/{{tenant}}{path}",
            endpoint=_told(endpoint, deployment),
            body=body,
            replies=replies,
            auth=auth,
            summary=summary,
            tags=("relying party",),
            query=query,
            problems=_CLIENT_PROBLEMS,
        )

    def phone(
        path: str,
        endpoint: Callable[[Call[BodyT]], Awaitable[Reply]],
        body: type[BodyT],
        replies: dict[int, type],
        summary: str,
    ) -> Route[BodyT]:
        return Route(
            method="POST",
            path=f"/v1/{{tenant}}{path}",
            endpoint=_told(endpoint, deployment),
            body=body,
            replies=replies,
            auth=Auth.DEVICE,
            summary=summary,
            tags=("phone",),
            problems=_PHONE_PROBLEMS,
        )

    started: dict[int, type] = {201: wire.Started}
    progress: dict[int, type] = {200: wire.Progress}
    signed_in: dict[int, type] = {200: wire.SignedIn}
    claimed: dict[int, type] = {201: wire.Claimed}
    token = Auth.CLIENT_TOKEN
    code = wire.EnterCode
    return (
        client("POST", "/tokens", ends.new_token, wire.Nothing, {201: wire.Token}, "Get a token for the busy routes"),
        client("POST", "/bindings", ends.start_binding, wire.StartBinding, started, "Link an account to a wallet"),
        client("GET", "/bindings/{id}", ends.binding_progress, None, progress, "How far a binding has come"),
        client("POST", "/bindings/{id}/code", ends.enter_binding_code, code, signed_in, "Enter the code of a binding"),
        client("POST", "/logins", ends.start_sign_in, wire.StartSignIn, started, "Start a sign-in", token),
        client("GET", "/logins/{id}", ends.sign_in_progress, None, progress, "How far a sign-in has come", token),
        client(
            "POST", "/logins/{id}/code", ends.enter_sign_in_code, code, signed_in, "Enter the code of a sign-in", token
        ),
        client(
            "POST",
            "/logins/{id}/offline-code",
            ends.enter_offline_code,
            wire.EnterOfflineCode,
            signed_in,
            "Enter an offline code of a phone without a network",
            token,
        ),
        client(
            "POST",
            "/logins/{id}/answer",
            ends.bring_answer,
            wire.BringAnswer,
            signed_in,
            "Bring the answer that a phone without network has shown",
            token,
        ),
        client(
            "GET",
            "/notices",
            ends.feed,
            None,
            {200: wire.Feed},
            "What happened to accounts",
            token,
            {"after": "The cursor of the answer before this one; without it, from the beginning."},
        ),
        phone("/challenges/{id}/claim", ends.claim, wire.Claim, {200: wire.Claimed}, "Fetch the fields to sign"),
        phone(
            "/challenges/{id}/response",
            ends.respond,
            Payload,
            {200: wire.Decided, 202: wire.Decided},
            "Answer with both signatures",
        ),
        phone("/prompts", ends.prompts, wire.Nothing, {200: wire.Prompts}, "Sign-ins that wait for this phone"),
        phone("/devices", ends.devices, wire.Nothing, {200: wire.DevicesSeen}, "The account, its phones and notices"),
        phone("/migrations", ends.start_migration, wire.StartMigration, claimed, "Let a new phone in"),
        phone("/activations", ends.start_activation, wire.Nothing, claimed, "Make this waiting phone a verified one"),
        phone("/code-setups", ends.set_up_codes, wire.SetUpCodes, claimed, "Introduce a phone with a restored wallet"),
        phone("/recoveries", ends.start_recovery, wire.StartRecovery, claimed, "Claim the account on a new phone"),
        phone("/revocations", ends.opens(changing.start_revocation), wire.Revoke, claimed, "Remove a phone"),
        phone("/vetoes", ends.opens(changing.start_veto), wire.Veto, claimed, "Object to a change that waits"),
        phone("/rotations", ends.opens(changing.start_rotation), wire.Rotate, claimed, "Replace the wallet"),
        phone("/protections", ends.opens(changing.start_protection), wire.Protect, claimed, "Say who may help"),
        phone(
            "/offline-codes",
            ends.opens(changing.start_offline_codes),
            wire.PrepareOfflineCodes,
            claimed,
            "Prepare codes for a phone without a network",
        ),
        phone("/log", ends.own_log, LogAsked, {200: LogPage}, "What the log has of this account"),
        phone("/anchors", ends.own_anchor, AnchorAsked, {200: AnchorTold}, "The anchor of an event in Litecoin"),
        phone("/channels", ends.channels, wire.Nothing, {200: wire.ChannelsSeen}, "Where warnings go"),
        phone(
            "/channel-changes", ends.opens(warned.start_channels), wire.SetChannels, claimed, "Say where warnings go"
        ),
        phone("/line-changes", ends.opens(lines.start_rebinding), wire.RebindLine, claimed, "Say which line it is"),
        phone(
            "/line-proofs",
            ends.tells(lines.prove_line, wire.LineProved),
            wire.ProveLine,
            {200: wire.LineProved},
            "Show that this phone uses the line now",
        ),
        phone(
            "/chip-challenges",
            ends.tells(chips.start_chip, wire.ChipStarted),
            wire.Nothing,
            {200: wire.ChipStarted},
            "Ask the eSIM chip of this phone to answer",
        ),
        phone("/line-moves", ends.opens(lines.start_move), wire.AnnounceMove, claimed, "Say that the SIM will move"),
        phone("/freezes", ends.opens(changing.start_freeze), wire.Freeze, claimed, "Stop the account"),
        phone("/unfreezes", ends.opens(changing.start_unfreeze), wire.Unfreeze, claimed, "End a freeze"),
        phone("/backup-checks", ends.opens(changing.start_backup_check), wire.CheckBackup, claimed, "A backup works"),
        phone("/stops", ends.opens(appealing.stop), wire.Stop, claimed, "Stop the account without a phone of it"),
        phone("/vouchers", ends.opens(appealing.vouch), wire.Vouch, claimed, "Speak for a claimant as a guardian"),
        phone("/attestations", ends.opens(appealing.attest), wire.Attest, claimed, "Speak for one as an officer"),
        *mailbox_routes(deployment, _told),
        *chip_routes(deployment, _told),
        *log_file_routes(deployment, _told),
        *stop_link_routes(deployment, _told),
        *operator_event_routes(deployment, _told),
    )


def partner_api_routes(deployment: Deployment) -> Sequence[AnyRoute]:
    """The table of the port that is for SM-DP+ partners."""
    return partner_routes(deployment, _told)
