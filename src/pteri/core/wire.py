"""Messages between phone, relying party and server, as JSON (docs/spec section 10).

Structs refuse unknown fields, so nothing can be set that is not meant to be. Instants are Unix seconds. The body of a
response to a challenge is :class:`pteri.core.verify.Payload`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pteri.core.airgap import MAX_ANSWER_CHARACTERS
from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest, RequestId, Thumbprint
from pteri.core.statement import Statement
from pteri.core.verify import Enrolment
from pteri.core.wallets import PinnedWallet

__all__ = [
    "Attest",
    "BringAnswer",
    "CheckBackup",
    "Claim",
    "Claimed",
    "Decided",
    "DevicesSeen",
    "EnterCode",
    "EnterOfflineCode",
    "Freeze",
    "MailboxSeen",
    "MigrationSeen",
    "Nothing",
    "NoticeSeen",
    "OpenMailbox",
    "PhoneSeen",
    "PrepareOfflineCodes",
    "Progress",
    "ProgressState",
    "Prompt",
    "Prompts",
    "Protect",
    "ProtectionSeen",
    "PutMessage",
    "RecoverySeen",
    "Revoke",
    "Rotate",
    "SetUpCodes",
    "SignedIn",
    "StartBinding",
    "StartMigration",
    "StartRecovery",
    "StartSignIn",
    "Started",
    "Stop",
    "Token",
    "Unfreeze",
    "Veto",
    "Vouch",
]

_Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254, pattern="^[^@\\s]+@[^@\\s]+$(?!\\n)")]
_Secret = Annotated[str, msgspec.Meta(min_length=43, max_length=43, description="base64url of 32 random bytes")]
_CodeKey = Annotated[
    str, msgspec.Meta(min_length=87, max_length=87, description="public key of a recovery code: base64url of 65 bytes")
]
_Code = Annotated[str, msgspec.Meta(max_length=16, description="8 digits, one space in the middle allowed")]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All messages."""


class Nothing(_Message, frozen=True):
    """An empty object."""


# --- relying party -----------------------------------------------------------------------------------------------


class StartSignIn(_Message, frozen=True):
    """``session``: SHA-256 of the browser session's secret, base64url.

    ``prompt``: also show it unasked on the account's phones. Without, the invitation is the only way to a phone.
    """

    login: _Email
    session: Digest
    prompt: bool = True


class StartBinding(_Message, frozen=True):
    """The same, to link an account; ``line``: the line reference (E.164 number or ICCID) the person is known by."""

    login: _Email
    session: Digest
    line: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Started(_Message, frozen=True):
    """Show ``number`` and ``qr`` in the browser, then ask for the code. The same for unknown accounts."""

    id: RequestId
    number: str
    expires_at: int
    qr: str


class EnterCode(_Message, frozen=True):
    """What the person typed, and the browser session's secret itself: the code is good in that session only."""

    code: _Code
    session_secret: _Secret


class EnterOfflineCode(_Message, frozen=True):
    """An offline code as it was typed, into the browser session that this invitation (its text) was made for."""

    invitation: Annotated[str, msgspec.Meta(max_length=400)]
    code: Annotated[str, msgspec.Meta(max_length=100)]
    session_secret: _Secret


class BringAnswer(_Message, frozen=True):
    """What a phone without network showed to the browser's camera (``PTERI1R:...``).

    ``invitation``: the text of the code that this browser showed to the phone (``qr`` of the start).
    """

    invitation: Annotated[str, msgspec.Meta(max_length=400)]
    answer: Annotated[str, msgspec.Meta(max_length=MAX_ANSWER_CHARACTERS)]
    session_secret: _Secret

    def __repr__(self) -> str:
        return "BringAnswer()"


class Token(_Message, frozen=True):
    """For the requests of one back end until Unix second ``expires_at``: ``Authorization: Bearer`` and this text."""

    token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"


