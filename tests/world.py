"""A small world in one process: a real service over a real database, honest phones, a relying party, a clock.

Only clock and randomness are simulated, behind their ports. Requests go through the whole web side (ASGI), so that
tests see statuses and problem codes. Phones here are simple on purpose: what a *dishonest* one sends is spelt out in
the test that plays it. Where the database is, is for ``worlds.py``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sqlite3
import weakref
from collections.abc import Coroutine, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

import httpx2
import msgspec

from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.adapters.telecom.silent import SilentOperator
from pteri.adapters.vault import DeploymentVault
from pteri.app.anchoring import Anchoring, Schedule
from pteri.app.deployment import Deployment, Officer, Tenant
from pteri.app.event_desk import EventDesk
from pteri.app.growing import first_state
from pteri.app.log_desk import LogDesk
from pteri.app.log_reading import shown_head
from pteri.app.observing import LineWatch
from pteri.app.ports import CourierUnavailable, Letter, LetterRefused, LetterRejected, LineAnswer
from pteri.app.shadowing import Shadow
from pteri.core import ids, wire
from pteri.core.acts import ApproveMigration, Authenticate, BindWallet, StatementAct
from pteri.core.guardians import Guardians
from pteri.core.httpsig import SignedRequest, Tag, sign
from pteri.core.ids import AccountId, BlockId, Digest, Domain, TenantId
from pteri.core.invitation import parse_invitation
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.message import SignatureType, sign_message, verify_message
from pteri.core.keys.mnemonic import seed
from pteri.core.keys.network import network_named
from pteri.core.keys.recovery import sign_with_code
from pteri.core.keys.secret import Secret
from pteri.core.otp import one_time_code
from pteri.core.statement import Statement
from pteri.core.transfer.offer import OFFER_LIFE_S, make_offer
from pteri.core.verify import CodeSignature, Enrolment, Invited, NewWallet, Payload, WalletSignature
from pteri.core.wallets import PinnedWallet
from pteri.domain.facts import LineStatus
from pteri.domain.rules import Rules
from pteri.domain.signals import Finding, Question, Signal
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from pteri.app.anchor_ports import Chain
    from pteri.app.operators import Operator
    from pteri.app.ports import Store
    from pteri.app.subscription_ports import Subscriber

T = TypeVar("T")
ORIGIN = "https://pteri.example"
START = 1_795_000_000
LINE = "+4915112345678"
OTHER_LINE = "+4915187654321"
TRANSCRIPT = ids.digest_text(hashlib.sha256(b"what two phones have said to each other").digest())


class SimClock:
    """A clock that moves when a test says so."""

    def __init__(self, at: int = START) -> None:
        self.at = at
        self.stepped = 0

    def now(self) -> int:
        return self.at

    def stepped_s(self) -> int:
        return self.stepped

    def advance(self, seconds: int) -> None:
        """Time passes."""
        self.at += seconds

    def set(self, seconds: int) -> None:
        """Somebody sets it forward or back."""
        self.at += seconds
        self.stepped += seconds


class SimEntropy:
    """Different bytes at every draw, the same in every run."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._draws = 0

    def draw(self, size: int) -> bytes:
        self._draws += 1
        return hashlib.shake_256(f"{self._label}:{self._draws}".encode()).digest(size)


class SimCourier:
    """A mail server that takes everything, and nothing while it ``is_away``.

    What ``refuses`` names it does not take now, and what ``rejects`` names it never will.
    """

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.refuses: set[str] = set()
        self.rejects: set[str] = set()
        self.is_away = False
        self.offered = 0

    async def send(self, letter: Letter) -> None:
        self.offered += 1
        if self.is_away:
            raise CourierUnavailable("away")
        if letter.to in self.refuses:
            raise LetterRefused("not now")
        if letter.to in self.rejects:
            raise LetterRejected("no such mailbox")
        self.letters.append(letter)

    def to(self, address: str) -> list[Letter]:
        return [letter for letter in self.letters if letter.to == address]


class SimBlocks:
    """The recent block, as the test wants it."""

    network = "main"
    every_s = 60

    def __init__(self, block: BlockId | None = None) -> None:
        self.block = block

    def at(self, at: int) -> BlockId | None:
        assert at >= 0
        return self.block

    async def turn(self, at: int) -> bool:
        assert at >= 0
        return False


