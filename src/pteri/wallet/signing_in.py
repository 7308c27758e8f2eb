"""How a phone signs in, from what its owner scanned or was prompted for to the code (docs/spec section 4.5).

For a scanned sign-in it asks the server nothing: it composes the statement itself and sends the signed answer. Only
when that is denied it looks whether the account's phones have changed since, and then asks its owner once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import wire
from pteri.core.ids import RequestId, request_id
from pteri.wallet import checks
from pteri.wallet.answering import Answering
from pteri.wallet.ceremony import Review, ShownCode, Signed, with_code
from pteri.wallet.checks import check, mismatch
from pteri.wallet.composing import compose_sign_in, invited, scanned
from pteri.wallet.errors import WalletError
from pteri.wallet.memory import pinned_after, state_after
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError

if TYPE_CHECKING:
    from pteri.core.invitation import Invitation, Terms
    from pteri.core.statement import Statement
    from pteri.wallet.state import PhoneState

__all__ = ["ShownAnswer", "SigningIn"]

_DENIED: Final = 401
_NOT_FOUND: Final = 404
_START_AGAIN: Final = (
    "The service did not accept this sign-in. Nothing has happened. Start it again on the other screen and scan the "
    "new code; it must be your own account that is signing in there."
)
_NO_PHONE_OF_IT: Final = (
    "The service does not know this phone as a phone of your account: it was removed, it still waits to be let in, or "
    "its link was never finished. Look at the account with another phone. If you removed this one yourself, let it "
    "forget the account."
)
_NOTES_LOST: Final = (
    "This phone has lost what it knew of the service, so it cannot sign in by scanning. Sign in once by a prompt, with "
    "the number that the other screen shows; after that scanning works again."
)


_ONLY_SCANNED: Final = (
    "Without a network this phone answers the code of a sign-in and nothing else: that one says everything the phone "
    "must know. Connect the phone, then do the same again."
)
_NEVER_LOOKED: Final = (
    "This phone has lost what it knew of the service, so it cannot sign in without asking it. Connect the phone and "
    "sign in once by a prompt; after that it works without a network, too."
)


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What the camera of the other screen must read. Nobody knows yet whether it will be accepted.

    ``signed_at``: Unix second by this phone's own clock, which nothing has compared with another one.
    """

    statement: Statement
    text: str = field(repr=False)
    signed_at: int


