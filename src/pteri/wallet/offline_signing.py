"""How a phone prepares to sign in without a network (docs/spec section 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.core import wire
from pteri.core.offline import ChainTerms, chain_end
from pteri.wallet import checks
from pteri.wallet.guarding import Guarding
from pteri.wallet.refusals import ServerError

if TYPE_CHECKING:
    from pteri.wallet.ceremony import Signed
    from pteri.wallet.offline_notes import NewChain, OfflineNotes, ShownOffline

__all__ = ["MOST_DAYS", "OfflineSigning"]

MOST_DAYS: Final = 30
_DAY_S: Final = 86_400
_STEP_S: Final = 30
_SUBJECT: Final = "offline-codes"


class OfflineSigning(Guarding):
    """A phone that can show codes where there is no network."""

    offline_notes: OfflineNotes

    def prepare_offline_codes(self, days: int = MOST_DAYS) -> Signed:
        """Have the server take codes of this phone for so many days, 1 to 30, in place of those prepared before.

        The seed is sealed here before the first signature. Called again after an interruption, it goes on where it was.
        """
        with self._keystore.exclusive():
            if (repeated := self._repeated(_SUBJECT)) is not None:
                self.offline_notes.accepted()
                return repeated
            chain = self._new_chain(days)
            end, terms = chain_end(chain.terms, chain.seed), chain.terms
            try:
                signed = self._changed(
                    _SUBJECT,
                    "/offline-codes",
                    lambda _: wire.PrepareOfflineCodes(end, terms.start, terms.step, terms.length),
                    lambda known: checks.offline_codes(known, terms, end),
                )
            except Exception as error:
                if not (isinstance(error, ServerError) and error.may_repeat):
                    self.offline_notes.refused()
                raise
            self.offline_notes.accepted()
            return signed

    def offline_code(self) -> ShownOffline:
        """The code of now. Nothing is sent."""
        return self.offline_notes.code(self._clock.now())

    def _new_chain(self, days: int) -> NewChain:
        state = self._linked_state()
        assert state.account is not None
        start, length = self._clock.now(), max(1, min(days, MOST_DAYS)) * _DAY_S // _STEP_S
        return self.offline_notes.begin(ChainTerms(state.account, self.thumbprint, start, _STEP_S, length))
