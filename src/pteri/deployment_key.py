"""The secret of one deployment: a file of 32 random bytes that the database never sees.

One-time codes and personal identifiers are stored as HMACs under it, so a stolen database alone does not give
them away. It is made by ``pteri init`` and by nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pteri import durable
from pteri.core.keys.secret import Secret
from pteri.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEY_BYTES", "create_deployment_key", "read_deployment_key"]

KEY_BYTES: Final = 32
_FILE = re.compile(rb"[0-9a-f]{64}\n")


def create_deployment_key(path: Path, random: bytes) -> None:
    """Write a deployment key of 32 random bytes in hex, mode 0600. It overwrites none."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a deployment key has {KEY_BYTES} bytes")
    try:
        durable.create(path, random.hex().encode() + b"\n")
    except FileExistsError as error:
        # A new key would void every code and keyed identifier made under the old one.
        raise SettingsError(f"There is a deployment key {path} already. Move it away first.") from error
    except OSError as error:
        raise SettingsError(f"Cannot write the deployment key {path}: {error.strerror}.") from error


def read_deployment_key(path: Path) -> Secret:
    """Read the 32 bytes; ``SettingsError`` if the file is missing, misshapen or open to other users."""
    try:
        data = durable.read_private(path, 2 * KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no deployment key {path}. Restore it; a new server gets one from: pteri init"
        ) from error
    except durable.ExposedError as error:
        raise SettingsError(
            f"Other users of this computer can open the deployment key. Close it with: chmod 600 '{path}'"
        ) from error
    except OSError as error:
        raise SettingsError(f"Cannot read the deployment key {path}: {error.strerror}.") from error
    if not _FILE.fullmatch(data):
        raise SettingsError(f"{path} is not a deployment key: 64 lower-case hex digits and a line end.")
    return Secret(bytes.fromhex(data.decode()))
