"""What a phone remembers that is no secret: where its account is. Of the log: :mod:`pteri.wallet.log_notes`."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeVar

import msgspec

from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.wallet.errors import WalletCode
from pteri.wallet.tagged import decode_tagged, encode_tagged

__all__ = ["PhoneState", "decode_state", "encode_state"]

_FORMAT: Final = "pteri-phone-2"
_FIRST_FORMAT: Final = "pteri-phone-1"
_FIRST_BYTES: Final = b'{"format":"pteri-phone-1"'
"""Files have one spelling, so the first format begins like this."""
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,253}")
_ADDRESS = re.compile(r"[A-Za-z0-9]{26,90}")
_MAX_NUMBER: Final = 2**53 - 1
_T = TypeVar("_T", bound=msgspec.Struct)


class PhoneState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of ``state.json``. ``account`` and ``line_salt`` are None until they are known.

    Nothing here opens anything, but it says who the person is: the file is still the owner's alone.
    """

    format: Literal["pteri-phone-2"] = _FORMAT
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

    def __post_init__(self) -> None:
        """One grammar for each field; ``ValueError`` names the field that breaks it, never its value."""
        _require(_ORIGIN.fullmatch(self.server) is not None, "server")
        _require(_ADDRESS.fullmatch(self.address) is not None, "address")
        _require(0 <= self.tenant_index < 2**31, "tenant_index")
        _require(0 <= self.epoch <= _MAX_NUMBER, "epoch")
        try:
            ids.tenant_id(self.tenant)
            ids.thumbprint(self.device)
            if self.account is not None:
                ids.account_id(self.account)
            if self.line_salt is not None:
                ids.digest(self.line_salt)
        except ProtocolError as error:
            raise ValueError(error.detail) from error


class _LogSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int
    root: ids.Digest


class _First(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same of the first format. Its ``log_seen`` nothing ever set: what a phone saw of the log is in its notes."""

    format: Literal["pteri-phone-1"]
    server: str
    tenant: ids.TenantId
    network: Literal["main", "test", "regtest"]
    address: str
    tenant_index: int
    device: ids.Thumbprint
    account: ids.AccountId | None = None
    epoch: int = 0
    line_salt: ids.Digest | None = None
    log_seen: _LogSeen | None = None

    def now(self) -> PhoneState:
        """The state that it says; ``ValueError`` for a field out of its grammar."""
        return PhoneState(
            server=self.server,
            tenant=self.tenant,
            network=self.network,
            address=self.address,
            tenant_index=self.tenant_index,
            device=self.device,
            account=self.account,
            epoch=self.epoch,
            line_salt=self.line_salt,
        )

    def __post_init__(self) -> None:
        """One grammar for both formats."""
        self.now()


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise ValueError(f"the field {field} is out of its grammar")


def encode_state(state: PhoneState) -> bytes:
    """File bytes of a state."""
    return encode_tagged(state)


def decode_state(data: bytes) -> PhoneState:
    """State of these file bytes; ``NOT_A_STATE``, ``NEWER_VERSION`` or ``TOO_LARGE`` otherwise.

    A file of the first format is read, too; the next change writes it in this one.
    """
    if data.startswith(_FIRST_BYTES):
        return _decoded(data, _First, _FIRST_FORMAT).now()
    return _decoded(data, PhoneState, _FORMAT)


def _decoded(data: bytes, kind: type[_T], format_name: str) -> _T:
    return decode_tagged(
        data,
        kind,
        format_name=format_name,
        what="the memory of a PTERI phone",
        remedy="The wallet itself is not touched: delete this file and connect the phone again.",
        refusal=WalletCode.NOT_A_STATE,
    )
