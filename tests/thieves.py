"""What dishonest parties bring along: malleated and foreign signatures, a crowd, and a place before every challenge.

Nothing here is trusted or simulated away: each helper makes bytes that a thief could make with the keys he holds.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

import httpx2
import msgspec

from pteri.core import ids, wire
from pteri.core.acts import ACTS, SAME_WALLET
from pteri.core.guardians import Guardians
from pteri.core.httpsig import SignedRequest
from pteri.core.keys import secp256k1
from pteri.core.keys.message import SignatureType
from pteri.core.statement import Statement
from pteri.core.verify import Enrolment, Invited, Payload, WalletSignature
from pteri.domain.challenge import Challenge, ChallengeState
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.problems import PROBLEM_TYPES, Kind
from pteri.http.ratelimit import Rate
from world import ALICE_WORDS, NEW_WORDS, ORIGIN, Answered, Browser, Key, SimEntropy, SimPhone, SimWallet, World

if TYPE_CHECKING:
    from pteri.app.ports import Store
    from pteri.domain.events import Event

HOUR: Final = 3600
EMAIL: Final = "alice@example.com"
_P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DENIED: Final = PROBLEM_TYPES[Kind.DENIED]
_OWN_HEADERS: Final = {"x-request-id"}
DENIAL: Final = {
    "type": _DENIED.type,
    "title": _DENIED.title,
    "status": 401,
    "detail": f"{_DENIED.meaning} {_DENIED.what_to_do}",
    "code": "DENIED",
}
"""The one answer to everybody who proved nothing, but for its request id."""


# --- answers -----------------------------------------------------------------------------------------------------


def told(answer: Answered) -> tuple[int, dict[str, Any], dict[str, str]]:
    """What a caller can learn from an answer: all of it except the id by which an operator finds it again."""
    said = {name: value for name, value in answer.json.items() if name != "request_id"}
    headers = {name: value for name, value in answer.headers.items() if name not in _OWN_HEADERS}
    return answer.status, said, headers


def assert_denied(*answers: Answered) -> None:
    """Each is the one denial, to the last header."""
    assert answers
    for answer in answers:
        status, said, headers = told(answer)
        assert (status, said) == (401, DENIAL)
        assert headers == told(answers[0])[2]


def refusal(answer: Answered) -> tuple[int, str]:
    return answer.status, answer.code


# --- signatures --------------------------------------------------------------------------------------------------


def wallet_secret(wallet: SimWallet) -> bytes:
    return wallet._key.secret.reveal()


def double_sha256(raw: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


def compact(recovery_id: int, rs: bytes) -> str:
    """A compact signature as text, with the header of a P2PKH address."""
    return base64.b64encode(bytes([31 + recovery_id]) + rs).decode()


def sign_digest(wallet: SimWallet, digest: bytes) -> str:
    """The wallet key's signature over any digest, dressed as a message signature."""
    signature = secp256k1.sign_recoverable(wallet_secret(wallet), digest)
    return compact(signature[0], signature[1:])


