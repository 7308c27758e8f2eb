"""The composition root of the server: settings in, a running service out. The one place that knows every adapter."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from pteri import durable
from pteri.adapters.key_ring import KeyRing, KeyRingError
from pteri.adapters.log_files import LogDirectory
from pteri.adapters.smtp import SmtpCourier
from pteri.adapters.store.opening import open_store
from pteri.adapters.system import SteppedClock, SystemClock, SystemEntropy, self_test
from pteri.adapters.telecom.breaker import GuardedOperator
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.adapters.telecom.camara.subscribing import CamaraSubscriptions
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.adapters.telecom.several import SeveralOperators
from pteri.adapters.telecom.silent import SilentOperator
from pteri.adapters.vault import DeploymentVault
from pteri.adapters.witnesses import HttpWitness
from pteri.anchor_wiring import anchoring_of
from pteri.app.audit_ports import Halt, Pace
from pteri.app.auditing import Auditing
from pteri.app.chip_desk import ChipDesk
from pteri.app.delivering import GaveUp, deliver_what_is_due
from pteri.app.deployment import Deployment, Officer, Tenant
from pteri.app.event_desk import EventDesk, EventNews
from pteri.app.forget import forget_old
from pteri.app.growing import NoLog, grow, require_index_key, require_log
from pteri.app.halting import ClockNews, steady_time, watch_clock
from pteri.app.log_desk import LogDesk, Stance
from pteri.app.loops import Loop, News, Stop, pull
from pteri.app.observing import LineWatch
from pteri.app.ports import StoreUnavailable
from pteri.app.publishing import Publisher, PublishNews
from pteri.app.recent_block import watch_blocks
from pteri.app.sequence import give_positions
from pteri.app.shadowing import FAILED, Shadow, ShadowNews
from pteri.app.subscribing import Subscribing
from pteri.app.telling import tell_of_what_is_due
from pteri.app.witnessing import WitnessNews, show_to_witnesses
from pteri.block_wiring import recent_block_of
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.euicc.anchors import Revocations, TrustAnchors
from pteri.core.euicc.ceremony import ServerIdentity
from pteri.core.euicc.certificate import MAX_CERTIFICATE_BYTES, parse_certificate
from pteri.core.euicc.numbers import eid
from pteri.core.ids import TenantId
from pteri.core.keys.device import DeviceKey
from pteri.core.keys.network import network_named
from pteri.core.keys.secret import Secret
from pteri.deployment_key import read_key_ring
from pteri.esim_settings import EsimSettings
from pteri.http.admission import Limits
from pteri.http.app import build_app, build_partner_app
from pteri.http.ratelimit import Rate
from pteri.log_key import account_indexes, log_signer
from pteri.log_settings import LogSettings
from pteri.operator_settings import OperatorSettings, read_client_key
from pteri.policies.file import load_policy, rules_of
from pteri.settings import (
    NoticesSettings,
    OfficerSettings,
    ServerSettings,
    Settings,
    SettingsError,
    TenantSettings,
    read_password,
)

if TYPE_CHECKING:
    from pteri.app.operators import Operator
    from pteri.app.ports import Entropy, Store
    from pteri.domain.signals import Signal
    from pteri.http.asgi import Application

__all__ = [
    "api_of",
    "check_key",
    "chip_desk_of",
    "courier_of",
    "deployed",
    "event_desk_of",
    "holder_of",
    "keys_in_use",
    "log_desk_of",
    "loops_of",
    "operators_of",
    "partner_api_of",
    "shadow_of",
    "start_local_loops",
    "start_loops",
]

_log = structlog.get_logger("pteri")

_SEQUENCE_EVERY_S: Final = 0.25
_TELL_EVERY_S: Final = 1.0
_DELIVER_EVERY_S: Final = 2.0
_DELIVER_PAUSE_S: Final = 0.05
_ANCHOR_EVERY_S: Final = 10.0
_ANCHOR_PAUSE_S: Final = 0.05
_WITNESS_EVERY_S: Final = 0.5
_PUBLISH_EVERY_S: Final = 0.5
_SUBSCRIBE_EVERY_S: Final = 5.0
_SUBSCRIBE_PAUSE_S: Final = 0.05
_AUDIT_EVERY_S: Final = 5.0
_SETTLE_EVERY_S: Final = 1.0
_FORGET_EVERY_S: Final = 600.0
_FORGET_PAUSE_S: Final = 0.05


@asynccontextmanager
async def deployed(settings: Settings) -> AsyncIterator[Deployment]:
    """The service on its open database, which belongs to this event loop and is closed at the end.

    ``SettingsError`` says what to mend; ``StoreRefused`` and ``StoreUnavailable`` what is wrong with the database.
    """
    entropy = SystemEntropy()
    self_test(entropy)
    rules = rules_of(settings)
    server = settings.server
    ring = read_key_ring(server.deployment_key_file)
    async with AsyncExitStack() as opened:
        store = await open_store(server.database if isinstance(server.database, Path) else server.database.reveal())
        opened.push_async_callback(store.close)
        vault = DeploymentVault(await keys_in_use(store, ring), entropy)
        operators = operators_of(settings, entropy, opened)
        events = event_desk_of(settings, entropy, opened)
        desk = None if settings.log is None else log_desk_of(settings.log, opened)
        deployment = Deployment(
            store=store,
            clock=SystemClock() if server.clock_file is None else SteppedClock(server.clock_file),
            entropy=entropy,
            vault=vault,
            line=LineWatch(store, vault, operators, _alarm) if operators else SilentOperator(),
            rules=rules,
            tenants={tenant.id: _tenant(tenant) for tenant in settings.tenants},
            public_origin=server.public_origin,
            courier=None if settings.notices is None else courier_of(settings.notices),
            chips=None if settings.esim is None else chip_desk_of(settings.esim, apart=settings.partners is not None),
            shadow=shadow_of(server),
            log=desk,
            events=events,
            audit=Pace(server.audit_every_s, server.audit_rate),
            anchoring=None
            if settings.anchor is None or desk is None
            else anchoring_of(settings.anchor, store, desk, opened),
            blocks=None if settings.block is None else recent_block_of(settings.block, opened),
        )
        await check_key(deployment)
        if deployment.log is not None:
            await _check_log(deployment, deployment.log)
        yield deployment


async def check_key(deployment: Deployment) -> None:
    """Refuse a database that was made under another deployment key: every keyed hash in it would miss.

    Without this a swapped key would start in silence, and every login could be bound a second time.
    """
    vault, registered = deployment.vault, await deployment.store.keys.registered()
    if not registered:
        mark = vault.mark(vault.name)
        pinned = await deployment.store.pin("deployment key", mark)
        if not hmac.compare_digest(pinned.encode(), mark.encode()):
            raise SettingsError("This database was made with another deployment key. Restore that key.")
    needed = {key.name: key.mark for key in registered if not key.retired} or {vault.name: vault.mark(vault.name)}
    for name, mark in needed.items():
        if name not in vault.names or not hmac.compare_digest(vault.mark(name).encode(), mark.encode()):
            raise SettingsError(f"This database needs the deployment key {name}, too. Restore the file that has it.")
    if unknown := [name for name in vault.names if name not in needed]:
        # A key of which this database does not know that it is needed could be lost without a word.
        raise SettingsError(f"The deployment key {unknown[0]} is not in use yet. Finish that with: pteri key new")


async def keys_in_use(store: Store, ring: KeyRing) -> KeyRing:
    """The keys without those that this database has retired: a file that was not copied since may have them still."""
    retired = {key.name for key in await store.keys.registered() if key.retired}
    gone = [held.name for held in ring if held.name in retired]
    for name in gone:
        try:
            ring = ring.without(name)
        except KeyRingError as error:
            raise SettingsError(
                f"This database has retired the key {name}, and the file says that it writes."
            ) from error
    return ring


async def _check_log(deployment: Deployment, desk: LogDesk) -> None:
    """Refuse to start without the log that the settings name: nothing that is decided then could be shown."""
    try:
        await require_log(deployment.store, desk.signer)
        await require_index_key(deployment.store, desk.indexes.public)
    except NoLog as error:
        raise SettingsError(f"{error}."[0].upper() + f"{error}."[1:]) from error


def operators_of(settings: Settings, entropy: Entropy, opened: AsyncExitStack) -> dict[TenantId, Operator]:
    """Whom each tenant asks about lines; a tenant that has nobody is not there. ``opened`` closes the connections."""
    try:
        asked = {operator.name: _operator(operator, entropy, opened) for operator in settings.operators}
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return {
        tenant.id: SeveralOperators(
            {operator.name: asked[operator.name] for operator in serving},
            verifier=next((operator.name for operator in serving if operator.possession != "none"), None),
        )
        for tenant in settings.tenants
        if (serving := [operator for operator in settings.operators if operator.serves(tenant.id)])
    }


def event_desk_of(settings: Settings, entropy: Entropy, opened: AsyncExitStack) -> EventDesk | None:
    """Who is to tell events, and all others that are asked: one that shall tell none any more is to be told so."""
    wanted = frozenset(operator.name for operator in settings.operators if operator.subscribe)
    if not settings.operators:
        return None
    try:
        known = {
            operator.name: CamaraSubscriptions(_terms(operator), _transport(operator, opened), entropy)
            for operator in settings.operators
        }
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return EventDesk(
        {
            tenant.id: {
                operator.name: known[operator.name] for operator in settings.operators if operator.serves(tenant.id)
            }
            for tenant in settings.tenants
        },
        wanted,
    )


def _operator(settings: OperatorSettings, entropy: Entropy, opened: AsyncExitStack) -> GuardedOperator:
    operator = CamaraOperator(_terms(settings), _transport(settings, opened), entropy)
    return GuardedOperator(settings.name, operator)


def _transport(settings: OperatorSettings, opened: AsyncExitStack) -> HttpTransport:
    transport = HttpTransport(timeout_s=settings.deadline_ms / 1000)
    opened.push_async_callback(transport.close)
    return transport


def _terms(settings: OperatorSettings) -> Terms:
    return Terms(
        name=settings.name,
        api_url=settings.api_url,
        token_url=settings.token_url,
        client=Client(
            settings.client_id,
            read_client_key(settings.key_file),
            settings.audience,
            to_issuer=settings.assertions_for == "issuer",
        ),
        purpose=settings.purpose,
        access=Access(settings.access),
        possession=Possession(settings.possession),
        start_url=settings.start_url,
        keys=tuple(DeviceKey.from_sec1(ids.from_base64url(key)) for key in settings.keys),
        deadline_s=settings.deadline_ms / 1000,
    )


def log_desk_of(log: LogSettings, opened: AsyncExitStack) -> LogDesk:
    """How the log is signed, shown and published by these settings. ``opened`` closes the connections to witnesses."""
    witnesses = tuple(HttpWitness(witness.verifier, witness.url) for witness in log.witnesses)
    for witness in witnesses:
        opened.push_async_callback(witness.close)
    return LogDesk(
        log_signer(log),
        account_indexes(log),
        quorum=log.quorum,
        witnesses=witnesses,
        files=None if log.directory is None else LogDirectory(log.directory),
        answers_wait=log.answers_wait,
    )


def chip_desk_of(esim: EsimSettings, *, apart: bool = False) -> ChipDesk:
    """Where chips come to by these settings, and partners ``apart`` or not.

    ``SettingsError`` names what is wrong, and nothing of what is in a key.
    """
    revoked = frozenset(esim.revoked_keys)
    issuers = [_certificate(path) for path in esim.anchors]
    try:
        return ChipDesk(
            address=esim.address,
            anchors=TrustAnchors.from_der(
                issuers,
                lab=esim.lab,
                revoked=Revocations(eids=frozenset(map(eid, esim.revoked_eids)), eums=revoked, cis=revoked),
            ),
            identities=(ServerIdentity.load(_certificate(esim.certificate), read_client_key(esim.key_file)),),
            issuers=tuple(dict.fromkeys(parse_certificate(der).extensions.key_id for der in issuers)),
            partners_apart=apart,
        )
    except ProtocolError as error:
        raise SettingsError(f"esim: {error.detail} ({error.code})") from error
    except ValueError as error:
        raise SettingsError(f"esim: {error}") from error


def _certificate(path: Path) -> bytes:
    try:
        return durable.read_regular(path, MAX_CERTIFICATE_BYTES)
    except (OSError, durable.TooLongError) as error:
        raise SettingsError(f"esim: cannot read the certificate in {path}.") from error


def shadow_of(settings: ServerSettings) -> Shadow | None:
    """The policy that only watches, where there is one. What it would decide goes to the operator's log."""
    return None if settings.shadow_policy is None else Shadow(load_policy(settings.shadow_policy), _tell_of_shadow)


