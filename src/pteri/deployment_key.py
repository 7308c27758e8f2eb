"""The secrets of one deployment: a file that the database never sees (docs/spec section 9.8).

One-time codes and personal identifiers are stored as HMACs under them, so a stolen database alone does not give them
away. The file is made by ``pteri init`` and changed by ``pteri key``, and by nothing else. It is replaced in one step,
so it is always whole: with the keys of before a command, or with those after it.

A first key stands alone, as 64 hex digits. From the second on each has a line: what it may do, the hex digits and,
where it writes no more, the Unix second since when.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pteri import durable
from pteri.adapters.key_ring import KEY_BYTES, MAX_KEYS, HeldKey, KeyRing, Standing
from pteri.core.keys.secret import Secret
from pteri.key_files import create_key_file, read_private_file
from pteri.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["KEY_BYTES", "create_deployment_key", "locked_key_ring", "read_key_ring", "write_key_ring"]

_WHAT: Final = "deployment key"
_MADE_BY: Final = "a new server gets one from: pteri init"
_HEAD: Final = b"pteri-keys-1\n"
_ALONE: Final = re.compile(rb"([0-9a-f]{64})\n")
_LINE: Final = re.compile(rb"(next|current|former|distrusted) ([0-9a-f]{64})(?: ([1-9][0-9]{0,11}))?\n")
_MOST: Final = len(_HEAD) + MAX_KEYS * 96
_MISSHAPEN: Final = "64 lower-case hex digits and a line end, or what `pteri key` has written."


def create_deployment_key(path: Path, random: bytes) -> None:
    """Write a deployment key of 32 random bytes in hex, mode 0600. It overwrites none."""
    create_key_file(path, random, what=_WHAT)


def read_key_ring(path: Path) -> KeyRing:
    """Read the keys; ``SettingsError`` if the file is missing, misshapen or open to other users."""
    data = read_private_file(path, _MOST, what=_WHAT, made_by=_MADE_BY)
    try:
        return _parsed(data)
    except ValueError as error:
        raise SettingsError(f"{path} is not a {_WHAT}: {_MISSHAPEN}") from error


def write_key_ring(path: Path, ring: KeyRing) -> None:
    """Put these keys into the place of the ones that are there; at every instant the file has the one or the other."""
    try:
        durable.replace(path, _text(ring))
    except OSError as error:
        raise SettingsError(f"Cannot write the {_WHAT} {path}: {error.strerror}.") from error


@contextmanager
def locked_key_ring(path: Path) -> Iterator[KeyRing]:
    """The keys, while no other command changes them."""
    read_key_ring(path)  # says what is wrong with it before there is a lock file beside nothing
    try:
        with durable.locked(path.with_name(f"{path.name}.lock"), wait=False):
            yield read_key_ring(path)
    except BlockingIOError as error:
        raise SettingsError("Another `pteri key` is at work. Wait until it is done.") from error


def _text(ring: KeyRing) -> bytes:
    lines = (
        f"{key.standing} {key.secret.reveal().hex()}{f' {key.stopped_at}' if key.stopped_at else ''}\n" for key in ring
    )
    return _HEAD + "".join(lines).encode()


def _parsed(data: bytes) -> KeyRing:
    alone = _ALONE.fullmatch(data)
    if alone is not None:
        return KeyRing.of(Secret(bytes.fromhex(alone[1].decode())))
    lines = data.removeprefix(_HEAD).splitlines(keepends=True)
    found = [_LINE.fullmatch(line) for line in lines]
    ring = KeyRing(tuple(_held(match) for match in found if match is not None))
    if _text(ring) != data:
        raise ValueError("another spelling of these keys, or something else beside them")
    return ring


def _held(match: re.Match[bytes]) -> HeldKey:
    standing, secret, stopped_at = match.groups()
    return HeldKey(Secret(bytes.fromhex(secret.decode())), Standing(standing.decode()), int(stopped_at or 0))
