"""An eSIM chip proves itself through any phone's own settings, and what it does is heard (docs/spec/esim-chip.md 9).

To a phone the service is one more SM-DP+. A verified phone of an account asks for a token; the chip signs an answer
with that token in it; the download that should follow is refused. Between the steps nothing is kept: the challenge is
derived from the transaction, the token is sealed and says itself for whom it is, and is spent as a nonce is.

All of it is signal. What a chip signed moves no phone, no wallet and no wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pteri.app.callers import Asking, phone_call
from pteri.app.chip_desk import ChipDesk
from pteri.app.committing import Done, account_change, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.halting import is_halted
from pteri.app.noticing import notices_for
from pteri.app.ports import Changeset, Committed
from pteri.app.refusals import ClockJumped, NotAllowed, NotFound
from pteri.core import ids, wire
from pteri.core.errors import Code, MalformedEvidence, NotAuthentic, ProtocolError
from pteri.core.euicc import ceremony
from pteri.core.euicc.ceremony import Started
from pteri.core.euicc.challenge import ChipProof
from pteri.core.euicc.es9 import AuthenticateClient, HandleNotification, InitiateAuthentication, Initiated
from pteri.core.euicc.matching_id import matching_id, read_matching_id
from pteri.core.euicc.notification import ChipEvent, verify_notification
from pteri.core.ids import AccountId, Nonce, TenantId, Thumbprint
from pteri.domain.account import Account
from pteri.domain.chip import KeptChip
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState
from pteri.domain.events import ChipAnswered, ChipTold, Event
from pteri.domain.spelling import Spelling

__all__ = ["authenticate", "hear_notification", "hear_partner", "initiate", "start_chip"]

LIFETIME_S: Final = ceremony.LIFETIME_S
_NOBODY: Final = TenantId("pteri")
_ATTEMPTS: Final = 16
_MAX_ACCOUNTS: Final = 16
"""Of one tenant with one chip. Each is told; a person has one or two."""
_RANDOM_BYTES: Final = 11


@dataclass(frozen=True, slots=True)
class _Token:
    """For whom a chip shall answer. ``nonce`` is spent when it has."""

    tenant: TenantId
    account: AccountId
    device: Thumbprint
    nonce: Nonce
    expires_at: int


async def start_chip(deployment: Deployment, asking: Asking, _wanted: wire.Nothing) -> Done:
    """A verified phone asks for the text that makes the chip of a phone answer us."""

    async def attempt() -> Done:
        call = await phone_call(deployment, asking)
        desk = _desk(deployment)
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        expires_at = call.at + LIFETIME_S
        told = wire.ChipStarted(
            activation=f"LPA:1${desk.address}${_sealed(deployment, account, call.caller, expires_at)}",
            expires_at=expires_at,
        )
        return await commit(deployment, Changeset(call.tenant.id, answer=answered(call, 200, told)))

    return await with_retries(attempt)


def initiate(deployment: Deployment, body: InitiateAuthentication, at: int) -> Initiated:
    """Our challenge for a chip. ``MalformedEvidence`` or ``NotAuthentic`` for one that cannot answer us."""
    desk, wish = _desk(deployment), body.wish()
    issuer = next((key_id for key_id in wish.signing if desk.anchors.trusts(key_id)), None)
    if issuer is None:
        raise NotAuthentic(Code.UNKNOWN_CI, "no certificate issuer that both sides know")
    transaction = (
        at.to_bytes(4, "big") + bytes([list(desk.issuers).index(issuer)]) + deployment.entropy.draw(_RANDOM_BYTES)
    )
    _, initiated = ceremony.start(
        wish,
        identities=desk.identities,
        anchors=desk.anchors,
        address=desk.address,
        transaction_id=transaction,
        challenge=_challenge(deployment, transaction),
        at=at,
    )
    return initiated


async def authenticate(deployment: Deployment, body: AuthenticateClient, at: int) -> None:
    """A chip's answer. It counts for the account of the token that the chip signed, once.

    ``MalformedEvidence``, ``NotAuthentic`` or ``OutOfWindow`` where it proves nothing to us. Whether a token was good
    is told to nobody: whoever holds a chip could try tokens otherwise.
    """
    desk = _desk(deployment)
    proof = ceremony.conclude(body, _started(deployment, desk, body.transaction_id), anchors=desk.anchors, at=at)
    token = None if proof.matching_id is None else _opened(deployment, proof.matching_id)
    if token is not None and at < token.expires_at:
        await _bind(deployment, token, proof, at)


async def hear_notification(deployment: Deployment, body: HandleNotification, at: int) -> None:
    """What a chip did, for each account that it is known of. Refused is what it did not sign; nobody is told."""
    desk = _desk(deployment)
    await _hear(deployment, verify_notification(body.der(), anchors=desk.anchors, at=at), at)


async def hear_partner(deployment: Deployment, evidence: bytes | None, at: int) -> None:
    """An SM-DP+'s word about a download or an order: only what the chip signed in it counts."""
    if evidence is not None:
        await _hear(deployment, verify_notification(evidence, anchors=_desk(deployment).anchors, at=at), at)


def _desk(deployment: Deployment) -> ChipDesk:
    if deployment.chips is None:
        raise NotAllowed(Reason.NOT_OFFERED, "This service asks no eSIM chips.")
    return deployment.chips


# --- the challenge ------------------------------------------------------------------------------------------------


def _challenge(deployment: Deployment, transaction: bytes) -> bytes:
    """Ours for this transaction, so that nothing is kept of it."""
    return deployment.vault.derive("chip-challenge", _NOBODY, transaction.hex())[:16]