class SignedIn(_Message, frozen=True):
    """The session is the account's. ``acr`` says how it was proved, ``level`` how sure the policy is.

    ``line``: what operators said at the approval; ``line_state``, ``line_level``, ``line_confirmed_at``: what is known
    of the line by now; ``None``, 0 and ``None`` where there is none.
    """

    state: Literal["COMPLETED"]
    account: AccountId
    epoch: int
    device: Thumbprint
    level: Literal["FULL", "REDUCED"]
    line: str
    line_checked_at: int | None
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    line_state: str | None = None
    line_level: int = 0
    line_confirmed_at: int | None = None


ProgressState = Literal["WAITING", "APPROVED", "COMPLETED", "FAILED", "EXPIRED"]


class Progress(_Message, frozen=True):
    """For polling: ``WAITING``, ``APPROVED`` (ask for the code), ``COMPLETED``, ``FAILED`` or ``EXPIRED``."""

    id: RequestId
    state: ProgressState
    expires_at: int


class NoticeTold(_Message, frozen=True):
    """What happened to an account, or will at ``until``. ``phone``: four words of the phone that it is about.

    ``case``: digest of the statement that began what waits; ``reminder``: it still does.
    """

    at: int
    kind: str
    account: AccountId
    phone: str
    until: int | None = None
    case: Digest | None = None
    reminder: bool = False


class Feed(_Message, frozen=True):
    """At most 100 notices, each at least once. ``cursor``: ask on from it; it stays good. ``more``: at once."""

    notices: tuple[NoticeTold, ...]
    cursor: str
    more: bool


# --- phone -------------------------------------------------------------------------------------------------------


class Claim(_Message, frozen=True):
    """``enrolment``: only for ``bind``, by a phone that is not registered yet.

    ``line``: its own line reference, if it wants to check the line commitment; only with ``enrolment``.
    """

    enrolment: Enrolment | None = None
    line: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Claimed(_Message, frozen=True):
    """The typed fields; the phone composes the text itself, after comparing every field with what it knows.

    ``line_salt``: base64url, to check the line commitment; only for a phone that named that line.
    ``recovery_terms``: text whose SHA-256 is in ``bind``.
    """

    statement: Statement
    line_salt: str | None = None
    recovery_terms: str | None = None


class Decided(_Message, frozen=True):
    """The decision on a statement whose signatures were right. ``code_expected``: show the code now."""

    decision: Literal["permit", "hold", "refuse"]
    reason: str
    code_expected: bool
    until: int | None = None


class Prompt(_Message, frozen=True):
    """A sign-in that waits for this phone."""

    id: RequestId
    number: str
    expires_at: int


class Prompts(_Message, frozen=True):
    """Newest first; ``unasked`` counts those that were too many to be shown unasked: scan their code instead."""

    prompts: tuple[Prompt, ...]
    unasked: int


class SetUpCodes(_Message, frozen=True):
    """A phone that is not registered, with a restored wallet. ``device_key``: base64url of 65 SEC1 bytes.

    Who lost the wallet, too, brings a new one as ``wallet`` (whose address is ``address``), names the ``account``, and
    shows a recovery code, or is spoken for.
    """

    device_key: str
    address: Annotated[str, msgspec.Meta(max_length=100)]
    wallet: PinnedWallet | None = None
    account: AccountId | None = None
    recovery_code: _CodeKey | None = None


class StartRecovery(_Message, frozen=True):
    """``setup``: id of the code set-up; ``code``: its code, computed by the phone.

    ``evidence``: what is shown, as sorted letters. ``new_wallet``: needed with anything but the wallet alone.
    """

    setup: RequestId
    code: _Code
    evidence: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=5)] = ("W",)
    new_wallet: PinnedWallet | None = None
    recovery_code: _CodeKey | None = None


class StartMigration(_Message, frozen=True):
    """``card``: the scanned offer without its secret. ``transcript``: what the two phones have said to each other."""

    card: Annotated[str, msgspec.Meta(max_length=420)]
    transcript: Digest
    revoke_old: bool


