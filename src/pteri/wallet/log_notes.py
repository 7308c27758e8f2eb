"""What a phone remembers of the log: whom it believes, what it saw last, and what it signed itself.

``log.json`` is no secret and is not sealed, so that it costs no passphrase at each sign-in. It is authenticated under a
key made from the device key: whoever can write here, and has no passphrase, can remove it, but not change a letter.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from pteri.core.acts import Authenticate, BindWallet, SetupOtp
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import is_there, read_file, remove_file, replace_file
from pteri.wallet.tagged import decode_tagged, encode_tagged

__all__ = [
    "CHANGE_LOGGED_S",
    "LOG_NOTES_FILE",
    "MOST_ACTS",
    "SIGN_IN_LOGGED_S",
    "Believed",
    "FollowedHandover",
    "LogNotes",
    "Notebook",
    "SignedAct",
    "answered",
    "due_at",
    "signed",
]

LOG_NOTES_FILE: Final = "log.json"
MOST_ACTS: Final = 1000
"""Signed here and not found in the log yet: the newest are remembered."""
CHANGE_LOGGED_S: Final = 86_400
"""After this time a change that was answered with success must be in the log."""
SIGN_IN_LOGGED_S: Final = 7 * 86_400
"""A sign-in is logged when its code is typed, or when a service that forgets it records that it never was."""

_FORMAT: Final = "pteri-log-notes-1"
_KEY_TAG: Final = b"PTERI-LOG-NOTES-v1"


class Believed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose word counts: keys as ``name+id+key``. ``needed`` of the witnesses must have seen a checkpoint."""

    log_key: str
    witnesses: tuple[str, ...] = ()
    needed: int = 0
    index_key: str = ""


class FollowedHandover(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A hand-over that this phone followed: ``key`` before it, as ``name+id+key``, and the entry of the log."""

    key: str
    entry: bytes


class SignedAct(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What this phone signed: SHA-256 of the statement and of the text of the wallet signature.

    ``due_at``: Unix second from which the log must have it; 0 while no answer has come, and for what has no event.
    """

    statement: bytes
    wallet_signature: bytes
    signed_at: int
    due_at: int = 0


class LogNotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``since``: everything that this phone signed after this second stands in ``acts``, or was found in the log.

    ``checkpoint``: the last good one, a note; ``looked_at``: when. ``index``, ``seq``, ``leaf`` and ``epoch`` are of
    the last leaf of the account: its index, number, hash and epoch. ``found``: how many acts were. ``handovers``: the
    newest that were followed; not there before the first one, so that notes of earlier programs verify.
    """

    since: int
    believed: Believed | None = None
    checkpoint: str = ""
    looked_at: int = 0
    index: bytes = b""
    seq: int = 0
    leaf: bytes = b""
    epoch: int = 0
    acts: tuple[SignedAct, ...] = ()
    found: int = 0
    has_caught_up: bool = False
    handovers: tuple[FollowedHandover, ...] | msgspec.UnsetType = msgspec.UNSET


def signed(notes: LogNotes, act: SignedAct) -> LogNotes:
    """The notes with one more act; the oldest is forgotten when there are too many, and that is remembered."""
    acts = (*(each for each in notes.acts if each.statement != act.statement), act)
    since = notes.since
    if len(acts) > MOST_ACTS:
        since, acts = max(since, acts[0].signed_at), acts[1:]
    return msgspec.structs.replace(notes, since=since, acts=acts)


def answered(notes: LogNotes, statement: bytes, due: int) -> LogNotes:
    """The notes where the act of this statement is due in the log. One that was found already stays so."""
    acts = tuple(
        msgspec.structs.replace(each, due_at=due) if each.statement == statement else each for each in notes.acts
    )
    return msgspec.structs.replace(notes, acts=acts)


def due_at(statement: Statement, at: int) -> int:
    """When an act that was answered with success at ``at`` must be in the log; 0 for one that may come to nothing.

    A link whose code nobody types, and a set-up of codes without a recovery after it, are no event of any account.
    """
    match statement.act:
        case BindWallet() | SetupOtp(chain_end=None):
            return 0
        case Authenticate():
            return at + SIGN_IN_LOGGED_S
        case _:
            return at + CHANGE_LOGGED_S


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["pteri-log-notes-1"]
    notes: LogNotes
    mac: bytes


class Notebook:
    """The notes in a phone's directory: old or new at every instant. Callers that write hold the keystore's lock.

    ``device``: the device key's scalar, asked for at each use; it refuses when the phone has closed its keys.
    """

    def __init__(self, directory: Path, device: Callable[[], Secret]) -> None:
        self._path = directory / LOG_NOTES_FILE
        self._device = device

    def read(self, at: int) -> LogNotes:
        """The notes, or new ones that begin at ``at``; ``NOT_A_STATE`` when somebody has changed them."""
        if not is_there(self._path):
            return LogNotes(since=at)
        file = decode_tagged(
            read_file(self._path),
            _File,
            format_name=_FORMAT,
            what="what this phone remembers of the log",
            remedy=_REMEDY,
            refusal=WalletCode.NOT_A_STATE,
        )
        if not hmac.compare_digest(file.mac, self._mac(file.notes)):
            raise WalletError(
                WalletCode.NOT_A_STATE, f"Somebody has changed what this phone remembers of the log. {_REMEDY}"
            )
        return file.notes

    def write(self, notes: LogNotes) -> None:
        """Remember this from now on."""
        replace_file(self._path, encode_tagged(_File(_FORMAT, notes, self._mac(notes))))

    def forget(self) -> None:
        """No notes."""
        remove_file(self._path)

    def signed(self, statement: Statement, wallet_signature: str, at: int) -> None:
        """Remember, before it is sent or shown, that this phone signed it."""
        act = SignedAct(statement.sha256(), hashlib.sha256(wallet_signature.encode()).digest(), at)
        # What the server knows happens after the statement was issued, by its clock and not by this phone's.
        self._try_to_note(min(at, statement.issued_at), lambda notes: signed(notes, act))

    def answered(self, statement: Statement, at: int) -> None:
        """Remember that the service said yes to it. When the log must have it, its own time says, not this phone's."""
        due = due_at(statement, statement.issued_at)
        self._try_to_note(at, lambda notes: answered(notes, statement.sha256(), due))

    def _try_to_note(self, at: int, change: Callable[[LogNotes], LogNotes]) -> None:
        try:
            self.write(change(self.read(at)))
        except WalletError:
            # Watching must keep nobody from signing. What is wrong here is told when the phone looks at the log.
            return

    def _mac(self, notes: LogNotes) -> bytes:
        key = hmac.digest(self._device().reveal(), _KEY_TAG, "sha256")
        return hmac.digest(key, msgspec.json.encode(notes), "sha256")


_REMEDY: Final = (
    "The wallet itself is not touched. If you did not do this, somebody else writes on this computer: look at the "
    f"account with another phone. Then delete {LOG_NOTES_FILE}; the phone begins to remember anew."
)
