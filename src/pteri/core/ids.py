"""Identifiers: one grammar and one spelling each (docs/spec section 2).

Each kind of id is its own ``NewType``; the function of the same name is the only way from text into the type, and
refuses with ``Malformed(FIELD)``. Random ids are made from bytes that the caller draws, never here.
"""

from __future__ import annotations

import binascii
import re
from typing import NewType

from pteri.core.errors import Code, Malformed

__all__ = [
    "AccountId",
    "BlockId",
    "Digest",
    "Domain",
    "IdempotencyKey",
    "Nonce",
    "RequestId",
    "TenantId",
    "Thumbprint",
    "account_bytes",
    "account_id",
    "address_text",
    "block_id",
    "crockford",
    "digest",
    "digest_bytes",
    "digest_text",
    "domain",
    "from_base64url",
    "from_crockford",
    "idempotency_key",
    "matching",
    "new_account_id",
    "new_idempotency_key",
    "new_nonce",
    "new_request_id",
    "nonce",
    "nonce_bytes",
    "nonce_text",
    "request_bytes",
    "request_id",
    "request_text",
    "second_of",
    "tenant_id",
    "thumbprint",
    "to_base64url",
]

AccountId = NewType("AccountId", str)
"""``acct_`` and 12 to 26 Crockford base32 characters: random, never the Web2 login name."""
RequestId = NewType("RequestId", str)
"""Three letters, ``_`` and 12 to 26 Crockford characters (the 26 of a new one carry its second and 90 random bits)."""
Nonce = NewType("Nonce", str)
"""32 Crockford characters: 160 bits, of which 120 cannot be foreseen; spent once for ever."""
Thumbprint = NewType("Thumbprint", str)
"""RFC 7638 thumbprint of a device key: 43 base64url characters."""
Digest = NewType("Digest", str)
"""SHA-256 (or a commitment) as 43 base64url characters."""
Domain = NewType("Domain", str)
"""Lower-case host name of the relying party, no port."""
TenantId = NewType("TenantId", str)
"""One relying party on this server."""
IdempotencyKey = NewType("IdempotencyKey", str)
"""Chosen by the caller, 16 to 64 URL-safe characters."""
BlockId = NewType("BlockId", str)
"""A block of Litecoin as nodes and people write it: 64 hexadecimal digits in lower case."""

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TWO_CROCKFORD = [first + second for first in _CROCKFORD for second in _CROCKFORD]
# The digits of Python's own base 32.
_FROM_CROCKFORD = str.maketrans(_CROCKFORD, "0123456789abcdefghijklmnopqrstuv")
_ACCOUNT = re.compile(r"acct_[0-9A-HJKMNP-TV-Z]{12,26}")
_REQUEST = re.compile(r"[a-z]{3}_[0-9A-HJKMNP-TV-Z]{12,26}")
_NONCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{32}")
_CHARACTERS = re.compile(r"[0-9A-HJKMNP-TV-Z]{1,64}")
# 43 characters carry 258 bits; the last one must leave its two low bits zero, or a digest had four spellings.
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}(?:\.{_LABEL})*")
_TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_IDEMPOTENCY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_ADDRESS = re.compile(r"[A-Za-z0-9]{26,64}")
_BLOCK = re.compile(r"[0-9a-f]{64}")


def matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    """Return the same text when all of it has this form, else ``Malformed(FIELD)``: "not ``what``"."""
    # fullmatch, not match with "$": "$" would let a trailing newline through.
    if isinstance(text, str) and pattern.fullmatch(text):
        return text
    raise Malformed(Code.FIELD, f"not {what}")


def account_id(text: str) -> AccountId:
    """Account id of this text."""
    return AccountId(matching(_ACCOUNT, text, "an account id"))


def request_id(text: str) -> RequestId:
    """Request id of this text."""
    return RequestId(matching(_REQUEST, text, "a request id"))


def nonce(text: str) -> Nonce:
    """Nonce of this text."""
    return Nonce(matching(_NONCE, text, "a nonce"))


def thumbprint(text: str) -> Thumbprint:
    """Device thumbprint of this text."""
    return Thumbprint(matching(_DIGEST, text, "a device thumbprint"))


def digest(text: str) -> Digest:
    """SHA-256 value or commitment of this text."""
    return Digest(matching(_DIGEST, text, "a SHA-256 value in base64url"))


def domain(text: str) -> Domain:
    """Host name of this text, at most 63 characters so that every statement fits its limit."""
    return Domain(matching(_DOMAIN, text, "a lower-case host name"))


def tenant_id(text: str) -> TenantId:
    """Tenant id of this text."""
    return TenantId(matching(_TENANT, text, "a tenant id"))


def block_id(text: str) -> BlockId:
    """Check a block's name as nodes show it."""
    return BlockId(matching(_BLOCK, text, "the name of a block: 64 hex digits in lower case"))


def idempotency_key(text: str) -> IdempotencyKey:
    """Idempotency key of this text."""
    return IdempotencyKey(matching(_IDEMPOTENCY, text, "an idempotency key"))


def address_text(text: str) -> str:
    """The shape of an address: 26 to 64 letters and digits (taproot on a test network has 64, nothing has more).

    Whether it exists, and on which network, is for :func:`pteri.core.keys.address.parse_address`.
    """
    return matching(_ADDRESS, text, "an address")