def courier_of(settings: NoticesSettings) -> SmtpCourier:
    """Whoever carries the mail of these settings; the password is read now."""
    password = None if settings.password_file is None else Secret(read_password(settings.password_file))
    return SmtpCourier(
        host=settings.host,
        port=settings.port,
        tls=settings.tls,
        sender=settings.sender,
        user=settings.user,
        password=password,
    )


def _tenant(settings: TenantSettings) -> Tenant:
    keys = [DeviceKey.from_sec1(ids.from_base64url(text)) for text in settings.client_keys]
    return Tenant(
        id=settings.id,
        domain=settings.domain,
        network=settings.network,
        chain=network_named(settings.network).chain_id,
        client_keys={key.thumbprint: key for key in keys},
        officers={officer.device.thumbprint: officer for officer in map(_officer, settings.officers)},
    )


def _officer(settings: OfficerSettings) -> Officer:
    phone = DeviceKey.from_sec1(ids.from_base64url(settings.phone_key))
    return Officer(settings.name, phone, settings.wallet, settings.former)


def api_of(deployment: Deployment, server: ServerSettings) -> Application:
    """The application that answers requests."""
    limits = Limits(
        rate=Rate("all", server.requests_per_minute, 60.0),
        max_waiting=server.max_waiting,
        trusted_proxies=tuple(ipaddress.ip_network(proxy) for proxy in server.trusted_proxies),
    )
    return build_app(deployment, version=version("pteri"), limits=limits)


