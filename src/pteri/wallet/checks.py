"""What a phone compares before it signs: every field of a statement with what it knows itself (docs/spec section 4).

A server could lie in any field. Each purpose names every field of its act, also those that only the server can know,
so that none is forgotten in silence; a test walks all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.errors import OutOfWindow
from pteri.core.esim import line_commitment
from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest, Domain, RequestId, TenantId, Thumbprint, digest_text, from_base64url
from pteri.core.keys.network import network_named
from pteri.core.offline import ChainTerms
from pteri.core.statement import Statement
from pteri.core.transfer.offer import Card
from pteri.core.verify import MAX_AHEAD_S, check_window
from pteri.wallet.refusals import SafetyCode, UnsafeError

__all__ = [
    "Expected",
    "Known",
    "activation",
    "attestation",
    "backup_check",
    "binding",
    "channels",
    "check",
    "codes",
    "freeze",
    "line_move",
    "migration",
    "mismatch",
    "objection",
    "offline_codes",
    "protection",
    "rebinding",
    "recovery",
    "revocation",
    "rotation",
    "sign_in",
    "unfreeze",
    "voucher",
]

Expectation = Callable[[object], bool]


class Expected(NamedTuple):
    """The act that was asked for and, for each of its fields, what it may be."""

    act: type[StatementAct]
    fields: Mapping[str, Expectation]


_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "domain": "is for another website than the one this phone is connected to",
        "address": "is for another wallet than yours",
        "chain": "is for another network than that of your wallet",
        "request_id": "is for another request than the one you opened",
        "purpose": "is for something else than you asked for",
        "account": "is for another account than yours",
        "device": "is for another phone than this one",
        "esim": "is for another mobile line than this phone knows. Was it you, on another phone? Then tell this one "
        "first: pteri wallet line accept +49...",
        "new_esim": "would bind your account to another mobile line than you typed",
        "to_device": "announces that your SIM moves to another phone than you named",
        "until": "announces a move of your SIM for another time than you said",
        "epoch": "is for an older state of your account",
        "recovery": "is for other recovery terms than those shown",
        "code": "is for another screen: its number is not the one you read",
        "new_device": "would let in, or speak for, another phone than the one you named",
        "offer": "would let in another phone than the one you scanned",
        "transcript": "would let in another phone than the one you scanned",
        "revoke_old": "would treat this phone in another way than you said",
        "approval": "would complete something that this phone did not begin",
        "lost": "would remove other phones than you said",
        "new_wallet": "would give your account another wallet than you said",
        "evidence": "would claim your account with something else than you have shown",
        "case": "objects to something else than you said",
        "guardians": "names other guardians than you did",
        "codes": "is for other recovery codes than those this phone has made",
        "backup": "is for another backup than the one that was opened",
        "chain_end": "is for other offline codes than those this phone has made",
        "length": "is for other offline codes than those this phone has made",
        "start": "is for other offline codes than those this phone has made",
        "step": "is for other offline codes than those this phone has made",
        "channels": "would send warnings to other addresses than you typed",
        "target": "would remove another phone than you said",
        "origin": "comes from another server than the one this phone is connected to",
        "tenant": "comes from another service than the one this phone is connected to",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the phone knows without the server. ``None``: not known yet; the person sees it and decides.

    ``esim`` is what an earlier statement, which the person accepted, said of the line (perhaps that there is none);
    ``line`` is the line itself.
    """

    network: str
    address: str
    device: Thumbprint
    tenant: TenantId
    domain: Domain | None
    account: AccountId | None
    epoch: int
    is_line_known: bool
    esim: Digest | None
    line: str | None
    line_salt: str | None
    at: int


def check(statement: Statement, expected: Expected, *, known: Known, request: RequestId | None) -> None:
    """Compare frame, purpose, window and every field; ``FIELD_MISMATCH`` names the first that differs.

    ``request``: the id of the challenge, where the phone and not the server chose it.
    """
    statement.encode()  # every value in its grammar, or Malformed
    act = statement.act
    _require("purpose", type(act) is expected.act)
    _require("domain", known.domain in {None, statement.domain})
    _require("address", statement.address == known.address)
    _require("chain", statement.chain == network_named(known.network).chain_id)
    _require("request_id", request in {None, statement.request_id})
    assert set(act.__struct_fields__) == set(expected.fields), "every field of an act is compared"
    for field in act.__struct_fields__:
        _require(field, expected.fields[field](getattr(act, field)))
    _check_window(statement, known.at)