def to_base64url(raw: bytes) -> str:
    """Unpadded base64url (RFC 4648 section 5)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL, b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Bytes of unpadded base64url in its one canonical spelling, else ``Malformed(ENCODING)``."""
    if not isinstance(text, str):
        raise Malformed(Code.ENCODING, "not base64url")
    try:
        raw = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except ValueError as error:  # binascii.Error is one: a lone last character carries no byte
        raise Malformed(Code.ENCODING, "not base64url") from error
    # The decoder skips what is not of the alphabet, takes "+" and "/" too, and does not look at unused last bits. What
    # we write of the same bytes is the one text that none of it happened to.
    if to_base64url(raw) != text:
        raise Malformed(Code.ENCODING, "not canonical base64url")
    return raw


def digest_text(raw: bytes) -> Digest:
    """Text form of 32 bytes."""
    if len(raw) != 32:
        raise Malformed(Code.LENGTH, "a digest has 32 bytes")
    return Digest(to_base64url(raw))


def digest_bytes(value: Digest | Thumbprint) -> bytes:
    """The 32 bytes of a digest or thumbprint."""
    # Checked again: JSON readers know the type of a field, not its grammar. What is inside the grammar has one reading.
    return binascii.a2b_base64(digest(value).encode("ascii").translate(_FROM_URL) + b"=")


def crockford(raw: bytes, length: int) -> str:
    """``length`` characters of Crockford base32, upper case, no check symbol: the first ``length`` * 5 bits of ``raw``.

    ``raw`` is exactly the bytes that are needed, else ``Malformed(LENGTH)``: too few would make a guessable id.
    """
    if len(raw) != (length * 5 + 7) // 8:
        raise Malformed(Code.LENGTH, f"{length} characters are made from {(length * 5 + 7) // 8} bytes")
    number = int.from_bytes(raw, "big") >> (len(raw) * 8 - length * 5)
    pairs = [_TWO_CROCKFORD[(number >> shift) & 1023] for shift in range((length - 2) * 5, -1, -10)]
    return "".join(pairs) if length % 2 == 0 else "".join(pairs) + _CROCKFORD[number & 31]


def new_account_id(random: bytes) -> AccountId:
    """Account id from 13 random bytes (100 bits are used)."""
    return AccountId("acct_" + crockford(random, 20))


def account_bytes(account: AccountId) -> bytes:
    """The 13 bytes of an id that :func:`new_account_id` made, as that function takes them."""
    characters = account_id(account).removeprefix("acct_")
    if len(characters) != 20:
        raise Malformed(Code.LENGTH, "not an account id of this server's making")
    return from_crockford(characters)


def new_request_id(prefix: str, at: int, random: bytes) -> RequestId:
    """Request id from three lower-case letters, Unix second ``at`` and 12 random bytes (90 bits are used).

    It begins with the time, so that what is kept by id is kept in order of time.
    """
    return request_id(f"{prefix}_{crockford(_instant(at) + _sized(random, 12), 26)}")


def request_bytes(request: RequestId) -> bytes:
    """The 17 bytes of an id that :func:`new_request_id` made, without its three letters; ``Malformed(LENGTH)``."""
    characters = request_id(request)[4:]
    if len(characters) != 26:
        raise Malformed(Code.LENGTH, "not a request id of this server's making")
    return (_crockford_number(characters) << 6).to_bytes(17, "big")


def request_text(prefix: str, raw: bytes) -> RequestId:
    """The inverse. The last six bits, which no character carries, must be zero: ``Malformed(ENCODING)``."""
    if raw[-1:] and raw[-1] & 0x3F:
        raise Malformed(Code.ENCODING, "an id with a second spelling")
    return request_id(f"{prefix}_{crockford(raw, 26)}")


def new_idempotency_key(at: int, random: bytes) -> IdempotencyKey:
    """Idempotency key from Unix second ``at`` and 12 random bytes (90 bits are used); it begins with the time.

    A server keeps answers in the order of their keys: those of one moment then lie side by side.
    """
    return IdempotencyKey(crockford(_instant(at) + _sized(random, 12), 26))


def second_of(request: RequestId) -> int:
    """The Unix second in an id that :func:`new_request_id` made; of any other, a number that means nothing."""
    characters = request_id(request)[4:].ljust(26, "0")
    return _crockford_number(characters[:8])


def nonce_text(raw: bytes) -> Nonce:
    """Text form of the 20 bytes of a nonce."""
    return Nonce(crockford(raw, 32))


def nonce_bytes(text: Nonce) -> bytes:
    """The 20 bytes of a nonce."""
    return _crockford_number(nonce(text)).to_bytes(20, "big")


def from_crockford(characters: str) -> bytes:
    """The inverse of :func:`crockford`: the bytes that it was given, with zeros in the bits that it left out."""
    size, left = (len(characters) * 5 + 7) // 8, -len(characters) * 5 % 8
    number = _crockford_number(matching(_CHARACTERS, characters, "Crockford base32"))
    return (number << left).to_bytes(size, "big")


def _crockford_number(characters: str) -> int:
    return int(characters.translate(_FROM_CROCKFORD), 32)


def new_nonce(at: int, unpredictable: bytes) -> Nonce:
    """Nonce from Unix second ``at`` and 15 bytes that nobody can foresee; it begins with the time, like an id."""
    return nonce_text(_instant(at) + _sized(unpredictable, 15))


def _instant(at: int) -> bytes:
    if not 0 <= at < 1 << 40:
        raise Malformed(Code.FIELD, "an instant in an id has 40 bits")
    return at.to_bytes(5, "big")


def _sized(raw: bytes, size: int) -> bytes:
    # Too few would make a guessable id, whatever the whole adds up to.
    if len(raw) != size:
        raise Malformed(Code.LENGTH, f"exactly {size} bytes are needed here")
    return raw