def _started(deployment: Deployment, desk: ChipDesk, text: str) -> Started:
    """What :func:`initiate` began; of a transaction that it did not begin, one whose challenge nobody was told."""
    try:
        transaction = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedEvidence(Code.TRANSACTION, "a transaction id is hex") from error
    if len(transaction) != 5 + _RANDOM_BYTES or transaction[4] >= len(desk.issuers):
        raise NotAuthentic(Code.TRANSACTION, "not a transaction of ours")
    return Started(
        transaction_id=transaction,
        challenge=_challenge(deployment, transaction),
        address=desk.address,
        ci_key_id=desk.issuers[transaction[4]].hex(),
        expires_at=int.from_bytes(transaction[:4], "big") + LIFETIME_S,
    )


# --- the token ----------------------------------------------------------------------------------------------------


def _sealed(deployment: Deployment, account: Account, device: Thumbprint, expires_at: int) -> str:
    """In letters and digits that eSIM settings take: the tenant, and what only this deployment reads."""
    content = expires_at.to_bytes(5, "big") + ids.digest_bytes(device) + account.id.encode("ascii")
    sealed = deployment.vault.seal(content, _context(account.tenant))
    return matching_id(account.tenant, sealed)


def _opened(deployment: Deployment, text: str) -> _Token | None:
    """The token in it; ``None`` for anything that was not sealed here."""
    try:
        named, sealed = read_matching_id(text)
        tenant = deployment.tenant(named).id
        content = deployment.vault.open_token(sealed, _context(tenant))
        expires_at = int.from_bytes(content[:5], "big")
        return _Token(
            tenant=tenant,
            account=ids.account_id(content[37:].decode("ascii")),
            device=ids.thumbprint(ids.to_base64url(content[5:37])),
            nonce=ids.new_nonce(expires_at - LIFETIME_S, hashlib.sha256(sealed).digest()[:15]),
            expires_at=expires_at,
        )
    except (ProtocolError, NotFound, ValueError):
        return None


def _context(tenant: TenantId) -> str:
    return f"chip-token:{tenant}"


# --- what becomes of it -------------------------------------------------------------------------------------------


async def _bind(deployment: Deployment, token: _Token, proof: ChipProof, at: int) -> None:
    for _ in range(_ATTEMPTS):
        if await deployment.store.is_spent(token.tenant, token.nonce):
            return
        stored = await deployment.store.account(token.tenant, token.account)
        if stored is None:
            return
        account, lapsed = settled(stored, at)
        phone = account.device(token.device)
        if phone is None or phone.state is not DeviceState.ACTIVE:
            # It asked, and is gone since: its token goes with it.
            return
        known = _known_as(deployment, account, proof.eid) or _spellings(deployment, token.tenant, proof.eid)[0]
        event = ChipAnswered(
            at=at,
            request=ids.new_request_id("chp", at, deployment.entropy.draw(12)),
            device=token.device,
            chip=known.digest,
            key=known.key,
            ci_key_id=proof.ci_key_id,
        )
        kept = KeptChip(token.tenant, account.id, event.chip)
        if await _committed(deployment, stored, (*lapsed, event), spent=token.nonce, chip=kept):
            return


async def _hear(deployment: Deployment, told: ChipEvent, at: int) -> None:
    for tenant in deployment.tenants:
        for chip in _spellings(deployment, tenant, told.eid):
            for account in await deployment.store.accounts_of_chip(tenant, chip.digest, _MAX_ACCOUNTS):
                await _tell(deployment, tenant, account, told, at)


def _spellings(deployment: Deployment, tenant: TenantId, eid: str) -> tuple[Spelling, ...]:
    return deployment.vault.spellings("chip", tenant, eid)


def _known_as(deployment: Deployment, account: Account, eid: str) -> Spelling | None:
    """How the account knows this chip already, if it does: under another key it would have forgotten its counter.

    Its profiles are hashed under the same key, and nobody but the chip can say their numbers again.
    """
    chip = account.chip
    if chip is None or chip.chip != deployment.vault.spelled(chip.key, "chip", account.tenant, eid):
        return None
    return Spelling(chip.key, chip.chip)


async def _tell(deployment: Deployment, tenant: TenantId, of: AccountId, told: ChipEvent, at: int) -> None:
    vault = deployment.vault
    for _ in range(_ATTEMPTS):
        stored = await deployment.store.account(tenant, of)
        if stored is None:
            return
        account, lapsed = settled(stored, at)
        chip = account.chip
        if chip is None or _known_as(deployment, account, told.eid) is None:
            return  # another chip since
        profile = vault.spelled(chip.key, "profile", tenant, told.iccid)
        assert profile is not None  # the chip was found under this key
        if not chip.takes(told.operation, profile, told.sequence):
            return  # it has said this, or something later, already
        event = ChipTold(
            at=at,
            request=ids.new_request_id("chp", at, deployment.entropy.draw(12)),
            chip=chip.chip,
            profile=profile,
            operation=told.operation,
            sequence=told.sequence,
        )
        if await _committed(deployment, stored, (*lapsed, event)):
            return


async def _committed(
    deployment: Deployment,
    stored: Account,
    events: Sequence[Event],
    *,
    spent: Nonce | None = None,
    chip: KeptChip | None = None,
) -> bool:
    """Whether it is durable now; if not, somebody was quicker, and the account has to be read again.

    ``ClockJumped`` where what would be recorded with it has ended by a wrong clock only: nobody signs a chip's message.
    """
    change = account_change(stored, [(event, None) for event in events])
    if is_halted(deployment.clock, change):
        raise ClockJumped
    told = notices_for(change, events[-1].request)
    [outcome] = await deployment.store.commit(
        [Changeset(stored.tenant, account=change, notices=told, spent=spent, chip=chip)]
    )
    return isinstance(outcome, Committed)
