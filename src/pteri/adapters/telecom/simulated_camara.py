"""The operator's side of CAMARA for a simulated network: stricter than a real one. THIS IS A SIMULATOR.

Every request is held to the official shape: an unknown field, a number beside a three-legged token, an assertion that
comes twice, a scope that was not asked for are refused as CAMARA says. Pure: a request and the time in, a reply out.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from pteri.adapters.telecom.camara.exchange import NoReply, Reply, Request
from pteri.adapters.telecom.camara.jwt import read_token, signed_token
from pteri.adapters.telecom.camara.webhooks import CREATE_SCOPE, DELETE_SCOPE, READ_SCOPE
from pteri.adapters.telecom.simulated import Lie, NoSuchLine, Outage, SimulatedNetwork
from pteri.adapters.telecom.simulated_subscriptions import Asked, SimulatedSubscriptions
from pteri.app.ports import Clock, Entropy
from pteri.core.errors import ProtocolError
from pteri.core.ids import to_base64url
from pteri.core.keys.device import DeviceKey, DevicePrivateKey
from pteri.core.phone_number import PhoneNumber

__all__ = ["InMemoryTransport", "SimulatedCamara"]

_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_ACCESS_S: Final = 300
_LEVEL_1: Final = frozenset({"sim-swap", "device-swap", "number-recycling:check"}) | {
    *(CREATE_SCOPE, READ_SCOPE, DELETE_SCOPE),
}
_LEVEL_2: Final = frozenset({"openid", "number-verification:verify"})
_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SUBSCRIPTIONS: Final = "/sim-swap-subscriptions/v0.3/subscriptions"
_CORRELATOR: Final = re.compile(r"[a-zA-Z0-9-_:;./<>{}]{1,256}")
_Number = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{4,14}$")]

_T = TypeVar("_T", bound=msgspec.Struct)


class _Check(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    phone_number: _Number | None = None
    max_age: Annotated[int, msgspec.Meta(ge=1, le=2400)] = 240


class _Date(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    phone_number: _Number | None = None


class _Recycling(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    specified_date: dt.date
    phone_number: _Number | None = None


class _Verify(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    phone_number: _Number


class _No(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class _Grant:
    scope: frozenset[str]
    until: int
    subject: PhoneNumber | None
    """Of a three-legged token: whom it is about."""
    client: str


class SimulatedCamara:
    """OAuth and CAMARA routes over one network. ``issuer`` is its address and what assertions are made out to."""

    def __init__(
        self, network: SimulatedNetwork, *, issuer: str, clients: dict[str, DeviceKey], random: bytes, entropy: Entropy
    ) -> None:
        self.network = network
        self.key = DevicePrivateKey.from_random(random)
        self.issuer = issuer
        self.subscriptions = SimulatedSubscriptions(network, source=issuer, entropy=entropy)
        self._clients = clients
        self._entropy = entropy
        self._grants: dict[str, _Grant] = {}
        self._started: dict[str, tuple[str, PhoneNumber, int]] = {}
        self._seen: set[str] = set()

    def handle(self, request: Request, *, at: int) -> Reply:
        """Answer a request, or fail as the network does today. Slowness is for whoever carries the bytes."""
        lie, outage = self.network.lie, self.network.outage
        correlator = request.headers.get("x-correlator", "")
        headers = {"content-type": "application/json", "date": email.utils.formatdate(at, usegmt=True)}
        if lie is Lie.STALE:
            headers["date"] = email.utils.formatdate(at - 600, usegmt=True)
        if correlator:
            headers["x-correlator"] = "of-another-line" if lie is Lie.REPLAYED else correlator
        if outage is Outage.UNREACHABLE:
            raise NoReply("UNREACHABLE")
        if outage is Outage.MALFORMED:
            return Reply(200, headers, b'{"swapped":')
        path = request.url.removeprefix(self.issuer)
        is_oauth = path in {"/token", "/bc-authorize"}
        try:
            if outage is not None:
                self._fail(outage)
            if path.startswith(_SUBSCRIPTIONS):
                status, told = self._subscriptions(path.removeprefix(_SUBSCRIPTIONS), request, at)
                return Reply(status, headers, b"" if told is None else msgspec.json.encode(told))
            answer = self._oauth(path, request, at) if is_oauth else self._camara(path, request, at)
            return Reply(200, headers, msgspec.json.encode(answer))
        except _No as no:
            said = {"error": no.code} if is_oauth else {"status": no.status, "code": no.code, "message": "Simulated."}
            return Reply(no.status, headers, msgspec.json.encode(said))

    def _fail(self, outage: Outage) -> NoReturn:
        if outage is Outage.TOO_MANY_REQUESTS:
            raise _No(429, "TOO_MANY_REQUESTS")
        raise _No(503, "UNAVAILABLE")

    # --- OAuth ------------------------------------------------------------------------------------------------------

    def _oauth(self, path: str, request: Request, at: int) -> dict[str, Any]:
        form = self._form(request)
        client = self._client_of(form, path, at)
        if path == "/bc-authorize":
            return self._start(form, client, at)
        match form.get("grant_type"):
            case "client_credentials":
                return self._grant(_scope(form.get("scope"), _LEVEL_1), None, client, at)
            case "urn:ietf:params:oauth:grant-type:jwt-bearer":
                claims = self._assertion(form.get("assertion", ""), client, at, "invalid_grant", (self.issuer + path,))
                scope = claims.get("scope")
                return self._grant(*self._about(str(claims.get("sub")), scope, at), client, at)
            case "urn:openid:params:grant-type:ciba":
                owner, number, until = self._started.pop(form.get("auth_req_id", ""), ("", None, 0))
                if owner != client or number is None:
                    raise _No(400, "invalid_grant")
                if at >= until:
                    raise _No(400, "expired_token")
                return self._grant(_LEVEL_2, number, client, at)
            case _:
                raise _No(400, "unsupported_grant_type")

    def _form(self, request: Request) -> dict[str, str]:
        if request.method != "POST" or request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise _No(400, "invalid_request")
        try:
            pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise _No(400, "invalid_request") from None
        if len(dict(pairs)) != len(pairs):
            raise _No(400, "invalid_request")
        return dict(pairs)

    def _client_of(self, form: dict[str, str], path: str, at: int) -> str:
        client = form.get("client_id", "")
        if form.get("client_assertion_type") != _BEARER or client not in self._clients:
            raise _No(401, "invalid_client")
        told = form.get("client_assertion", "")
        claims = self._assertion(told, client, at, "invalid_client", (self.issuer, self.issuer + path))
        if claims.get("sub") != client:
            raise _No(401, "invalid_client")
        return client

    def _assertion(self, token: str, client: str, at: int, code: str, audiences: tuple[str, ...]) -> dict[str, Any]:
        no = _No(401 if code == "invalid_client" else 400, code)
        try:
            claims = read_token(token, [self._clients[client]])
        except ProtocolError:
            raise no from None
        made_at, until, unique = claims.get("iat"), claims.get("exp"), claims.get("jti")
        if claims.get("iss") != client or claims.get("aud") not in audiences or not isinstance(unique, str):
            raise no
        if not isinstance(made_at, int) or not isinstance(until, int) or not made_at <= at < until <= made_at + 300:
            raise no
        if unique in self._seen:
            raise no
        self._seen.add(unique)
        return claims

    def _about(self, subject: str, scope: object, at: int) -> tuple[frozenset[str], PhoneNumber]:
        if subject.startswith("operatortoken:"):
            return _scope(scope, _LEVEL_2), self._redeem(subject, at, "invalid_grant")
        try:
            number = PhoneNumber(subject.removeprefix("tel:"))
        except ProtocolError:
            raise _No(400, "invalid_grant") from None
        return _scope(scope, _LEVEL_1), number

    def _start(self, form: dict[str, str], client: str, at: int) -> dict[str, Any]:
        _scope(form.get("scope"), _LEVEL_2)
        hint = form.get("login_hint", "")
        if not hint.startswith("operatortoken:"):
            raise _No(400, "invalid_request")
        number = self._redeem(hint, at, "unknown_user_id")
        started = to_base64url(self._entropy.draw(24))
        self._started[started] = (client, number, at + 120)
        return {"auth_req_id": started, "expires_in": 120, "interval": 1}

    def _redeem(self, hint: str, at: int, code: str) -> PhoneNumber:
        number = self.network.redeem(hint.removeprefix("operatortoken:"), at=at)
        if number is None:
            raise _No(400, code)
        return number

    def _grant(self, scope: frozenset[str], subject: PhoneNumber | None, client: str, at: int) -> dict[str, Any]:
        token = to_base64url(self._entropy.draw(24))
        self._grants[token] = _Grant(scope, at + _ACCESS_S, subject, client)
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": _ACCESS_S}
        if "openid" in scope:
            identity: dict[str, str | int] = {"iss": self.issuer, "aud": client, "sub": "simulated"}
            answer["id_token"] = signed_token({**identity, "iat": at, "exp": at + _ACCESS_S}, self.key)
        return answer

    # --- CAMARA -----------------------------------------------------------------------------------------------------

    def _camara(self, path: str, request: Request, at: int) -> dict[str, Any]:
        correlator = request.headers.get("x-correlator")
        if correlator is not None and not _CORRELATOR.fullmatch(correlator):
            raise _No(400, "INVALID_ARGUMENT")
        match path.removeprefix("/").split("/"):
            case ["sim-swap" | "device-swap" as api, version, "check" | "retrieve-date" as act] if (
                version == {"sim-swap": "v2", "device-swap": "v1"}[api]
            ):
                grant = self._grant_of(request, api, at)
                return self._check(api, request, grant, at) if act == "check" else self._date(api, request, grant, at)
            case ["number-recycling", "v0.2", "check"]:
                return self._recycling(request, self._grant_of(request, "number-recycling:check", at))
            case ["number-verification", "v2", "verify"]:
                return self._verify(request, self._grant_of(request, "number-verification:verify", at))
            case _:
                raise _No(404, "NOT_FOUND")

    def _subscriptions(self, rest: str, request: Request, at: int) -> tuple[int, Any]:
        match request.method, rest:
            case "POST", "":
                grant = self._grant_of(request, CREATE_SCOPE, at)
                asked = _read(request, Asked)
                number = self._number(asked.number, grant)
                try:
                    made = self.subscriptions.create(grant.client, number, asked, at=at)
                except ValueError:
                    raise _No(400, "INVALID_ARGUMENT") from None
                if made is None:
                    raise _No(409, "ALREADY_EXISTS")
                return 201, made
            case "GET", "":
                grant = self._grant_of(request, READ_SCOPE, at)
                if not self.subscriptions.tells_list:
                    raise _No(403, "PERMISSION_DENIED")
                return 200, self.subscriptions.of(grant.client, grant.subject)
            case "DELETE", named:
                grant = self._grant_of(request, DELETE_SCOPE, at)
                if not self.subscriptions.delete(grant.client, named.removeprefix("/")):
                    raise _No(404, "NOT_FOUND")
                return 204, None
            case _:
                raise _No(404, "NOT_FOUND")

    def _grant_of(self, request: Request, scope: str, at: int) -> _Grant:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        grant = self._grants.get(token)
        if grant is None or at >= grant.until:
            raise _No(401, "UNAUTHENTICATED")
        if scope == "number-verification:verify":
            # CAMARA: good for a single call.
            del self._grants[token]
        if scope not in grant.scope:
            raise _No(403, "PERMISSION_DENIED")
        return grant

    def _number(self, told: str | None, grant: _Grant) -> PhoneNumber:
        if grant.subject is not None:
            if told is not None:
                raise _No(422, "UNNECESSARY_IDENTIFIER")
            number = grant.subject
        elif told is None:
            raise _No(422, "MISSING_IDENTIFIER")
        else:
            number = PhoneNumber(told)
        try:
            self.network.line(number)
        except NoSuchLine:
            raise _No(404, "IDENTIFIER_NOT_FOUND") from None
        return number

    def _changed_at(self, api: str, number: PhoneNumber) -> int:
        line = self.network.line(number)
        return line.sim_at if api == "sim-swap" else line.phone_at

    def _check(self, api: str, request: Request, grant: _Grant, at: int) -> dict[str, Any]:
        asked = _read(request, _Check)
        number = self._number(asked.phone_number, grant)
        if self.network.lie is Lie.NEVER_SWAPPED:
            return {"swapped": False}
        if self.network.lie is Lie.UNDATED or (self.network.cap_h is not None and asked.max_age > self.network.cap_h):
            raise _No(400, "OUT_OF_RANGE")
        return {"swapped": self._changed_at(api, number) >= at - asked.max_age * _HOUR_S}

    def _date(self, api: str, request: Request, grant: _Grant, at: int) -> dict[str, Any]:
        number = self._number(_read(request, _Date).phone_number, grant)
        name = "latestSimChange" if api == "sim-swap" else "latestDeviceChange"
        if self.network.lie is Lie.UNDATED:
            return {name: None}
        if self.network.lie is Lie.NEVER_SWAPPED:
            return {name: None, "monitoredPeriod": 3650}
        changed_at, days = self._changed_at(api, number), self.network.monitored_days
        if days is not None and changed_at < at - days * _DAY_S:
            return {name: None, "monitoredPeriod": days}
        told = dt.datetime.fromtimestamp(changed_at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return {name: told}

    def _recycling(self, request: Request, grant: _Grant) -> dict[str, Any]:
        asked = _read(request, _Recycling)
        line = self.network.line(self._number(asked.phone_number, grant))
        since = dt.datetime.fromtimestamp(line.subscriber_at, dt.UTC).date()
        return {"phoneNumChanged": self.network.lie is not Lie.NEVER_SWAPPED and since > asked.specified_date}

    def _verify(self, request: Request, grant: _Grant) -> dict[str, Any]:
        asked = _read(request, _Verify)
        if grant.subject is None:
            raise _No(403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK")
        return {"devicePhoneNumberVerified": PhoneNumber(asked.phone_number) == grant.subject}


class InMemoryTransport:
    """Carries requests to a simulated operator without a socket. Slowness is an event: a late answer is none."""

    def __init__(self, camara: SimulatedCamara, clock: Clock, *, deadline_s: float) -> None:
        self._camara = camara
        self._clock = clock
        self._deadline_s = deadline_s

    async def send(self, request: Request) -> Reply:
        """See :class:`~pteri.adapters.telecom.camara.exchange.Transport`."""
        if self._camara.network.slow_s >= self._deadline_s:
            raise NoReply("TIMEOUT")
        return self._camara.handle(request, at=self._clock.now())

    async def close(self) -> None:
        """There is nothing to let go of."""


def _scope(told: object, allowed: frozenset[str]) -> frozenset[str]:
    asked = frozenset(told.split(" ")) if isinstance(told, str) else frozenset()
    purposes = frozenset(scope for scope in asked if scope.startswith("dpv:"))
    # CAMARA: exactly one purpose beside the scopes.
    if len(purposes) != 1 or asked == purposes or not asked - purposes <= allowed:
        raise _No(400, "invalid_scope")
    return asked - purposes


def _read(request: Request, kind: type[_T]) -> _T:
    if request.method != "POST" or request.headers.get("content-type") != "application/json":
        raise _No(400, "INVALID_ARGUMENT")
    try:
        return msgspec.json.decode(request.body, type=kind, strict=True)
    except msgspec.MsgspecError:
        raise _No(400, "INVALID_ARGUMENT") from None
