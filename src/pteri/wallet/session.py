"""An open wallet that closes by itself: keys are in memory for minutes, not for as long as a program runs.

Python cannot promise more than this: the secrets that this program holds are overwritten; copies that the interpreter
or a library has made (texts, integers, buffers of OpenSSL) are freed and not erased, and a swap file or a core dump may
have them. Whoever can read the memory of your programs has your keys while they are open, and perhaps for a time after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.wallet import Wallet

if TYPE_CHECKING:
    from types import TracebackType

    from pteri.core.keys.secret import Secret
    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Clock

__all__ = ["OPEN_FOR_S", "Session"]

OPEN_FOR_S: Final = 300
"""How long a wallet stays open unless the caller says less."""
_LONGEST_S: Final = 3600


class Session:
    """A wallet, opened once, for a limited time. ``with Session.open(...) as session: session.wallet.sign(...)``.

    The time runs from the opening, whatever is done meanwhile: a program that signs every minute must not keep a wallet
    open for ever. A clock that is set back closes it, too. Nobody's thread wakes up to close it; the next use, or the
    end of the ``with``, does.
    """

    def __init__(self, wallet: Wallet, *, clock: Clock, open_for_s: int = OPEN_FOR_S) -> None:
        """Take over an open wallet; it is wiped when the session closes. ``ValueError`` for over an hour."""
        if not 0 < open_for_s <= _LONGEST_S:
            raise ValueError("a wallet stays open for 1 to 3600 seconds")
        self._wallet: Wallet | None = wallet
        self._clock = clock
        self._opened_at = clock.now()
        self._open_for_s = open_for_s

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
            raise WalletError(
                WalletCode.LOCKED_AGAIN,
                "The wallet was open long enough and has closed by itself. Open it again with its passphrase; nothing "
                "is lost.",
            )
        return self._wallet

    @property
    def is_open(self) -> bool:
        """Whether the wallet can be used at this instant. Closes it if not."""
        if not 0 <= self._clock.now() - self._opened_at < self._open_for_s:
            self.close()
        return self._wallet is not None

    def close(self) -> None:
        """Wipe the keys now. Again is fine."""
        if self._wallet is not None:
            self._wallet.wipe()
            self._wallet = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session(open={self._wallet is not None})"