def binding(known: Known, recovery_terms: str | None) -> Expected:
    """Only the server knows the new account's id and the browser session; the code ties the session down."""
    terms = None if recovery_terms is None else digest_text(hashlib.sha256(recovery_terms.encode()).digest())
    return Expected(
        BindWallet,
        {
            "account": _told_by_server,
            "device": _exactly(known.device),
            "esim": _line(known),
            "epoch": _exactly(0),
            "session": _told_by_server,
            "recovery": _exactly(terms),
        },
    )


def sign_in(known: Known, number: str) -> Expected:
    """``number``: the two digits on the other screen."""
    return Expected(
        Authenticate, _account(known) | {"esim": _line(known), "session": _told_by_server, "code": _exactly(number)}
    )


def migration(known: Known, card: Card, transcript: Digest, *, revoke_old: bool) -> Expected:
    """The offer as this phone scanned it, and what it has said to the new phone and heard of it."""
    return Expected(
        ApproveMigration,
        _account(known)
        | {
            "esim": _line(known),
            "new_device": _exactly(card.new_device),
            "offer": _exactly(card.digest),
            "transcript": _exactly(transcript),
            "revoke_old": _exactly(revoke_old),
        },
    )


def activation(known: Known, approval: Digest | None) -> Expected:
    """``approval``: digest of this phone's own recovery statement, or of that which came with the wallet."""
    return Expected(
        ActivateDevice,
        _account(known)
        | {
            "esim": _line(known),
            "approval": _told_by_server if approval is None else _exactly(approval),
        },
    )


def codes(known: Known, account: AccountId | None = None) -> Expected:
    """Code set-up that prepares nothing for offline use; of the account that the person named, if they did."""
    return Expected(
        SetupOtp,
        _account(known if account is None else replace(known, account=account))
        | {
            "chain_end": _exactly(None),
            "length": _exactly(0),
            "start": _exactly(0),
            "step": _exactly(0),
        },
    )


def offline_codes(known: Known, terms: ChainTerms, end: Digest) -> Expected:
    """The chain whose seed this phone has sealed."""
    return Expected(
        SetupOtp,
        _account(known)
        | {
            "account": _exactly(terms.account),
            "chain_end": _exactly(end),
            "length": _exactly(terms.length),
            "start": _exactly(terms.start),
            "step": _exactly(terms.step),
        },
    )


def recovery(known: Known, evidence: tuple[str, ...] = ("W",), new_wallet: str = SAME_WALLET) -> Expected:
    """With what is shown, for all other phones; with the wallet alone it is kept."""
    return Expected(
        StartRecovery,
        _account(known)
        | {
            "esim": _line(known),
            "evidence": _exactly(evidence),
            "lost": _exactly(None),
            "new_wallet": _exactly(new_wallet),
        },
    )


def revocation(known: Known, target: Thumbprint) -> Expected:
    """The phone that the person named."""
    return Expected(RevokeDevice, _account(known) | {"target": _exactly(target)})


def rotation(known: Known, new_wallet: str) -> Expected:
    """The address of the wallet that this phone has sealed beside the present one."""
    return Expected(RotateWallet, _account(known) | {"new_wallet": _exactly(new_wallet)})


def protection(
    known: Known, guardians: Guardians | None, codes: Digest | None, *, keeps_codes: bool = False
) -> Expected:
    """The guardians that were named, and the digest of the public keys of codes made here.

    Of codes that stay this phone knows nothing: only the server has their keys, and says what digest they have.
    """
    expected = _told_by_server if keeps_codes else _exactly(codes)
    return Expected(ChangeProtection, _account(known) | {"guardians": _exactly(guardians), "codes": expected})


def freeze(known: Known) -> Expected:
    """Stop the account."""
    return Expected(FreezeAccount, _account(known))


