"""What a phone remembers that is no secret: where its account is, and what it last saw of the log."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.wallet.errors import WalletCode
from pteri.wallet.tagged import decode_tagged, encode_tagged

__all__ = ["LogSeen", "PhoneState", "decode_state", "encode_state"]

_FORMAT: Final = "pteri-phone-1"
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,253}")
_ADDRESS = re.compile(r"[A-Za-z0-9]{26,90}")
_MAX_NUMBER: Final = 2**53 - 1


class LogSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Last checkpoint of the log this phone accepted: the server must prove that the next one extends it."""

    size: int
    root: ids.Digest


class PhoneState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of ``state.json``. ``account``, ``line_salt`` and ``log_seen`` are None until they are known.

    Nothing here opens anything, but it says who the person is: the file is still the owner's alone.
    """

    format: Literal["pteri-phone-1"] = _FORMAT
    server: str
    """Origin of the server, such as ``https://id.bank.example``."""
    tenant: ids.TenantId
    network: Literal["main", "test", "regtest"]
    address: str
    """Litecoin address of the wallet key."""
    tenant_index: int
    """Last step of the wallet key's derivation path."""
    device: ids.Thumbprint
    account: ids.AccountId | None = None
    epoch: int = 0
    """Of the account, after the last act of this phone that the server accepted, or as the server last told."""
    line_salt: ids.Digest | None = None
    """Salt of the eSIM commitment: 32 bytes, shared with the server only."""
    log_seen: LogSeen | None = None

    def __post_init__(self) -> None:
        """One grammar for each field; ``ValueError`` names the field that breaks it, never its value."""
        _require(_ORIGIN.fullmatch(self.server) is not None, "server")
        _require(_ADDRESS.fullmatch(self.address) is not None, "address")
        _require(0 <= self.tenant_index < 2**31, "tenant_index")
        _require(0 <= self.epoch <= _MAX_NUMBER, "epoch")
        _require(self.log_seen is None or 0 <= self.log_seen.size <= _MAX_NUMBER, "log_seen")
        try:
            ids.tenant_id(self.tenant)
            ids.thumbprint(self.device)
            if self.account is not None:
                ids.account_id(self.account)
            if self.line_salt is not None:
                ids.digest(self.line_salt)
            if self.log_seen is not None:
                ids.digest(self.log_seen.root)
        except ProtocolError as error:
            raise ValueError(error.detail) from error


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise ValueError(f"the field {field} is out of its grammar")


def encode_state(state: PhoneState) -> bytes:
    """File bytes of a state."""
    return encode_tagged(state)


def decode_state(data: bytes) -> PhoneState:
    """State of these file bytes; ``NOT_A_STATE``, ``NEWER_VERSION`` or ``TOO_LARGE`` otherwise."""
    return decode_tagged(
        data,
        PhoneState,
        format_name=_FORMAT,
        what="the memory of a PTERI phone",
        remedy="The wallet itself is not touched: delete this file and connect the phone again.",
        refusal=WalletCode.NOT_A_STATE,
    )
