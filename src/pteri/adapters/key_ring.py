"""The deployment keys of one service, and what each may still do (docs/spec section 9.8). Values only: no file here.

The newest is known before it writes, and an older one is read after it wrote: so of two processes of which one was
restarted later, each reads what the other writes.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pteri.core.ids import to_base64url
from pteri.core.keys.secret import Secret

__all__ = ["KEY_BYTES", "MAX_KEYS", "NAME_BYTES", "HeldKey", "KeyRing", "KeyRingError", "Standing", "kind_key"]

KEY_BYTES: Final = 32
NAME_BYTES: Final = 6
MAX_KEYS: Final = 4
"""Each identifier is looked up under every key: the bound of that work."""


class Standing(StrEnum):
    """What a key may do."""

    NEXT = "next"
    """Known, so that all processes can read it before one writes with it."""
    CURRENT = "current"
    """Writes."""
    FORMER = "former"
    """Reads what it wrote."""
    DISTRUSTED = "distrusted"
    """Somebody else may have it: it still finds identifiers and opens what is kept, and no token is good under it."""


class KeyRingError(ValueError):
    """The step is not possible now; the text says why, for people."""


def kind_key(key: Secret, kind: str) -> bytes:
    """The key of one kind of value: none can stand for another."""
    return hmac.digest(key.reveal(), b"PTERI-VAULT-v1\0" + kind.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One key. ``stopped_at``: when it stopped writing, Unix seconds; 0 for one that has not."""

    secret: Secret
    standing: Standing
    stopped_at: int = 0

    def __post_init__(self) -> None:
        if len(self.secret.reveal()) != KEY_BYTES:
            raise ValueError("a deployment key has 32 bytes")

    @property
    def raw_name(self) -> bytes:
        """Names the key and tells nothing of it."""
        return kind_key(self.secret, "name")[:NAME_BYTES]

    @property
    def name(self) -> str:
        """The same in eight letters."""
        return to_base64url(self.raw_name)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys, the newest first: at most one that is next, one that is current, and older ones."""

    keys: tuple[HeldKey, ...]

    def __post_init__(self) -> None:
        standings = [key.standing for key in self.keys]
        coming = standings[:1] == [Standing.NEXT]
        older = standings[coming + 1 :]
        if standings[coming : coming + 1] != [Standing.CURRENT] or {Standing.NEXT, Standing.CURRENT} & set(older):
            raise ValueError("the keys are: perhaps a next one, the current one, then older ones")
        if len(self.keys) > MAX_KEYS or len({key.name for key in self.keys}) != len(self.keys):
            raise ValueError(f"at most {MAX_KEYS} keys, and each once")

    @classmethod
    def of(cls, secret: Secret) -> KeyRing:
        """The ring of a service that has never had another key."""
        return cls((HeldKey(secret, Standing.CURRENT),))

    def __iter__(self) -> Iterator[HeldKey]:
        return iter(self.keys)

    @property
    def current(self) -> HeldKey:
        """The one that writes."""
        return next(key for key in self.keys if key.standing is Standing.CURRENT)

    @property
    def coming(self) -> HeldKey | None:
        """The one that will write."""
        return next((key for key in self.keys if key.standing is Standing.NEXT), None)

    def named(self, name: str) -> HeldKey:
        """The key of this name."""
        for key in self.keys:
            if key.name == name:
                return key
        raise KeyRingError(f"There is no key {name}. See which there are with: pteri key show")

    def with_next(self, secret: Secret) -> KeyRing:
        """One more, which only reads for now."""
        if self.coming is not None:
            raise KeyRingError(f"The key {self.coming.name} is next already. Let it write with: pteri key rotate")
        if len(self.keys) == MAX_KEYS:
            raise KeyRingError(f"There are {MAX_KEYS} keys, and no more can be. Retire one with: pteri key retire KEY")
        return KeyRing((HeldKey(secret, Standing.NEXT), *self.keys))

    def rotated(self, at: int) -> KeyRing:
        """The next one writes from now on, and the one that wrote reads."""
        if self.coming is None:
            raise KeyRingError("There is no next key. Make one with: pteri key new")
        coming, current, *older = self.keys
        return KeyRing(
            (
                replace(coming, standing=Standing.CURRENT),
                replace(current, standing=Standing.FORMER, stopped_at=at),
                *older,
            )
        )

    def distrusting(self, name: str) -> KeyRing:
        """Nothing that is not kept here is believed under this older key any more."""
        wanted = self._older(name, "be distrusted")
        return KeyRing(tuple(replace(key, standing=Standing.DISTRUSTED) if key is wanted else key for key in self.keys))

    def without(self, name: str) -> KeyRing:
        """Without this older key."""
        wanted = self._older(name, "be retired")
        return KeyRing(tuple(key for key in self.keys if key is not wanted))

    def _older(self, name: str, what: str) -> HeldKey:
        key = self.named(name)
        if key.standing in {Standing.NEXT, Standing.CURRENT}:
            raise KeyRingError(f"The key {name} is {key.standing}, so it cannot {what}. First let another one write.")
        return key
