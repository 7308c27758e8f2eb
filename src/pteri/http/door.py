"""The one door between HTTP and the endpoints. It knows neither ASGI nor sockets; two hinges carry requests to it.

A request meets, in this order: an id; the size of its head; the rate of its network; the path; the method; the rate of
the route; query, framing, media type and proof (``pteri.http.admission``); whether there is room for it; its body;
the endpoint. Whatever fails becomes a problem here, and there is no other way out.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Never

import msgspec
import structlog

from pteri.app.callers import BearerRequest
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import SignedRequest
from pteri.http import admission
from pteri.http.answers import HSTS, SECURITY_HEADERS, Answer, AnswerForm
from pteri.http.paths import Paths
from pteri.http.problems import (
    MEDIA_TYPE,
    PROBLEM_TYPES,
    HttpCode,
    Kind,
    ProblemError,
    from_protocol_error,
    problem_answer,
)
from pteri.http.proxies import TrustedProxies
from pteri.http.ratelimit import RateLimiter, network
from pteri.http.routing import Call, check_table
from pteri.http.rows import Methods, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from structlog.typing import FilteringBoundLogger

    from pteri.http.admission import Bearer, Limits, Pairs, Signature
    from pteri.http.routing import AnyRoute

__all__ = ["Admitted", "Door", "Readiness"]

_ORIGIN: Final = re.compile(
    r"https://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?"
)
_BUSY_RETRY_S: Final = 1

_log: FilteringBoundLogger = structlog.get_logger("pteri.http")


@dataclass(slots=True)
class Readiness:
    """Whether requests should come here. ``draining``: this process is about to stop, send new ones elsewhere."""

    draining: bool = False


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A request whose head was found good; its body is still to come."""

    request_id: str
    row: Row
    method: str
    target: str
    host: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Pairs
    signature: Signature | None
    bearer: Bearer | None

    def __repr__(self) -> str:
        # neither headers nor what proves: a log may show it
        return f"Admitted({self.request_id}, {self.row.name})"

    @property
    def max_body_bytes(self) -> int:
        """How many bytes of body may be read."""
        return self.row.max_body_bytes