class SimOperator:
    """What operators say, as the test wants it: of a change they say that it happened just now."""

    def __init__(self, status: LineStatus) -> None:
        self.status_now = status

    async def heard(self, tenant: TenantId, account: AccountId, esim: Digest, *, since: int, at: int) -> LineAnswer:
        del tenant, account, esim, since
        finding = _FINDINGS[self.status_now]
        signal = Signal(operator="sim", question=Question.SIM_SWAP, finding=finding, code=finding, asked_at=at)
        return LineAnswer((signal,), None if finding is Finding.UNKNOWN else at)

    async def alive(self, tenant: TenantId, account: AccountId, esim: Digest, token: Secret, *, at: int) -> Signal:
        del tenant, account, esim
        token.wipe()
        return Signal(operator="sim", question=Question.POSSESSION, finding=Finding.CLEAR, code="CLEAR", asked_at=at)


_FINDINGS: Final = {
    LineStatus.CONTINUOUS: Finding.CLEAR,
    LineStatus.UNKNOWN: Finding.UNKNOWN,
    LineStatus.CHANGED: Finding.CHANGED,
    LineStatus.CONTRADICTED: Finding.CONTRADICTED,
}


@dataclass(frozen=True)
class Answered:
    """What came back over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> dict[str, Any]:
        decoded = msgspec.json.decode(self.body)
        assert isinstance(decoded, dict)
        return decoded

    @property
    def code(self) -> str:
        return str(self.json.get("code", ""))

    def as_(self, kind: type[T]) -> T:
        assert self.status < 300, self.body
        return msgspec.json.decode(self.body, type=kind)


@dataclass
class Key:
    """A P-256 key with its own stream of nonces and idempotency keys."""

    label: str
    private: DevicePrivateKey = field(init=False)
    entropy: SimEntropy = field(init=False)

    def __post_init__(self) -> None:
        self.private = DevicePrivateKey.from_secret(Secret(hashlib.sha256(self.label.encode()).digest()))
        self.entropy = SimEntropy(self.label)

    def request(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        at: int,
        tag: Tag = Tag.DEVICE,
        idempotency_key: str | None = None,
        origin: str = ORIGIN,
    ) -> SignedRequest:
        return sign(
            method=method,
            target_uri=f"{origin}{path}",
            body=body,
            idempotency_key=idempotency_key or ids.to_base64url(self.entropy.draw(18)),
            key=self.private,
            created_at=at,
            nonce=self.entropy.draw(16),
            tag=tag,
        )


@dataclass
class SimWallet:
    """A Litecoin wallet: identity key of one tenant index."""

    words: str
    index: int = 0
    network: str = "main"

    def __post_init__(self) -> None:
        self._key = ExtendedKey.from_seed(seed(self.words)).derive(identity_path(self.index, self.network))
        self.pinned = PinnedWallet(
            address=address_of(self._key.public_key, AddressKind.P2PKH, self.network).text,
            public_key=ids.to_base64url(self._key.public_key),
            signature_type=SignatureType.P2PKH,
        )

    def sign(self, text: bytes) -> str:
        return sign_message(self._key.secret, text, kind=AddressKind.P2PKH, network=self.network)


ALICE_WORDS = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
MALLORY_WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
NEW_WORDS = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"
"""Of the wallet that somebody makes when the old one is lost or known to others."""
FRIENDS_WORDS = "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong"
"""Guardians and officers: one wallet each."""
OFFICERS = ("ofc-1", "ofc-2", "ofc-3")


class Database(Protocol):
    """Where the registry of a world lies."""

    async def open(self) -> Store:
        """One more handle on it."""
        ...

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is in it: the rows of each table, sorted."""
        ...

    async def stolen(self) -> dict[str, bytes]:
        """What a thief of the whole database has, by file or table."""
        ...


