"""What a decision sees of who asks: the facts, with the questions that many rows of the policy ask of them."""

from __future__ import annotations

from dataclasses import dataclass

from pteri.core.ids import Thumbprint
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.device import Device, DeviceState
from pteri.domain.facts import Circumstances, LineStatus, Signer
from pteri.domain.line import LineState
from pteri.domain.standing import Evidence

__all__ = ["Seen"]

_LINE_SPEAKS_AGAINST = frozenset({LineStatus.CHANGED, LineStatus.CONTRADICTED})
_WARNS = frozenset({LineState.STALE, LineState.SUSPECT, LineState.DETACHED})
_OFFICERS = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """The account, the circumstances, who signed, and from which phone."""

    account: Account
    circumstances: Circumstances
    signer: Signer
    phone: Thumbprint

    @property
    def at(self) -> int:
        """Unix second of the decision."""
        return self.circumstances.at

    @property
    def device(self) -> Device | None:
        """The phone that signed, where the account knows it."""
        return self.account.device(self.phone)

    @property
    def by_verified_phone(self) -> bool:
        """``D``."""
        device = self.device
        return device is not None and device.state is DeviceState.ACTIVE

    @property
    def on_probation(self) -> bool:
        """Whether the phone is too new for anything but signing in and stopping others."""
        device = self.device
        return device is not None and device.on_probation(self.at)

    @property
    def by_own_wallet(self) -> bool:
        """``W``."""
        return self.signer.wallet == self.account.wallet

    @property
    def shows_code(self) -> bool:
        """``C``."""
        return self.signer.code_key is not None and self.signer.code_key in self.account.code_keys

    @property
    def line_changed(self) -> bool:
        """Whether the line speaks against whoever asks. Silence does not, until it has lasted for long."""
        line = self.account.mobile_line
        if line is not None and (self.at < line.cooling_until or line.state in _WARNS):
            return True
        return self.circumstances.line in _LINE_SPEAKS_AGAINST

    def evidence(self) -> Evidence:
        """Everything that speaks for this phone now."""
        account = self.account
        guardians = account.guardians
        # Who has become the owner is no friend of himself: wallet and guardian are two hands.
        friends = account.spoken_for(self.phone, "G", self.at) - {account.wallet.address}
        letters = {
            "W": self.by_own_wallet,
            "D": self.by_verified_phone,
            "C": self.shows_code,
            # Only the guardians of now: who was replaced since then speaks for nobody.
            "G": guardians is not None and len(friends & set(guardians.wallets)) >= guardians.needed,
            "A": len(account.spoken_for(self.phone, "A", self.at)) >= _OFFICERS,
        }
        return frozenset(letter for letter, shown in letters.items() if shown)

    def may_not_change(self) -> Refuse | None:
        """Why this phone may change nothing of importance now, if so."""
        if not self.by_verified_phone:
            return Refuse(Reason.DEVICE_NOT_ACTIVE)
        if not self.by_own_wallet:
            return Refuse(Reason.WRONG_WALLET)
        return Refuse(Reason.DEVICE_ON_PROBATION) if self.on_probation else None

    def after(self, until: int, reason: Reason) -> Decision:
        """Yes, once that second has come."""
        return Permit(Reason.HOLD_OVER) if self.at >= until else Hold(reason, until)