def partner_api_of(deployment: Deployment, server: ServerSettings) -> Application:
    """The application that answers SM-DP+ partners, who come without a proxy."""
    return build_partner_app(
        deployment,
        limits=Limits(rate=Rate("partners", server.requests_per_minute, 60.0), max_waiting=server.max_waiting),
    )


def loops_of(deployment: Deployment) -> tuple[Loop, ...]:
    """The work after the commit."""

    async def forget() -> bool:
        return await forget_old(deployment, deployment.clock.now()) > 0

    async def tell() -> bool:
        return await tell_of_what_is_due(deployment, deployment.clock.now())

    courier, anchoring = deployment.courier, deployment.anchoring
    auditing = Auditing(deployment, deployment.audit, pause=asyncio.sleep, tell=_tell_of_halt)

    async def audit() -> bool:
        return await auditing.turn(steady_time(deployment.clock, deployment.clock.now()))

    async def anchor() -> bool:
        assert anchoring is not None
        # A clock that was set would end the six hours of an anchor, or the hour before the next.
        return await anchoring.turn(steady_time(deployment.clock, deployment.clock.now()))

    async def deliver() -> bool:
        assert courier is not None
        at = deployment.clock.now()
        return await deliver_what_is_due(deployment, courier, at, gave_up=_gave_up)

    mail = () if courier is None else (Loop("deliver", deliver, idle_s=_DELIVER_EVERY_S, busy_s=_DELIVER_PAUSE_S),)
    return (
        Loop("sequence", lambda: _sequence(deployment), idle_s=_SEQUENCE_EVERY_S, busy_s=0.0),
        Loop("forget", forget, idle_s=_FORGET_EVERY_S, busy_s=_FORGET_PAUSE_S),
        Loop("tell", tell, idle_s=_TELL_EVERY_S, busy_s=0.0),
        # It paces itself.
        Loop("audit", audit, idle_s=_AUDIT_EVERY_S, busy_s=0.0),
        *mail,
        *_log_loops(deployment),
        *_event_loops(deployment),
        *(() if anchoring is None else (Loop("anchor", anchor, idle_s=_ANCHOR_EVERY_S, busy_s=_ANCHOR_PAUSE_S),)),
    )


