"""Numbered copies of a sealed wallet in a folder: nothing is overwritten, five older ones are kept.

A folder may hold copies of several wallets, and be synchronised between computers. So a copy always takes a
name that is still free, and only copies of the *same* wallet, told by the id in their header, are ever
removed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pteri import durable
from pteri.wallet.envelope import read_envelope
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file, read_file, writing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEPT_OLDER", "save_copy", "wallet_copies"]

KEPT_OLDER: Final = 5
_NAME = re.compile(r"pteri-wallet-[0-9a-f]{8}-([0-9]{4,9})\.json")


class _Copy(NamedTuple):
    number: int
    path: Path
    data: bytes


def save_copy(target: Path, data: bytes) -> Path:
    """Save a sealed wallet under a new name; the path that now holds exactly these bytes.

    A folder gets the next number, or nothing new if its newest copy is already the same, and then loses what
    is older than the five before. Any other ``target`` is the name of a file that must not exist
    (``EXISTS``).
    """
    if target.is_dir():
        return _save_numbered(target, data)
    create_file(target, data)
    return target


def wallet_copies(folder: Path) -> list[Path]:
    """Everything in the folder that has the name of a copy, of whichever wallet."""
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _save_numbered(folder: Path, data: bytes) -> Path:
    wallet = read_envelope(data).keystore_id
    label = f"pteri-wallet-{wallet[:4].hex()}-"
    with writing(folder):
        durable.sweep(folder, label)
        taken = [path for path in wallet_copies(folder) if path.name.startswith(label)]
    older = _readable_copies(taken, wallet)
    if older and older[-1].data == data:
        return older[-1].path
    first_free = max((_number(path) for path in taken), default=0) + 1
    path = _first_created(folder, label, first_free, data)
    with writing(folder):
        for copy in older[:-KEPT_OLDER]:
            durable.remove(copy.path)
    return path


def _first_created(folder: Path, label: str, first: int, data: bytes) -> Path:
    """Take the next free number, also when another computer takes one at the same time."""
    number = first
    while True:
        path = folder / f"{label}{number:04d}.json"
        try:
            create_file(path, data)
        except WalletError as error:
            if error.code is not WalletCode.EXISTS:
                raise
            number += 1
        else:
            return path


def _readable_copies(paths: list[Path], wallet: bytes) -> list[_Copy]:
    """Read the copies of this wallet, by number; what is unreadable or another's does not count."""
    copies = []
    for path in paths:
        try:
            data = read_file(path)
            if read_envelope(data).keystore_id == wallet:
                copies.append(_Copy(_number(path), path, data))
        except WalletError:
            continue
    return sorted(copies)


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else 0
