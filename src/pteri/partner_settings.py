"""The table ``[partners]`` of the settings file: SM-DP+ partners come to a port of their own, by mutual TLS."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

__all__ = ["PartnerSettings", "PartnersSettings"]

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class PartnerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[partners.known]]`` table."""

    name: str
    """For the log of the service: small letters, digits and hyphens."""
    certificates: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)]
    """SHA-256 of each certificate (DER) that it may show, in 64 lower-case hex digits; two while one is replaced."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("the name of a partner has small letters, digits and hyphens")
        if not all(map(_FINGERPRINT.fullmatch, self.certificates)):
            raise ValueError("a certificate is named by its SHA-256, 64 lower-case hex digits without colons")


class PartnersSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With this table ES2+ is answered on this port only, and only to these; without it, on the ordinary one."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    certificate: Path
    """Ours, PEM, with the chain up to what partners trust."""
    key_file: Path
    """Its private key, PEM, without a passphrase, mode 0600."""
    authorities: Annotated[tuple[Path, ...], msgspec.Meta(min_length=1)]
    """Who issues the partners' certificates, PEM."""
    known: Annotated[tuple[PartnerSettings, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        names = [partner.name for partner in self.known]
        shown = [one for partner in self.known for one in partner.certificates]
        if len(set(names)) != len(names) or len(set(shown)) != len(shown):
            raise ValueError("two partners have the same name or the same certificate")

    @property
    def names(self) -> dict[str, str]:
        """Whose certificate each is."""
        return {one: partner.name for partner in self.known for one in partner.certificates}