def unfreeze(known: Known) -> Expected:
    """End a freeze."""
    return Expected(UnfreezeAccount, _account(known))


def objection(known: Known, case: Digest) -> Expected:
    """To what waits, by the digest of the statement that began it."""
    return Expected(VetoChange, _account(known) | {"case": _exactly(case)})


def voucher(known: Known, new_device: Thumbprint) -> Expected:
    """For the phone whose four words the guardian has read."""
    return Expected(VouchForRecovery, _account(known) | {"new_device": _exactly(new_device)})


def attestation(known: Known, new_device: Thumbprint) -> Expected:
    """For the phone of the person whose papers the officer has seen."""
    return Expected(AttestIdentity, _account(known) | {"new_device": _exactly(new_device)})


def backup_check(known: Known, backup: Digest) -> Expected:
    """The sealed file that this phone has opened."""
    return Expected(ConfirmBackup, _account(known) | {"backup": _exactly(backup)})


def channels(known: Known, digests: tuple[Digest, ...]) -> Expected:
    """The addresses that the person typed, each as this phone has digested it."""
    return Expected(ChangeChannels, _account(known) | {"channels": _exactly(digests)})


def rebinding(known: Known, line: str, salt: str) -> Expected:
    """The line that the person typed, under the salt of the account."""
    new = line_commitment(line, salt=from_base64url(salt), tenant=known.tenant)
    return Expected(RebindLine, _account(known) | {"esim": _pinned_line(known), "new_esim": _exactly(new)})


def line_move(known: Known, to_device: Thumbprint, within_s: int) -> Expected:
    """To the phone that the person named, and for as long as they said."""
    until = known.at + within_s
    return Expected(
        AnnounceMove,
        _account(known)
        | {
            "esim": _pinned_line(known),
            "to_device": _exactly(to_device),
            "until": lambda value: isinstance(value, int) and abs(value - until) <= MAX_AHEAD_S,
        },
    )


def mismatch(field: str) -> UnsafeError:
    """The refusal for a field that is not what it should be."""
    what = _WORDS.get(field, f"has something unexpected in its field {field}")
    return UnsafeError(
        SafetyCode.FIELD_MISMATCH,
        f"This request {what}. Nothing was signed. If you started it yourself, start again; if not, leave it.",
        field=field,
    )


def _account(known: Known) -> dict[str, Expectation]:
    return {
        "account": _told_by_server if known.account is None else _exactly(known.account),
        "device": _exactly(known.device),
        "epoch": _at_least(known.epoch),
    }


def _pinned_line(known: Known) -> Expectation:
    """The line that goes: as it was accepted; a phone that has accepted none is told."""
    return _exactly(known.esim) if known.is_line_known else _told_by_server


def _line(known: Known) -> Expectation:
    """The person's own line, if they named it; what was accepted when the phone was linked, if it was."""

    def is_own(value: object) -> bool:
        if known.is_line_known and value != known.esim:
            return False
        if known.line is None:
            return True
        if known.line_salt is None:
            return False
        salt = from_base64url(known.line_salt)
        return value == line_commitment(known.line, salt=salt, tenant=known.tenant)

    return is_own


def _exactly(value: object) -> Expectation:
    # The type, too: True is 1 in Python, and a server's JSON may say either.
    return lambda found: type(found) is type(value) and found == value


def _at_least(epoch: int) -> Expectation:
    # An epoch only grows: a smaller one is a server that has forgotten something, or says so.
    return lambda found: isinstance(found, int) and found >= max(epoch, 1)


def _told_by_server(found: object) -> bool:
    """A value that only the server can know; its grammar is checked when the text is composed."""
    return found is not None


def _require(field: str, holds: bool) -> None:
    if not holds:
        raise mismatch(field)


def _check_window(statement: Statement, at: int) -> None:
    try:
        check_window(statement, at)
    except OutOfWindow as error:
        raise UnsafeError(
            SafetyCode.OUT_OF_WINDOW,
            f"The time of this request is not right: {error.detail}. Start again; if that does not help, "
            "set this phone's clock.",
            field="issued_at",
        ) from error