class Door:
    """Admits requests to the endpoints of a table and answers them.

    ``public_origin`` is scheme and host as callers know them, without a final slash: signatures are made for it.
    ``clock`` gives seconds for the rate limits. Raises ``ValueError`` or ``TypeError`` for a mistake in the origin or
    the table. A hinge calls :meth:`open` when it has a head, :meth:`start` when it has the body, and awaits
    :meth:`finish`; none of them raises for anything that a caller sent or an endpoint did.
    """

    def __init__(
        self,
        routes: Sequence[AnyRoute],
        *,
        public_origin: str,
        limits: Limits,
        request_id: Callable[[], str],
        clock: Callable[[], float],
        readiness: Readiness | None = None,
    ) -> None:
        if not _ORIGIN.fullmatch(public_origin):
            raise ValueError("the public origin is https://host[:port], or http:// on this machine")
        check_table(routes)
        self.limits = limits
        self.readiness = Readiness() if readiness is None else readiness
        self._public_origin = public_origin
        self._request_id = request_id
        self._clock = clock
        self._standing = dict(
            (*SECURITY_HEADERS.items(), HSTS) if public_origin.startswith("https:") else SECURITY_HEADERS
        )
        self._problem_forms = {
            kind: AnswerForm(about.status, MEDIA_TYPE, self._standing) for kind, about in PROBLEM_TYPES.items()
        }
        self._limiter = RateLimiter(limits.rate, clock=clock)
        self._proxies = TrustedProxies(limits.trusted_proxies) if limits.trusted_proxies else None
        self._paths = self._compiled(routes)
        self._waiting = 0
        self._quiet_until = float("-inf")
        self._unlogged = 0

    def _compiled(self, routes: Sequence[AnyRoute]) -> Paths[Methods]:
        rates = {route.rate for route in routes if route.rate is not None}
        limiters = {rate: RateLimiter(rate, clock=self._clock) for rate in rates}
        by_path: dict[str, dict[str, Row]] = {}
        for route in routes:
            limiter = None if route.rate is None else limiters[route.rate]
            by_path.setdefault(route.path, {})[route.method] = Row(route, limiter, self._standing)
        return Paths((path, Methods(rows)) for path, rows in by_path.items())

    # --- the steps of a request ---

    def open(  # noqa: PLR0917 - called for each request, and names cost there
        self,
        method: str,
        raw_path: bytes,
        query: bytes,
        headers: Pairs,
        fields: Mapping[bytes, bytes],
        peer: str,
        at_most: int,
        *,
        crowded: bool = False,
    ) -> Admitted | Answer:
        """Judge a head, before a byte of the body is read.

        ``headers`` have their names in lower case; ``fields`` is ``dict(headers)``, which a hinge has made already.
        ``at_most`` is how many bytes the head surely does not exceed. ``crowded``: there are more connections than
        there may be, so nothing is begun but what is always answered.
        """
        request_id = self._request_id()
        row: Row | None = None
        try:
            # 1. what anybody may cost
            admission.check_size(len(raw_path) + len(query), headers, at_most, self.limits)
            doubled = admission.doubled_names(headers, fields)
            host = peer if self._proxies is None else self._counted(peer, fields, doubled)
            self._limiter.admit(network(host))
            # 2. path and method
            path = raw_path.decode("ascii", "replace")
            found = self._found(path)
            row = found[0].row(method)
            # 3. what this route takes, from the cheapest question to the dearest
            if row.limiter is not None:
                row.limiter.admit(network(host))
            if crowded and not row.always:
                _turn_away(close=True)
            asked = admission.query_of(query, row.query)
            admission.check_framing(fields, doubled, row.max_body_bytes)
            if row.decoder is not None:
                admission.check_media_type(fields, doubled)
            signature = bearer = None
            if row.takes_token and b"authorization" in fields:
                bearer = admission.bearer_of(fields, doubled)
            elif row.is_signed:
                signature = admission.signature_of(fields, doubled)
        except Exception as error:  # noqa: BLE001 - the one way out: every failure becomes an answer
            return self._problem(error, request_id, row)
        target = path + "?" + query.decode("ascii") if query else path
        return Admitted(request_id, row, method, target, host, found[1], asked, headers, signature, bearer)

    def start(self, admitted: Admitted, body: bytes) -> Call[object] | Answer:
        """Take the whole body. A call that comes back is under way: it must be given to :meth:`finish`."""
        row = admitted.row
        try:
            admission.check_body(len(body), row.max_body_bytes)
            if self._waiting >= self.limits.max_waiting and not row.always:
                _turn_away()
            decoded = None if row.decoder is None else row.decoder.decode(body)
        except Exception as error:  # noqa: BLE001 - as above
            return self._problem(error, admitted.request_id, row)
        # never the Host header: it is the caller's word, and a signature for another host must not count here
        uri = self._public_origin + admitted.target
        signed = bearer = None
        if admitted.signature is not None:
            signed = SignedRequest(admitted.method, uri, body, *admitted.signature)
        elif admitted.bearer is not None:
            bearer = BearerRequest(admitted.method, uri, body, *admitted.bearer)
        self._waiting += 1
        return Call(
            admitted.request_id,
            admitted.host,
            admitted.path,
            admitted.query,
            admitted.headers,
            decoded,
            body,
            signed,
            bearer,
        )

    async def finish(self, admitted: Admitted, call: Call[object]) -> Answer:
        """Ask the endpoint."""
        row = admitted.row
        try:
            return row.answer(await row.endpoint(call), call.request_id)
        except Exception as error:  # noqa: BLE001 - as above
            return self._problem(error, call.request_id, row)
        finally:
            self._waiting -= 1

    def refuse(self, admitted: Admitted, error: BaseException) -> Answer:
        """The answer to a request that ended on its way, between a head and an answer."""
        return self._problem(error, admitted.request_id, admitted.row)

    def refuse_connection(self, error: ProblemError, peer: str) -> Answer:
        """The answer to bytes that never became a request. They count as one, or garbage would be free."""
        try:
            self._limiter.admit(network(peer))
        except ProblemError as limited:
            error = limited
        return self._problem(error, self._request_id(), None)

    def _counted(self, peer: str, fields: Mapping[bytes, bytes], doubled: frozenset[bytes]) -> str:
        """Whom the rate limits count."""
        assert self._proxies is not None
        forwarded = None if b"x-forwarded-for" in doubled else fields.get(b"x-forwarded-for")
        return self._proxies.caller(peer, forwarded)

    def _found(self, path: str) -> tuple[Methods, Mapping[str, str]]:
        """The path has one spelling: what is matched, signed and seen by a proxy are the same characters."""
        found = None if "%" in path or not path.isascii() else self._paths.find(path)
        if found is None:
            # the words of the type: whether a path or a thing is missing looks the same
            raise ProblemError(Kind.NOT_FOUND, code=HttpCode.NOT_FOUND)
        return found

    # --- the one way out ---

    def _problem(self, error: BaseException, request_id: str, row: Row | None) -> Answer:
        """Choose the problem to answer with. The log gets the exact code, and nothing that was received."""
        name = "" if row is None else row.name
        match error:
            case ProtocolError() | ProblemError():
                problem = from_protocol_error(error) if isinstance(error, ProtocolError) else error
                self._log_refusal(problem, str(error.code), request_id, name)
            case _:
                # types and places only: the text of a foreign exception may quote the body, a code or an address
                _log.error("request_failed", request_id=request_id, route=name, error=_chain(error), at=_frames(error))
                problem = ProblemError(Kind.INTERNAL, code=HttpCode.INTERNAL)
        told = problem_answer(problem, request_id)
        try:
            form = self._problem_forms[problem.kind]
            return form.filled_with(told.headers, told.body, request_id, close=problem.close)
        except ValueError as bug:  # a header that the endpoint put into its refusal
            return self._problem(bug, request_id, row)

    def _log_refusal(self, problem: ProblemError, code: str, request_id: str, route: str) -> None:
        more: dict[str, Any] = {"why": problem.why} if problem.why else {}
        if code == HttpCode.RATE or isinstance(problem, _Busy):
            # one line a second, or a flood of requests becomes a flood of lines (DS-01)
            now = self._clock()
            if now < self._quiet_until:
                self._unlogged += 1
                return
            self._quiet_until = now + 1
            more["unlogged"], self._unlogged = self._unlogged, 0
        _log.info("request_refused", request_id=request_id, route=route, kind=problem.kind, code=code, **more)


class _Busy(ProblemError):
    """There is no room: said before any key is looked up, and nothing was begun."""


def _turn_away(*, close: bool = False) -> Never:
    raise _Busy(
        Kind.UNAVAILABLE,
        code="UNAVAILABLE",
        detail="The service has as many requests as it can answer. Nothing was changed. Send the same request again "
        "after the time given.",
        retry_after_s=_BUSY_RETRY_S,
        close=close,
    )


def _chain(error: BaseException) -> str:
    cause = error.__cause__
    name = type(error).__name__
    return name if cause is None else f"{name} from {_chain(cause)}"


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