async def _sequence(deployment: Deployment) -> bool:
    """Positions first, then leaves for those that have one."""
    more = await give_positions(deployment.store)
    if deployment.log is not None:
        more = await grow(deployment.store, deployment.log, deployment.entropy) or more
    return more


def _event_loops(deployment: Deployment) -> Iterator[Loop]:
    if deployment.events is not None:
        subscribing = Subscribing(deployment, deployment.events, _tell_of_events)
        yield Loop("subscribe", subscribing.turn, idle_s=_SUBSCRIBE_EVERY_S, busy_s=_SUBSCRIBE_PAUSE_S)


def _tell_of_events(news: EventNews, operator: str, code: str) -> None:
    _log.warning(news.value, operator=operator, code=code)


def _log_loops(deployment: Deployment) -> Iterator[Loop]:
    desk = deployment.log
    if desk is None:
        return
    book = deployment.store.book
    files = desk.files
    if desk.quorum is not None:

        async def show() -> bool:
            return await show_to_witnesses(book, desk, at=deployment.clock.now(), tell=_tell_of_witness)

        yield Loop("witness", show, idle_s=_WITNESS_EVERY_S, busy_s=_WITNESS_EVERY_S)
    if files is not None:
        publisher = Publisher(book, desk, files, _tell_of_files)
        yield Loop("publish", publisher.turn, idle_s=_PUBLISH_EVERY_S, busy_s=_PUBLISH_EVERY_S)


