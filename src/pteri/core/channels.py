"""Where warnings go besides the phones: addresses, and what an account says of them without saying them.

An address is personal data. A statement, an event and the log name it by a salted digest only (docs/spec section 6.10);
whoever has the salt, as the owner's phone, can check that a digest stands for the address they typed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, Digest, TenantId

__all__ = ["MAX_CHANNELS", "channel_address", "channel_digest", "channel_digests", "masked_channel"]

MAX_CHANNELS: Final = 4
_MAX_ADDRESS: Final = 254
"""Of the part after the scheme (RFC 5321, section 4.5.3.1.3, without the angle brackets)."""
_MAX_LOCAL: Final = 64
_SCHEME: Final = "mailto:"
_ATOM: Final = r"[a-z0-9_+-]+"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAILTO = re.compile(rf"mailto:({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})+)")


def channel_address(text: str) -> str:
    """The same text where it is ``mailto:`` and a plain address in small letters; else ``Malformed``.

    One spelling per mailbox, and no character that a mail header, an SMTP command or a URI gives a meaning: no quotes,
    no comments, no spaces, no percent sign, no address of a bare host.
    """
    # Bounded before it is matched.
    if not isinstance(text, str) or len(text) > len(_SCHEME) + _MAX_ADDRESS:
        raise Malformed(Code.FIELD, "not an address for warnings")
    found = _MAILTO.fullmatch(ids.matching(_MAILTO, text, "an address for warnings"))
    assert found is not None
    if len(found[1]) > _MAX_LOCAL:
        raise Malformed(Code.FIELD, "not an address for warnings")
    return text


def channel_digest(address: str, *, salt: bytes, tenant: TenantId, account: AccountId) -> Digest:
    """``SHA-256("PTERI-CHANNEL-v1" 00 salt32 tenant 00 account 00 address)``."""
    if len(salt) != 32:
        raise Malformed(Code.LENGTH, "the salt of addresses has 32 bytes")
    named = f"{ids.tenant_id(tenant)}\0{ids.account_id(account)}\0{channel_address(address)}"
    return ids.digest_text(hashlib.sha256(b"PTERI-CHANNEL-v1\0" + salt + named.encode("ascii")).digest())


def channel_digests(
    addresses: tuple[str, ...], *, salt: bytes, tenant: TenantId, account: AccountId
) -> tuple[Digest, ...]:
    """Of at most ``MAX_CHANNELS`` addresses, each named once: sorted, as a statement names them."""
    if len(addresses) > MAX_CHANNELS:
        raise Malformed(Code.FIELD, f"more than {MAX_CHANNELS} addresses for warnings")
    digests = {channel_digest(address, salt=salt, tenant=tenant, account=account) for address in addresses}
    if len(digests) != len(addresses):
        raise Malformed(Code.FIELD, "one address twice")
    return tuple(sorted(digests))


def masked_channel(address: str) -> str:
    """Enough for its owner to know it again: the first letter and the host."""
    local, host = channel_address(address).removeprefix(_SCHEME).split("@")
    return f"{local[0]}...@{host}"
