"""The statement: the exact text that a wallet signs (docs/spec section 3).

The wallet composes it and the server recomputes it, both from the same typed fields. Nobody trusts a text that was
received: :func:`parse` exists for wallets that are shown a text and for auditors, and only ever accepts bytes that
:meth:`Statement.encode` would have written.

A byte-exact profile of CAIP-122 and ERC-4361: printable ASCII and LF, at most 1024 bytes.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.acts import StatementAct
from pteri.core.errors import Code, Malformed
from pteri.core.ids import BlockId, Domain, Nonce, RequestId
from pteri.core.lookalikes import skeleton
from pteri.core.resources import act_from_resources, resources_of

__all__ = ["MAX_STATEMENT_BYTES", "Statement", "after_block", "instant_text", "looks_like_statement", "parse"]

MAX_STATEMENT_BYTES: Final = 1024
_BLOCK: Final = "pteri:block:"
"""How the one resource begins that is not of the act: always the last one."""
_BLOCK_LINE: Final = len(f"\n- {_BLOCK}") + 64
_LAST_INSTANT = 253402300799  # 9999-12-31T23:59:59Z, the last one with a four-digit year
_CHAIN = re.compile(r"bip122:[0-9a-f]{32}")
_INSTANT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_OPENING = skeleton("wants you to"), skeleton("with your Litecoin account")
_TEXT = re.compile(
    r"(?P<domain>[^ \n]+) wants you to (?P<verb>[^\n]+) with your Litecoin account:\n"
    r"(?P<address>[^\n]+)\n\n(?P<sentence>[^\n]+)\n\n"
    r"URI: https://(?P<host>[^/\n]+)/\.well-known/pteri/v1/(?P<purpose>[a-z-]{1,20})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain>[^\n]+)\n"
    r"Nonce: (?P<nonce>[^\n]+)\n"
    r"Issued At: (?P<issued>[^\n]+)\n"
    r"Expiration Time: (?P<expires>[^\n]+)\n"
    r"Request ID: (?P<request>[^\n]+)\n"
    r"Resources:(?P<resources>(?:\n- [^\n]+){1,9})"
)


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Typed fields of a statement. Instants are Unix seconds; ``chain`` is a CAIP-2 id; ``address`` is canonical.

    ``block``: a recent block of that chain, where the service names one; whoever signs it signs after that block was
    found. Left out of JSON where there is none.
    """

    domain: Domain
    address: str
    chain: str
    nonce: Nonce
    issued_at: int
    expires_at: int
    request_id: RequestId
    act: StatementAct
    block: BlockId | None = None

    @property
    def purpose(self) -> str:
        """Name of the purpose, as in the URI."""
        return self.act.purpose

    def encode(self) -> bytes:
        """The bytes to sign. ``Malformed`` when a field has no spelling or the text would pass 1024 bytes.

        Every inserted value is checked against its grammar here, so no value can smuggle in a line of its own.
        """
        host = ids.domain(self.domain)
        lines = resources_of(self.act)
        if self.block is not None:
            lines.append(_BLOCK + ids.block_id(self.block))
        resources = "".join(f"\n- {line}" for line in lines)
        text = (
            f"{host} wants you to {self.act.verb} with your Litecoin account:\n"
            f"{ids.address_text(self.address)}\n\n{self.act.sentence(host)}\n\n"
            f"URI: https://{host}/.well-known/pteri/v1/{self.act.purpose}\n"
            "Version: 1\n"
            f"Chain ID: {_chain(self.chain)}\n"
            f"Nonce: {ids.nonce(self.nonce)}\n"
            f"Issued At: {instant_text(self.issued_at)}\n"
            f"Expiration Time: {instant_text(self.expires_at)}\n"
            f"Request ID: {ids.request_id(self.request_id)}\n"
            f"Resources:{resources}"
        ).encode("ascii")
        if len(text) > MAX_STATEMENT_BYTES:
            raise Malformed(Code.TOO_LARGE, "a statement has at most 1024 bytes")
        return text

    def sha256(self) -> bytes:
        """Digest of the text: what a Ledger shows, and what approvals refer to (32 bytes)."""
        return hashlib.sha256(self.encode()).digest()


def parse(text: bytes) -> Statement:
    """The statement of exactly these bytes, or ``Malformed``."""
    if not isinstance(text, bytes):
        raise Malformed(Code.STATEMENT, "a statement is bytes: what was signed, not a text to be encoded somehow")
    if len(text) > MAX_STATEMENT_BYTES:
        raise Malformed(Code.TOO_LARGE, "a statement has at most 1024 bytes")
    try:
        found = _TEXT.fullmatch(text.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Malformed(Code.STATEMENT, "a statement is printable ASCII") from error
    if found is None:
        raise Malformed(Code.STATEMENT, "not the text of a statement")
    lines = [line.removeprefix("- ") for line in found["resources"].lstrip("\n").split("\n")]
    block = ids.block_id(lines.pop().removeprefix(_BLOCK)) if lines[-1].startswith(_BLOCK) else None
    statement = Statement(
        domain=ids.domain(found["domain"]),
        address=ids.address_text(found["address"]),
        chain=_chain(found["chain"]),
        nonce=ids.nonce(found["nonce"]),
        issued_at=_instant(found["issued"]),
        expires_at=_instant(found["expires"]),
        request_id=ids.request_id(found["request"]),
        act=act_from_resources(found["purpose"], lines),
        block=block,
    )
    # The last word: whatever the pattern let through (verb, sentence, host), only our own spelling is a statement.
    if statement.encode() != text:
        raise Malformed(Code.STATEMENT, "not the exact text of a statement")
    return statement


def after_block(statement: Statement, block: BlockId | None) -> Statement:
    """The same statement with this block in it; as it is where that would not leave it its 1024 bytes.

    Nobody may be kept from moving an account because a block came into the text. ``Malformed`` as in ``encode``.
    """
    if block is None or len(statement.encode()) + _BLOCK_LINE > MAX_STATEMENT_BYTES:
        return statement
    return msgspec.structs.replace(statement, block=block)


def looks_like_statement(text: bytes) -> bool:
    """Whether a person could take this text for a statement: a wallet signs such a text only after :func:`parse`.

    Case, spacing, line breaks, invisible and foreign look-alike characters make no difference to a person, so they
    make none here.
    """
    seen = skeleton(text.decode("utf-8", "replace"))
    opening, closing = _OPENING
    start = seen.find(opening)
    return start >= 0 and seen.find(closing, start) >= 0


def instant_text(at: int) -> str:
    """``YYYY-MM-DDThh:mm:ssZ`` of Unix seconds."""
    # Only an int: of 0.5, the half would be dropped in silence, and True is a second spelling of 1.
    if type(at) is not int or not 0 <= at <= _LAST_INSTANT:
        raise Malformed(Code.FIELD, "an instant is between 1970 and 9999")
    return _instant_text(at)


@lru_cache(maxsize=1024)
def _instant_text(at: int) -> str:
    """All statements of a second share their instants."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> int:
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Malformed(Code.FIELD, "not an instant")
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        # No leap second and no 24:00: datetime refuses both, so each instant has one spelling.
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError as error:
        raise Malformed(Code.FIELD, "not an instant") from error


def _chain(text: str) -> str:
    return ids.matching(_CHAIN, text, "a chain id")