class SqliteFile:
    """A file in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "pteri.sqlite3"

    async def open(self) -> Store:
        return GroupedStore(SqliteStore.open(self.path))

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        with closing(sqlite3.connect(self.path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for (name,) in tables}

    async def stolen(self) -> dict[str, bytes]:
        found = {file.name: file.read_bytes() for file in self.path.parent.iterdir() if file.is_file()}
        assert {"pteri.sqlite3", "pteri.sqlite3-wal"} <= found.keys()
        return found


class World:
    """One service. ``tenants``: bank and shop, each with its own client key.

    ``line``: what a made-up port says of every line; ``mobile``: an operator behind the real one, which the bank asks.
    ``telling``: operators, by name, that tell the bank events.

    ``log``: how its log is signed; where there is one, it begins here. ``chain``: the node that it is anchored with.
    ``blocks``: what its statements name.

    ``clock`` and ``deployment_key``: of another process of the same service. ``close`` it, or leave that to its
    fixture.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database: Database | None = None,
        rules: Rules | None = None,
        line: LineStatus | None = None,
        mobile: Operator | None = None,
        name: str = "world",
        clock: SimClock | None = None,
        deployment_key: bytes = b"deployment",
        shadow: Shadow | None = None,
        log: LogDesk | None = None,
        network: Literal["main", "test", "regtest"] = "main",
        chain: Chain | None = None,
        telling: Mapping[str, Subscriber] | None = None,
        blocks: SimBlocks | None = None,
    ) -> None:
        self.network: Literal["main", "test", "regtest"] = network
        self.clock = clock or SimClock()
        self.directory = directory
        self.database = database or SqliteFile(directory)
        self.operator = None if line is None else SimOperator(line)
        self.courier = SimCourier()
        # One event loop for its life: the connections of a database belong to it.
        self._runner = asyncio.Runner()
        weakref.finalize(self, self._runner.get_loop().close)
        entropy = SimEntropy(name)
        officers = {
            ids.thumbprint(phone.thumbprint): Officer(officer, phone.key.private.public, phone.wallet.pinned)
            for officer, phone in ((officer, self.officer(officer)) for officer in OFFICERS)
        }
        self.sites = {name: Key(f"site {name}") for name in ("bank", "shop")}
        self.deployment = Deployment(
            store=self.run(self.database.open()),
            clock=self.clock,
            entropy=entropy,
            vault=DeploymentVault(Secret(hashlib.sha256(deployment_key).digest()), entropy),
            line=self.operator or SilentOperator(),
            rules=rules or Rules(),
            tenants={
                tenant.id: tenant
                for tenant in (
                    Tenant(
                        id=TenantId(name),
                        domain=Domain(f"{name}.example"),
                        network=network,
                        chain=network_named(network).chain_id,
                        client_keys={key.private.public.thumbprint: key.private.public},
                        officers=officers if name == "bank" else {},
                    )
                    for name, key in self.sites.items()
                )
            },
            public_origin=ORIGIN,
            courier=self.courier,
            shadow=shadow,
            log=log,
            events=None if telling is None else EventDesk({TenantId("bank"): telling}, frozenset(telling)),
            blocks=blocks,
        )
        if log is not None:
            self.run(self.deployment.store.book.start(first_state(log.signer)))
        if chain is not None:
            self.deployment = replace(self.deployment, anchoring=self._anchoring(chain))
        if mobile is not None:
            watch = LineWatch(self.deployment.store, self.deployment.vault, {TenantId("bank"): mobile})
            self.deployment = replace(self.deployment, line=watch)
        self.store = self.deployment.store
        """As it was opened: the one of the deployment may be wrapped by a test."""
        self.app: ASGIApp = build_app(
            self.deployment, version="0", limits=Limits(rate=Rate("tests", 1_000_000, 1.0)), lifespan=None
        )

    def _anchoring(self, chain: Chain) -> Anchoring:
        store, desk = self.deployment.store, self.deployment.log
        assert desk is not None
        return Anchoring(
            log=desk.signer.verifier.name,
            store=store.anchors,
            chain=chain,
            heads=lambda: shown_head(store.book, desk),
            schedule=Schedule(),
            tell=lambda *_: None,
        )

    def close(self) -> None:
        self.run(self.store.close())
        self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The whole database, table by table."""
        return self.run(self.database.rows())

    def stolen(self) -> dict[str, bytes]:
        """The same as a thief has it."""
        return self.run(self.database.stolen())

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, host: bytes) -> Answered:
        """One request. ``host``: three bytes or more of the address that it comes from."""
        transport = httpx2.ASGITransport(self.app, client=(f"10.{host[0]}.{host[1]}.{host[2]}", 1))
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            answer = await client.request(method, path, content=body, headers=dict(headers))
        return Answered(answer.status_code, answer.content, dict(answer.headers))

    async def asend(self, request: SignedRequest, **changed_headers: str) -> Answered:
        path = request.target_uri.removeprefix(ORIGIN)
        headers = {**request.headers(), "content-type": "application/json", **changed_headers}
        # One address per signer: rate limits per network are tested elsewhere, not met by accident.
        host = hashlib.sha256(request.signature_input.encode()).digest()
        return await self.ask(request.method, path, request.body, headers, host=host)

    def send(self, request: SignedRequest, **changed_headers: str) -> Answered:
        return self.run(self.asend(request, **changed_headers))

    def site(self, name: str = "bank") -> Site:
        return Site(self, name)

    def phone(self, label: str, words: str = ALICE_WORDS, *, index: int = 0, tenant: str = "bank") -> SimPhone:
        return SimPhone(self, Key(label), SimWallet(words, index), tenant)

    def officer(self, name: str) -> SimPhone:
        """Somebody of the bank who sees the papers of people."""
        return self.phone(f"phone of {name}", FRIENDS_WORDS, index=50 + OFFICERS.index(name))

    def guardian(self, number: int) -> SimPhone:
        """A friend of whoever named them. They need no account anywhere."""
        return self.phone(f"phone of guardian {number}", FRIENDS_WORDS, index=number)

    def enrolled(self, label: str = "old phone", login: str = "alice@example.com", **kwargs: Any) -> SimPhone:
        """A phone that has linked an account, with its code typed."""
        phone = self.phone(label, **kwargs)
        browser = Browser(f"{label} browser")
        started = self.site(phone.tenant).start_binding(login, browser)
        shown = phone.bind(started)
        done = self.site(phone.tenant).enter_code("bindings", started.id, shown.code, browser)
        assert done.status == 200, done.body
        return phone

    def account_of(self, phone: SimPhone) -> Any:
        seen = phone.devices()
        return self.run(self.deployment.store.account(TenantId(phone.tenant), seen.account))


class Browser:
    """A browser session: a secret, and the hash that the service knows."""

    def __init__(self, label: str) -> None:
        self.secret = hashlib.sha256(label.encode()).digest()
        self.session = ids.digest_text(hashlib.sha256(self.secret).digest())


class Site:
    """The Web2 back end of a tenant. It signs, or sends a ``token`` where one will do."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.key = world, name, world.sites[name]

    def call(
        self,
        method: str,
        path: str,
        message: msgspec.Struct | None = None,
        *,
        idempotency_key: str | None = None,
        token: str | None = None,
    ) -> Answered:
        return self.world.run(self.acall(method, path, message, idempotency_key=idempotency_key, token=token))

    async def acall(
        self,
        method: str,
        path: str,
        message: msgspec.Struct | None = None,
        *,
        idempotency_key: str | None = None,
        token: str | None = None,
    ) -> Answered:
        body = b"" if message is None else msgspec.json.encode(message)
        path = f"/v1/{self.name}{path}"
        if token is not None:
            key = idempotency_key or ids.to_base64url(self.key.entropy.draw(18))
            return await self.world.ask(method, path, body, bearing(token, key), host=key.encode())
        at = self.world.clock.now()
        return await self.world.asend(
            self.key.request(method, path, body, at=at, tag=Tag.CLIENT, idempotency_key=idempotency_key)
        )

    def token(self) -> wire.Token:
        return self.call("POST", "/tokens", wire.Nothing()).as_(wire.Token)

    def start_binding(self, login: str, browser: Browser, line: str | None = LINE) -> wire.Started:
        return self.call("POST", "/bindings", wire.StartBinding(login, browser.session, line)).as_(wire.Started)

    def start_sign_in(
        self, login: str, browser: Browser, *, prompt: bool = True, token: str | None = None
    ) -> wire.Started:
        """With ``prompt`` the phones see it unasked; without, it has to be scanned."""
        message = wire.StartSignIn(login, browser.session, prompt)
        return self.call("POST", "/logins", message, token=token).as_(wire.Started)

    def progress(self, started: wire.Started, *, token: str | None = None) -> str:
        return self.call("GET", f"/logins/{started.id}", token=token).as_(wire.Progress).state

    def enter_code(
        self,
        what: str,
        request: str,
        code: str,
        browser: Browser,
        *,
        idempotency_key: str | None = None,
        token: str | None = None,
    ) -> Answered:
        message = wire.EnterCode(code, ids.to_base64url(browser.secret))
        return self.call("POST", f"/{what}/{request}/code", message, idempotency_key=idempotency_key, token=token)


