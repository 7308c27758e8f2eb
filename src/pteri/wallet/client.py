"""A relying party's side: start a sign-in, show it in the browser, take the code back (docs/spec section 4).

The code is good in one browser session only. Keep the session's secret in a cookie (``__Host-``, HttpOnly, Secure,
SameSite=Lax) and nowhere else; the server learns its hash first and the secret with the code.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from pteri.core.airgap import parse_answer
from pteri.core.errors import Code, Malformed
from pteri.core.httpsig import Tag
from pteri.core.ids import Digest, RequestId, digest_text, from_base64url, request_id, to_base64url
from pteri.core.invitation import parse_invitation
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.wire import (
    BringAnswer,
    EnterCode,
    EnterOfflineCode,
    Feed,
    Progress,
    SignedIn,
    StartBinding,
    Started,
    StartSignIn,
)
from pteri.wallet.server import Server
from pteri.wallet.tokens import TokenServer

if TYPE_CHECKING:
    from pteri.wallet.ports import Clock, Entropy
    from pteri.wallet.server import Transport

__all__ = ["BrowserSession", "Client", "Waiting"]

_PATHS = {"lgn": "logins", "bnd": "bindings"}
_SESSION_BYTES = 32


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One browser session: 32 random bytes, as base64url for the cookie. ``hash`` is what the server is told first."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(from_base64url(self.secret)) != _SESSION_BYTES:
            raise Malformed(Code.LENGTH, "the secret of a browser session has 32 bytes")

    @classmethod
    def new(cls, *, entropy: Entropy) -> Self:
        """A session nobody can guess."""
        return cls(to_base64url(entropy.draw(_SESSION_BYTES)))

    @property
    def hash(self) -> Digest:
        """SHA-256 of the secret's bytes."""
        return digest_text(hashlib.sha256(from_base64url(self.secret)).digest())


@dataclass(frozen=True, slots=True)
class Waiting:
    """Show ``qr`` and ``number`` in the browser that has ``session``, then ask for the code.

    The same for known and unknown logins. ``expires_at`` is a Unix second.
    """

    id: RequestId
    number: str
    qr: str
    expires_at: int
    session: BrowserSession


class Client:
    """A relying party of one tenant. ``key`` is its P-256 key, or base64url of the 32 secret bytes.

    Every method may raise :class:`~pteri.wallet.refusals.ServerError`; after ``UNREACHABLE`` nothing is known, and
    starting again is harmless. Threads may share a client, as far as its transport lets them (ours does).
    """

    def __init__(
        self,
        origin: str,
        tenant: str,
        key: DevicePrivateKey | str,
        *,
        transport: Transport,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._entropy = entropy
        self._transport = transport
        self._server = Server(
            transport,
            origin=origin,
            tenant=tenant,
            key=key if isinstance(key, DevicePrivateKey) else DevicePrivateKey(Secret(from_base64url(key))),
            tag=Tag.CLIENT,
            clock=clock,
            entropy=entropy,
        )
        self._busy = TokenServer(self._server, clock=clock)

    def start_sign_in(self, login: str, session: BrowserSession | str | None = None, *, prompt: bool = True) -> Waiting:
        """Ask the phones of this login. Without a session a new one is made: put its secret into the cookie.

        ``prompt``: show it on the phones unasked, too. Without, the person must scan ``qr``; that is faster, nobody can
        be pestered by it, and until a phone answers the server keeps nothing.
        """
        browser = self._session(session)
        started = self._busy.post("/logins", StartSignIn(login, browser.hash, prompt), Started)
        return _waiting(started, browser)

    def start_binding(
        self, login: str, session: BrowserSession | str | None = None, *, line: str | None = None
    ) -> Waiting:
        """Link a login that you have just authenticated by your own means to a wallet and a phone.

        ``line``: the E.164 number or ICCID you know of the person, if their mobile line is to be watched.
        """
        browser = self._session(session)
        started = self._server.post("/bindings", StartBinding(login, browser.hash, line), Started)
        return _waiting(started, browser)

    def progress(self, request: str) -> Progress:
        """How far it has come; ``APPROVED`` means: ask for the code now."""
        place = _path(request)
        return self._for(place).get(place, Progress)

    def notices(self, cursor: str | None = None) -> Feed:
        """What happened to your accounts after ``cursor``, at most 100 notices, each at least once.

        Keep the answer's ``cursor`` where you keep what you did about them, and ask on from it; at once if ``more``.
        """
        place = "/notices" if cursor is None else f"/notices?after={to_base64url(from_base64url(cursor))}"
        return self._busy.get(place, Feed)

    def enter_code(self, request: str, code: str, session: BrowserSession | str) -> SignedIn:
        """Who signed in, after the person typed the code into the browser that has this session.

        A wrong code is ``ServerError`` with status 401, like everything else that fails; three end the sign-in.
        """
        entered = EnterCode(code, self._session(session).secret)
        place = _path(request)
        return self._for(place).post(f"{place}/code", entered, SignedIn)

    def enter_offline_code(self, invitation: str, code: str, session: BrowserSession | str) -> SignedIn:
        """Who signed in, after the person typed an offline code into the browser that has this session.

        ``invitation``: the text of the code that this browser showed. Refusals as for :meth:`enter_code`.
        """
        request = parse_invitation(invitation).request
        entered = EnterOfflineCode(invitation, code, self._session(session).secret)
        return self._busy.post(f"/logins/{request}/offline-code", entered, SignedIn)

    def bring_answer(self, invitation: str, answer: str, session: BrowserSession | str) -> SignedIn:
        """Who signed in, after the browser that has this session and showed ``invitation`` has read an answer.

        ``answer`` is what its camera read (``PTERI1R:...``) from a phone without network. ``Malformed`` for what is no
        answer, or one to another code: let the person show it again, or start again. There is no code to type after it.
        """
        request = parse_invitation(invitation).request
        if parse_answer(answer).request != request:
            raise Malformed(Code.FIELD, "the answer to another sign-in")
        brought = BringAnswer(invitation, answer, self._session(session).secret)
        return self._busy.post(f"/logins/{request}/answer", brought, SignedIn)

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _for(self, place: str) -> Server | TokenServer:
        """What links an account is always signed; a sign-in may come with a token."""
        return self._busy if place.startswith("/logins/") else self._server

    def _session(self, session: BrowserSession | str | None) -> BrowserSession:
        if session is None:
            return BrowserSession.new(entropy=self._entropy)
        return session if isinstance(session, BrowserSession) else BrowserSession(session)


def _waiting(started: Started, session: BrowserSession) -> Waiting:
    return Waiting(started.id, started.number, started.qr, started.expires_at, session)


def _path(request: str) -> str:
    """Sign-ins and bindings have ids of their own kind; any other id never was one of ours."""
    place = _PATHS.get(request_id(request)[:3])
    if place is None:
        raise Malformed(Code.FIELD, "not the id of a sign-in or of a binding")
    return f"/{place}/{request}"
