"""The secret of one deployment: a file of 32 random bytes that the database never sees.

One-time codes and personal identifiers are stored as HMACs under it, so a stolen database alone does not give
them away. It is made by ``pteri init`` and by nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.key_files import KEY_BYTES, create_key_file, read_key_file

if TYPE_CHECKING:
    from pathlib import Path

    from pteri.core.keys.secret import Secret

__all__ = ["KEY_BYTES", "create_deployment_key", "read_deployment_key"]

_WHAT: Final = "deployment key"


def create_deployment_key(path: Path, random: bytes) -> None:
    """Write a deployment key of 32 random bytes in hex, mode 0600. It overwrites none."""
    create_key_file(path, random, what=_WHAT)


def read_deployment_key(path: Path) -> Secret:
    """Read the 32 bytes; ``SettingsError`` if the file is missing, misshapen or open to other users."""
    return read_key_file(path, what=_WHAT, made_by="a new server gets one from: pteri init")