class Revoke(_Message, frozen=True):
    """Thumbprint of the phone to remove. With a recovery code it goes at once."""

    target: Thumbprint
    recovery_code: _CodeKey | None = None


class Veto(_Message, frozen=True):
    """``case``: digest of the statement that began what is objected to."""

    case: Digest


class Rotate(_Message, frozen=True):
    """The wallet that shall take the place of this one. With a recovery code it does at once."""

    new_wallet: PinnedWallet
    recovery_code: _CodeKey | None = None


class Protect(_Message, frozen=True):
    """``guardians`` and the public keys of recovery codes that shall count, in place of those of now.

    ``keep_codes``: the codes of now stay, and ``code_keys`` is empty: a phone does not know what is on paper.
    """

    guardians: Guardians | None
    code_keys: Annotated[tuple[_CodeKey, ...], msgspec.Meta(max_length=2)]
    recovery_code: _CodeKey | None = None
    keep_codes: bool = False


class PrepareOfflineCodes(_Message, frozen=True):
    """The end of a chain of offline codes, and which counts when; see :class:`pteri.core.offline.ChainTerms`."""

    chain_end: Digest
    start: Annotated[int, msgspec.Meta(ge=0)]
    step: Annotated[int, msgspec.Meta(ge=1)]
    length: Annotated[int, msgspec.Meta(ge=1)]


class SetChannels(_Message, frozen=True):
    """Where warnings shall go besides the phones, in place of where they go now: ``mailto:`` addresses."""

    addresses: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=261)], ...], msgspec.Meta(max_length=4)]


class RebindLine(_Message, frozen=True):
    """The mobile line that the account belongs to from now on, as its operator names it: an E.164 number."""

    line: Annotated[str, msgspec.Meta(max_length=64)]


class AnnounceMove(_Message, frozen=True):
    """The SIM will move to the phone ``to_device`` within ``within_s`` seconds."""

    to_device: Thumbprint
    within_s: Annotated[int, msgspec.Meta(ge=1, le=1209600)]


class ChannelsSeen(_Message, frozen=True):
    """Where warnings go: of each address its first letter and its host.

    ``salt``: base64url of 32 bytes, with which a phone computes the digests in ``notify`` itself. ``waiting``: where
    they shall go from ``held_until`` on; ``case``: what a phone names to object.
    """

    salt: str
    addresses: tuple[str, ...]
    waiting: tuple[str, ...] | None = None
    held_until: int | None = None
    case: Digest | None = None


class Freeze(_Message, frozen=True):
    """By a phone of the account."""


class Unfreeze(_Message, frozen=True):
    """By a phone of the account that shows a recovery code."""

    recovery_code: _CodeKey


class CheckBackup(_Message, frozen=True):
    """``backup``: SHA-256 of the sealed file that was opened and found right."""

    backup: Digest


class Stop(_Message, frozen=True):
    """A freeze by a phone that the account does not know: with its wallet, or with one of its recovery codes.

    ``wallet``: whose signature comes; with a recovery code any wallet, and ``account`` says whose account it is.
    """

    device_key: str
    wallet: PinnedWallet
    account: AccountId | None = None
    recovery_code: _CodeKey | None = None


class Vouch(_Message, frozen=True):
    """A guardian speaks for the phone ``new_device`` of somebody who claims ``account``."""

    device_key: str
    wallet: PinnedWallet
    account: AccountId
    new_device: Thumbprint


class Attest(_Message, frozen=True):
    """The same by an officer, whose phone and wallet stand in the settings."""

    account: AccountId
    new_device: Thumbprint


class PhoneSeen(_Message, frozen=True):
    """A phone of the account. ``name``: four words, the same on every screen.

    ``revoke_at``: when it goes, if another phone removed it; until then it may object to ``case``. ``offline_until``:
    how long its offline codes count; 0 without any.
    """

    thumbprint: Thumbprint
    name: str
    state: str
    created_at: int
    last_seen_at: int
    probation_until: int
    this_phone: bool
    revoke_at: int | None = None
    case: Digest | None = None
    offline_until: int = 0


