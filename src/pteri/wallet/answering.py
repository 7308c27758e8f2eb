"""How a phone answers its server: from typed fields that it has compared to an accepted statement.

What :class:`~pteri.wallet.phone.Phone` does for a person is written there; how any of it is signed, here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from pteri.core.httpsig import Tag
from pteri.core.ids import RequestId, Thumbprint, tenant_id
from pteri.core.keys.recovery import recovery_key
from pteri.wallet.ceremony import Ceremony, Confirm, Review, Signed, Signers
from pteri.wallet.checks import Expected, Known, check
from pteri.wallet.journal import Journal, Pinned
from pteri.wallet.log_notes import Notebook
from pteri.wallet.memory import (
    already_enrolled,
    is_linked,
    known_before,
    linked,
    not_enrolled,
    pinned_after,
    remembered,
    state_after,
)
from pteri.wallet.server import Server, Transport, checked_origin
from pteri.wallet.state import PhoneState

if TYPE_CHECKING:
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.core.keys.secret import Secret
    from pteri.core.verify import Enrolment
    from pteri.core.wire import Claimed
    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Beacon, Clock, Entropy
    from pteri.wallet.session import Session
    from pteri.wallet.succession import Succession
    from pteri.wallet.transfer_notes import TransferNotes
    from pteri.wallet.wallet import Wallet

__all__ = ["Answering", "Network"]

Network = Literal["main", "test", "regtest"]


class Answering:
    """A wallet, a device key and a memory in one directory. Signing methods are called under the keystore's lock."""

    def __init__(
        self,
        keystore: Keystore,
        session: Session,
        *,
        transport: Transport,
        confirm: Confirm,
        clock: Clock,
        entropy: Entropy,
        index: int = 0,
        transfers: TransferNotes | None = None,
        beacon: Beacon | None = None,
        succession: Succession | None = None,
    ) -> None:
        self._keystore = keystore
        self._session = session
        self._public = session.device.public
        self._transport = transport
        self._clock = clock
        self._entropy = entropy
        self._index = index
        self._transfers = transfers
        self._beacon = beacon
        self._changes = succession
        self._network = cast("Network", session.wallet.network)  # a Wallet has one of the three and no other
        self._journal = Journal(keystore.directory)
        self._notebook = Notebook(keystore.directory, lambda: session.device.secret)
        self._ceremony = Ceremony(keystore, self._journal, session, confirm=confirm, clock=clock, log=self._notebook)

    @property
    def thumbprint(self) -> Thumbprint:
        """Id of this phone."""
        return self._public.thumbprint

    def lock(self) -> None:
        """Forget the keys now. Whatever needs one refuses with ``LOCKED_AGAIN`` from here on; open the phone again."""
        self._session.close()

    @property
    def _wallet(self) -> Wallet:
        """Asked for at each use: the keys are open for minutes only."""
        return self._session.wallet

    @property
    def _device(self) -> DevicePrivateKey:
        return self._session.device

    def _answer(
        self,
        claimed: Claimed,
        expected: Callable[[Known], Expected],
        *,
        state: PhoneState,
        pinned: Pinned | None,
        subject: str,
        request: RequestId | None = None,
        line: str | None = None,
        enrolment: Enrolment | None = None,
        signers: Signers | None = None,
        is_guest: bool = False,
    ) -> Signed:
        """Compare every field with what the phone knows, then show, sign and send. ``signers``: see there."""
        known = self._known(state, pinned, line=line, line_salt=claimed.line_salt)
        if signers is not None:
            known = replace(known, address=signers.wallet.address(self._index))
        check(claimed.statement, expected(known), known=known, request=request)
        signed = self._ceremony.sign(
            self._server(state),
            Review(claimed.statement, claimed.recovery_terms),
            subject=subject,
            state=state_after(state, claimed.statement, line_salt=claimed.line_salt),
            pinned=pinned_after(pinned, claimed.statement),
            enrolment=enrolment,
            signers=signers,
            is_guest=is_guest,
        )
        self._settle()
        return signed

    def _known(
        self, state: PhoneState, pinned: Pinned | None, *, line: str | None, line_salt: str | None = None
    ) -> Known:
        return known_before(
            state,
            pinned,
            address=self._wallet.address(self._index),
            device=self.thumbprint,
            line=line,
            line_salt=line_salt,
            at=self._clock.now(),
        )

    def _repeated(self, subject: str) -> Signed | None:
        """The answer to a request of before, if one is on its way: sent again to the letter, and not signed anew."""
        entry = self._journal.unanswered(subject, self._clock.now())
        if entry is None:
            return None
        signed = self._ceremony.send(self._server(entry.state), entry)
        self._settle()
        return signed

    @property
    def _succession(self) -> Succession:
        assert self._changes is not None, "a phone that is opened from its keystore has them"
        return self._changes

    def _settle(self, *, at_start: bool = False) -> None:
        """Work with the new wallet from now on, if the account has it; ``at_start``: also clear away what is left."""
        state = remembered(self._keystore)
        if self._changes is None or state is None or not self._session.is_open:
            return  # what the server has accepted is told in any case; a phone that has locked itself settles later
        if state.address == self._wallet.address(self._index) and not at_start:
            return
        if (successor := self._changes.settle(state)) is not None:
            self._session.replace_wallet(successor)

    def _code_key(self, state: PhoneState, code: Secret | None) -> DevicePrivateKey | None:
        """The key of a recovery code at this service."""
        return None if code is None else recovery_key(code, tenant=state.tenant)

    def _server(self, state: PhoneState) -> Server:
        return Server(
            self._transport,
            origin=state.server,
            tenant=state.tenant,
            key=self._device,
            tag=Tag.DEVICE,
            clock=self._clock,
            entropy=self._entropy,
        )

    def _fresh(self, origin: str, tenant: str) -> PhoneState:
        """The memory of a phone that begins with this service; ``ALREADY_ENROLLED`` if it has begun with another."""
        if is_linked(remembered(self._keystore)):
            raise already_enrolled()
        return PhoneState(
            server=checked_origin(origin),
            tenant=tenant_id(tenant),
            network=self._network,
            address=self._wallet.address(self._index),
            tenant_index=self._index,
            device=self.thumbprint,
        )

    def _begun(self, origin: str, tenant: str) -> PhoneState:
        """The same, written down: this phone is on its way into an account, and into no other."""
        before = remembered(self._keystore)
        if before is not None and before.account is not None:
            raise already_enrolled()
        state = self._fresh(origin, tenant)
        self._keystore.save_state(state)
        return state

    def _state(self) -> PhoneState:
        state = remembered(self._keystore)
        if state is None:
            raise not_enrolled()
        return state

    def _linked_state(self) -> PhoneState:
        return linked(self._state())
