"""Transactions that lie in a directory until somebody has signed them elsewhere (BIP-174).

``anchor-7-0a1b2c3d.psbt`` is put out, and ``anchor-7-0a1b2c3d.signed.psbt`` is awaited beside it: base64 or bytes. Who
can write there can keep an anchor waiting and nothing else: what comes back must be the same transaction.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.app.anchor_ports import ChainRefused, Trouble
from pteri.domain.anchoring import Anchor

__all__ = ["PsbtFiles", "unsigned_of"]

_MAGIC: Final = b"psbt\xff"
_UNSIGNED_KEY: Final = b"\x01\x00"
_MAX_BYTES: Final = 256 * 1024


class PsbtFiles:
    """One directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put_out(self, anchor: Anchor) -> Path:
        """See that the unsigned file lies there, and say where."""
        path = self._directory / f"{_name(anchor)}.psbt"
        try:
            durable.create(path, anchor.psbt.encode("ascii") + b"\n")
        except FileExistsError:
            return path
        except OSError as error:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"cannot write {path}: {error.strerror}") from error
        return path

    def signed(self, anchor: Anchor) -> str | None:
        """What lies there signed, as base64; ``None``: nothing yet."""
        path = self._directory / f"{_name(anchor)}.signed.psbt"
        try:
            raw = durable.read_regular(path, _MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"cannot read {path}: {error.strerror}") from error
        if raw.startswith(_MAGIC):
            return base64.b64encode(raw).decode("ascii")
        try:
            text = raw.decode("ascii").strip()
            base64.b64decode(text, validate=True)
        except (UnicodeDecodeError, binascii.Error) as error:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"{path} is neither bytes nor base64 of BIP-174") from error
        return text


def _name(anchor: Anchor) -> str:
    return f"anchor-{anchor.number}-{anchor.txid[:8]}"


def unsigned_of(psbt: str) -> bytes:
    """The transaction of which such a file speaks, without signatures; ``ChainRefused`` for no such file."""
    try:
        raw = base64.b64decode(psbt, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    head = _MAGIC + _UNSIGNED_KEY
    if raw.startswith(head) and len(raw) > len(head) + 3:
        # Its length is one byte, or FD and two: an anchor has no more.
        at = len(head)
        size, at = (int.from_bytes(raw[at + 1 : at + 3], "little"), at + 3) if raw[at] == 0xFD else (raw[at], at + 1)
        if size <= len(raw) - at:
            return raw[at : at + size]
    raise ChainRefused(Trouble.WALLET_UNFIT, "the wallet made no transaction to sign")
