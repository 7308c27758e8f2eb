"""What a phone does, as a library: link, sign in, move to another phone, recover, remove (docs/spec sections 4 and 6).

How it signs in is in :mod:`pteri.wallet.signing_in`, how it lets another phone in in :mod:`pteri.wallet.transferring`,
how it comes into an account in :mod:`pteri.wallet.claiming`, how it looks after one in :mod:`pteri.wallet.guarding`,
how it prepares for a place without a network in :mod:`pteri.wallet.offline_signing`, where its owner hears of it in
:mod:`pteri.wallet.warned`, with which line it goes in :mod:`pteri.wallet.lined`, how it watches the log in
:mod:`pteri.wallet.watchful`.
The server sends typed fields, never a text; of a scanned sign-in it sends nothing at all. The phone compares each field
with what it knows, shows the statement, and signs only what its owner has confirmed. Every method may raise
:class:`~pteri.wallet.errors.WalletError` (its children ``UnsafeError`` and ``ServerError`` say who refused) or
:class:`~pteri.core.errors.ProtocolError` (what was scanned or answered is malformed). After ``UNREACHABLE`` the same
call again repeats the same request, also in a later process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pteri.core import wire
from pteri.core.acts import phone_name
from pteri.core.ids import to_base64url
from pteri.core.invitation import parse_invitation
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.verify import Enrolment
from pteri.wallet import checks
from pteri.wallet.answering import Network
from pteri.wallet.ceremony import Confirm, ShownCode, with_code
from pteri.wallet.discarding import Discarding
from pteri.wallet.files import remove_file
from pteri.wallet.helping import Helping
from pteri.wallet.keystore import STANDARD, KdfCost, Keystore
from pteri.wallet.lined import Lined
from pteri.wallet.memory import not_enrolled, remembered
from pteri.wallet.offline_notes import OfflineNotes
from pteri.wallet.offline_signing import OfflineSigning
from pteri.wallet.server import Transport
from pteri.wallet.session import OPEN_FOR_S, Session
from pteri.wallet.succession import Succession
from pteri.wallet.transfer_notes import TransferNotes
from pteri.wallet.wallet import Wallet
from pteri.wallet.watchful import Watchful

if TYPE_CHECKING:
    from pteri.wallet.ports import Beacon, Clock, Entropy

__all__ = ["Phone"]


class Phone(OfflineSigning, Lined, Helping, Discarding, Watchful):
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
        open_for_s: int = OPEN_FOR_S,
    ) -> Self:
        """The phone in this keystore. ``network`` and ``index`` count until it is connected; later its memory does.

        Its keys are open for ``open_for_s`` seconds; then every method that needs one refuses with ``LOCKED_AGAIN``,
        and the phone has to be opened again. :meth:`lock` closes them at once.
        Without a device key it is ``NOT_ENROLLED``, unless ``may_make_key``: then one is made and sealed.
        """
        words = keystore.open_wallet(passphrase)
        if not keystore.has_device():
            if not may_make_key:
                raise not_enrolled()
            made = DevicePrivateKey.from_random(entropy.draw(RANDOM_BYTES))
            keystore.create_device(made.secret, passphrase, entropy=entropy, cost=cost)
        state = remembered(keystore)
        wallet = Wallet.from_mnemonic(words, network=network if state is None else state.network)
        words.wipe()
        session = Session(
            wallet,
            clock=clock,
            open_for_s=open_for_s,
            device=DevicePrivateKey.from_secret(keystore.open_device(passphrase)),
            passphrase=Secret(passphrase.reveal()),
        )
        notes = TransferNotes(keystore, session.passphrase, entropy=entropy, cost=cost)
        session.forget_with(notes.lock)
        phone = cls(
            keystore,
            session,
            transport=transport,
            confirm=confirm,
            clock=clock,
            entropy=entropy,
            index=index if state is None else state.tenant_index,
            transfers=notes,
            beacon=beacon,
            succession=Succession(keystore, session.passphrase, entropy=entropy, cost=cost),
        )
        phone.offline_notes = OfflineNotes(keystore, session.passphrase, entropy=entropy, cost=cost)
        phone._settle(at_start=True)  # a change that was accepted, and then interrupted
        return phone

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
            enrolment = Enrolment(to_base64url(self._public.sec1), self._wallet.pinned(self._index))
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

    def forget(self) -> None:
        """Forget device key and account: for a phone that was removed, or is to serve another. The wallet stays."""
        with self._keystore.exclusive():
            self._keystore.remove_device()
            self._journal.forget()
            self._notes.forget()
            self.offline_notes.forget()
            remove_file(self._keystore.directory / "state.json")