def sign_with_nonce(wallet: SimWallet, digest: bytes, k: int) -> str:
    """What a signer that does not follow RFC 6979 makes: honest ECDSA with a nonce of its own."""
    n = secp256k1.N
    point = secp256k1.public_key(k.to_bytes(32, "big"))
    r = int.from_bytes(point[1:], "big") % n
    z, d = int.from_bytes(digest, "big"), int.from_bytes(wallet_secret(wallet), "big")
    s = pow(k, -1, n) * (z + r * d) % n
    recovery_id = point[0] & 1
    if s > n // 2:
        s, recovery_id = n - s, recovery_id ^ 1
    return compact(recovery_id, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def wallet_twin(signature: str) -> str:
    """(r, n - s): as right as the original to any verifier that does not ask for a low s."""
    raw = base64.b64decode(signature)
    s = secp256k1.N - int.from_bytes(raw[33:], "big")
    return compact((raw[0] - 31) ^ 1, raw[1:33] + s.to_bytes(32, "big"))


def device_rs(request: SignedRequest) -> bytes:
    return base64.b64decode(request.signature.removeprefix("pteri=:").removesuffix(":"))


def with_device_rs(request: SignedRequest, rs: bytes) -> SignedRequest:
    return msgspec.structs.replace(request, signature=f"pteri=:{base64.b64encode(rs).decode()}:")


def device_twin(request: SignedRequest) -> SignedRequest:
    """The same request with (r, n - s) as its signature."""
    rs = device_rs(request)
    s = _P256_N - int.from_bytes(rs[32:], "big")
    return with_device_rs(request, rs[:32] + s.to_bytes(32, "big"))


# --- a crowd -----------------------------------------------------------------------------------------------------


class _Crowded:
    """The real store in a crowd: each call lets everybody else run first, so that reads and commits interleave.

    Without ``order`` all walk in step: everybody reads, then everybody commits. With it, some dawdle.
    """

    def __init__(self, store: Store, order: Random | None) -> None:
        self._store, self._order = store, order

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def called(*args: Any, **kwargs: Any) -> Any:
            for _ in range(1 if self._order is None else self._order.randrange(50)):
                await asyncio.sleep(0)
            return await method(*args, **kwargs)

        return called


def rewired(world: World, **changes: Any) -> World:
    """The same world behind a service with other ports."""
    world.deployment = replace(world.deployment, **changes)
    limits = Limits(rate=Rate("tests", 1_000_000, 1.0))
    world.app = build_app(world.deployment, version="0", limits=limits, lifespan=None)
    return world


def crowded(world: World, *, seed: int | None = None) -> World:
    """The same world, where simultaneous requests are truly under way at once, in an order that ``seed`` fixes."""
    order = None if seed is None else Random(seed)
    return rewired(world, store=cast("Store", _Crowded(world.deployment.store, order)))


def send_with_headers(world: World, request: SignedRequest, headers: list[tuple[str, str]]) -> Answered:
    """The request with exactly these headers: some missing, some twice."""

    async def sent() -> Answered:
        transport = httpx2.ASGITransport(world.app)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            answer = await client.request(
                request.method,
                request.target_uri.removeprefix(ORIGIN),
                content=request.body,
                headers=[("content-type", "application/json"), *headers],
            )
        return Answered(answer.status_code, answer.content, dict(answer.headers))

    return world.run(sent())


def all_at_once(world: World, requests: list[SignedRequest]) -> list[Answered]:
    async def gathered() -> list[Answered]:
        return list(await asyncio.gather(*(world.asend(request) for request in requests)))

    return world.run(gathered())


# --- standing before a challenge ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stand:
    """A challenge that waits, and the phone whose answer to it would count.

    ``invited``: the terms of a sign-in that was scanned, of which the service keeps no record yet.
    """

    world: World
    phone: SimPhone
    statement: Statement
    enrolment: Enrolment | None = None
    browser: Browser | None = None
    invited: Invited | None = None

    @property
    def path(self) -> str:
        return f"/challenges/{self.statement.request_id}/response"

    def payload(self, signed: Statement, **changes: Any) -> Payload:
        """The honest payload, had the phone signed ``signed``."""
        honest = self.phone.payload(signed, enrolment=self.enrolment, invited=self.invited)
        return msgspec.structs.replace(honest, **changes)

    def request(self, payload: Payload, **options: Any) -> SignedRequest:
        return self.phone.request_to(self.path, msgspec.json.encode(payload), **options)

    def submit(self, payload: Payload, **options: Any) -> Answered:
        return self.world.send(self.request(payload, **options))

    def submit_signed_over(self, signed: Statement, *, wallet: SimWallet | None = None) -> list[Answered]:
        """Both lies about another text: owning up to its digest, and claiming the digest of the right one."""
        signature = WalletSignature(SignatureType.P2PKH, (wallet or self.phone.wallet).sign(signed.encode()))
        right = ids.digest_text(self.statement.sha256())
        other = ids.digest_text(signed.sha256())
        return [
            self.submit(self.payload(self.statement, wallet_signature=signature, statement_sha256=digest))
            for digest in (other, right)
        ]

    def honest(self) -> Answered:
        return self.submit(self.payload(self.statement))

    def challenge(self) -> Challenge:
        return challenge_of(self.world, self.statement.request_id, self.phone.tenant)


def challenge_of(world: World, request: str, tenant: str = "bank") -> Challenge:
    found = recorded(world, request, tenant)
    assert found is not None
    return found


def recorded(world: World, request: str, tenant: str = "bank") -> Challenge | None:
    """What the service keeps of a challenge, if anything."""
    return world.run(world.deployment.store.challenge(ids.tenant_id(tenant), ids.request_id(request)))


def account_of(stand: Stand) -> ids.AccountId:
    """Whose account the challenge is for."""
    return stand.statement.act.account


def history_of(world: World, account: ids.AccountId, tenant: str = "bank") -> list[Event]:
    recorded = world.run(world.deployment.store.history(ids.tenant_id(tenant), account, 0, 1000))
    return [entry.event for entry in recorded]


def is_untouched(stand: Stand) -> bool:
    """Nothing has been spent, accepted or counted against the challenge."""
    challenge = recorded(stand.world, stand.statement.request_id, stand.phone.tenant)
    if challenge is None:
        return stand.invited is not None
    return (challenge.state, challenge.version, challenge.answered_by) == (ChallengeState.ISSUED, 1, None)


def signing_in(world: World, phone: SimPhone, label: str = "desk", *, login: str = EMAIL) -> Stand:
    browser = Browser(label)
    started = world.site(phone.tenant).start_sign_in(login, browser)
    statement = phone.claim(started.id).as_(wire.Claimed).statement
    return Stand(world, phone, statement, browser=browser)


def scanning(world: World, phone: SimPhone, label: str = "desk", *, login: str = EMAIL) -> Stand:
    """A sign-in that no phone is prompted for: the phone has scanned its code, and the service has no record of it."""
    browser = Browser(label)
    started = world.site(phone.tenant).start_sign_in(login, browser, prompt=False)
    statement, invited = phone.scanned(started)
    return Stand(world, phone, statement, browser=browser, invited=invited)


def binding(world: World, phone: SimPhone, login: str = EMAIL, label: str = "desk") -> Stand:
    browser = Browser(label)
    started = world.site(phone.tenant).start_binding(login, browser)
    statement = phone.claim(started.id, enrolment=phone.enrolment()).as_(wire.Claimed).statement
    return Stand(world, phone, statement, phone.enrolment(), browser)


def type_code(stand: Stand, code: str, *, browser: Browser | None = None, key: str | None = None) -> Answered:
    """The code typed into the browser session of this sign-in or binding, or into another one."""
    typed_in = browser or stand.browser
    assert typed_in is not None
    what = "bindings" if stand.enrolment else "logins"
    site = stand.world.site(stand.phone.tenant)
    return site.enter_code(what, stand.statement.request_id, code, typed_in, idempotency_key=key)


def migrating(world: World, old: SimPhone, new: SimPhone, *, revoke_old: bool = True) -> Stand:
    started = old.start_migration(new.offer(), revoke_old=revoke_old)
    return Stand(world, old, started.as_(wire.Claimed).statement)


def same_key(world: World, label: str, words: str) -> SimPhone:
    """The device key of the phone with this label in other hands, beside another wallet."""
    phone = world.phone(label, words)
    phone.key.entropy = SimEntropy(f"{label} in other hands")
    return phone


def second_phone(world: World, old: SimPhone, label: str = "second phone") -> SimPhone:
    """Another verified phone of the account, beside ``old``; still on probation."""
    new = world.phone(label)
    assert old.approve_offer(new.offer(), revoke_old=False).decided.status == 202
    world.clock.advance(HOUR)
    assert new.activate().decided.status == 200
    return new


SCANNED: Final = "scanned"
WAYS: Final = (*sorted(ACTS), SCANNED)
"""How a challenge comes to its phone: one for each purpose, and a sign-in once more, without a record."""


def before(purpose: str, world: World) -> Stand:
    """A fresh world brought to the point where a challenge of this purpose waits for its phone."""
    if purpose == "bind":
        return binding(world, world.phone("old phone"))
    old = world.enrolled()
    world.clock.advance(1)
    new = world.phone("new phone")
    match purpose:
        case "authenticate":
            return signing_in(world, old)
        case "scanned":
            return scanning(world, old)
        case "migrate":
            return migrating(world, old, new)
        case "accept":
            return accepting(world, old, new)
        case "setup-otp":
            return setting_up(world, new)
        case "recover":
            return recovering(world, new)
        case "revoke":
            assert old.approve_offer(new.offer()).decided.status == 202
            return standing(world, old, old.start_revocation(new.thumbprint))
        case "veto":
            new.start_recovery()
            return standing(world, old, old.start_veto(old.open_case()))
        case _:
            return _before_help(purpose, world, old, new)


def standing(world: World, phone: SimPhone, started: Answered) -> Stand:
    """Before the statement that the phone has asked for."""
    return Stand(world, phone, started.as_(wire.Claimed).statement)


def guarded_by(world: World, *numbers: int) -> Guardians:
    """Two of these friends are enough."""
    return Guardians(2, tuple(sorted(world.guardian(number).wallet.pinned.address for number in numbers)))


def _before_help(purpose: str, world: World, old: SimPhone, new: SimPhone) -> Stand:
    code, account = Key("recovery code"), old.devices().account
    match purpose:
        case "protect":
            return standing(world, old, old.start_protection(guarded_by(world, 1, 2, 3), (code,)))
        case "rotate":
            assert old.protect(codes=(code,)).decided.status == 200
            return standing(world, old, old.start_rotation(SimWallet(NEW_WORDS), code=code))
        case "freeze":
            return standing(world, old, old.start_freeze())
        case "unfreeze":
            assert old.protect(codes=(code,)).decided.status == 200
            assert new.stop().decided.status == 200
            return standing(world, old, old.start_unfreeze(code))
        case "vouch":
            assert old.protect(guarded_by(world, 1, 2, 3)).decided.status == 200
            guardian = world.guardian(1)
            return standing(world, guardian, guardian.start_vouch(account, new))
        case "attest":
            officer = world.officer("ofc-1")
            return standing(world, officer, officer.start_attest(account, new))
        case _:
            return _before_telling(purpose, world, old)


def _before_telling(purpose: str, world: World, old: SimPhone) -> Stand:
    """Before what an owner says of the account, and which lets nobody in."""
    match purpose:
        case "notify":
            return standing(world, old, old.start_channels("alice@mail.example"))
        case "rebind-esim":
            return standing(world, old, old.start_rebinding())
        case "announce-move":
            return standing(world, old, old.start_announcement(old.thumbprint))
        case "backup-verified":
            return standing(world, old, old.start_backup_check(digest("a backup")))
        case _:
            raise AssertionError(purpose)


def accepting(world: World, old: SimPhone, new: SimPhone) -> Stand:
    """``new`` was let in and its hold is over."""
    assert old.approve_offer(new.offer()).decided.status == 202
    world.clock.advance(HOUR)
    return Stand(world, new, new.start_activation().as_(wire.Claimed).statement)


def setting_up(world: World, new: SimPhone) -> Stand:
    message = wire.SetUpCodes(new.sec1_text, new.wallet.pinned.address)
    return Stand(world, new, new.post("/code-setups", message).as_(wire.Claimed).statement)


def recovering(world: World, new: SimPhone) -> Stand:
    set_up = new.set_up_codes()
    message = wire.StartRecovery(set_up.statement.request_id, set_up.code)
    return Stand(world, new, new.post("/recoveries", message).as_(wire.Claimed).statement)


# --- other values ------------------------------------------------------------------------------------------------


def digest(text: str) -> ids.Digest:
    return ids.digest_text(hashlib.sha256(text.encode()).digest())


_SAMPLES: Final[dict[str, Any]] = {
    "account": "acct_5X3N8J2K7Q4M",
    "device": digest("a phone"),
    "esim": None,
    "epoch": 1,
    "session": digest("a session"),
    "recovery": digest("terms"),
    "code": "42",
    "new_device": digest("a new phone"),
    "offer": digest("an offer"),
    "transcript": digest("a transcript"),
    "revoke_old": True,
    "approval": digest("an approval"),
    "evidence": ("W",),
    "lost": None,
    "new_wallet": SAME_WALLET,
    "target": digest("a target"),
    "chain_end": None,
    "length": 0,
    "start": 0,
    "step": 0,
    "guardians": None,
    "codes": None,
    "case": digest("what waits"),
    "backup": digest("a backup"),
    "channels": (digest("an address"),),
    "new_esim": digest("another line"),
    "to_device": digest("a new phone"),
    "until": 1_800_000_000,
}


def as_purpose(statement: Statement, purpose: str) -> Statement:
    """The same nonce, times, account, phone and whatever else fits, signed for another purpose."""
    kind = ACTS[purpose]
    known = {**_SAMPLES, **msgspec.structs.asdict(statement.act)}
    if purpose == "rotate":
        known["new_wallet"] = SimWallet(ALICE_WORDS, 7).pinned.address
    act = kind(**{name: known[name] for name in kind.__struct_fields__})
    return msgspec.structs.replace(statement, act=act)


_FRAME: Final[dict[str, tuple[Any, ...]]] = {
    "domain": ("evil.example", "bank.example.evil.example", "shop.example"),
    "address": (SimWallet(ALICE_WORDS, 1).pinned.address, SimWallet(ALICE_WORDS, network="test").pinned.address),
    "chain": ("bip122:000000000019d6689c085ae165831e93", "bip122:4966625a4b2851d9fdee139e56211a0d"),
    "nonce": ("0" * 32, "K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G"),
    "request_id": ("lgn_2Y7K4M9QWZ3T", "mig_2Y7K4M9QWZ3T"),
    "block": (None, ids.block_id("0" * 63 + "1")),
}
_OTHERS: Final[dict[str, tuple[Any, ...]]] = {
    "account": ("acct_5X3N8J2K7Q4M",),
    "device": (digest("another phone"),),
    "esim": (None, digest("another line")),
    "session": (digest("another session"),),
    "recovery": (digest("other terms"),),
    "code": ("00", "42", "99"),
    "new_device": (digest("another phone"),),
    "offer": (digest("another offer"),),
    "transcript": (digest("another transcript"),),
    "revoke_old": (True, False),
    "approval": (digest("another approval"),),
    "evidence": (("A",), ("C", "W"), ("D", "W"), ("G", "W")),
    "channels": ((), (digest("an address"),), tuple(sorted((digest("an address"), digest("another address"))))),
    "new_esim": (digest("another line"),),
    "to_device": (digest("another phone"),),
    "lost": ((digest("a phone"),),),
    "new_wallet": (SimWallet(ALICE_WORDS, 7).pinned.address,),
    "target": (digest("another target"),),
    "chain_end": (digest("a chain"),),
    "guardians": (None, Guardians(2, ("L" + "A" * 33, "L" + "B" * 33))),
    "codes": (None, digest("other codes")),
    "case": (digest("another case"),),
    "backup": (digest("another backup"),),
}


def single_changes(statement: Statement) -> list[tuple[str, Statement]]:
    """The statement with one field changed, for every field there is; a field without other values is a KeyError."""
    changed: list[tuple[str, Statement]] = []
    for name in (field for field in Statement.__struct_fields__ if field != "act"):
        value = getattr(statement, name)
        others = (value - 1, value + 1) if isinstance(value, int) else _FRAME[name]
        changed += [(name, msgspec.structs.replace(statement, **{name: other})) for other in others if other != value]
    for name in statement.act.__struct_fields__:
        value = getattr(statement.act, name)
        number = isinstance(value, int) and not isinstance(value, bool)
        others = tuple(n for n in (value - 1, value + 1) if n >= 0) if number else _OTHERS[name]
        changed += [(name, _with_act_field(statement, name, other)) for other in others if other != value]
    return changed


def _with_act_field(statement: Statement, name: str, value: Any) -> Statement:
    return msgspec.structs.replace(statement, act=msgspec.structs.replace(statement.act, **{name: value}))
