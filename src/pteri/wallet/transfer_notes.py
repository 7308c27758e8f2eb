"""What a phone in the middle of a move keeps: keys sealed, the rest in the open, each written before it counts.

``transfer.json`` is made once in a move and sealed like the wallet: the offer with its secret, and this phone's private
key of the channel. Whoever had both, and what the relay carried, could open the wallet. ``transfer-state.json`` is
written at every step and needs no passphrase: how far it is. No word of a wallet is in either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pteri.core.ids import TenantId
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.transfer.channel import FIRST_ROUND
from pteri.core.transfer.elder import Elder, ElderKeys, ElderState
from pteri.core.transfer.newcomer import Newcomer, NewcomerKeys, NewcomerState
from pteri.core.transfer.offer import Offer, parse_offer
from pteri.wallet.envelope import STANDARD, Holds, KdfCost, open_sealed, seal
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import is_there, read_file, remove_file, replace_file
from pteri.wallet.journal import TRANSFER_STATE_FILE
from pteri.wallet.tagged import decode_tagged, encode_tagged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Entropy

__all__ = ["Place", "Progress", "TransferNotes"]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a new phone is to be let in: it has no memory of its own yet."""

    server: str
    tenant: TenantId


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a move is, on the one side or on the other.

    ``round``: of the mailboxes for the wallet, the one that is used now. ``asked``: the statement that the old phone
    was about to sign. ``made_wallet``: the wallet on the new phone came by this move. ``compared``: on the old phone,
    that both were shown one log before the code was shown, or that the new phone is in, in that log (section 8).
    """

    old: ElderState | None = None
    new: NewcomerState | None = None
    round: int = FIRST_ROUND
    asked: Statement | None = None
    made_wallet: bool = False
    compared: Literal["no", "before", "in"] = "no"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["pteri-transfer-1"]
    progress: Progress


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    offer: str
    expires_at: int
    private: bytes
    place: Place

    def __repr__(self) -> str:
        # The offer has the secret that is photographed, and the key is the new phone's.
        return f"_Sealed({self.place}, until {self.expires_at})"


class TransferNotes:
    """The two files of a move in a phone's directory. Callers hold the keystore's lock.

    ``passphrase`` is asked for at each use, and refuses when the phone has closed its keys.
    """

    def __init__(
        self, keystore: Keystore, passphrase: Callable[[], Secret], *, entropy: Entropy, cost: KdfCost = STANDARD
    ) -> None:
        self._directory = keystore.directory
        self._passphrase = passphrase
        self._entropy = entropy
        self._cost = cost
        self._kept: _Sealed | None = None

    @property
    def progress(self) -> Progress | None:
        """How far the move is, if there is one."""
        if not is_there(self._sealed_path):
            return None
        try:
            data = read_file(self._state_path)
        except WalletError as error:
            if error.code is WalletCode.NOT_FOUND:  # it died between the two files: nothing was said yet
                return None
            raise
        return decode_tagged(
            data,
            _File,
            format_name="pteri-transfer-1",
            what="the notes of a move between phones",
            remedy="The wallet itself is not touched: give the move up and begin again.",
            refusal=WalletCode.NOT_A_STATE,
        ).progress

    @property
    def place(self) -> Place:
        """Where the move is to."""
        return self._sealed().place

    def elder(self) -> Elder | None:
        """This phone as the old one of a move, if it is that."""
        progress = self.progress
        if progress is None or progress.old is None:
            return None
        return Elder(ElderKeys(self._offer(), Secret(self._sealed().private)), progress.old)

    def newcomer(self) -> Newcomer | None:
        """This phone as the new one of a move, if it is that."""
        progress = self.progress
        if progress is None or progress.new is None:
            return None
        return Newcomer(NewcomerKeys(self._offer(), Secret(self._sealed().private)), progress.new)

    def begin(self, offer: Offer, private: Secret, place: Place, progress: Progress) -> None:
        """Keep the keys of a new move, in place of those of an older one."""
        remove_file(self._state_path)
        self._kept = _Sealed(offer.encode(), offer.card.expires_at, private.reveal(), place)
        payload = Secret(msgspec.json.encode(self._kept))
        sealed = seal(payload, self._passphrase(), entropy=self._entropy, cost=self._cost, holds=Holds.TRANSFER)
        replace_file(self._sealed_path, sealed)
        self.save(progress)

    def save(self, progress: Progress) -> None:
        """Remember this step."""
        replace_file(self._state_path, encode_tagged(_File("pteri-transfer-1", progress)))

    def forget(self) -> None:
        """No move any more: first the keys, without which the rest says nothing."""
        self._kept = None
        remove_file(self._sealed_path)
        remove_file(self._state_path)

    def lock(self) -> None:
        """Forget what was read of the sealed file; the file stays."""
        self._kept = None

    def _offer(self) -> Offer:
        kept = self._sealed()
        return parse_offer(kept.offer, expected_tenant=kept.place.tenant, at=kept.expires_at - 1)

    def _sealed(self) -> _Sealed:
        if self._kept is None:
            payload = open_sealed(read_file(self._sealed_path), self._passphrase(), expected=Holds.TRANSFER)
            self._kept = msgspec.json.decode(payload.reveal(), type=_Sealed)
        return self._kept

    @property
    def _sealed_path(self) -> Path:
        return self._directory / f"{Holds.TRANSFER}.json"

    @property
    def _state_path(self) -> Path:
        return self._directory / TRANSFER_STATE_FILE
