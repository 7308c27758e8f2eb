"""How we say who we are: OAuth 2.0 with ``private_key_jwt`` (RFC 7523), JWT bearer, and CIBA in poll mode.

Pure: forms go out, bytes come in. Instants are arguments; what makes an assertion unique is drawn by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec

from pteri.adapters.telecom.camara.exchange import NoReply, Reply
from pteri.adapters.telecom.camara.jwt import read_token, signed_token
from pteri.adapters.telecom.camara.strict import read_json
from pteri.core.errors import Code, NotAuthentic
from pteri.core.ids import to_base64url
from pteri.core.keys.device import DeviceKey, DevicePrivateKey

__all__ = ["ASSERTION_S", "Client", "Refused", "Started", "Token", "check_identity", "read_started", "read_token_reply"]

ASSERTION_S: Final = 60
"""How long an assertion of ours lives: it is made for one request."""
LEEWAY_S: Final = 60
"""How far an operator's clock may be ahead of ours, or behind."""

_CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CIBA: Final = "urn:openid:params:grant-type:ciba"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=8192, pattern=r"^[!-~]+$")]


class Token(msgspec.Struct, frozen=True):
    """The reply of a token endpoint (RFC 6749 section 5.1)."""

    access_token: _Text
    token_type: Annotated[str, msgspec.Meta(pattern=r"^[Bb][Ee][Aa][Rr][Ee][Rr]$")]
    expires_in: Annotated[int, msgspec.Meta(ge=1)]
    id_token: str | None = None

    def __repr__(self) -> str:
        return "Token(...)"


class Started(msgspec.Struct, frozen=True):
    """The reply of a backchannel authentication endpoint (CIBA section 7.3)."""

    auth_req_id: _Text
    expires_in: Annotated[int, msgspec.Meta(ge=1)]
    interval: Annotated[int, msgspec.Meta(ge=1)] = 5

    def __repr__(self) -> str:
        return "Started(...)"


class _Error(msgspec.Struct, frozen=True):
    error: Annotated[str, msgspec.Meta(min_length=1, max_length=96)]


class Refused(Exception):
    """The operator said no, in the way that its documents say."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Client:
    """This deployment as one operator's client. ``audience``: the operator's issuer.

    ``url`` is always the address that a form goes to. It is the audience of our assertions, as CAMARA recommends for
    those that say who we are and demands for those about a subscriber; with ``to_issuer``, the issuer is for the first.
    """

    client_id: str
    key: DevicePrivateKey
    audience: str
    to_issuer: bool = False

    def for_us(self, scope: str, *, url: str, at: int, unique: bytes) -> bytes:
        """A form that asks for a two-legged token."""
        return self._form(url, at, unique, grant_type="client_credentials", scope=scope)

    def for_subject(self, subject: str, scope: str, *, url: str, at: int, unique: bytes) -> bytes:
        """A form that asks for a three-legged token about ``subject``: ``tel:+49...``, ``operatortoken:...``."""
        assertion = self._assertion(at, unique[:16], aud=url, sub=subject, scope=scope)
        return self._form(url, at, unique[16:], grant_type=_JWT_BEARER, assertion=assertion)

    def to_start(self, hint: str, scope: str, *, url: str, at: int, unique: bytes) -> bytes:
        """A form that starts a backchannel authentication of whoever ``hint`` names."""
        return self._form(url, at, unique, login_hint=hint, scope=scope)

    def to_poll(self, started: Started, *, url: str, at: int, unique: bytes) -> bytes:
        """A form that asks whether it is done."""
        return self._form(url, at, unique, grant_type=_CIBA, auth_req_id=started.auth_req_id)

    def _form(self, url: str, at: int, unique: bytes, **fields: str) -> bytes:
        audience = self.audience if self.to_issuer else url
        proof = self._assertion(at, unique, aud=audience, sub=self.client_id)
        said = {"client_id": self.client_id, "client_assertion_type": _CLIENT_ASSERTION, "client_assertion": proof}
        return urlencode({**fields, **said}).encode("ascii")

    def _assertion(self, at: int, unique: bytes, **claims: str) -> str:
        # Fewer bytes could come again, and a server that has seen an identifier refuses it.
        if len(unique) != 16:
            raise ValueError("an assertion is made with 16 random bytes")
        return signed_token(
            {
                "iss": self.client_id,
                "iat": at,
                "exp": at + ASSERTION_S,
                "jti": to_base64url(unique),
                **claims,
            },
            self.key,
        )


def read_token_reply(reply: Reply) -> Token:
    """The token of a reply; :class:`Refused` for a documented no, ``NoReply`` for anything else."""
    if reply.status == 200:
        return read_json(reply.body, Token)
    raise Refused(reply.status, read_json(reply.body, _Error).error)


def read_started(reply: Reply) -> Started:
    """The same for the beginning of a backchannel authentication."""
    if reply.status == 200:
        return read_json(reply.body, Started)
    raise Refused(reply.status, read_json(reply.body, _Error).error)


def check_identity(token: Token, client: Client, keys: tuple[DeviceKey, ...], *, at: int) -> None:
    """Check the identity token beside an access token (OpenID Connect Core section 3.1.3.7).

    1. There is one: a missing one would switch all of this off. 2. Signed with ES256 by a key of this operator.
    3. Made by this operator. 4. Made for us alone. 5. Not over, and not from the future.

    ``NoReply(MALFORMED_ANSWER)`` without one; ``ProtocolError`` for one that is not authentic.
    """
    if token.id_token is None:
        raise NoReply("MALFORMED_ANSWER")
    claims = read_token(token.id_token, keys)
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    if claims.get("iss") != client.audience or claims.get("aud") not in (client.client_id, [client.client_id]):
        raise NotAuthentic(Code.MISMATCH, "made for somebody else, or for another time")
    if not isinstance(expires_at, int) or not isinstance(issued_at, int):
        raise NotAuthentic(Code.MISMATCH, "made for somebody else, or for another time")
    if not (issued_at - LEEWAY_S <= at < expires_at + LEEWAY_S):
        raise NotAuthentic(Code.MISMATCH, "made for somebody else, or for another time")
