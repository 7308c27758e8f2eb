"""What a phone is in the middle of: signed requests whose answer has not come, and what it holds its server to.

A signed statement is written down before it is sent, and if no answer comes, the very same request is sent again. A
new one in its place would have another code, and could have a second effect. Restarting is the same as retrying.

The file ``journal.json`` is not sealed, so that it can be written without a passphrase; a code can be computed from
a pending request, for the two minutes that the code lives. Like the other files it is the owner's alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from pteri.core.httpsig import SignedRequest
from pteri.core.ids import AccountId, Digest, Domain, RequestId
from pteri.core.statement import Statement
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import read_file, remove_file, replace_file
from pteri.wallet.state import PhoneState
from pteri.wallet.tagged import decode_tagged, encode_tagged

__all__ = ["TRANSFER_STATE_FILE", "CodesReady", "Journal", "Pinned", "Unanswered"]

TRANSFER_STATE_FILE: Final = "transfer-state.json"
"""Beside the journal: how far a move between phones is (:mod:`pteri.wallet.transfer_notes`)."""

REPEATABLE_S: Final = 300
"""How long a signed request counts (docs/spec section 4): after that, repeating it is pointless."""


class Pinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the person accepted once, and every later statement must say again."""

    domain: Domain
    is_line_known: bool = False
    esim: Digest | None = None
    """Commitment to the line, or that there is none; means something if ``is_line_known``."""
    approval: Digest | None = None
    """SHA-256 of this phone's own recovery or wallet statement, which its activation must complete."""
    new_wallet_by: Literal["recover", "rotate"] | None = None
    """By which of the two it brings another wallet, which then signs the activation."""


class CodesReady(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recovery between its two steps: codes are set up, the case is not opened yet."""

    setup: RequestId
    code: str
    account: AccountId
    """Of which the set-up spoke, and the case must."""
    at: int


class Unanswered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed answer to a challenge. ``subject`` is what the person asked for: it finds the request again.

    ``state`` and ``pinned`` are what the phone will know once the server has said yes.
    """

    subject: str
    request: SignedRequest
    statement: Statement
    state: PhoneState
    pinned: Pinned
    signed_at: int
    is_guest: bool = False
    """Whether it speaks of somebody's account that is not this phone's: nothing is remembered of it."""


class _Pages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["pteri-journal-1"] = "pteri-journal-1"
    pinned: Pinned | None = None
    codes: CodesReady | None = None
    unanswered: tuple[Unanswered, ...] = ()


class Journal:
    """The journal in a phone's directory. Each change is on the disk when its method returns.

    Callers hold the keystore's lock. Reading may refuse with ``NOT_A_STATE`` or ``NEWER_VERSION``.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "journal.json"

    @property
    def pinned(self) -> Pinned | None:
        """What every later statement must say again."""
        return self._read().pinned

    @property
    def codes(self) -> CodesReady | None:
        """The code of a set-up, if the next step has not used it."""
        return self._read().codes

    def unanswered(self, subject: str, at: int) -> Unanswered | None:
        """The request of this subject that may have arrived and can still be repeated."""
        return next((entry for entry in self._live(at) if entry.subject == subject), None)

    def may_bring(self, address: str, at: int) -> bool:
        """Whether a request that brings this wallet may have arrived, and can still be repeated to hear of it."""
        return any(getattr(entry.statement.act, "new_wallet", None) == address for entry in self._live(at))

    def expect_answer(self, entry: Unanswered) -> None:
        """Write a request down, before it is sent. The oldest that no repeat can help any more are dropped."""
        kept = tuple(other for other in self._live(entry.signed_at) if other.subject != entry.subject)
        self._change(lambda pages: msgspec.structs.replace(pages, unanswered=(*kept, entry)))

    def pin(self, pinned: Pinned | None) -> None:
        """Hold the server to this from now on, or to nothing."""
        self._change(lambda pages: msgspec.structs.replace(pages, pinned=pinned))

    def answered(self, entry: Unanswered) -> None:
        """Strike a request out: its answer has come, and what it says is remembered."""
        kept = tuple(other for other in self._read().unanswered if other.subject != entry.subject)
        self._change(lambda pages: msgspec.structs.replace(pages, unanswered=kept))

    def keep_codes(self, codes: CodesReady | None) -> None:
        """Remember the code of a set-up until the next step has used it, or forget it."""
        self._change(lambda pages: msgspec.structs.replace(pages, codes=codes))

    def forget(self) -> None:
        """No journal."""
        remove_file(self._path)

    def _live(self, at: int) -> tuple[Unanswered, ...]:
        return tuple(entry for entry in self._read().unanswered if at < entry.signed_at + REPEATABLE_S)

    def _change(self, change: Callable[[_Pages], _Pages]) -> None:
        replace_file(self._path, encode_tagged(change(self._read())))

    def _read(self) -> _Pages:
        try:
            data = read_file(self._path)
        except WalletError as error:
            if error.code is WalletCode.NOT_FOUND:
                return _Pages()
            raise
        return decode_tagged(
            data,
            _Pages,
            format_name="pteri-journal-1",
            what="the journal of a PTERI phone",
            remedy="The wallet itself is not touched: delete this file and start the open step again.",
            refusal=WalletCode.NOT_A_STATE,
        )
