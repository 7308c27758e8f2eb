"""A phone that is on its way in: it has a key of its own, and no wallet yet (docs/spec/transfer.md section 7).

It shows an offer, answers the old phone, takes the code, and waits. When the wallet has come it is a
:class:`~pteri.wallet.phone.Phone`, whose ``activate`` finishes the move. Every method may be called again at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, cast

import msgspec

from pteri.core import hpke
from pteri.core.acts import ApproveMigration, phone_name
from pteri.core.httpsig import Tag
from pteri.core.ids import Thumbprint, tenant_id
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.network import NETWORKS
from pteri.core.keys.secret import Secret
from pteri.core.transfer import newcomer as steps
from pteri.core.transfer.channel import LAST_ROUND
from pteri.core.transfer.newcomer import Newcomer
from pteri.core.transfer.offer import MAILBOX_BYTES, OFFER_LIFE_S, SECRET_BYTES, make_offer
from pteri.wallet.comparing import agreement, believed_of, notes_of, shown_to_anybody
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.journal import Journal, Pinned
from pteri.wallet.keystore import STANDARD, KdfCost, Keystore
from pteri.wallet.log_notes import Notebook
from pteri.wallet.log_words import LogAlarm
from pteri.wallet.memory import already_enrolled, is_linked, remembered
from pteri.wallet.public_log import PublicLog
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.relay import HttpRelay, is_over, is_unknown
from pteri.wallet.server import Server, Transport, checked_origin
from pteri.wallet.state import PhoneState
from pteri.wallet.transfer_notes import Place, Progress, TransferNotes
from pteri.wallet.wallet import Wallet
from pteri.wallet.watchful import keep_evidence

if TYPE_CHECKING:
    from pteri.core.transfer.delivery import Delivery
    from pteri.wallet.answering import Network
    from pteri.wallet.ports import Beacon, Clock, Entropy
    from pteri.wallet.relay import Relay

__all__ = ["NewPhone"]

_TRY_AGAIN: Final = "Begin again: show a new code here, and scan it with the old phone."


class NewPhone:
    """One phone on its way into an account. ``cost`` is that of sealing what it keeps."""

    def __init__(
        self,
        keystore: Keystore,
        passphrase: Secret,
        device: DevicePrivateKey,
        *,
        transport: Transport,
        clock: Clock,
        entropy: Entropy,
        beacon: Beacon | None = None,
        cost: KdfCost = STANDARD,
    ) -> None:
        self._keystore = keystore
        self._passphrase = passphrase
        self._device = device
        self._transport = transport
        self._clock = clock
        self._entropy = entropy
        self._beacon = beacon
        self._cost = cost
        self._notes = TransferNotes(keystore, lambda: passphrase, entropy=entropy, cost=cost)
        self._notebook = Notebook(keystore.directory, lambda: device.secret)

    @classmethod
    def open(
        cls,
        keystore: Keystore,
        passphrase: Secret,
        *,
        transport: Transport,
        clock: Clock,
        entropy: Entropy,
        beacon: Beacon | None = None,
        cost: KdfCost = STANDARD,
    ) -> Self:
        """The phone in this keystore, which gets a key of its own if it has none. The passphrase seals all it keeps."""
        if not keystore.has_device():
            made = DevicePrivateKey.from_random(entropy.draw(RANDOM_BYTES))
            keystore.create_device(made.secret, passphrase, entropy=entropy, cost=cost)
        device = DevicePrivateKey.from_secret(keystore.open_device(passphrase))
        return cls(
            keystore,
            passphrase,
            device,
            transport=transport,
            clock=clock,
            entropy=entropy,
            beacon=beacon,
            cost=cost,
        )

    @property
    def thumbprint(self) -> Thumbprint:
        """Id of this phone."""
        return self._device.public.thumbprint

    @property
    def name(self) -> str:
        """Four words: the same on every screen that speaks of this phone."""
        return phone_name(self.thumbprint)

    def offer(self, origin: str, tenant: str) -> str:
        """The text that the old phone scans, for ten minutes. Whoever sees it can talk to this phone first."""
        with self._keystore.exclusive():
            state = remembered(self._keystore)
            if state is not None and state.account is not None and not self._received():
                raise already_enrolled()
            place = Place(checked_origin(origin), tenant_id(tenant))
            private = Secret(self._entropy.draw(hpke.KEY_BYTES))
            offer = make_offer(
                self._device,
                tenant=place.tenant,
                mailbox=self._entropy.draw(MAILBOX_BYTES),
                channel_key=hpke.public_of(private),
                secret=Secret(self._entropy.draw(SECRET_BYTES)),
                expires_at=self._clock.now() + OFFER_LIFE_S,
            )
            # What a link that was never finished said is not held against this one.
            Journal(self._keystore.directory).pin(None)
            self._notes.begin(offer, private, place, Progress(new=steps.Offered()))
            self._relay().open(offer.card.mailbox)
            if self._beacon is not None:
                self._beacon.announce(offer.card.beacon)
            return offer.encode()

    def answer(self) -> bool:
        """Whether the old phone has been heard; if so it has its answer, and shows a code there now."""
        with self._keystore.exclusive():
            newcomer, mailbox = self._moving(), self._first_mailbox()
            if isinstance(newcomer.state, steps.Offered):
                said = self._read(newcomer, mailbox)
                if not said:
                    return False
                # What is shown to whom nobody knows. The old phone will hold it against what it saw itself.
                seen = shown_to_anybody(self._public_log().note())
                newcomer = self._keep(newcomer.heard(said[0], at=self._clock.now(), seen=seen))
            self._say(newcomer, mailbox)
            return True

    def enter_code(self, code: str) -> None:
        """The six digits that the old phone shows. ``WRONG_MOVE_CODE`` with how many tries are left."""
        with self._keystore.exclusive():
            newcomer = self._moving()
            if not isinstance(newcomer.state, steps.Confirmed):
                newcomer = self._keep(newcomer.typed(code, at=self._clock.now()))
            if isinstance(newcomer.state, steps.Answered):
                raise UnsafeError(
                    SafetyCode.WRONG_MOVE_CODE,
                    f"That is not the code of the old phone. Tries left: {newcomer.state.tries_left}.",
                )
            if isinstance(newcomer.state, steps.Ended):
                raise UnsafeError(
                    SafetyCode.WRONG_MOVE_CODE, f"That was the third wrong code, and it is over. {_TRY_AGAIN}"
                )
            self._say(newcomer, self._first_mailbox())

    @property
    def awaits_code(self) -> bool:
        """Whether a code is still worth typing."""
        newcomer = self._notes.newcomer()
        return newcomer is not None and isinstance(newcomer.state, steps.Answered)

    def receive(self) -> bool:
        """Whether the wallet is here: opened, compared and sealed. ``False``: the old phone has not sent it yet."""
        with self._keystore.exclusive():
            newcomer = self._moving()
            if isinstance(newcomer.state, steps.Received | steps.Activated):
                return True
            if isinstance(newcomer.state, steps.Offered):
                return False
            if isinstance(newcomer.state, steps.Ended):
                raise UnsafeError(SafetyCode.NO_MOVE, f"This move is over, and no wallet came by it. {_TRY_AGAIN}")
            frame = self._wallet_frame(newcomer)
            if frame is None:
                return False
            after, delivery = newcomer.received(frame, at=self._clock.now())
            # Before anything of it is kept here.
            self._compare(newcomer, delivery)
            # In this order, each as often as it takes: the step is written down when all of it is here.
            self._store(newcomer, delivery)
            self._remember(delivery)
            self._keep(after)
            return True

    def give_up(self) -> None:
        """Forget the move, and the wallet if this move has brought it. The old phone has it still."""
        with self._keystore.exclusive():
            progress = self._notes.progress
            if progress is not None and progress.made_wallet:
                self._keystore.remove_state()
                self._keystore.remove_wallet()
                self._notebook.forget()
            Journal(self._keystore.directory).pin(None)
            self._notes.forget()

    def _wallet_frame(self, newcomer: Newcomer) -> bytes | None:
        """From the mailbox of this round, or of the next one where it is over: the old phone may have tried before."""
        relay = self._relay()
        for number in range(self._progress.round, LAST_ROUND + 1):
            try:
                said = relay.read(newcomer.mailbox(number))
            except ServerError as error:
                if is_unknown(error):
                    break
                if not is_over(error):
                    raise
                self._notes.save(msgspec.structs.replace(self._progress, round=number + 1))
                continue
            return said[0] if said else None
        return None

    def _compare(self, newcomer: Newcomer, delivery: Delivery) -> None:
        """Hold what anybody is shown of the log now against what the old phone has seen (section 8)."""
        believed = believed_of(delivery.seen)
        if believed is None:
            return
        public = self._public_log()
        found = agreement(delivery.seen.note, public.note(), believed, at=self._clock.now(), read_tile=public.tile)
        if found.alarm is None:
            return
        evidence = None
        if found.evidence is not None:
            evidence = keep_evidence(self._keystore.directory, found.evidence)
            self._keep(newcomer.ended("stopped"))
        raise LogAlarm(found.alarm.code, found.alarm.message, evidence=None if evidence is None else str(evidence))

    def _store(self, newcomer: Newcomer, delivery: Delivery) -> None:
        if not self._keystore.has_wallet():
            self._notes.save(msgspec.structs.replace(self._progress, new=newcomer.state, made_wallet=True))
            words = Wallet.from_mnemonic(delivery.words).mnemonic()
            self._keystore.create_wallet(words, self._passphrase, entropy=self._entropy, cost=self._cost)
            return
        there = Wallet.from_mnemonic(self._keystore.open_wallet(self._passphrase)).mnemonic()
        if there != Wallet.from_mnemonic(delivery.words).mnemonic():
            raise WalletError(
                WalletCode.EXISTS,
                f"There is another wallet in {self._keystore.directory}, and it is not overwritten. "
                "Use another directory for this account.",
            )

    def _remember(self, delivery: Delivery) -> None:
        place, statement = self._notes.place, delivery.statement
        act = statement.act
        assert isinstance(act, ApproveMigration), "the machine has compared it"
        network = next(name for name, known in NETWORKS.items() if known.chain_id == statement.chain)
        self._keystore.save_state(
            PhoneState(
                server=place.server,
                tenant=place.tenant,
                network=cast("Network", network),
                address=statement.address,
                tenant_index=delivery.index,
                device=self.thumbprint,
                account=act.account,
            )
        )
        if believed_of(delivery.seen) is not None:
            self._notebook.write(notes_of(delivery.seen, since=self._clock.now()))
        pinned = Pinned(statement.domain, is_line_known=True, esim=act.esim, approval=delivery.approval)
        Journal(self._keystore.directory).pin(pinned)

    def _moving(self) -> Newcomer:
        newcomer = self._notes.newcomer()
        if newcomer is None and is_linked(remembered(self._keystore)):
            raise already_enrolled()
        if newcomer is None:
            raise UnsafeError(SafetyCode.NO_MOVE, f"This phone is not on its way in. {_TRY_AGAIN}")
        return newcomer

    def _read(self, newcomer: Newcomer, mailbox: bytes) -> tuple[bytes, ...]:
        try:
            return self._relay().read(mailbox)
        except ServerError as error:
            if is_over(error) or is_unknown(error):
                self._keep(newcomer.ended("too late"))
                raise UnsafeError(
                    SafetyCode.OUT_OF_WINDOW, f"The old phone did not come in time. {_TRY_AGAIN}"
                ) from error
            raise

    def _say(self, newcomer: Newcomer, mailbox: bytes) -> None:
        relay = self._relay()
        for place, frame in enumerate(newcomer.to_send(), start=1):
            relay.put(mailbox, place, frame)

    def _first_mailbox(self) -> bytes:
        return self._moving().keys.offer.card.mailbox

    def _received(self) -> bool:
        newcomer = self._notes.newcomer()
        return newcomer is not None and isinstance(newcomer.state, steps.Received | steps.Activated)

    @property
    def _progress(self) -> Progress:
        progress = self._notes.progress
        assert progress is not None, "asked for in the middle of a move"
        return progress

    def _keep(self, newcomer: Newcomer) -> Newcomer:
        self._notes.save(msgspec.structs.replace(self._progress, new=newcomer.state))
        return newcomer

    def _public_log(self) -> PublicLog:
        return PublicLog(self._transport, self._notes.place.server)

    def _relay(self) -> Relay:
        place = self._notes.place
        return HttpRelay(
            Server(
                self._transport,
                origin=place.server,
                tenant=place.tenant,
                key=self._device,
                tag=Tag.DEVICE,
                clock=self._clock,
                entropy=self._entropy,
            )
        )
