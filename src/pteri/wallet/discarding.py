"""How a phone lets go of a new wallet that was prepared and came to nothing (docs/spec/keystore.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.memory import remembered
from pteri.wallet.refusals import ServerError
from pteri.wallet.signing_in import SigningIn

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Discarded", "Discarding"]

_DENIED: Final = 401


@dataclass(frozen=True, slots=True)
class Discarded:
    """A new wallet that waits here no longer.

    ``copy``: where it is, sealed, if nobody could say that no account has it.
    """

    address: str
    copy: Path | None


class Discarding(SigningIn):
    """A phone that may have prepared a wallet in vain."""

    def discard_new_wallet(self) -> Discarded:
        """Let go of the wallet that was to take the place of this one; ``NOT_FOUND`` if none waits.

        ``WALLET_IN_USE`` if the account has it, an open case brings it, or a request that does may have arrived. Where
        the service does not know this phone, nobody can say: then it stays here as a sealed copy.
        """
        with self._keystore.exclusive():
            waiting = self._succession.successor(self._network)
            if waiting is None:
                raise WalletError(WalletCode.NOT_FOUND, "No new wallet waits here to take the place of this one.")
            address = waiting.address(self._index)
            if self._journal.may_bring(address, self._clock.now()):
                raise _in_use("A request that brings it may have arrived. Give the command of before once more.")
            copy = None
            if (used := self._is_used(address)) is None:
                copy = self._succession.set_aside(self._network)
            elif used:
                raise _in_use("Your account has it, or is going to. Finish what was begun, or object to it.")
            else:
                self._succession.discard()
            if (pinned := self._journal.pinned) is not None and pinned.new_wallet_by is not None:
                self._journal.pin(msgspec.structs.replace(pinned, approval=None, new_wallet_by=None))
            return Discarded(address, copy)

    def _is_used(self, address: str) -> bool | None:
        """Whether the account or an open case of it has this wallet; ``None`` if this phone is not told."""
        state = remembered(self._keystore)
        if state is None or state.account is None:
            return None
        try:
            seen = self.devices()
        except ServerError as error:
            if error.status != _DENIED:
                raise
            return None
        case = seen.recovery
        return seen.wallet == address or (case is not None and case.state == "OPEN" and case.new_wallet == address)


def _in_use(why: str) -> WalletError:
    return WalletError(WalletCode.WALLET_IN_USE, f"This new wallet is not discarded. {why}")
