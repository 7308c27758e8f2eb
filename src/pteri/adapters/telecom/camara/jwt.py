"""Signed tokens: JWS compact form, ES256 and nothing else (RFC 7515, RFC 7518 section 3.4, RFC 8725).

The algorithm is a property of this module: a header that names another one is refused, so nobody can choose ``none``
or turn a public key into a shared secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.ids import from_base64url, to_base64url
from pteri.core.keys.device import DeviceKey, DevicePrivateKey

__all__ = ["MAX_TOKEN", "read_token", "signed_token"]

MAX_TOKEN: Final = 8192


def signed_token(claims: dict[str, str | int], key: DevicePrivateKey) -> str:
    """These claims, signed; ``kid`` is the key's RFC 7638 thumbprint."""
    header = {"alg": "ES256", "kid": key.public.thumbprint, "typ": "JWT"}
    covered = f"{_part(header)}.{_part(claims)}"
    return f"{covered}.{to_base64url(key.sign(covered.encode('ascii')))}"


def read_token(token: str, keys: Iterable[DeviceKey]) -> dict[str, Any]:
    """The claims of a token that one of ``keys`` signed.

    ``Malformed`` for another form, ``NotAuthentic`` for another algorithm or key; no keys at all refuse everything.
    """
    if len(token) > MAX_TOKEN:
        raise Malformed(Code.TOO_LARGE, f"a token has at most {MAX_TOKEN} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise Malformed(Code.ENCODING, "not a signed token")
    header, claims = (_object(from_base64url(part)) for part in parts[:2])
    signature = from_base64url(parts[2])
    # "crit" names what a reader must understand, and we understand nothing that is not here.
    if header.get("alg") != "ES256" or "crit" in header:
        raise NotAuthentic(Code.FORMAT, "not signed with ES256")
    covered = f"{parts[0]}.{parts[1]}".encode("ascii")
    for key in keys:
        try:
            key.verify(covered, signature)
        except ProtocolError:
            continue
        return claims
    raise NotAuthentic(Code.MISMATCH, "not signed by this operator")


def _part(value: object) -> str:
    return to_base64url(json.dumps(value, separators=(",", ":")).encode())


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8", "strict"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Malformed(Code.BODY, "a part of the token is not a JSON object") from None
    if not isinstance(value, dict):
        raise Malformed(Code.BODY, "a part of the token is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a claim comes twice")
    return dict(pairs)
