"""What a phone does, as a library: link, sign in, move to another phone, recover, remove (docs/spec sections 4 and 6).

How it signs in is in :mod:`pteri.wallet.signing_in`, how it lets another phone in in :mod:`pteri.wallet.transferring`.
The server sends typed fields, never a text; of a scanned sign-in it sends nothing at all. The phone compares each field
with what it knows, shows the statement, and signs only what its owner has confirmed. Every method may raise
:class:`~pteri.wallet.errors.WalletError` (its children ``UnsafeError`` and ``ServerError`` say who refused) or
:class:`~pteri.core.errors.ProtocolError` (what was scanned or answered is malformed). After ``UNREACHABLE`` the same
call again repeats the same request, also in a later process.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

import msgspec

from pteri.core import wire
from pteri.core.acts import phone_name
from pteri.core.ids import Thumbprint, thumbprint, to_base64url
from pteri.core.invitation import parse_invitation
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.transfer import newcomer as steps
from pteri.core.verify import Enrolment
from pteri.wallet import checks
from pteri.wallet.answering import Network
from pteri.wallet.ceremony import Confirm, ShownCode, Signed, with_code
from pteri.wallet.files import remove_file
from pteri.wallet.journal import CodesReady
from pteri.wallet.keystore import STANDARD, KdfCost, Keystore
from pteri.wallet.memory import is_linked, not_enrolled, remembered
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.relay import HttpRelay
from pteri.wallet.server import Transport
from pteri.wallet.state import PhoneState
from pteri.wallet.transfer_notes import TransferNotes
from pteri.wallet.transferring import HandingOver
from pteri.wallet.wallet import Wallet

if TYPE_CHECKING:
    from pteri.core.keys.secret import Secret
    from pteri.wallet.ports import Beacon, Clock, Entropy

__all__ = ["Phone"]

_CODE_LIFE_S: Final = 120


class Phone(HandingOver):
    """One phone: a wallet, a device key and a memory in one directory. It serves one account of one service."""

    @classmethod
    def open(
        cls,
        keystore: Keystore,
        passphrase: Secret,
        *,
        transport: Transport,
        confirm: Confirm,
        clock: Clock,
        entropy: Entropy,
        network: Network = "main",
        index: int = 0,
        may_make_key: bool = False,
        cost: KdfCost = STANDARD,
        beacon: Beacon | None = None,
    ) -> Self:
        """The phone in this keystore. ``network`` and ``index`` count until it is connected; later its memory does.

        Without a device key it is ``NOT_ENROLLED``, unless ``may_make_key``: then one is made and sealed.
        """
        wallet = keystore.open_wallet(passphrase)
        if not keystore.has_device():
            if not may_make_key:
                raise not_enrolled()
            made = DevicePrivateKey.from_random(entropy.draw(RANDOM_BYTES))
            keystore.create_device(made.secret, passphrase, entropy=entropy, cost=cost)
        state = remembered(keystore)
        return cls(
            keystore,
            Wallet.from_mnemonic(wallet, network=network if state is None else state.network),
            DevicePrivateKey.from_secret(keystore.open_device(passphrase)),
            transport=transport,
            confirm=confirm,
            clock=clock,
            entropy=entropy,
            index=index if state is None else state.tenant_index,
            transfers=TransferNotes(keystore, passphrase, entropy=entropy, cost=cost),
            beacon=beacon,
        )

    @property
    def name(self) -> str:
        """Four words: the same on every screen that speaks of this phone."""
        return phone_name(self.thumbprint)

    def enroll(self, invitation: str, *, line: str | None = None) -> ShownCode:
        """Link the account whose page shows this invitation. ``line``: this phone's own number or ICCID, to compare.

        Type the code on that page: until then nothing is linked.
        """
        with self._keystore.exclusive():
            invited = parse_invitation(invitation)
            if (repeated := self._repeated(invited.request)) is not None:
                return with_code(repeated)
            state = self._fresh(invited.origin, invited.tenant)
            enrolment = Enrolment(to_base64url(self._device.public.sec1), self._wallet.pinned(self._index))
            path = f"/challenges/{invited.request}/claim"
            claimed = self._server(state).post(path, wire.Claim(enrolment, line), wire.Claimed)
            signed = self._answer(
                claimed,
                lambda known: checks.binding(known, claimed.recovery_terms),
                state=state,
                pinned=None,
                subject=invited.request,
                request=invited.request,
                line=line,
                enrolment=enrolment,
            )
            return with_code(signed)

    def find_phone(self, text: str) -> Thumbprint:
        """The phone of the account with this thumbprint or these four words; ``UNKNOWN_PHONE``."""
        listed = [phone.thumbprint for phone in self.devices().phones]
        named = [found for found in listed if text in {found, phone_name(found)}]
        if len(named) != 1:
            raise UnsafeError(
                SafetyCode.UNKNOWN_PHONE, "The account has no phone of this name. Look at the list of its phones."
            )
        return named[0]

    def revoke(self, target: Thumbprint) -> Signed:
        """Remove a phone of the account for ever; also this one."""
        with self._keystore.exclusive():
            state, wanted = self._linked_state(), thumbprint(target)
            subject = f"revoke:{wanted}"
            if (repeated := self._repeated(subject)) is not None:
                return repeated
            claimed = self._server(state).post("/revocations", wire.Revoke(wanted), wire.Claimed)
            return self._answer(
                claimed,
                lambda known: checks.revocation(known, wanted),
                state=state,
                pinned=self._journal.pinned,
                subject=subject,
            )

    def activate(self, *, line: str | None = None) -> Signed:
        """New phone: become a phone of the account, once the hold is over.

        ``ServerError`` with code ``HELD`` and ``until`` before that: nothing is lost, come back then.
        """
        with self._keystore.exclusive():
            state, pinned = self._state(), self._journal.pinned
            if (repeated := self._repeated("accept")) is not None:
                self._tell_old_phone()
                return repeated
            if (known := self._activated_before(state)) is not None:
                self._tell_old_phone()
                return known
            claimed = self._server(state).post("/activations", wire.Nothing(), wire.Claimed)
            approval = None if pinned is None else pinned.approval
            if (progress := self._notes.progress) is not None:
                self._notes.save(msgspec.structs.replace(progress, asked=claimed.statement))
            signed = self._answer(
                claimed,
                lambda known: checks.activation(known, approval),
                state=state,
                pinned=pinned,
                subject="accept",
                line=line,
            )
            self._tell_old_phone()
            return signed

    def set_up_codes(self, origin: str, tenant: str) -> ShownCode:
        """New phone with a restored wallet: the first step of a recovery, a round trip of its own.

        It shows that phone and server derive the same codes, and grants nothing. Nobody types this code:
        :meth:`start_recovery` hands it over, within two minutes.
        """
        with self._keystore.exclusive():
            return self._new_codes(self._begun(origin, tenant))

    def start_recovery(self, origin: str, tenant: str, *, line: str | None = None) -> Signed:
        """New phone with a restored wallet, when all others are lost: set up codes, then ask for the account.

        The decision is a hold; ``until`` is when :meth:`activate` can finish it. Called again after an interruption,
        it goes on where it was.
        """
        with self._keystore.exclusive():
            if (repeated := self._repeated("recover")) is not None:
                return repeated
            state = self._begun(origin, tenant)
            codes = self._codes(state)
            return self._answer(
                self._opened_case(state, codes),
                checks.recovery,
                state=msgspec.structs.replace(state, account=codes.account),
                pinned=self._journal.pinned,
                subject="recover",
                line=line,
            )

    def forget(self) -> None:
        """Forget device key and account: for a phone that was removed, or is to serve another. The wallet stays."""
        with self._keystore.exclusive():
            self._keystore.remove_device()
            self._journal.forget()
            self._notes.forget()
            remove_file(self._keystore.directory / "state.json")

    def _activated_before(self, state: PhoneState) -> Signed | None:
        """What was accepted before this phone died, if it died between that and telling the old one.

        A phone that a move brings in has seen no epoch of its account before its own statement was accepted.
        """
        progress = self._notes.progress
        if progress is None or not isinstance(progress.new, steps.Received) or not is_linked(state):
            return None
        assert progress.asked is not None, "written down before it was signed"
        return Signed(progress.asked, "permit", "HOLD_OVER", None)

    def _tell_old_phone(self) -> None:
        """That this phone is in: one that was to be removed hears it from nobody else. It may not be listening."""
        newcomer, progress = self._notes.newcomer(), self._notes.progress
        if newcomer is None or progress is None or not isinstance(newcomer.state, steps.Received):
            return
        activated = newcomer.activated()
        with suppress(ServerError):
            relay = HttpRelay(self._server(self._state()))
            relay.put(activated.mailbox(progress.round), 1, activated.done())
        self._notes.forget()

    def _codes(self, state: PhoneState) -> CodesReady:
        """The first step of a recovery, unless it is done."""
        ready = self._journal.codes
        if ready is None or self._clock.now() >= ready.at + _CODE_LIFE_S:
            self._new_codes(state)
            ready = self._journal.codes
            assert ready is not None
        return ready

    def _new_codes(self, state: PhoneState) -> ShownCode:
        signed = self._repeated("setup-otp")
        if signed is None:
            asked = wire.SetUpCodes(to_base64url(self._device.public.sec1), self._wallet.address(self._index))
            claimed = self._server(state).post("/code-setups", asked, wire.Claimed)
            signed = self._answer(claimed, checks.codes, state=state, pinned=None, subject="setup-otp")
        shown, statement = with_code(signed), signed.statement
        account = statement.act.account
        self._journal.keep_codes(CodesReady(statement.request_id, shown.code, account, self._clock.now()))
        return shown

    def _opened_case(self, state: PhoneState, codes: CodesReady) -> wire.Claimed:
        """The second step. The code counts once; without an answer it may still count, so it is kept."""
        message = wire.StartRecovery(codes.setup, codes.code)
        try:
            claimed = self._server(state).post("/recoveries", message, wire.Claimed)
        except ServerError as error:
            if not error.may_repeat:
                self._journal.keep_codes(None)
            raise
        self._journal.keep_codes(None)
        return claimed
