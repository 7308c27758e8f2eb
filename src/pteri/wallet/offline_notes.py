"""The seed of offline codes in a phone's directory: sealed before anybody hears of its chain.

``offline.json`` holds the chain that counts and, while a new one is on its way, the next one. It is sealed like the
wallet: whoever had the seed could sign in for as long as the chain lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from pteri.core.errors import ProtocolError
from pteri.core.keys.secret import Secret
from pteri.core.offline import SEED_BYTES, ChainTerms, check_terms, offline_code
from pteri.wallet.envelope import STANDARD, Holds, KdfCost, open_sealed, seal
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import is_there, read_file, remove_file, replace_file
from pteri.wallet.refusals import SafetyCode, UnsafeError, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Entropy

__all__ = ["NewChain", "OfflineNotes", "ShownOffline"]


class _Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: Annotated[bytes, msgspec.Meta(min_length=SEED_BYTES, max_length=SEED_BYTES)]
    terms: ChainTerms

    def __repr__(self) -> str:
        # Whoever has the seed has all codes.
        return f"_Chain({self.terms})"


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: _Chain | None = None
    next: _Chain | None = None


def _decoded(payload: Secret) -> _Kept:
    """What is sealed in ``offline.json``; ``NOT_A_KEYSTORE`` unless it is exactly what is written here."""
    try:
        kept = msgspec.json.decode(payload.reveal(), type=_Kept)
        chains = [chain for chain in (kept.current, kept.next) if chain is not None]
        is_exact = msgspec.json.encode(kept) == payload.reveal() and all(check_terms(chain.terms) for chain in chains)
    except (ValueError, RecursionError, ProtocolError):
        is_exact = False
    if not is_exact:
        raise WalletError(
            WalletCode.NOT_A_KEYSTORE,
            "The file offline.json opens, and what is in it are no offline codes. Remove it, and prepare new ones when "
            "there is a network.",
        )
    return kept


class NewChain(msgspec.Struct, frozen=True):
    """A chain that nobody has signed yet."""

    seed: Secret
    terms: ChainTerms


class ShownOffline(msgspec.Struct, frozen=True):
    """An offline code: 28 characters, to be typed at once. ``ends_at``: Unix second after which there are none left."""

    code: str
    ends_at: int

    def __repr__(self) -> str:
        return f"ShownOffline(ends_at={self.ends_at})"


class OfflineNotes:
    """The sealed file of offline codes. Callers that write hold the keystore's lock.

    ``passphrase`` is asked for at each use, and refuses when the phone has closed its keys.
    """

    def __init__(
        self, keystore: Keystore, passphrase: Callable[[], Secret], *, entropy: Entropy, cost: KdfCost = STANDARD
    ) -> None:
        self._path: Path = keystore.directory / f"{Holds.OFFLINE}.json"
        self._passphrase = passphrase
        self._entropy = entropy
        self._cost = cost

    def begin(self, terms: ChainTerms) -> NewChain:
        """Draw a seed for this chain and seal it; the one that counts now goes on counting."""
        seed = self._entropy.draw(SEED_BYTES)
        self._keep(_Kept(self._kept().current, _Chain(seed, terms)))
        return NewChain(Secret(seed), terms)

    def accepted(self) -> None:
        """The chain that was begun counts from now on."""
        kept = self._kept()
        if kept.next is not None:
            self._keep(_Kept(kept.next))

    def refused(self) -> None:
        """Nobody has heard of the chain that was begun."""
        current = self._kept().current
        if current is None:
            self.forget()
        else:
            self._keep(_Kept(current))

    def forget(self) -> None:
        """No code can be shown any more."""
        remove_file(self._path)

    def code(self, at: int) -> ShownOffline:
        """The code of this second; it needs no network. ``NO_OFFLINE_CODES`` if none was prepared, or they ran out."""
        chain = self._kept().current
        if chain is None:
            raise UnsafeError(
                SafetyCode.NO_OFFLINE_CODES,
                "This phone has prepared no offline codes. When it has a network: pteri wallet offline-codes prepare",
            )
        if not chain.terms.start <= at < chain.terms.ends_at:
            raise UnsafeError(
                SafetyCode.NO_OFFLINE_CODES,
                f"The offline codes of this phone count from {utc_text(chain.terms.start)} to "
                f"{utc_text(chain.terms.ends_at)}, and its clock says {utc_text(at)}. If the clock is right, prepare "
                "new ones when there is a network: pteri wallet offline-codes prepare",
            )
        return ShownOffline(offline_code(chain.terms, Secret(chain.seed), at), chain.terms.ends_at)

    def _kept(self) -> _Kept:
        if not is_there(self._path):
            return _Kept()
        payload = open_sealed(read_file(self._path), self._passphrase(), expected=Holds.OFFLINE)
        return _decoded(payload)

    def _keep(self, kept: _Kept) -> None:
        payload = Secret(msgspec.json.encode(kept))
        sealed = seal(payload, self._passphrase(), entropy=self._entropy, cost=self._cost, holds=Holds.OFFLINE)
        replace_file(self._path, sealed)