class MigrationSeen(_Message, frozen=True):
    """An open or ended migration."""

    state: str
    new_phone: str
    confirmed: bool
    revoke_old: bool
    held_until: int
    expires_at: int


class ProtectionSeen(_Message, frozen=True):
    """Other guardians or codes that wait. ``case``: what a phone names to object."""

    case: Digest
    by: str
    guardians: Guardians | None
    codes: int
    held_until: int


class RecoverySeen(_Message, frozen=True):
    """An open or ended case. ``kind``: a new phone claims the account, or a phone of it wants another wallet.

    ``case``: what a phone names to object. ``new_wallet``: the address that the account will have, if another.
    """

    state: str
    new_phone: str
    evidence: tuple[str, ...]
    opened_at: int
    held_until: int
    expires_at: int
    kind: str
    case: Digest
    new_wallet: str | None = None
    delayed: bool = False


class ChannelChangeSeen(_Message, frozen=True):
    """Other addresses for warnings that wait: how many. ``case``: what a phone names to object."""

    case: Digest
    by: str
    channels: int
    held_until: int


class ProveLine(_Message, frozen=True):
    """``token``: a temporary token that this phone got from its operator (TS.43). It is spent, whatever comes out."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class LineSeen(_Message, frozen=True):
    """What is known of the mobile line. ``level``: 2 where it was seen alive lately on a verified phone, else 0.

    ``salt``: of its commitment, for a phone that was never told. ``confirmed_at``: when it was seen. ``cooling_until``:
    until then a change is a recent one. ``to_phone``, ``until``: a move that was announced.
    """

    state: str
    level: int
    since: int
    salt: Digest
    confirmed_at: int | None = None
    cooling_until: int | None = None
    to_phone: str | None = None
    until: int | None = None


class LineProved(_Message, frozen=True):
    """``accepted``: the operator says that this phone uses the line now. ``code``: its word, or ours where it has none.

    ``line``: what is known of the line after that; ``None`` where the account has none.
    """

    accepted: bool
    code: str
    line: LineSeen | None


class NoticeSeen(_Message, frozen=True):
    """Something the owner should know. ``phone``: its four words.

    ``case``: what a phone names to object, where something waits; ``reminder``: it still does. ``times``: how often it
    happened within a day, ``at`` being the last time.
    """

    at: int
    kind: str
    phone: str
    until: int | None = None
    case: Digest | None = None
    reminder: bool = False
    times: int = 1


class DevicesSeen(_Message, frozen=True):
    """The account as its phones may see it."""

    account: AccountId
    epoch: int
    esim: Digest | None
    phones: tuple[PhoneSeen, ...]
    migration: MigrationSeen | None
    recovery: RecoverySeen | None
    notices: tuple[NoticeSeen, ...]
    state: str
    frozen_until: int
    wallet: str
    guardians: Guardians | None
    recovery_codes: int
    protection: ProtectionSeen | None
    backup_verified_at: int
    channels: int = 0
    channel_change: ChannelChangeSeen | None = None
    line: LineSeen | None = None


# --- two phones, over the relay ------------------------------------------------------------------------------------


class OpenMailbox(_Message, frozen=True):
    """``id``: base64url of 16 bytes that nobody else can know."""

    id: Annotated[str, msgspec.Meta(max_length=22)]


class PutMessage(_Message, frozen=True):
    """``message``: base64url of 1 to 4096 bytes; ``place``: how many come before it in this mailbox."""

    place: Annotated[int, msgspec.Meta(ge=0, le=255)]
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=5600)]


class MailboxSeen(_Message, frozen=True):
    """What a mailbox holds, in order, until ``expires_at``."""

    id: str
    expires_at: int
    messages: tuple[str, ...]
