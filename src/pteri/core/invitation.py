"""What the Web2 page shows as a QR code: which challenge, whose, on which server (docs/spec section 4.2).

Deliberately no link: a phone reads it only inside its own scanner, so no web page or message can start a sign-in.
The code of a sign-in carries its terms, too: the phone composes the statement from them and from what it knows itself.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed
from pteri.core.ids import BlockId, Digest, Nonce, RequestId, TenantId

__all__ = ["TICKET_BYTES", "Invitation", "Terms", "parse_invitation"]

_PREFIX: Final = "PTERI1:"
_MAX_CHARACTERS: Final = 400
TICKET_BYTES: Final = 13
_TERMS_BYTES: Final = 72
_BLOCK_BYTES: Final = 32
_MAX_LIFE_S: Final = 0xFFFF
_NUMBER = re.compile(r"[0-9]{2}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# At most 88 characters: a host name or an address in brackets, and a port unless it is the scheme's own.
_ORIGIN = re.compile(
    r"(?=.{1,88}\Z)(?!https:.*:443\Z|http:.*:80\Z)https?://"
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\])(?::[1-9][0-9]{{0,4}})?"
)


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the server chose of a sign-in's statement; instants in Unix seconds.

    They prove nothing: the server takes an answer only when ``nonce`` is the one that it made for exactly these terms.
    ``ticket``: base64url of 13 bytes by which the server, and nobody else, knows whom the sign-in is for.
    ``block``: where the service puts one into its statements.
    """

    session: Digest
    nonce: Nonce
    issued_at: int
    expires_at: int
    ticket: str
    block: BlockId | None = None


class Invitation(msgspec.Struct, frozen=True):
    """``number``: the two digits the page shows beside the code; ``origin``: scheme, host and port of the server.

    ``terms``: of a sign-in. A binding has none: its phone must ask for them with its new keys.
    """

    request: RequestId
    tenant: TenantId
    number: str
    origin: str
    terms: Terms | None = None

    def encode(self) -> str:
        """``PTERI1:`` and base45 of the values; ``Malformed`` for a value with no spelling.

        Four values with commas between them, and after one comma more the bytes of the terms, where there are any:
        session (32), nonce (20), instant of issue (5, big-endian), life in seconds (2), ticket (13); and 32 more where
        they name a block.
        """
        raw = ",".join(_checked(self.request, self.tenant, self.number, self.origin)).encode("ascii")
        if self.terms is not None:
            raw += b"," + _packed(self.terms)
        return _PREFIX + to_base45(raw)


def parse_invitation(text: str) -> Invitation:
    """The invitation of a scanned or typed text, or ``Malformed``."""
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS or not text.startswith(_PREFIX):
        raise Malformed(Code.FIELD, "not a PTERI code")
    values = from_base45(text.removeprefix(_PREFIX)).split(b",", 4)
    if len(values) < 4:
        raise Malformed(Code.FIELD, "not a PTERI code")
    try:
        request, tenant, number, origin = (value.decode("ascii") for value in values[:4])
    except UnicodeDecodeError as error:
        raise Malformed(Code.ENCODING, "not a PTERI code") from error
    terms = _unpacked(values[4]) if len(values) > 4 else None
    return Invitation(*_checked(request, tenant, number, origin), terms)


def _packed(terms: Terms) -> bytes:
    life_s = terms.expires_at - terms.issued_at
    if not 0 <= terms.issued_at < 1 << 40 or not 0 < life_s <= _MAX_LIFE_S:
        raise Malformed(Code.FIELD, "a sign-in lives for 1 to 65535 seconds")
    ticket = ids.from_base64url(terms.ticket)
    if len(ticket) != TICKET_BYTES:
        raise Malformed(Code.LENGTH, "a ticket has 13 bytes")
    times = terms.issued_at.to_bytes(5, "big") + life_s.to_bytes(2, "big")
    block = b"" if terms.block is None else bytes.fromhex(ids.block_id(terms.block))
    return ids.digest_bytes(terms.session) + ids.nonce_bytes(terms.nonce) + times + ticket + block


def _unpacked(raw: bytes) -> Terms:
    if len(raw) not in {_TERMS_BYTES, _TERMS_BYTES + _BLOCK_BYTES}:
        raise Malformed(Code.FIELD, "the terms of a sign-in have 72 bytes, or 104 with a block")
    issued_at, life_s = int.from_bytes(raw[52:57], "big"), int.from_bytes(raw[57:59], "big")
    if life_s == 0:
        raise Malformed(Code.FIELD, "a sign-in lives for 1 to 65535 seconds")
    return Terms(
        session=ids.digest_text(raw[:32]),
        nonce=ids.nonce_text(raw[32:52]),
        issued_at=issued_at,
        expires_at=issued_at + life_s,
        ticket=ids.to_base64url(raw[59:_TERMS_BYTES]),
        block=ids.block_id(raw[_TERMS_BYTES:].hex()) if len(raw) > _TERMS_BYTES else None,
    )


def _checked(request: str, tenant: str, number: str, origin: str) -> tuple[RequestId, TenantId, str, str]:
    """The same values, each inside its grammar and so without a comma of its own."""
    return (
        ids.request_id(request),
        ids.tenant_id(tenant),
        ids.matching(_NUMBER, number, "a two-digit number"),
        ids.matching(_ORIGIN, origin, "the origin of a server"),
    )
