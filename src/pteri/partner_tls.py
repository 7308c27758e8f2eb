"""How TLS is spoken with SM-DP+ partners: version 1.2 at least, and nobody without a certificate of an authority."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.partner_settings import PartnersSettings
from pteri.settings import SettingsError

__all__ = ["partner_tls"]

_MAX_BYTES: Final = 65_536


def partner_tls(partners: PartnersSettings) -> ssl.SSLContext:
    """The context of the listener; ``SettingsError`` names a file that is not what it should be."""
    _check(partners.certificate, "certificate")
    _check(partners.key_file, "key", private=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    # A session that is taken up again would bring the certificate of back then, after it has expired.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        # A passphrase would be asked for on a terminal that is not there.
        context.load_cert_chain(partners.certificate, partners.key_file, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise SettingsError(
            f"partners: {partners.certificate} and {partners.key_file} are not a certificate and its private key, both "
            "PEM and without a passphrase."
        ) from error
    for authority in partners.authorities:
        _check(authority, "authority")
        try:
            context.load_verify_locations(authority)
        except (ssl.SSLError, OSError) as error:
            raise SettingsError(f"partners: {authority} holds no certificate in PEM.") from error
    return context


def _check(path: Path, what: str, *, private: bool = False) -> None:
    try:
        (durable.read_private if private else durable.read_regular)(path, _MAX_BYTES)
    except durable.ExposedError as error:
        raise SettingsError(
            f"partners: other users of this computer can open the {what} {path}. Close it with: chmod 600 '{path}'"
        ) from error
    except OSError as error:
        raise SettingsError(f"partners: cannot read the {what} {path}: {error.strerror}.") from error
