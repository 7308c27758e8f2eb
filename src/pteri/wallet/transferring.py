"""How an old phone lets a new one in and hands it the wallet (docs/spec/transfer.md section 7).

Every method looks where the move stands, does what is due and says what is due next; it may be called again at any
time, in any later process. A step is written down before it is acted on, and what is sent is the same to the byte each
time: a phone that dies on any line goes on, or has done nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from pteri.core import hpke, wire
from pteri.core.acts import phone_name
from pteri.core.ids import Thumbprint
from pteri.core.keys.secret import Secret
from pteri.core.otp import spaced
from pteri.core.transfer import elder as steps
from pteri.core.transfer.channel import LAST_ROUND
from pteri.core.transfer.elder import Elder, ElderKeys, is_near
from pteri.core.transfer.offer import parse_offer
from pteri.core.transfer.sighting import NOTHING_SEEN
from pteri.wallet import checks
from pteri.wallet.agreeing import Agreeing
from pteri.wallet.ceremony import Review, Signed
from pteri.wallet.checks import check
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.relay import is_over, is_unknown
from pteri.wallet.signing_in import SigningIn
from pteri.wallet.transfer_notes import Place, Progress

if TYPE_CHECKING:
    from pteri.core.statement import Statement
    from pteri.wallet.comparing import Agreement
    from pteri.wallet.relay import Relay
    from pteri.wallet.state import PhoneState

__all__ = ["HandingOver", "Moving", "Step"]

Step = Literal["greeted", "matched", "approved", "delivered", "completed", "ended"]

_DENIED: Final = 401
_OPEN: Final = frozenset({"APPROVED", "HELD"})
_OK_AT, _CONFIRMED_AT = 1, 2
_TAKEN: Final = "PLACE_TAKEN"


@dataclass(frozen=True, slots=True)
class Moving:
    """Where a move stands, on the old phone.

    ``greeted``: the new phone has not answered yet. ``matched``: show ``code``. ``approved``: the server waits until
    ``until``. ``delivered``: the wallet is on its way. ``completed``: the new phone is in; this one may be wiped.
    ``near``: the new phone was heard by radio. ``compared``: whether both phones were shown one log, as far as this
    step could find out; ``nothing`` where no log is.
    """

    step: Step
    new_phone: str
    code: str | None = field(default=None, repr=False)
    until: int | None = None
    signed: Signed | None = None
    near: bool = False
    compared: Agreement = "nothing"

    @property
    def spaced(self) -> str:
        """How the code is shown: two groups."""
        assert self.code is not None, "only a matched phone has a code"
        return spaced(self.code)


class HandingOver(SigningIn, Agreeing):
    """A phone that can be the old one of a move."""

    def approve_offer(self, offer: str, *, revoke_old: bool) -> Moving:
        """Let in the new phone whose offer was scanned, as far as that goes now.

        Call it again until it says ``approved``: the new phone has to answer, and its owner has to type the code there.
        """
        with self._keystore.exclusive():
            state = self._linked_state()
            elder = self._begun_with(offer, state)
            near = is_near(elder.keys.offer.card, None if self._beacon is None else self._beacon.hear())
            relay = self._relay(state)
            if isinstance(elder.state, steps.Greeted | steps.Matched):
                elder = self._met(elder, relay)
            if isinstance(elder.state, steps.Greeted):
                return Moving("greeted", _name(elder), near=near)
            if isinstance(elder.state, steps.Matched):
                code = elder.code(at=self._clock.now())
                return Moving("matched", _name(elder), code=code, near=near, compared=self._agreement())
            signed = None
            if isinstance(elder.state, steps.Agreed):
                elder, signed = self._signed_in(elder, state, revoke_old=revoke_old)
            return self._where(elder, signed=signed, near=near)

    def hand_over(self) -> Moving:
        """Hand the wallet to the new phone, once the waiting time is over, and ask once more before it is done.

        Again, it looks what came of it: ``completed`` says that the new phone is in.
        """
        with self._keystore.exclusive():
            elder = self._moving()
            if isinstance(elder.state, steps.Approved | steps.Delivered):
                elder = self._after_the_server(elder)
                if isinstance(elder.state, steps.Approved | steps.Delivered):
                    elder = self._delivered(elder)
            if isinstance(elder.state, steps.Completed):
                elder = self._compare_at_the_end(elder)
            return self._where(elder)

    def move(self) -> Moving | None:
        """Where a move stands, as this phone remembers it."""
        elder = self._notes.elder()
        return None if elder is None else self._where(elder)

    def give_up_move(self) -> None:
        """Forget a move that is over, or was not approved; ``MOVE_UNDER_WAY`` while the server waits for it."""
        with self._keystore.exclusive():
            elder = self._notes.elder()
            if elder is not None and isinstance(elder.state, steps.Approved | steps.Delivered):
                elder = self._after_the_server(elder)
                if isinstance(elder.state, steps.Approved | steps.Delivered):
                    raise UnsafeError(
                        SafetyCode.MOVE_UNDER_WAY,
                        "The new phone is let in already and waits. Remove it from the account to stop it.",
                    )
            self._notes.forget()

    def wipe_after_move(self) -> None:
        """Remove everything from this phone: only when the new one is in, by the server's answer (MI-10).

        And by the log, where there is one: it was shown to both phones, and has the entry; else ``NOT_COMPARED``.
        """
        with self._keystore.exclusive():
            if not (elder := self._moving()).may_wipe:
                raise UnsafeError(
                    SafetyCode.MOVE_UNDER_WAY,
                    "The new phone is not in yet, so this one keeps the wallet. Look again when the new phone says "
                    "that it belongs to the account.",
                )
            self._compare_at_the_end(elder)
            if self._agreement(at_the_end=True) == "unknown":
                raise UnsafeError(
                    SafetyCode.NOT_COMPARED,
                    "The new phone is in, but this one could not find out whether the service shows both phones the "
                    "same log, with the new phone in it. Until then it keeps the wallet. Finish on the new phone, and "
                    "within ten minutes try again here; if it stays so, keep this phone, and ask the people of the "
                    "service in a way that you know.",
                )
            self._keystore.wipe()
            self._notes.forget()

    def _moving(self) -> Elder:
        elder = self._notes.elder()
        if elder is None:
            raise UnsafeError(SafetyCode.NO_MOVE, "This phone is not letting a new one in. Scan the new phone first.")
        return elder

    def _begun_with(self, offer: str, state: PhoneState) -> Elder:
        """The move that this offer began, or a new one. A move that the server knows of is not left in silence."""
        at, before = self._clock.now(), self._notes.elder()
        if before is not None and before.keys.offer.encode() == offer and not isinstance(before.state, steps.Ended):
            return before
        if before is not None and isinstance(before.state, steps.Approved | steps.Delivered):
            before = self._after_the_server(before)
            if not isinstance(before.state, steps.Completed | steps.Ended):
                raise UnsafeError(
                    SafetyCode.MOVE_UNDER_WAY, "Another new phone is on its way in. Let it finish, or remove it first."
                )
        scanned = parse_offer(offer, expected_tenant=state.tenant, at=at)
        assert state.account is not None, "a linked phone"
        keys = ElderKeys(scanned, Secret(self._entropy.draw(hpke.KEY_BYTES)))
        elder = Elder.greeting(keys, state.account)
        elder.to_send()  # a key that nobody can talk to is refused before anything is kept
        # So is an offer that is not of the phone lying here, where there is a radio to hear that phone with.
        is_near(scanned.card, None if self._beacon is None else self._beacon.hear())
        self._notes.begin(scanned, keys.ephemeral, Place(state.server, state.tenant), Progress(old=elder.state))
        return elder

    def _met(self, elder: Elder, relay: Relay) -> Elder:
        """The conversation before the signature, as far as the new phone has answered."""
        at, mailbox = self._clock.now(), elder.keys.offer.card.mailbox
        if elder.is_over(at=at):
            self._keep(elder.ended("too late"))
            raise _over("The new phone did not answer in time.")
        try:
            relay.put(mailbox, 0, elder.to_send())
            said = relay.read(mailbox)
        except ServerError as error:
            raise self._explained_relay(elder, error) from error
        if isinstance(elder.state, steps.Greeted) and len(said) > _OK_AT:
            heard = elder.heard_ok(said[_OK_AT], at=at)
            # Before there is a code: who sees none can let nobody in.
            self._compare_before_the_code(elder, heard)
            elder = self._keep(heard)
        if isinstance(elder.state, steps.Matched) and len(said) > _CONFIRMED_AT:
            elder = self._keep(elder.heard_confirmed(said[_CONFIRMED_AT], at=at))
        return elder

    def _explained_relay(self, elder: Elder, error: ServerError) -> Exception:
        if error.code == _TAKEN:
            # Somebody who saw the code answered it first. He gets nothing; but this offer is used up (MI-02).
            self._keep(elder.ended("stopped"))
            return UnsafeError(
                SafetyCode.SOMEBODY_ELSE_FIRST,
                "Another phone has answered the new phone before this one: somebody may have photographed its code. "
                "Nothing was handed over. Begin again with a new code, where nobody sees it.",
            )
        if is_over(error) or is_unknown(error):
            self._keep(elder.ended("too late"))
            return _over("The new phone is not waiting any more.")
        return error

    def _signed_in(self, elder: Elder, state: PhoneState, *, revoke_old: bool) -> tuple[Elder, Signed | None]:
        """Sign ``migrate``, or find out that it was signed before this phone died."""
        card = elder.keys.offer.card
        subject = f"migrate:{card.digest}:{revoke_old}"
        signed, progress = self._repeated(subject), self._progress
        statement = progress.asked if signed is None else signed.statement
        if signed is None and (statement is None or not self._is_let_in(elder)):
            message = wire.StartMigration(card.encode(), elder.transcript, revoke_old)
            claimed = self._server(state).post("/migrations", message, wire.Claimed)
            statement = claimed.statement

            def expected(known: checks.Known) -> checks.Expected:
                return checks.migration(known, card, elder.transcript, revoke_old=revoke_old)

            known = self._known(state, self._journal.pinned, line=None, line_salt=claimed.line_salt)
            check(statement, expected(known), known=known, request=None)
            self._notes.save(msgspec.structs.replace(self._progress, old=elder.state, asked=statement))
            signed = self._answer(claimed, expected, state=state, pinned=self._journal.pinned, subject=subject)
        assert statement is not None
        return self._let_in(elder, statement), signed

    def _is_let_in(self, elder: Elder) -> bool:
        migration = self.devices().migration
        return migration is not None and migration.new_phone == _name(elder) and migration.state in _OPEN

    def _let_in(self, elder: Elder, statement: Statement) -> Elder:
        migration = self.devices().migration
        if migration is None or migration.new_phone != _name(elder) or migration.state not in _OPEN:
            return self._keep(elder.ended("stopped"))
        return self._keep(elder.approved(statement, held_until=migration.held_until, expires_at=migration.expires_at))

    def _after_the_server(self, elder: Elder) -> Elder:
        """What the server says of the migration, to this phone."""
        try:
            migration = self.devices().migration
        except ServerError as error:
            if error.status != _DENIED:
                raise
            return self._removed(elder, error)
        if migration is None or migration.new_phone != _name(elder):
            return self._keep(elder.ended("stopped"))
        if migration.state == "COMPLETED":
            return self._keep(elder.completed("completed"))
        if migration.state not in _OPEN:
            return self._keep(elder.ended("too late" if migration.state == "EXPIRED" else "stopped"))
        return elder

    def _removed(self, elder: Elder, denial: ServerError) -> Elder:
        """A denial: this phone was to be removed when the new one came in. Only that one can say whether it has."""
        try:
            done = self._done(elder)
        except ServerError as error:
            raise denial from error
        if not isinstance(elder.state, steps.Delivered) or done is None:
            raise denial
        elder = self._keep(elder.heard_done(done))
        return self._keep(elder.completed("denied"))

    def _delivered(self, elder: Elder) -> Elder:
        at, state = self._clock.now(), elder.state
        assert isinstance(state, steps.Approved | steps.Delivered)
        seen = NOTHING_SEEN
        if isinstance(state, steps.Approved) and at >= state.held_until:
            seen = self._seen_before_the_wallet(elder)
        after, frame = elder.delivered(self._wallet.mnemonic(), self._index, at=at, seen=seen)
        if isinstance(state, steps.Approved):
            # The second look of the owner: an hour ago it could have been somebody who had this phone for a minute.
            if not self._ceremony.agreed(Review(state.statement, hands_over=True)):
                raise UnsafeError(
                    SafetyCode.DECLINED, "The wallet stays here. Remove the new phone if it is not yours."
                )
            self._keep(after)
        relay = self._relay(self._linked_state())
        for number in range(self._progress.round, LAST_ROUND + 1):
            mailbox = after.mailbox(number)
            try:
                relay.open(mailbox)
                relay.put(mailbox, 0, frame)
            except ServerError as error:
                if not is_over(error):
                    raise
                self._notes.save(msgspec.structs.replace(self._progress, old=after.state, round=number + 1))
                continue
            break
        return after

    def _where(self, elder: Elder, *, signed: Signed | None = None, near: bool = False) -> Moving:
        name = _name(elder)
        match elder.state:
            case steps.Greeted() | steps.Agreed():
                return Moving("greeted", name)
            case steps.Matched():
                return Moving("matched", name)
            case steps.Approved(held_until=until):
                return Moving("approved", name, until=until, signed=signed, near=near, compared=self._agreement())
            case steps.Delivered(expires_at=until):
                return Moving("delivered", name, until=until, compared=self._agreement())
            case steps.Completed():
                return Moving("completed", name, compared=self._agreement(at_the_end=True))
            case _:
                return Moving("ended", name)


def _name(elder: Elder) -> str:
    return phone_name(Thumbprint(elder.keys.offer.card.new_device))


def _over(what: str) -> UnsafeError:
    return UnsafeError(
        SafetyCode.OUT_OF_WINDOW, f"{what} Nothing was handed over. Show a new code on the new phone and scan that."
    )
