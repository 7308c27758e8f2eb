"""Valid domain objects with fixed ids: the same number always makes the same thing.

Everything is pure, every id passes its own grammar, every key is a real one, and every account is the fold of its
events. A test names what it is about and leaves the rest to the defaults.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.app.ports import (
    AccountChange,
    Answer,
    ChallengeChange,
    Changeset,
    Claim,
    ClaimKind,
    Count,
    CounterKind,
)
from pteri.core import ids
from pteri.core.acts import RevokeDevice
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.message import SignatureType
from pteri.core.keys.network import network_named
from pteri.core.keys.secp256k1 import CURVE
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.verify import Payload, WalletSignature
from pteri.core.wallets import PinnedWallet, pin_wallet
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, Challenge, ChallengeEvent, SignInAsked, StatementAsked
from pteri.domain.decisions import Permit, Reason
from pteri.domain.events import AccountBound, DeviceRevoked, Event, MigrationApproved, SignedIn
from pteri.domain.evolving import evolve
from pteri.domain.facts import Circumstances, LineStatus
from pteri.domain.records import Evidence, Notice, NoticeKind, RecordedEvent, SignedBytes
from pteri.domain.rules import Rules

if TYPE_CHECKING:
    from pteri.core.ids import AccountId, Digest, IdempotencyKey, Nonce, RequestId, TenantId, Thumbprint
    from pteri.core.keys.device import DeviceKey

NOW: Final = 1_795_453_200
LATER: Final = NOW + 366 * 86400
"""By then everything has been told."""
TENANT: Final = ids.tenant_id("shop")
OTHER_TENANT: Final = ids.tenant_id("bank")
DOMAIN: Final = ids.domain("shop.example")
NETWORK: Final = "regtest"


# --- Ids and keys -----------------------------------------------------------------------------------------------


def account_id(number: int = 1) -> AccountId:
    return ids.account_id(f"acct_{number:020d}")


def request_id(number: int = 1) -> RequestId:
    return ids.request_id(f"lgn_{number:026d}")


def nonce(number: int = 1) -> Nonce:
    return ids.nonce(f"{number:032d}")


def key(number: int = 1) -> IdempotencyKey:
    return ids.idempotency_key(f"idem_{number:020d}")


def digest(text: str) -> Digest:
    return ids.digest_text(hashlib.sha256(text.encode()).digest())


@cache
def phone_key(number: int = 1) -> DevicePrivateKey:
    return DevicePrivateKey.from_random(number.to_bytes(48, "big"))


def phone(number: int = 1) -> DeviceKey:
    return phone_key(number).public


def thumbprint(number: int = 1) -> Thumbprint:
    return phone(number).thumbprint


def sec1_text(number: int = 1) -> str:
    return ids.to_base64url(phone(number).sec1)


def wallet_secret(number: int = 1) -> Secret:
    return Secret(number.to_bytes(32, "big"))


@cache
def wallet(number: int = 1) -> PinnedWallet:
    public_key = CURVE.public_key(wallet_secret(number).reveal())
    return pin_wallet(
        address_of(public_key, AddressKind.P2WPKH, NETWORK).text,
        ids.to_base64url(public_key),
        SignatureType.BIP137,
        network=NETWORK,
    )


# --- Events and accounts ----------------------------------------------------------------------------------------


def bound(number: int = 1, *, tenant: TenantId = TENANT) -> AccountBound:
    """Account ``number`` begins, with wallet and phone of the same number."""
    return AccountBound(
        at=NOW,
        request=request_id(number),
        account=account_id(number),
        tenant=tenant,
        login=digest(f"login {number}"),
        wallet=wallet(number),
        esim=digest(f"esim {number}"),
        recovery=digest("recovery terms"),
        device=thumbprint(number),
        device_key=sec1_text(number),
    )


def opened(number: int = 1, *, tenant: TenantId = TENANT) -> Account:
    return evolve(None, bound(number, tenant=tenant))


def signed_in(account: Account, number: int = 1) -> SignedIn:
    return SignedIn(at=NOW + number, request=request_id(number), device=account.devices[0].thumbprint)


def migration_approved(account: Account, *, new_phone: int = 2, number: int = 1) -> MigrationApproved:
    return MigrationApproved(
        at=NOW,
        request=request_id(number),
        by=account.devices[0].thumbprint,
        new_device=thumbprint(new_phone),
        new_key=sec1_text(new_phone),
        approval=digest("approval"),
        revoke_old=True,
        held_until=NOW + 3600,
        expires_at=NOW + 90_000,
    )


def statement(account: Account, number: int = 1) -> Statement:
    """The first phone removes itself."""
    own = account.devices[0].thumbprint
    return Statement(
        domain=DOMAIN,
        address=account.wallet.address,
        chain=network_named(NETWORK).chain_id,
        nonce=nonce(number),
        issued_at=NOW,
        expires_at=NOW + 300,
        request_id=request_id(number),
        act=RevokeDevice(account=account.id, device=own, epoch=account.epoch, target=own),
    )


def evidence(account: Account, number: int = 1) -> Evidence:
    return Evidence(
        statement=statement(account, number).encode().decode(),
        signed=SignedBytes(
            method="POST",
            target_uri=f"https://{DOMAIN}/v1/challenges/{request_id(number)}/response",
            body=msgspec.json.encode(
                Payload(
                    WalletSignature(SignatureType.P2PKH, f"signature {number}"),
                    ids.digest_text(statement(account, number).sha256()),
                )
            ),
            content_digest="sha-256=:...:",
            idempotency_key=key(number),
            signature_input="sig=(...)",
            signature="sig=:...:",
        ),
        circumstances=Circumstances(at=NOW, line=LineStatus.UNKNOWN, line_checked_at=None),
        rules=Rules().digest(),
        decision=Permit(Reason.BOTH_KEYS),
    )


# --- Changesets -------------------------------------------------------------------------------------------------


def change(before: Account | None, *events: Event, claims: tuple[Claim, ...] = ()) -> AccountChange:
    """These events, recorded one after the other; the first one binds the account where there is none."""
    after, recorded = before, []
    for event in events:
        after = evolve(after, event)
        proof = evidence(after, after.version)
        recorded.append(RecordedEvent(after.tenant, after.id, after.version, event, proof))
    assert after is not None
    return AccountChange(before.version if before else 0, after, tuple(recorded), claims)


def claims_of(account: Account) -> tuple[Claim, ...]:
    return (
        Claim(ClaimKind.LOGIN, account.login),
        Claim(ClaimKind.WALLET, digest(account.wallet.address)),
        Claim(ClaimKind.DEVICE, account.devices[0].thumbprint),
    )


def opening(number: int = 1, *, tenant: TenantId = TENANT) -> Changeset:
    """Account ``number`` is bound, with its three claims."""
    account = opened(number, tenant=tenant)
    begun = change(None, bound(number, tenant=tenant), claims=claims_of(account))
    return Changeset(tenant, account=begun)


def moved(account: Account, number: int = 1, *, answered: int | None = None) -> Changeset:
    """One event further, which ``number`` tells from another; answered under key ``answered``, if given."""
    return Changeset(
        account.tenant,
        answer=None if answered is None else answer(answered),
        account=change(account, signed_in(account, number)),
    )


def change_of(changeset: Changeset) -> AccountChange:
    """What it does to its account, where it has one."""
    assert changeset.account is not None
    return changeset.account


def answer_of(changeset: Changeset) -> Answer:
    """How it is answered, where it is."""
    assert changeset.answer is not None
    return changeset.answer


def sign_in(
    number: int = 1, *, account: int = 1, tenant: TenantId = TENANT, issued_at: int = NOW, prompted: bool = True
) -> Challenge:
    return Challenge(
        id=request_id(number),
        tenant=tenant,
        account=account_id(account),
        nonce=nonce(number),
        asked=SignInAsked(session=digest("session"), number="42"),
        issued_at=issued_at,
        expires_at=issued_at + 120,
        prompted=prompted,
    )


def binding(number: int = 1) -> Challenge:
    return Challenge(
        id=request_id(number),
        tenant=TENANT,
        account=account_id(number),
        nonce=nonce(number),
        asked=BindAsked(digest("session"), digest(f"login {number}"), None, digest("recovery terms")),
        issued_at=NOW,
        expires_at=NOW + 300,
    )


def decoy(number: int = 1) -> Challenge:
    """What a stranger is shown: no account, and it can never be satisfied."""
    return Challenge(
        id=request_id(number),
        tenant=TENANT,
        account=None,
        nonce=nonce(number),
        asked=SignInAsked(session=digest("session"), number="07"),
        issued_at=NOW,
        expires_at=NOW + 120,
    )


def removal_asked(account: Account, number: int = 1) -> Challenge:
    return Challenge(
        id=request_id(number),
        tenant=account.tenant,
        account=account.id,
        nonce=nonce(number),
        asked=StatementAsked(statement(account, number), device_key=account.devices[0].key),
        issued_at=NOW,
        expires_at=NOW + 300,
    )


def issued(*challenges: Challenge) -> Changeset:
    """These challenges are new."""
    return Changeset(challenges[0].tenant, challenges=tuple(ChallengeChange(0, new) for new in challenges))


def answer(number: int = 1, *, caller: int = 1, request: str = "request", body: bytes = b'{"ok":true}') -> Answer:
    return Answer(thumbprint(caller), key(number), digest(request), 200, body, NOW)


def notice(number: int = 1, *, account: int = 1, tenant: TenantId = TENANT, at: int = NOW) -> Notice:
    return Notice(f"notice-{number}", tenant, account_id(account), at, NoticeKind.MIGRATION_APPROVED, "four words")


def count(
    subject: str = "someone",
    *,
    kind: CounterKind = CounterKind.FAILED_SIGN_IN,
    window_s: int = 3600,
    at: int = NOW,
    limit: int | None = None,
) -> Count:
    return Count(kind, subject, window_s, at, limit)


def response(account: Account, challenge: Challenge, number: int = 1) -> Changeset:
    """The first phone answers a sign-in, under its own idempotency key ``number``."""
    return Changeset(
        account.tenant,
        answer=answer(number, request=f"response {number}"),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, challenge.after(ChallengeEvent.VERIFY)),),
        account=change(account, signed_in(account)),
    )


def removal(account: Account, challenge: Challenge, number: int = 1) -> Changeset:
    """The first phone removes itself."""
    own = account.devices[0].thumbprint
    return Changeset(
        account.tenant,
        answer=answer(number, request=f"removal {number}"),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, challenge.after(ChallengeEvent.COMPLETE)),),
        account=change(account, DeviceRevoked(at=NOW, request=challenge.id, device=own, by=own)),
    )


def approval(account: Account, challenge: Challenge, number: int = 1) -> Changeset:
    """A new phone is let in: a changeset with one of everything a changeset can hold, and two events."""
    new_phone = Claim(ClaimKind.DEVICE, thumbprint(2))
    return Changeset(
        account.tenant,
        answer=answer(number, request="approval"),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, challenge.after(ChallengeEvent.COMPLETE)),),
        account=change(account, signed_in(account), migration_approved(account), claims=(new_phone,)),
        notices=(notice(1),),
        counts=(count(account.id, kind=CounterKind.AUTHORITY_CHANGE, window_s=86_400, limit=20),),
    )
