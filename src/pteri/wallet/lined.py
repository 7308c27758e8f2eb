"""With which mobile line the account goes, and where it will move (docs/spec section 6.12)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from pteri.core import wire
from pteri.core.errors import Malformed
from pteri.core.esim import line_commitment
from pteri.core.ids import digest_text, from_base64url, thumbprint
from pteri.core.phone_number import PhoneNumber
from pteri.wallet import checks
from pteri.wallet.refusals import SafetyCode, UnsafeError
from pteri.wallet.warned import Warned

if TYPE_CHECKING:
    from pteri.core.ids import Thumbprint
    from pteri.core.keys.secret import Secret
    from pteri.wallet.ceremony import Signed
    from pteri.wallet.checks import Expected, Known
    from pteri.wallet.journal import Pinned
    from pteri.wallet.state import PhoneState

__all__ = ["Lined"]


class Lined(Warned):
    """A phone whose account goes with a mobile line."""

    def rebind_line(self, typed: str) -> Signed:
        """From now on the account goes with this number, and no other; also with the same one, on another SIM.

        ``NO_ADDRESS`` for what is no number. The other phones of the account are told by :meth:`accept_line`.
        """
        line = _number(typed)
        # The phone's notes of what it sent need not name it.
        named = digest_text(hashlib.sha256(line.encode()).digest())

        def expected(known: Known) -> Expected:
            salt = known.line_salt  # as told now: each line has the salt of the key that kept it
            if salt is None:
                raise checks.mismatch("new_esim")
            return checks.rebinding(known, line, salt)

        return self._changed(f"rebind:{named}", "/line-changes", lambda _: wire.RebindLine(line), expected)

    def announce_move(self, to: Thumbprint, *, within_s: int) -> Signed:
        """The SIM will move to this phone of the account within so many seconds; said beforehand, it is no alarm."""
        wanted = thumbprint(to)
        return self._changed(
            f"move:{wanted}",
            "/line-moves",
            lambda _: wire.AnnounceMove(wanted, within_s),
            lambda known: checks.line_move(known, wanted, within_s),
        )

    def prove_line(self, token: Secret) -> wire.LineProved:
        """Show by a temporary token of its operator (TS.43) that this phone uses the line now.

        The token is spent, and wiped here, whatever comes out. It opens nothing.
        """
        with self._keystore.exclusive():
            try:
                message = wire.ProveLine(token.reveal().decode("ascii", "replace"))
                return self._server(self._linked_state()).post("/line-proofs", message, wire.LineProved)
            finally:
                token.wipe()

    def start_chip(self) -> wire.ChipStarted:
        """The text that this phone's own eSIM settings take, so that its chip answers the service.

        Nothing is downloaded: the settings say that there is no profile, which is as it must be.
        """
        with self._keystore.exclusive():
            return self._server(self._linked_state()).post("/chip-challenges", wire.Nothing(), wire.ChipStarted)

    def accept_line(self, typed: str) -> None:
        """Another phone bound the account to this number: expect it in everything that this one signs.

        ``OTHER_LINE`` if the service says another one. It signs nothing, and changes nothing but this phone's memory.
        """
        line = _number(typed)
        with self._keystore.exclusive():
            state, pinned, seen = self._linked_state(), self._journal.pinned, self.devices()
            told = None if seen.line is None else seen.line.salt
            salt = told or state.line_salt
            fits = salt is not None and seen.esim == line_commitment(
                line, salt=from_base64url(salt), tenant=state.tenant
            )
            if salt is None or pinned is None or not fits:
                raise UnsafeError(
                    SafetyCode.OTHER_LINE,
                    "Your account does not go with this number. Look at its phones, and ask whoever has the other "
                    "one; if nobody did this, stop the account: pteri wallet freeze",
                )
            self._remember_line(state, pinned, salt, seen)

    def _remember_line(self, state: PhoneState, pinned: Pinned, salt: str, seen: wire.DevicesSeen) -> None:
        self._journal.pin(msgspec.structs.replace(pinned, is_line_known=True, esim=seen.esim))
        self._keystore.save_state(msgspec.structs.replace(state, line_salt=salt, epoch=max(state.epoch, seen.epoch)))


def _number(typed: str) -> str:
    """In its one spelling; people write spaces and hyphens."""
    try:
        return PhoneNumber(typed.translate(str.maketrans("", "", " -/()."))).reveal()
    except Malformed:
        raise UnsafeError(
            SafetyCode.NO_ADDRESS, "This is no mobile number. Write it with its country, as +49 151 12345678."
        ) from None
