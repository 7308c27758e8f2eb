"""What a statement asks for: one type per purpose, with its verb, sentence and resources (docs/spec section 3.2).

The resource lines of a purpose are the fields of its type, in order, ``_`` spelt ``-``. Each field has one
:class:`Grammar`, found by its name, so that one word means and is spelt the same in every purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, Digest, Thumbprint
from pteri.core.keys.mnemonic import phone_words

__all__ = [
    "ACTS",
    "ALL_PHONES",
    "SAME_WALLET",
    "ActivateDevice",
    "ApproveMigration",
    "Authenticate",
    "BindWallet",
    "RevokeDevice",
    "SetupOtp",
    "StartRecovery",
    "StatementAct",
    "act_from_resources",
    "phone_name",
    "resources_of",
]

ALL_PHONES: Final = "all"
SAME_WALLET: Final = "same"
_MAX_NUMBER = 2**53 - 1  # the largest integer that every JSON reader keeps exact


class _Act(msgspec.Struct, frozen=True, tag_field="purpose", forbid_unknown_fields=True):
    """What all purposes share: a name that is the tag on the wire and the last part of the URI."""

    @property
    def purpose(self) -> str:
        """Name of the purpose."""
        return str(self.__struct_config__.tag)


class BindWallet(_Act, frozen=True, tag="bind"):
    """Link a Web2 account to a wallet, a line and this phone. The epoch of an unbound account is 0."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    session: Digest
    recovery: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "link this account"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Link your account at {domain} to this wallet and to the phone {phone_name(self.device)}. "
            "Sign only if you started this yourself."
        )


class Authenticate(_Act, frozen=True, tag="authenticate"):
    """Sign in one browser session. ``code`` is the two-digit number that the other screen shows."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    session: Digest
    code: str

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "sign in"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Sign in to {domain}. Sign only if you started this yourself and the number on the other screen "
            f"is {self.code}."
        )


class ApproveMigration(_Act, frozen=True, tag="migrate"):
    """The old phone approves a new one. ``offer`` and ``transcript`` pin what the two phones said to each other."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    new_device: Thumbprint
    offer: Digest
    transcript: Digest
    revoke_old: bool

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "APPROVE A NEW PHONE"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        after = "This phone will be removed." if self.revoke_old else "This phone stays."
        return (
            f"Let the phone {phone_name(self.new_device)} sign for your account at {domain}. {after} "
            "Sign only if that phone is in your hands."
        )


class ActivateDevice(_Act, frozen=True, tag="accept"):
    """The new phone itself proves wallet and device; ``approval`` is the digest of the statement it completes."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    approval: Digest

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "activate this phone"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Activate the phone {phone_name(self.device)} for your account at {domain}. "
            "Sign only if you started this yourself."
        )


class StartRecovery(_Act, frozen=True, tag="recover"):
    """A new phone asks for the account because the others are lost. It starts a hold; it grants nothing now."""

    account: AccountId
    device: Thumbprint
    esim: Digest | None
    epoch: int
    evidence: tuple[str, ...]
    lost: tuple[Thumbprint, ...] | None
    new_wallet: str

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "START RECOVERY ON A NEW PHONE"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Move your account at {domain} to the phone {phone_name(self.device)} after a waiting time. "
            "Your other phones are told and can stop this."
        )


class RevokeDevice(_Act, frozen=True, tag="revoke"):
    """Remove a phone for ever."""

    account: AccountId
    device: Thumbprint
    epoch: int
    target: Thumbprint

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "REMOVE A PHONE"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return f"Remove the phone {phone_name(self.target)} from your account at {domain}. It can never be added again."


class SetupOtp(_Act, frozen=True, tag="setup-otp"):
    """Set up sign-in codes on a phone; with a chain end it prepares offline codes. It grants nothing by itself."""

    account: AccountId
    device: Thumbprint
    epoch: int
    chain_end: Digest | None
    length: int
    start: int
    step: int

    @property
    def verb(self) -> str:
        """Words of line 1."""
        return "set up sign-in codes" if self.chain_end is None else "PREPARE OFFLINE CODES"

    def sentence(self, domain: str) -> str:
        """The sentence a person reads."""
        return (
            f"Set up sign-in codes for {domain} on the phone {phone_name(self.device)}. "
            "Sign only if you started this yourself."
        )


StatementAct = BindWallet | Authenticate | ApproveMigration | ActivateDevice | StartRecovery | RevokeDevice | SetupOtp

ACTS: Final[dict[str, type[StatementAct]]] = {
    str(act.__struct_config__.tag): act
    for act in (
        BindWallet,
        Authenticate,
        ApproveMigration,
        ActivateDevice,
        StartRecovery,
        RevokeDevice,
        SetupOtp,
    )
}


def phone_name(thumbprint: Thumbprint) -> str:
    """Four BIP-39 words by which a person recognises a phone: no label that an attacker could choose."""
    return phone_words(ids.digest_bytes(thumbprint))


class Grammar(NamedTuple):
    """One field's spelling: ``write`` refuses what is outside the grammar, ``read`` is its inverse."""

    write: Callable[..., str]
    read: Callable[[str], object]