def _tell_of_files(news: PublishNews, why: str) -> None:
    if news is PublishNews.GOES_ON:
        _log.warning(news.value)
    else:
        level = _log.critical if news is PublishNews.IS_ANOTHER else _log.error
        level(news.value, detail=why)


def _tell_of_witness(news: WitnessNews) -> None:
    if news.stance is Stance.SIGNS:
        _log.warning("witness_signs_again", witness=news.witness)
    else:
        level = _log.critical if news.is_alarm else _log.warning
        level("witness_did_not_sign", witness=news.witness, stance=news.stance, why=news.why)


def holder_of(entropy: Entropy) -> str:
    """A name for this process in the table of leases: an operator recognises it, and no other process has it."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{ids.crockford(entropy.draw(10), 16)}"


def start_loops(deployment: Deployment, stop: Stop) -> list[asyncio.Task[None]]:
    """Start the pull loops in this event loop. They end by ``stop``, or by a bug, which is heard at once."""
    store, clock = deployment.store, deployment.clock
    holder = holder_of(deployment.entropy)
    return [
        asyncio.create_task(_loud("clock", watch_clock(clock, stop=stop, tell=_tell_of_clock))),
        *(
            asyncio.create_task(
                _loud(
                    loop.name, pull(loop, store=store, clock=clock, holder=holder, stop=stop, tell=_teller(loop.name))
                )
            )
            for loop in loops_of(deployment)
        ),
    ]


def start_local_loops(deployment: Deployment, stop: Stop) -> list[asyncio.Task[None]]:
    """Start what each process that answers requests does for itself, whoever has the leases."""
    local = {"presented": _settle(deployment, stop)}
    if deployment.blocks is not None:
        local["block"] = watch_blocks(deployment.blocks, deployment.clock, stop=stop)
    return [asyncio.create_task(_loud(name, work)) for name, work in local.items()]


async def _settle(deployment: Deployment, stop: Stop) -> None:
    while not stop.is_set():
        with suppress(StoreUnavailable):  # what was presented is presented again
            await deployment.presented.settle(deployment.store.keys)
        await stop.wait(_SETTLE_EVERY_S)


def _alarm(signal: Signal) -> None:
    _log.critical("operator_contradicts", operator=signal.operator, question=signal.question, code=signal.code)


def _tell_of_clock(news: ClockNews, stepped_s: int) -> None:
    level = _log.critical if news is ClockNews.JUMPED else _log.warning
    level(news.value, stepped_s=stepped_s)


def _tell_of_shadow(news: ShadowNews) -> None:
    if news.shadow == FAILED:
        _log.error("shadow_failed", purpose=news.purpose, request=news.request, times=news.times)
    else:
        _log.info("shadow_differs", **msgspec.to_builtins(news))


def _tell_of_halt(halt: Halt) -> None:
    _log.critical("account_halted", tenant=halt.tenant, account=halt.account, code=halt.code)


def _gave_up(count: int, why: GaveUp) -> None:
    _log.error("mail_given_up", count=count, why=why)


def _teller(name: str) -> Callable[[News], None]:
    def tell(news: News) -> None:
        _log.warning(news.value, loop=name)

    return tell


async def _loud(name: str, loop: Awaitable[None]) -> None:
    """A bug ends a loop and says so then, not when the service stops: until then events would get no log position."""
    try:
        await loop
    except Exception as error:
        _log.critical("loop_ended", loop=name, error=type(error).__name__)
        raise
