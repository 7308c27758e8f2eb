"""The table ``[esim]`` of the settings file: which chips are believed, and who we are to them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from pteri.core.errors import ProtocolError
from pteri.core.euicc.numbers import eid

__all__ = ["EsimSettings"]

_HOST: Final = re.compile(r"(?=.{3,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_KEY_ID: Final = re.compile(r"[0-9a-f]{40}")


class EsimSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without this table no chip is asked, and none is heard."""

    address: str
    """Our host name as chips sign it: what stands in the activation code. TLS for it ends at the proxy."""
    anchors: tuple[Path, ...]
    """Certificates of the issuers (CI) that are believed, DER, one a file."""
    certificate: Path
    """Ours, DER: it authenticates a server to a chip (role 4, "DPauth"), and one of these issuers signed it."""
    key_file: Path
    """Its private key: P-256, 32 bytes in base64url, mode 0600."""
    lab: bool = False
    """Whether issuers for tests are believed. Never for real people."""
    revoked_eids: tuple[str, ...] = ()
    """Chips that are believed no more."""
    revoked_keys: tuple[str, ...] = ()
    """Key ids of manufacturers and issuers that are believed no more: 40 lower-case hex digits."""

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.address):
            raise ValueError("address is a host name in small letters")
        if not self.anchors:
            raise ValueError("anchors names at least one issuer")
        if not all(map(_KEY_ID.fullmatch, self.revoked_keys)):
            raise ValueError("a key id is 40 lower-case hex digits")
        try:
            for number in self.revoked_eids:
                eid(number)
        except ProtocolError as error:
            raise ValueError(error.detail) from error
