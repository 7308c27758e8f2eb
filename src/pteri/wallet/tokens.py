"""Tokens of a relying party: one signature for the requests of five minutes (docs/spec section 10.2).

A token that has expired and a code that is wrong are one denial: the server tells nobody which proof has failed. So
after a denial the same request goes out once more, signed and under the same idempotency key. Its answer counts. A
wrong code is thereby never tried twice: the server has recorded it under that key, and reads its answer back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from pteri.core.keys.secret import Secret
from pteri.core.wire import Nothing, Token
from pteri.wallet.refusals import BAD_ANSWER, ServerError

if TYPE_CHECKING:
    from pteri.wallet.ports import Clock
    from pteri.wallet.server import Server

__all__ = ["TokenServer"]

_RENEW_AHEAD_S: Final = 30
"""A request may be on its way for so long, and our clock may be off; a token is not used to its last second."""
_DENIED: Final = 401
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,512}={0,2}")
"""The grammar of RFC 6750 section 2.1, in bounds."""
_AnswerT = TypeVar("_AnswerT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class _Held:
    token: Secret = field(repr=False)
    expires_at: int


class TokenServer:
    """The busy routes of a :class:`~pteri.wallet.server.Server`, which is asked with a token. Threads may share it.

    There is no lock: a token is one value that is read and replaced whole. Threads that fetch one at the same moment
    get one each, all of them good; waiting for each other would be worse when the server is slow.
    """

    def __init__(self, server: Server, *, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._held: _Held | None = None

    def post(self, path: str, message: msgspec.Struct, answer: type[_AnswerT]) -> _AnswerT:
        """Ask, under a fresh idempotency key."""
        return self._ask("POST", path, msgspec.json.encode(message), answer)

    def get(self, path: str, answer: type[_AnswerT]) -> _AnswerT:
        """Look."""
        return self._ask("GET", path, b"", answer)

    def _ask(self, method: str, path: str, body: bytes, answer: type[_AnswerT]) -> _AnswerT:
        held = self._good_token()
        request = self._server.with_token(method, path, body, held.token)
        try:
            return self._server.send(request, answer)
        except ServerError as error:
            if error.status != _DENIED:
                raise
        try:
            answered = self._server.send(self._server.signed_instead(request), answer)
        except ServerError as error:
            if error.status != _DENIED:
                self._drop(held)
            raise
        # With a signature it went through: it was the token.
        self._drop(held)
        return answered

    def _good_token(self) -> _Held:
        held = self._held
        if held is None or self._clock.now() >= held.expires_at - _RENEW_AHEAD_S:
            bought = self._server.post("/tokens", Nothing(), Token)
            # It becomes part of a header, where a line break would begin another one.
            if not _TOKEN.fullmatch(bought.token):
                raise ServerError(BAD_ANSWER, "The server gave a token that is none. Is it the right address?")
            held = self._held = _Held(Secret(bought.token.encode()), bought.expires_at)
        return held

    def _drop(self, held: _Held) -> None:
        """Not the one that another thread has fetched meanwhile."""
        if self._held is held:
            self._held = None
