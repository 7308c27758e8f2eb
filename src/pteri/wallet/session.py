"""Open keys that close by themselves: they are in memory for minutes, not for as long as a program runs.

Python cannot promise more than this: the secrets that this program holds are overwritten; copies that the interpreter
or a library has made (texts, integers, buffers of OpenSSL) are freed and not erased, and a swap file or a core dump may
have them. Whoever can read the memory of your programs has your keys while they are open, and perhaps for a time after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.wallet import Wallet

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pteri.core.keys.device import DevicePrivateKey
    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Clock

__all__ = ["OPEN_FOR_S", "Session"]

OPEN_FOR_S: Final = 300
"""How long keys stay open unless the caller says less."""
_LONGEST_S: Final = 3600


class Session:
    """A wallet, opened once, for a limited time. ``with Session.open(...) as session: session.wallet.sign(...)``.

    Of a phone also its device key, and the passphrase that seals what it keeps. The time runs from the opening,
    whatever is done meanwhile: a program that signs every minute must not keep a wallet open for ever. A clock that is
    set back closes it, too. Nobody's thread wakes up to close it; the next use, or the end of the ``with``, does.
    """

    def __init__(
        self,
        wallet: Wallet,
        *,
        clock: Clock,
        open_for_s: int = OPEN_FOR_S,
        device: DevicePrivateKey | None = None,
        passphrase: Secret | None = None,
    ) -> None:
        """Take over open keys; they are wiped when the session closes. ``ValueError`` for over an hour."""
        if not 0 < open_for_s <= _LONGEST_S:
            raise ValueError("a wallet stays open for 1 to 3600 seconds")
        self._wallet: Wallet | None = wallet
        self._device = device
        self._passphrase = passphrase
        self._clock = clock
        self._opened_at = clock.now()
        self._open_for_s = open_for_s
        self._to_forget: list[Callable[[], None]] = []

    @classmethod
    def open(
        cls,
        keystore: Keystore,
        passphrase: Secret,
        *,
        clock: Clock,
        network: str = "main",
        open_for_s: int = OPEN_FOR_S,
    ) -> Self:
        """Open the wallet of a keystore. What it refuses: :meth:`Keystore.open_wallet`."""
        words = keystore.open_wallet(passphrase)
        wallet = Wallet.from_mnemonic(words, network=network)
        words.wipe()
        return cls(wallet, clock=clock, open_for_s=open_for_s)

    @property
    def wallet(self) -> Wallet:
        """The open wallet; ``LOCKED_AGAIN`` after its time. Ask for it each time; what is kept is wiped under you."""
        if not self.is_open or self._wallet is None:
            raise _closed()
        return self._wallet

    @property
    def device(self) -> DevicePrivateKey:
        """The open device key of a phone; ``LOCKED_AGAIN`` after its time."""
        if not self.is_open or self._device is None:
            raise _closed()
        return self._device

    def passphrase(self) -> Secret:
        """What seals the files of a phone; ``LOCKED_AGAIN`` after its time."""
        if not self.is_open or self._passphrase is None:
            raise _closed()
        return self._passphrase

    def replace_wallet(self, wallet: Wallet) -> None:
        """Go on with the wallet that took the place of this one. The time is that of the opening."""
        if self.wallet is not wallet:
            self.wallet.wipe()
        self._wallet = wallet

    def forget_with(self, forget: Callable[[], None]) -> None:
        """Also forget this when the session closes."""
        self._to_forget.append(forget)

    @property
    def is_open(self) -> bool:
        """Whether the keys can be used at this instant. Closes the session if not."""
        if not 0 <= self._clock.now() - self._opened_at < self._open_for_s:
            self.close()
        return self._wallet is not None

    def close(self) -> None:
        """Wipe the keys now. Again is fine."""
        if self._wallet is not None:
            self._wallet.wipe()
        if self._device is not None:
            self._device.secret.wipe()
        if self._passphrase is not None:
            self._passphrase.wipe()
        self._wallet = self._device = self._passphrase = None
        for forget in self._to_forget:
            forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session(open={self._wallet is not None})"


def _closed() -> WalletError:
    return WalletError(
        WalletCode.LOCKED_AGAIN,
        "The wallet was open long enough and has closed by itself. Open it again with its passphrase, and do the same "
        "once more; nothing is lost.",
    )
