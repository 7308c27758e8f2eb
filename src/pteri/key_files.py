"""Keys of the service that lie in a file of their own: 32 bytes in hex, mode 0600, made by a command and never else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pteri import durable
from pteri.core.keys.secret import Secret
from pteri.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEY_BYTES", "create_key_file", "read_key_file", "read_private_file"]

KEY_BYTES: Final = 32
_FILE: Final = re.compile(rb"[0-9a-f]{64}\n")


def create_key_file(path: Path, random: bytes, *, what: str) -> None:
    """Write a key of 32 random bytes. It overwrites none. ``what``: its name for people."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a {what} has {KEY_BYTES} bytes")
    try:
        durable.create(path, random.hex().encode() + b"\n")
    except FileExistsError as error:
        # Whatever was made under the old key would be void.
        raise SettingsError(f"There is a {what} {path} already. Move it away first.") from error
    except OSError as error:
        raise SettingsError(f"Cannot write the {what} {path}: {error.strerror}.") from error


def read_key_file(path: Path, *, what: str, made_by: str) -> Secret:
    """Read the 32 bytes; ``SettingsError`` if the file is missing, misshapen or open to other users."""
    data = read_private_file(path, 2 * KEY_BYTES + 1, what=what, made_by=made_by)
    if not _FILE.fullmatch(data):
        raise SettingsError(f"{path} is not a {what}: 64 lower-case hex digits and a line end.")
    return Secret(bytes.fromhex(data.decode()))


def read_private_file(path: Path, limit: int, *, what: str, made_by: str) -> bytes:
    """At most ``limit`` bytes; ``SettingsError`` if the file is missing, longer or open to other users."""
    try:
        return durable.read_private(path, limit)
    except FileNotFoundError as error:
        raise SettingsError(f"There is no {what} {path}. Restore it; {made_by}") from error
    except durable.ExposedError as error:
        raise SettingsError(
            f"Other users of this computer can open the {what}. Close it with: chmod 600 '{path}'"
        ) from error
    except OSError as error:
        raise SettingsError(f"Cannot read the {what} {path}: {error.strerror}.") from error
