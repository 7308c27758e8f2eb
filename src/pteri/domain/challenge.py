"""A challenge: what the server asks to be signed, once, for a short time (docs/spec section 4.1).

The statement to verify is rebuilt from this record, never from what a client sent. A sign-in does not yet know which
phone will answer, so its record is a template; every other challenge is asked for by a known phone and carries the
complete statement. A record without account is a decoy: it looks like any other and can never be satisfied.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import AccountId, BlockId, Digest, Nonce, RequestId, TenantId, Thumbprint
from pteri.core.statement import Statement
from pteri.core.verify import MAX_AHEAD_S
from pteri.core.wallets import PinnedWallet
from pteri.domain.kept_line import KeptLine
from pteri.domain.spelling import Spelling
from pteri.domain.tables import step

__all__ = [
    "CHALLENGE_TABLE",
    "Asked",
    "BindAsked",
    "Challenge",
    "ChallengeEvent",
    "ChallengeState",
    "SignInAsked",
    "StatementAsked",
]


class ChallengeState(StrEnum):
    """Where a challenge stands. ``VERIFIED`` waits for its code."""

    ISSUED = "ISSUED"
    VERIFIED = "VERIFIED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ChallengeEvent(StrEnum):
    """What can happen to a challenge. Expiry is no event: it is read from the clock."""

    VERIFY = "VERIFY"
    COMPLETE = "COMPLETE"
    MISTYPE = "MISTYPE"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


_MISTYPING: Final = frozenset({ChallengeEvent.MISTYPE, ChallengeEvent.FAIL})

CHALLENGE_TABLE: Final = {
    (ChallengeState.ISSUED, ChallengeEvent.VERIFY): ChallengeState.VERIFIED,
    (ChallengeState.ISSUED, ChallengeEvent.COMPLETE): ChallengeState.COMPLETED,
    (ChallengeState.ISSUED, ChallengeEvent.CANCEL): ChallengeState.CANCELLED,
    (ChallengeState.VERIFIED, ChallengeEvent.COMPLETE): ChallengeState.COMPLETED,
    (ChallengeState.VERIFIED, ChallengeEvent.MISTYPE): ChallengeState.VERIFIED,
    (ChallengeState.VERIFIED, ChallengeEvent.FAIL): ChallengeState.FAILED,
    (ChallengeState.VERIFIED, ChallengeEvent.CANCEL): ChallengeState.CANCELLED,
}


class SignInAsked(msgspec.Struct, frozen=True, tag="authenticate", omit_defaults=True):
    """A sign-in: any verified phone of the account may answer. ``number`` has two digits.

    ``block``: the recent block that its statement names, where it names one.
    """

    session: Digest
    number: str
    block: BlockId | None = None


class BindAsked(msgspec.Struct, frozen=True, tag="bind", omit_defaults=True):
    """A binding: the phone brings its keys with the answer. ``line``: the line of ``esim``, as it shall be kept.

    ``block``: a recent one, which its statement names if there is room for it.
    ``spellings``: the login under each deployment key, the one of ``login`` first.
    """

    session: Digest
    login: Digest
    esim: Digest | None
    recovery_terms: Digest
    line: KeptLine | None = None
    block: BlockId | None = None
    spellings: tuple[Spelling, ...] = ()


class StatementAsked(msgspec.Struct, frozen=True, tag="statement", omit_defaults=True):
    """A complete statement, asked for by the phone with ``device_key`` (base64url SEC1).

    ``newcomer_key``: the key of a phone that this statement lets in. ``code_session``: what the code of this
    statement is bound to, where it has one. ``wallet``: whose signature is wanted, ``None`` for the account's own;
    ``new_wallet`` and ``recovery_code`` (a public key, base64url SEC1): who must sign it, too. ``code_keys``: what the
    digest in ``protect`` stands for. ``officer``: the name of the officer whose keys these are.
    ``sealed_channels``: the addresses behind the digests in ``notify``, in their order, under the deployment key.
    ``line``: the line of ``rebind-esim``, as it shall be kept.
    """

    statement: Statement
    device_key: str
    newcomer_key: str = ""
    code_session: Digest | None = None
    wallet: PinnedWallet | None = None
    new_wallet: PinnedWallet | None = None
    recovery_code: str | None = None
    code_keys: tuple[str, ...] = ()
    officer: str | None = None
    sealed_channels: tuple[bytes, ...] = ()
    line: KeptLine | None = None


Asked = SignInAsked | BindAsked | StatementAsked


class Challenge(msgspec.Struct, frozen=True):
    """One row. Instants in Unix seconds, half-open. ``version`` counts its changes, for compare-and-swap.

    ``answered_by`` and ``answered_epoch``: the phone that signed the answer, and the epoch that its statement names.
    ``code_mac`` is a keyed hash of the code under the deployment key, which is not in the database; ``sealed`` the
    encrypted evidence, so that a reader of the database cannot compute the code of a pending sign-in.
    """

    id: RequestId
    tenant: TenantId
    account: AccountId | None
    nonce: Nonce
    asked: Asked
    issued_at: int
    expires_at: int
    state: ChallengeState = ChallengeState.ISSUED
    version: int = 1
    mistypes: int = 0
    answered_by: Thumbprint | None = None
    answered_epoch: int = 0
    code_mac: Digest | None = None
    sealed: bytes = b""
    prompted: bool = False

    def is_live(self, at: int) -> bool:
        """Whether it can still be answered or completed. Two servers' clocks may differ by ``MAX_AHEAD_S``."""
        return self.issued_at - MAX_AHEAD_S <= at < self.expires_at

    def after(self, event: ChallengeEvent) -> Challenge:
        """This challenge one transition later. Where no code is awaited any more, nothing is kept for one."""
        state = step(CHALLENGE_TABLE, self.state, event)
        waits = state is ChallengeState.VERIFIED
        return msgspec.structs.replace(
            self,
            state=state,
            version=self.version + 1,
            mistypes=self.mistypes + (event in _MISTYPING),
            code_mac=self.code_mac if waits else None,
            sealed=self.sealed if waits else b"",
        )
