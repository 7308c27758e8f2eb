"""Home of a wallet on a computer: one closed directory (docs/spec/keystore.md section 4).

====================  ==============================================================  =======================
``wallet.json``       the mnemonic, sealed                                            may leave, as a backup
``device.json``       the private scalar of the device key, sealed on its own         never leaves
``backup.json``       a key that opens backups of other own phones, sealed            never leaves
``successor.json``    the wallet that shall take the place of this one, sealed        never leaves
``codes.json``        recovery codes that nobody has written down yet, sealed         never leaves
``offline.json``      the seed of this phone's offline codes, sealed                  never leaves
``log.json``          what it saw of the log and signed, authenticated by device key  never leaves
``state.json``        :class:`~pteri.wallet.state.PhoneState`, not secret, not sealed never leaves
====================  ==============================================================  =======================

A backup is a copy of ``wallet.json`` and of nothing else, so whoever restores it has the wallet key and no
device key: a stolen backup with its passphrase alone registers nothing.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pteri import durable
from pteri.wallet.backups.notes import NOTES_FILE
from pteri.wallet.backups.places import PLACES_FILE
from pteri.wallet.copies import KEPT_OLDER, save_copy, wallet_copies
from pteri.wallet.envelope import (
    LIGHT,
    STANDARD,
    Holds,
    KdfCost,
    open_sealed,
    read_envelope,
    seal,
)
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import (
    create_file,
    is_there,
    read_file,
    remove_file,
    replace_file,
    require_private,
    writing,
)
from pteri.wallet.journal import TRANSFER_STATE_FILE, Journal
from pteri.wallet.log_notes import LOG_NOTES_FILE
from pteri.wallet.state import PhoneState, decode_state, encode_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pteri.core.keys.secret import Secret
    from pteri.wallet.ports import Entropy

__all__ = [
    "KEPT_OLDER",
    "LIGHT",
    "STANDARD",
    "Holds",
    "KdfCost",
    "Keystore",
    "open_sealed",
    "seal",
]


class Keystore:
    """Files of one wallet. Reading takes no lock, as every file is whole at every instant; writing takes one.

    Every method may refuse with ``EXPOSED`` or ``READ_FAILED``; those that write also with ``LOCKED`` or
    ``WRITE_FAILED``. The directory is made at the first write. One object serves one thread.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._state_path = directory / "state.json"
        self._is_held = False

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other programs from writing here for the length of a ceremony; ``LOCKED`` if one is at it.

        May be nested within one object. The system lets go of it when the process ends, however it ends.
        """
        if self._is_held:
            yield
            return
        with ExitStack() as stack:
            self._prepare_directory()
            self._acquire(stack)
            self._is_held = True
            stack.callback(self._let_go)
            yield

    def has_wallet(self) -> bool:
        """Whether there is a sealed wallet."""
        return is_there(self._path(Holds.WALLET))

    def has_device(self) -> bool:
        """Whether there is a sealed device key."""
        return is_there(self._path(Holds.DEVICE))

    def create_wallet(
        self,
        mnemonic: Secret,
        passphrase: Secret,
        *,
        entropy: Entropy,
        cost: KdfCost = STANDARD,
        keystore_id: bytes | None = None,
    ) -> None:
        """Seal a new wallet; ``EXISTS`` if there is one (:meth:`set_aside_wallet` makes room).

        ``keystore_id`` is that of the backup it came from, so that later backups go on in the same series.
        """
        self._create(Holds.WALLET, mnemonic, passphrase, entropy=entropy, cost=cost, keystore_id=keystore_id)

    def wallet_id(self) -> bytes:
        """The 16 bytes in the head of the sealed wallet; needs no passphrase. ``NOT_FOUND`` without a wallet."""
        require_private(self.directory)
        return read_envelope(self._sealed_wallet()).keystore_id

    def open_wallet(self, passphrase: Secret) -> Secret:
        """Open the mnemonic; ``NOT_FOUND`` or what :func:`open_sealed` refuses."""
        return self._open(Holds.WALLET, passphrase)

    def create_device(self, scalar: Secret, passphrase: Secret, *, entropy: Entropy, cost: KdfCost = STANDARD) -> None:
        """Seal a new device key; ``EXISTS`` if there is one (:meth:`remove_device` makes room)."""
        self._create(Holds.DEVICE, scalar, passphrase, entropy=entropy, cost=cost)

    def open_device(self, passphrase: Secret) -> Secret:
        """Open the private scalar of the device; ``NOT_FOUND`` or what :func:`open_sealed` refuses."""
        return self._open(Holds.DEVICE, passphrase)

    def has_backup_key(self) -> bool:
        """Whether this phone has a key for backups that others make for it."""
        return is_there(self._path(Holds.BACKUP))

    def create_backup_key(
        self, private: Secret, passphrase: Secret, *, entropy: Entropy, cost: KdfCost = STANDARD
    ) -> None:
        """Seal a new backup key of 32 bytes; ``EXISTS`` if there is one: backups made for it would open no more."""
        self._create(Holds.BACKUP, private, passphrase, entropy=entropy, cost=cost)

    def open_backup_key(self, passphrase: Secret) -> Secret:
        """Open the private backup key; ``NOT_FOUND`` or what :func:`open_sealed` refuses."""
        return self._open(Holds.BACKUP, passphrase)

    def require_no_wallet(self) -> None:
        """``EXISTS`` if there is a wallet: asked before a person types anything in vain."""
        self._require_room(Holds.WALLET)

    def load_state(self) -> PhoneState:
        """Read what the phone remembers; ``NOT_FOUND``, ``NOT_A_STATE`` or ``NEWER_VERSION``."""
        require_private(self.directory)
        return decode_state(read_file(self._state_path))

    def save_state(self, state: PhoneState) -> None:
        """Remember this from now on."""
        with self.exclusive():
            replace_file(self._state_path, encode_state(state))

    def remove_state(self) -> None:
        """Forget the account, for a phone that is to serve another."""
        with self.exclusive():
            remove_file(self._state_path)

    def change_passphrase(self, old: Secret, new: Secret, *, entropy: Entropy, cost: KdfCost = STANDARD) -> None:
        """Seal wallet, device key and backup key anew. After an interruption, the same call again finishes it.

        Backups keep the passphrase they were made under.
        """
        with self.exclusive():
            there = [holds for holds in Holds if is_there(self._path(holds))]
            if not there:
                raise WalletError(
                    WalletCode.NOT_FOUND, f"There is no wallet in {self.directory}. Create or restore one."
                )
            # Everything is opened before anything is written: a wrong passphrase changes nothing.
            resealed = {holds: self._resealed(holds, old, new, entropy, cost) for holds in there}
            for holds, data in resealed.items():
                replace_file(self._path(holds), data)

    def backup(self, target: Path) -> Path:
        """Copy the sealed wallet as it is, and nothing else, to a new file or into a folder; the copy's path.

        A plain copy opens by the passphrase alone; :mod:`pteri.wallet.backups` makes backups that open by more.

        See :func:`pteri.wallet.copies.save_copy`: a copy overwrites nothing (``EXISTS``), and a folder keeps
        the newest and five older ones.
        """
        with self.exclusive():
            return save_copy(target, self._sealed_wallet())

    def restore(self, backup: Path, passphrase: Secret) -> Secret:
        """Make a backup this keystore's wallet once it has opened; the mnemonic. ``EXISTS`` if there is one.

        A backup that does not open is refused here, and does not first take the place of a good one.
        """
        with self.exclusive():
            self._require_room(Holds.WALLET)
            data = read_file(backup)
            mnemonic = open_sealed(data, passphrase, expected=Holds.WALLET)
            create_file(self._path(Holds.WALLET), data)
        return mnemonic

    def set_aside_wallet(self) -> Path:
        """Make room for another wallet: the present one stays here as a numbered copy; its path."""
        with self.exclusive():
            copy = save_copy(self.directory, self._sealed_wallet())
            remove_file(self._path(Holds.WALLET))
        return copy

    def remove_wallet(self) -> None:
        """Remove the wallet and keep no copy: for a phone that it was handed to, and that was not let in after all."""
        with self.exclusive():
            remove_file(self._path(Holds.WALLET))

    def remove_device(self) -> None:
        """Forget the device key, for a phone that was removed from the account. No other copy exists.

        What it remembers of the log goes first: with another key it would look as if somebody had changed it.
        """
        with self.exclusive():
            remove_file(self.directory / LOG_NOTES_FILE)
            remove_file(self._path(Holds.DEVICE))

    def wipe(self) -> None:
        """Remove wallet, device key, backup key, memory, journal, set-aside copies, and what is known of places.

        Backups elsewhere stay.

        Removing is not erasing: a disk may keep old blocks. Those of keys are sealed; passwords of places are not, so
        change them there.
        """
        with self.exclusive():
            for path in (
                self._path(Holds.DEVICE),
                self._path(Holds.WALLET),
                self._path(Holds.BACKUP),
                self._path(Holds.TRANSFER),
                self._path(Holds.SUCCESSOR),
                self._path(Holds.CODES),
                self._path(Holds.OFFLINE),
                self.directory / TRANSFER_STATE_FILE,
                self.directory / LOG_NOTES_FILE,
                *wallet_copies(self.directory),
                self._state_path,
                self.directory / PLACES_FILE,
                self.directory / NOTES_FILE,
            ):
                remove_file(path)
            Journal(self.directory).forget()

    def _path(self, holds: Holds) -> Path:
        return self.directory / f"{holds}.json"

    def _prepare_directory(self) -> None:
        with writing(self.directory):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(self.directory)

    def _acquire(self, stack: ExitStack) -> None:
        with writing(self.directory):
            try:
                stack.enter_context(durable.locked(self.directory / ".lock", wait=False))
            except BlockingIOError as error:
                raise WalletError(
                    WalletCode.LOCKED,
                    f"Another program is working with the wallet in {self.directory}. Wait for it, then try again.",
                ) from error
            durable.sweep(self.directory)  # parts of files whose writer was killed

    def _let_go(self) -> None:
        self._is_held = False

    def _require_room(self, holds: Holds) -> None:
        if is_there(self._path(holds)):
            raise WalletError(
                WalletCode.EXISTS,
                f"There is a {holds} key in {self.directory} already, and it is not overwritten. "
                "Use it, or choose another directory.",
            )

    def _create(
        self,
        holds: Holds,
        payload: Secret,
        passphrase: Secret,
        *,
        entropy: Entropy,
        cost: KdfCost,
        keystore_id: bytes | None = None,
    ) -> None:
        with self.exclusive():
            self._require_room(holds)
            sealed = seal(payload, passphrase, entropy=entropy, cost=cost, holds=holds, keystore_id=keystore_id)
            create_file(self._path(holds), sealed)

    def _open(self, holds: Holds, passphrase: Secret) -> Secret:
        require_private(self.directory)
        return open_sealed(read_file(self._path(holds)), passphrase, expected=holds)

    def _sealed_wallet(self) -> bytes:
        data = read_file(self._path(Holds.WALLET))
        # Somebody who can write here, without a passphrase, could lay the sealed device key under the name of
        # the wallet and wait for the next backup to carry it away.
        if read_envelope(data).holds is not Holds.WALLET:
            raise WalletError(
                WalletCode.WRONG_CONTENT,
                f"{self._path(Holds.WALLET)} does not hold a wallet. Restore the wallet from a backup.",
            )
        return data

    def _resealed(self, holds: Holds, old: Secret, new: Secret, entropy: Entropy, cost: KdfCost) -> bytes:
        data = read_file(self._path(holds))
        try:
            payload = open_sealed(data, old, expected=holds)
        except WalletError as error:
            if error.code is not WalletCode.WRONG_PASSPHRASE_OR_DAMAGED:
                raise
            open_sealed(data, new, expected=holds)  # an interrupted change got this far
            return data
        return seal(
            payload,
            new,
            entropy=entropy,
            cost=cost,
            holds=holds,
            keystore_id=read_envelope(data).keystore_id,
        )