class SigningIn(Answering):
    """A phone that signs in to its account, and looks at it."""

    def approve(self, request: str, *, number: str | None = None, line: str | None = None) -> ShownCode:
        """Sign in: ``request`` is the scanned invitation, or the id of a prompt with the number on the other screen.

        Type the code on that screen.
        """
        with self._keystore.exclusive():
            state = self._linked_state()
            is_scan = ":" in request
            invitation = scanned(request, origin=state.server, tenant=state.tenant) if is_scan else None
            challenge = request_id(request) if invitation is None else invitation.request
            shown = number if invitation is None else invitation.number
            if shown is None:
                raise UnsafeError(
                    SafetyCode.NUMBER_NEEDED,
                    "Read the two digits from the screen where you sign in and give them here, or scan its code. "
                    "If there is no such screen in front of you, somebody else is signing in: leave it.",
                )
            if number not in {None, shown}:
                raise mismatch("code")
            if invitation is not None and invitation.terms is not None:
                return with_code(self._approve_scanned(state, invitation, invitation.terms, line))
            return with_code(self._repeated(challenge) or self._approve_claimed(state, challenge, shown, line))

    def answer_offline(self, invitation: str, *, number: str | None = None, line: str | None = None) -> ShownAnswer:
        """Sign in without a network: the answer to a scanned sign-in, to be shown to the camera of that screen.

        It goes by what this phone remembers of the account, and by its own clock.
        """
        with self._keystore.exclusive():
            state = self._linked_state()
            scan = scanned(invitation, origin=state.server, tenant=state.tenant) if ":" in invitation else None
            if scan is None or scan.terms is None:
                raise UnsafeError(SafetyCode.NEEDS_NETWORK, _ONLY_SCANNED)
            if number not in {None, scan.number}:
                raise mismatch("code")
            statement = self._composed(state, scan, scan.terms, line)
            if statement is None:
                raise UnsafeError(SafetyCode.NEEDS_NETWORK, _NEVER_LOOKED)
            answer = self._ceremony.sign_for_camera(
                Review(statement), state=state, invited=invited(scan, scan.terms), key=self._device
            )
            return ShownAnswer(statement, answer.encode(), answer.created_at)

    def prompts(self) -> wire.Prompts:
        """Sign-ins that wait for this phone. Their numbers are to be read from the other screen, not from here."""
        return self._server(self._linked_state()).post("/prompts", wire.Nothing(), wire.Prompts)

    def devices(self) -> wire.DevicesSeen:
        """The account: its phones, what is open, what happened. ``FIELD_MISMATCH`` if it is not the known one."""
        state = self._state()
        seen = self._server(state).post("/devices", wire.Nothing(), wire.DevicesSeen)
        if state.account not in {None, seen.account}:
            raise mismatch("account")
        if seen.epoch < state.epoch:
            raise mismatch("epoch")
        return seen

    def _approve_claimed(self, state: PhoneState, challenge: RequestId, number: str, line: str | None) -> Signed:
        """Ask for the typed fields first: the way of a prompt."""
        claimed = self._server(state).post(f"/challenges/{challenge}/claim", wire.Claim(), wire.Claimed)
        return self._answer(
            claimed,
            lambda known: checks.sign_in(known, number),
            state=state,
            pinned=self._journal.pinned,
            subject=challenge,
            request=challenge,
            line=line,
        )

    def _approve_scanned(self, state: PhoneState, invitation: Invitation, terms: Terms, line: str | None) -> Signed:
        """Answer without asking; once more, where the first answer was of an account that has changed since."""
        entry = self._journal.unanswered(invitation.request, self._clock.now())
        statement = self._composed(state, invitation, terms, line) if entry is None else entry.statement
        if statement is None:
            return self._approve_forgotten(state, invitation, line)
        try:
            if entry is not None:
                return self._ceremony.send(self._server(entry.state), entry)
            return self._sign_scanned(state, statement, invitation, terms)
        except ServerError as denial:
            if denial.status != _DENIED:
                raise
            state = self._explained(state, denial, epoch=statement.act.epoch)
        statement = self._composed(state, invitation, terms, line)
        if statement is None:  # what was repeated had been asked for, and without an answer nothing was remembered
            return self._approve_forgotten(state, invitation, line)
        try:
            return self._sign_scanned(state, statement, invitation, terms, is_again=True)
        except ServerError as denial:
            if denial.status != _DENIED:
                raise
            raise _with_advice(denial, _START_AGAIN) from denial

    def _composed(self, state: PhoneState, invitation: Invitation, terms: Terms, line: str | None) -> Statement | None:
        """The statement, through the same comparison as one that a server sent."""
        known = self._known(state, self._journal.pinned, line=line)
        statement = compose_sign_in(known, invitation, terms)
        if statement is not None:
            expected = checks.sign_in(known, invitation.number)
            check(statement, expected, known=known, request=invitation.request)
        return statement

    def _sign_scanned(
        self, state: PhoneState, statement: Statement, invitation: Invitation, terms: Terms, *, is_again: bool = False
    ) -> Signed:
        return self._ceremony.sign(
            self._server(state),
            Review(statement, is_again=is_again),
            subject=invitation.request,
            state=state_after(state, statement),
            pinned=pinned_after(self._journal.pinned, statement),
            invited=invited(invitation, terms),
        )

    def _explained(self, state: PhoneState, denial: ServerError, *, epoch: int) -> PhoneState:
        """What is remembered of the account now, if that explains the denial of ``epoch``; else the denial."""
        try:
            seen = self.devices()
        except WalletError as error:
            is_stranger = isinstance(error, ServerError) and error.status == _DENIED
            advice = _NO_PHONE_OF_IT if is_stranger else _START_AGAIN
            raise _with_advice(denial, advice) from error
        # By its own thumbprint: what a server calls "this phone" is the server's word.
        if not any(phone.thumbprint == self.thumbprint and phone.state == "ACTIVE" for phone in seen.phones):
            raise _with_advice(denial, _NO_PHONE_OF_IT) from denial
        if seen.epoch <= epoch:
            raise _with_advice(denial, _START_AGAIN) from denial
        pinned = self._journal.pinned
        if pinned is not None and pinned.is_line_known and seen.esim != pinned.esim:
            # Bound to another line meanwhile. Who says so is the server; the owner has to.
            raise mismatch("esim") from denial
        after = msgspec.structs.replace(state, epoch=seen.epoch)
        self._keystore.save_state(after)
        return after

    def _approve_forgotten(self, state: PhoneState, invitation: Invitation, line: str | None) -> Signed:
        """Without what it knew of the service, the phone must ask; the server can answer for a prompted sign-in."""
        try:
            return self._approve_claimed(state, invitation.request, invitation.number, line)
        except ServerError as error:
            if error.status != _NOT_FOUND:
                raise
            raise _with_advice(error, _NOTES_LOST) from error


def _with_advice(error: ServerError, advice: str) -> ServerError:
    """The same refusal in the words of this phone: the server's are for everybody, and say nothing."""
    return ServerError(error.code, advice, status=error.status, until=error.until)