def _optional(read: Callable[[str], str]) -> Grammar:
    return Grammar(
        lambda value: "none" if value is None else read(value),
        lambda text: None if text == "none" else read(text),
    )


def _number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text) or int(text) > _MAX_NUMBER:
        raise Malformed(Code.FIELD, "not a number in its shortest form")
    return int(text)


def _two_digits(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}", text):
        raise Malformed(Code.FIELD, "not a two-digit number")
    return text


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise Malformed(Code.FIELD, "not yes or no")
    return text == "yes"


def _sorted_set(text: str, read: Callable[[str], str], most: int) -> tuple[str, ...]:
    """Comma-separated, ascending, no repeats: the one spelling of a set."""
    values = tuple(read(part) for part in text.split(","))
    if len(values) > most or any(left >= right for left, right in pairwise(values)):
        raise Malformed(Code.FIELD, "not a short sorted list without repeats")
    return values


def _evidence_letter(text: str) -> str:
    if text not in {"A", "C", "D", "G", "W"}:
        raise Malformed(Code.FIELD, "not a kind of recovery evidence")
    return text


def _evidence(text: str) -> tuple[str, ...]:
    return _sorted_set(text, _evidence_letter, 5)


def _lost(text: str) -> tuple[str, ...] | None:
    return None if text == ALL_PHONES else _sorted_set(text, ids.thumbprint, 3)


def _wallet_or_same(text: str) -> str:
    if text != SAME_WALLET and not re.fullmatch(r"[A-Za-z0-9]{26,90}", text):
        raise Malformed(Code.FIELD, "not an address or 'same'")
    return text


def _list_writer(read: Callable[[str], object]) -> Callable[[tuple[str, ...] | None], str]:
    def write(values: tuple[str, ...] | None) -> str:
        text = ALL_PHONES if values is None else ",".join(values)
        read(text)
        return text

    return write


_NUMBER = Grammar(lambda value: str(_number(str(value))), _number)
_THUMBPRINT = Grammar(ids.thumbprint, ids.thumbprint)
_DIGEST = Grammar(ids.digest, ids.digest)
_ANY_DIGEST = _optional(ids.digest)

_GRAMMARS: Final[dict[str, Grammar]] = {
    "account": Grammar(ids.account_id, ids.account_id),
    "device": _THUMBPRINT,
    "esim": _ANY_DIGEST,
    "epoch": _NUMBER,
    "session": _DIGEST,
    "recovery": _DIGEST,
    "code": Grammar(_two_digits, _two_digits),
    "new_device": _THUMBPRINT,
    "offer": _DIGEST,
    "transcript": _DIGEST,
    "revoke_old": Grammar(lambda value: "yes" if value else "no", _yes_or_no),
    "approval": _DIGEST,
    "evidence": Grammar(_list_writer(_evidence), _evidence),
    "lost": Grammar(_list_writer(_lost), _lost),
    "new_wallet": Grammar(_wallet_or_same, _wallet_or_same),
    "target": _THUMBPRINT,
    "chain_end": _ANY_DIGEST,
    "length": _NUMBER,
    "start": _NUMBER,
    "step": _NUMBER,
}


def resources_of(act: StatementAct) -> list[str]:
    """The resource lines of a statement, without their ``- ``; ``Malformed(FIELD)`` for a value with no spelling."""
    return [
        f"pteri:{name.replace('_', '-')}:{_GRAMMARS[name].write(getattr(act, name))}" for name in act.__struct_fields__
    ]


def act_from_resources(purpose: str, lines: list[str]) -> StatementAct:
    """The inverse of :func:`resources_of` for a known purpose."""
    kind = ACTS.get(purpose)
    if kind is None:
        raise Malformed(Code.STATEMENT, "no such purpose")
    names = kind.__struct_fields__
    if len(lines) != len(names):
        raise Malformed(Code.STATEMENT, "resources missing or too many")
    values: list[object] = []
    for name, line in zip(names, lines, strict=True):
        prefix = f"pteri:{name.replace('_', '-')}:"
        if not line.startswith(prefix):
            raise Malformed(Code.STATEMENT, "resources are not the ones of this purpose, in order")
        values.append(_GRAMMARS[name].read(line.removeprefix(prefix)))
    # One decoder for all purposes: types are checked once more, against the fields' annotations.
    return msgspec.convert({"purpose": purpose, **dict(zip(names, values, strict=True))}, kind)
