"""The one-time code: derived from both signatures, typed into the session it is bound to (docs/spec section 5).

It is no shared secret: the server computes it from two signatures that it verified with public keys. It follows the
*accepted* payload, so two valid signatures over one statement give two codes of which one can ever count.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from pteri.core.errors import Code, Malformed

__all__ = ["DIGITS", "one_time_code", "parse_code", "spaced"]

_LABEL = b"PTERI-OTP-v1"
DIGITS = 8
_MIN_DIGITS, _MAX_DIGITS = 6, 8
_P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def one_time_code(
    statement: bytes,
    *,
    wallet_signature: bytes,
    device_signature: bytes,
    request_id: str,
    session_hash: bytes,
    nonce: str,
    digits: int = DIGITS,
) -> str:
    """Code of ``digits`` ASCII digits (6 to 8), as phone and server both compute it.

    ``wallet_signature`` is r || s, 64 bytes, without header byte; ``device_signature`` is r || s, 64 bytes, of the
    RFC 9421 request signature (its malleable twin gives the same code); ``session_hash`` is SHA-256 of the browser
    session's secret, 32 bytes. Raises ``Malformed`` for any other size or type, and nothing else.

    Source: RFC 5869 with both signatures as key material, RFC 4226 section 5.3 truncation.
    """
    _check_types(bytes, statement, wallet_signature, device_signature, session_hash)
    _check_types(str, request_id, nonce)
    if len(wallet_signature) != 64 or len(device_signature) != 64:
        raise Malformed(Code.LENGTH, "a signature for the code has 64 bytes")
    if len(session_hash) != 32:
        raise Malformed(Code.LENGTH, "a session hash has 32 bytes")
    _check_length(digits)
    try:
        login, nonce_bytes = request_id.encode("ascii"), nonce.encode("ascii")
    except UnicodeEncodeError as error:
        raise Malformed(Code.ENCODING, "request id and nonce are ASCII") from error
    salt = hashlib.sha256(_LABEL + statement).digest()
    key = hmac.digest(salt, wallet_signature + _canonical(device_signature), "sha256")
    output = hmac.digest(key, _LABEL + b"\0" + login + b"\0" + session_hash + b"\x01", "sha256")
    mac = hmac.digest(output, nonce_bytes, "sha256")
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def _check_types(wanted: type, *values: object) -> None:
    """For callers without a type checker: a text in place of bytes is refused, not encoded somehow."""
    if not all(isinstance(value, wanted) for value in values):
        raise Malformed(Code.ENCODING, f"what a code is made of must be {wanted.__name__} here")


def _check_length(digits: object) -> None:
    # A bool is an int too; False and True are out of range anyway.
    if not isinstance(digits, int) or not _MIN_DIGITS <= digits <= _MAX_DIGITS:
        raise Malformed(Code.CODE_FORMAT, "a code has 6 to 8 digits")


def _canonical(signature: bytes) -> bytes:
    """Fold the ECDSA twin (r, n - s) onto (r, s), so that a malleated request has no second code."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, (_P256_N - s) % _P256_N).to_bytes(32, "big")


def parse_code(text: str, *, digits: int = DIGITS) -> str:
    """The digits a person typed: ASCII only, exact length, one group space in the middle allowed."""
    _check_length(digits)
    half = digits // 2
    # [0-9], because str.isdigit would let other scripts' digits through.
    found = re.fullmatch(rf"([0-9]{{{half}}}) ?([0-9]{{{digits - half}}})", text) if isinstance(text, str) else None
    if found is None:
        raise Malformed(Code.CODE_FORMAT, f"the code is {digits} digits")
    return found[1] + found[2]


def spaced(code: str) -> str:
    """How a code is shown: two groups."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"
