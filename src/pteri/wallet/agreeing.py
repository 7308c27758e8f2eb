"""How an old phone compares what it saw of the log with what the new one saw (docs/spec/transfer.md section 8).

What is compared is in :mod:`pteri.wallet.comparing`. Here: ask, compare, keep what proves a lie, and write down how far
it is. There are three places: before the code is shown, before the wallet leaves, and before this phone is wiped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core.acts import ApproveMigration
from pteri.core.errors import ProtocolError
from pteri.core.transfer import elder as steps
from pteri.wallet.comparing import Agreement, Compared, agreement, followed, removal, told
from pteri.wallet.log_words import AlarmCode, LogAlarm
from pteri.wallet.public_log import PublicLog
from pteri.wallet.refusals import ServerError
from pteri.wallet.relay import HttpRelay
from pteri.wallet.watchful import Watchful, keep_evidence

if TYPE_CHECKING:
    from pteri.core.transfer.elder import Elder
    from pteri.core.transfer.sighting import Sighting
    from pteri.wallet.log_notes import LogNotes
    from pteri.wallet.relay import Relay
    from pteri.wallet.state import PhoneState
    from pteri.wallet.transfer_notes import Progress, TransferNotes

__all__ = ["Agreeing"]

_DONE_AT: Final = 1


class Agreeing(Watchful):
    """A phone that is the old one of a move, and does not take the service's word for what the new one was shown."""

    @property
    def _notes(self) -> TransferNotes:
        assert self._transfers is not None, "Phone.open provides it"
        return self._transfers

    @property
    def _progress(self) -> Progress:
        progress = self._notes.progress
        assert progress is not None, "asked for in the middle of a move"
        return progress

    def _keep(self, elder: Elder) -> Elder:
        self._notes.save(msgspec.structs.replace(self._progress, old=elder.state, asked=None))
        return elder

    def _relay(self, state: PhoneState) -> Relay:
        return HttpRelay(self._server(state))

    def _done(self, elder: Elder) -> bytes | None:
        """What the new phone says when it is in, if it has said it."""
        said = self._relay(self._linked_state()).read(elder.mailbox(self._progress.round))
        return said[_DONE_AT] if len(said) > _DONE_AT else None

    def _compare_before_the_code(self, elder: Elder, heard: Elder) -> None:
        """``LogAlarm`` ends the move; where nothing is known it goes on, and what is not known is said."""
        theirs = heard.new_phone_saw
        if not theirs.note and self._noted().believed is None:
            return
        notes = self._looked()
        self._judge(elder, self._agreed(notes, theirs))

    def _seen_before_the_wallet(self, elder: Elder) -> Sighting:
        """What this phone says of the log with the wallet, after one more look.

        Where the first comparison came to nothing, it is done now; ``LogAlarm`` as before.
        """
        if self._noted().believed is None:
            return told(self._noted())
        notes = self._looked()
        if self._progress.compared == "no":
            self._judge(elder, self._agreed(notes, elder.new_phone_saw))
        return told(notes)

    def _compare_at_the_end(self, elder: Elder) -> Elder:
        """As far as it can be: what is still unknown stays so, and this phone its wallet."""
        notes, state = self._noted(), elder.state
        assert isinstance(state, steps.Completed)
        if notes.believed is None or self._progress.compared == "in":
            return elder
        if not state.shown.note:
            elder = self._late_done(elder)
            state = elder.state
            assert isinstance(state, steps.Completed)
        act = state.statement.act
        assert isinstance(act, ApproveMigration), "the machine has compared it"
        at, read_tile = self._clock.now(), self._public_log().tile
        found = removal(notes, state.shown, act, at=at, read_tile=read_tile)
        if found.alarm is not None and found.alarm.code == AlarmCode.OTHER_KEY:
            # The log may have handed over since this phone looked; one that is removed already cannot follow.
            found = removal(self._looked(), state.shown, act, at=at, read_tile=read_tile)
        self._judge(elder, found, came_in=True)
        return elder

    def _agreement(self, *, at_the_end: bool = False) -> Agreement:
        """What is known so far."""
        if self._noted().believed is None:
            return "nothing"
        known = {"in"} if at_the_end else {"before", "in"}
        return "same" if self._progress.compared in known else "unknown"

    def _late_done(self, elder: Elder) -> Elder:
        """With what the new phone said when it was in, where the mailbox still has it."""
        try:
            done = self._done(elder)
            return elder if done is None else self._keep(elder.heard_done(done))
        except (ServerError, ProtocolError):
            return elder

    def _looked(self) -> LogNotes:
        """What is remembered after a look at the log now, or without an answer what was before."""
        looked = self.look_at_log()
        if looked.alarm is not None:
            raise looked.as_error()
        return looked.notes

    def _agreed(self, notes: LogNotes, theirs: Sighting) -> Compared:
        if notes.believed is None:
            return Compared("unknown")
        read_tile = self._public_log().tile
        return agreement(
            notes.checkpoint,
            theirs.note,
            notes.believed,
            at=self._clock.now(),
            read_tile=read_tile,
            handovers=followed(notes),
        )

    def _judge(self, elder: Elder, found: Compared, *, came_in: bool = False) -> None:
        """Write down that they agree; of an alarm, keep what proves it and end the move, unless it is at its end."""
        if found.alarm is not None:
            # What proves a lie first: if the phone dies here it finds the same lie again.
            directory = self._keystore.directory
            evidence = None if found.evidence is None else keep_evidence(directory, found.evidence)
            if not came_in:
                self._keep(elder.ended("stopped"))
            raise LogAlarm(found.alarm.code, found.alarm.message, evidence=None if evidence is None else str(evidence))
        if found.agreement == "same":
            self._notes.save(msgspec.structs.replace(self._progress, compared="in" if came_in else "before"))

    def _noted(self) -> LogNotes:
        return self._notebook.read(self._clock.now())

    def _public_log(self) -> PublicLog:
        return PublicLog(self._transport, self._linked_state().server)