def bearing(token: str, idempotency_key: str) -> dict[str, str]:
    """The headers of a request with a token."""
    return {
        "authorization": f"Bearer {token}",
        "idempotency-key": idempotency_key,
        "content-type": "application/json",
    }


@dataclass(frozen=True)
class Shown:
    """What a phone shows after it has signed, and everything it sent."""

    code: str
    decided: Answered
    request: SignedRequest
    statement: Statement


@dataclass(frozen=True)
class Known:
    """What a phone remembers of its account: enough, with an invitation, to compose a sign-in by itself."""

    account: AccountId
    epoch: int
    esim: Digest | None


@dataclass(frozen=True)
class Beside:
    """What signs a statement besides the phone and its wallet.

    ``told``: the answer says whose wallet signed, since it may not be the account's.
    """

    new_wallet: SimWallet | None = None
    code: Key | None = None
    told: bool = False


_NOTHING_BESIDE = Beside()


@dataclass
class SimPhone:
    """An honest phone. ``payload`` makes what it signs; tests change what a thief would change.

    ``claimed_with``: the wallet that the account shall have, once the phone has asked for another one.
    """

    world: World
    key: Key
    wallet: SimWallet
    tenant: str = "bank"
    known: Known | None = None
    claimed_with: SimWallet | None = None
    beside: dict[str, Beside] = field(default_factory=dict)

    @property
    def thumbprint(self) -> str:
        return self.key.private.public.thumbprint

    @property
    def sec1_text(self) -> str:
        return ids.to_base64url(self.key.private.public.sec1)

    def enrolment(self) -> Enrolment:
        return Enrolment(self.sec1_text, self.wallet.pinned)

    def post(self, path: str, message: msgspec.Struct, *, idempotency_key: str | None = None) -> Answered:
        return self.world.send(self.request_to(path, msgspec.json.encode(message), idempotency_key=idempotency_key))

    def request_to(self, path: str, body: bytes, *, idempotency_key: str | None = None) -> SignedRequest:
        at = self.world.clock.now()
        return self.key.request("POST", f"/v1/{self.tenant}{path}", body, at=at, idempotency_key=idempotency_key)

    # --- the ceremony -------------------------------------------------------------------------------------------

    def claim(self, request: str, *, enrolment: Enrolment | None = None, line: str | None = None) -> Answered:
        return self.post(f"/challenges/{request}/claim", wire.Claim(enrolment, line))

    def payload(
        self, statement: Statement, *, enrolment: Enrolment | None = None, invited: Invited | None = None
    ) -> Payload:
        text = statement.encode()
        beside = self.beside.get(statement.request_id, _NOTHING_BESIDE)
        wallet, new = self.signs(statement), beside.new_wallet
        return Payload(
            wallet_signature=WalletSignature(SignatureType.P2PKH, wallet.sign(text)),
            statement_sha256=ids.digest_text(hashlib.sha256(text).digest()),
            enrolment=enrolment,
            invited=invited,
            new_wallet=None
            if new is None
            else NewWallet(new.pinned, None if new.pinned == wallet.pinned else new.sign(text)),
            recovery_code=None if beside.code is None else code_signature(beside.code, text),
            signed_by=wallet.pinned if beside.told else None,
        )

    def signs(self, statement: Statement) -> SimWallet:
        """Which of its wallets the statement names."""
        new = self.claimed_with
        return self.wallet if new is None or new.pinned.address != statement.address else new

    def response(
        self,
        statement: Statement,
        *,
        enrolment: Enrolment | None = None,
        invited: Invited | None = None,
        idempotency_key: str | None = None,
    ) -> SignedRequest:
        body = msgspec.json.encode(self.payload(statement, enrolment=enrolment, invited=invited))
        return self.request_to(f"/challenges/{statement.request_id}/response", body, idempotency_key=idempotency_key)

    def answer(
        self, statement: Statement, *, enrolment: Enrolment | None = None, invited: Invited | None = None
    ) -> Shown:
        request = self.response(statement, enrolment=enrolment, invited=invited)
        decided = self.world.send(request)
        return Shown(self.code_of(request, statement), decided, request, statement)

    def code_of(self, request: SignedRequest, statement: Statement) -> str:
        payload = msgspec.json.decode(request.body, type=Payload)
        message = verify_message(
            self.signs(statement).pinned.address, statement.encode(), payload.wallet_signature.signature, network="main"
        )
        device_rs = base64.b64decode(request.signature.removeprefix("pteri=:").removesuffix(":"))
        return one_time_code(
            statement.encode(),
            wallet_signature=message.rs,
            device_signature=device_rs,
            request_id=statement.request_id,
            session_hash=ids.digest_bytes(self.code_session(statement.act)),
            nonce=statement.nonce,
        )

    def code_session(self, act: StatementAct) -> Digest:
        match act:
            case BindWallet() | Authenticate():
                return act.session
            case ApproveMigration():
                return act.offer
            case _:
                return Digest(act.device)

    # --- whole flows --------------------------------------------------------------------------------------------

    def bind(self, started: wire.Started) -> Shown:
        parse_invitation(started.qr)
        statement = self.claim(started.id, enrolment=self.enrolment()).as_(wire.Claimed).statement
        act = statement.act
        assert isinstance(act, BindWallet)
        self.known = Known(act.account, act.epoch + 1, act.esim)
        return self.answer(statement, enrolment=self.enrolment())

    def approve(self, started: wire.Started) -> Shown:
        return self.answer(self.claim(started.id).as_(wire.Claimed).statement)

    def scan(self, started: wire.Started) -> Shown:
        """The same without asking for anything: from what the code in the browser says and what it knows itself."""
        statement, invited = self.scanned(started)
        return self.answer(statement, invited=invited)

    def scanned(self, started: wire.Started) -> tuple[Statement, Invited]:
        invitation = parse_invitation(started.qr)
        terms, known = invitation.terms, self.known or self.look()
        assert terms is not None
        act = Authenticate(
            known.account,
            self.key.private.public.thumbprint,
            known.esim,
            known.epoch,
            session=terms.session,
            code=invitation.number,
        )
        statement = Statement(
            domain=Domain(f"{self.tenant}.example"),
            address=self.wallet.pinned.address,
            chain=network_named(self.wallet.network).chain_id,
            nonce=terms.nonce,
            issued_at=terms.issued_at,
            expires_at=terms.expires_at,
            request_id=invitation.request,
            act=act,
            block=terms.block,
        )
        return statement, Invited(
            terms.session, invitation.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block
        )

    def look(self) -> Known:
        """Ask for the account as it is now, and remember it."""
        seen = self.devices()
        self.known = Known(seen.account, seen.epoch, seen.esim)
        return self.known

    def devices(self) -> wire.DevicesSeen:
        return self.post("/devices", wire.Nothing()).as_(wire.DevicesSeen)

    def prompts(self) -> wire.Prompts:
        return self.post("/prompts", wire.Nothing()).as_(wire.Prompts)

    def offer(self) -> str:
        """What the server gets of an offer. What the phones say to each other is tested where they say it."""
        offer = make_offer(
            self.key.private,
            tenant=TenantId(self.tenant),
            mailbox=self.key.entropy.draw(16),
            channel_key=self.key.entropy.draw(32),
            secret=Secret(self.key.entropy.draw(32)),
            expires_at=self.world.clock.now() + OFFER_LIFE_S,
        )
        return offer.card.encode()

    def start_migration(self, offer: str, *, revoke_old: bool = True) -> Answered:
        return self.post("/migrations", wire.StartMigration(offer, TRANSCRIPT, revoke_old))

    def approve_offer(self, offer: str, *, revoke_old: bool = True) -> Shown:
        return self.answer(self.start_migration(offer, revoke_old=revoke_old).as_(wire.Claimed).statement)

    def start_activation(self) -> Answered:
        return self._started(self.post("/activations", wire.Nothing()), Beside(told=self.claimed_with is not None))

    def activate(self) -> Shown:
        return self.answered(self.start_activation())

    def _started(self, answer: Answered, beside: Beside) -> Answered:
        """With what will sign besides, remembered for the answer."""
        if answer.status < 300:
            self.beside[answer.as_(wire.Claimed).statement.request_id] = beside
        return answer

    def answered(self, started: Answered) -> Shown:
        return self.answer(started.as_(wire.Claimed).statement)

    # --- who claims an account -----------------------------------------------------------------------------------

    def start_set_up(
        self, *, account: AccountId | None = None, code: Key | None = None, brings: bool = False
    ) -> Answered:
        """``brings``: the wallet is a new one."""
        message = wire.SetUpCodes(
            self.sec1_text,
            self.wallet.pinned.address,
            wallet=self.wallet.pinned if brings else None,
            account=account,
            recovery_code=None if code is None else code_key(code),
        )
        return self._started(self.post("/code-setups", message), Beside(code=code, told=brings))

    def set_up_codes(self) -> Shown:
        return self.answered(self.start_set_up())

    def start_recovery(self) -> Shown:
        return self.claim_account("W")

    def claim_account(
        self,
        evidence: str,
        *,
        account: AccountId | None = None,
        code: Key | None = None,
        new_wallet: SimWallet | None = None,
    ) -> Shown:
        """Ask for the account, with this evidence in letters; without ``W`` the phone's own wallet is the new one."""
        return self.answered(self.start_claim(evidence, account=account, code=code, new_wallet=new_wallet))

    def start_claim(
        self,
        evidence: str,
        *,
        account: AccountId | None = None,
        code: Key | None = None,
        new_wallet: SimWallet | None = None,
    ) -> Answered:
        owns = "W" in evidence
        set_up = self.answered(self.start_set_up(account=account, code=None if owns else code, brings=not owns))
        assert set_up.decided.status == 200, set_up.decided.body
        new = new_wallet if owns else self.wallet
        message = wire.StartRecovery(
            set_up.statement.request_id,
            set_up.code,
            evidence=tuple(sorted(evidence)),
            new_wallet=None if new is None else new.pinned,
            recovery_code=None if code is None else code_key(code),
        )
        self.claimed_with = new
        return self._started(self.post("/recoveries", message), Beside(new_wallet=new, code=code, told=not owns))

    # --- the account's own phones --------------------------------------------------------------------------------

    def start_veto(self, case: Digest) -> Answered:
        return self._started(self.post("/vetoes", wire.Veto(case)), Beside(told=self.claimed_with is not None))

    def veto(self, case: Digest | None = None) -> Shown:
        """Object to this, or to the open case."""
        return self.answered(self.start_veto(case or self.open_case()))

    def open_case(self) -> Digest:
        recovery = self.devices().recovery
        assert recovery is not None
        return recovery.case

    def start_rotation(self, new: SimWallet, *, code: Key | None = None) -> Answered:
        message = wire.Rotate(new.pinned, None if code is None else code_key(code))
        return self._started(self.post("/rotations", message), Beside(new_wallet=new, code=code))

    def rotate(self, new: SimWallet, *, code: Key | None = None) -> Shown:
        """Another wallet: at once with a code, and from then on this phone signs with it."""
        shown = self.answered(self.start_rotation(new, code=code))
        if shown.decided.status == 200:
            self.wallet = new
        elif shown.decided.status == 202:
            self.claimed_with = new
        return shown

    def start_protection(
        self,
        guardians: Guardians | None = None,
        codes: tuple[Key, ...] = (),
        *,
        code: Key | None = None,
        keep_codes: bool = False,
    ) -> Answered:
        told = None if code is None else code_key(code)
        message = wire.Protect(guardians, tuple(map(code_key, codes)), told, keep_codes)
        return self._started(self.post("/protections", message), Beside(code=code))

    def protect(
        self, guardians: Guardians | None = None, codes: tuple[Key, ...] = (), *, code: Key | None = None
    ) -> Shown:
        return self.answered(self.start_protection(guardians, codes, code=code))

    def start_rebinding(self, line: str = OTHER_LINE) -> Answered:
        return self.post("/line-changes", wire.RebindLine(line))

    def rebind_line(self, line: str = OTHER_LINE) -> Shown:
        return self.answered(self.start_rebinding(line))

    def start_announcement(self, to: str, within_s: int = 86_400) -> Answered:
        return self.post("/line-moves", wire.AnnounceMove(ids.thumbprint(to), within_s))

    def prove_line(self, token: str = "a temporary token") -> Answered:
        return self.post("/line-proofs", wire.ProveLine(token))

    def start_freeze(self) -> Answered:
        return self.post("/freezes", wire.Freeze())

    def freeze(self) -> Shown:
        return self.answered(self.start_freeze())

    def start_unfreeze(self, code: Key) -> Answered:
        return self._started(self.post("/unfreezes", wire.Unfreeze(code_key(code))), Beside(code=code))

    def unfreeze(self, code: Key) -> Shown:
        return self.answered(self.start_unfreeze(code))

    def start_backup_check(self, backup: Digest) -> Answered:
        return self.post("/backup-checks", wire.CheckBackup(backup))

    def start_channels(self, *addresses: str) -> Answered:
        return self.post("/channel-changes", wire.SetChannels(tuple(f"mailto:{each}" for each in addresses)))

    def warn_at(self, *addresses: str) -> Shown:
        """Warnings shall go to these addresses."""
        return self.answered(self.start_channels(*addresses))

    def channels(self) -> wire.ChannelsSeen:
        return self.post("/channels", wire.Nothing()).as_(wire.ChannelsSeen)

    # --- phones that the account does not know -------------------------------------------------------------------

    def start_stop(self, account: AccountId | None = None, *, code: Key | None = None) -> Answered:
        message = wire.Stop(self.sec1_text, self.wallet.pinned, account, None if code is None else code_key(code))
        return self._started(self.post("/stops", message), Beside(code=code, told=True))

    def stop(self, account: AccountId | None = None, *, code: Key | None = None) -> Shown:
        """Freeze an account that does not know this phone."""
        return self.answered(self.start_stop(account, code=code))

    def start_vouch(self, account: AccountId, claimant: SimPhone) -> Answered:
        message = wire.Vouch(self.sec1_text, self.wallet.pinned, account, ids.thumbprint(claimant.thumbprint))
        return self._started(self.post("/vouchers", message), Beside(told=True))

    def vouch(self, account: AccountId, claimant: SimPhone) -> Shown:
        return self.answered(self.start_vouch(account, claimant))

    def start_attest(self, account: AccountId, claimant: SimPhone) -> Answered:
        message = wire.Attest(account, ids.thumbprint(claimant.thumbprint))
        return self._started(self.post("/attestations", message), Beside(told=True))

    def attest(self, account: AccountId, claimant: SimPhone) -> Shown:
        return self.answered(self.start_attest(account, claimant))

    def start_revocation(self, target: str) -> Answered:
        return self.post("/revocations", wire.Revoke(ids.thumbprint(target)))

    def revoke(self, target: str) -> Shown:
        return self.answer(self.start_revocation(target).as_(wire.Claimed).statement)


def code_key(code: Key) -> str:
    """What the service knows of a recovery code: its public key."""
    return ids.to_base64url(code.private.public.sec1)


def code_signature(code: Key, text: bytes) -> CodeSignature:
    return CodeSignature(code_key(code), ids.to_base64url(sign_with_code(code.private, text)))


def with_act(statement: Statement, **changes: Any) -> Statement:
    """The statement with some fields of its act changed, as a thief or a faulty client would send it."""
    return msgspec.structs.replace(statement, act=msgspec.structs.replace(statement.act, **changes))


def with_header(request: SignedRequest, **changes: Any) -> SignedRequest:
    """The request with something changed after it was signed."""
    return msgspec.structs.replace(request, **changes)
