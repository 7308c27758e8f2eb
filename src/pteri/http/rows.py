"""The routes of a table, ready to answer: what can be worked out before the first request is."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.http.answers import Answer, AnswerForm
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.routing import Auth, Document, Encoded, Reply
from pteri.http.strictjson import BodyDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pteri.http.ratelimit import RateLimiter
    from pteri.http.routing import AnyRoute

__all__ = ["Methods", "Row"]

_ENCODER: Final = msgspec.json.Encoder()
_UNDECLARED: Final[tuple[type | None, AnswerForm | None]] = (None, None)


class Row:
    """One route."""

    __slots__ = (
        "always",
        "decoder",
        "endpoint",
        "forms",
        "is_signed",
        "limiter",
        "max_body_bytes",
        "name",
        "query",
        "takes_token",
    )

    def __init__(self, route: AnyRoute, limiter: RateLimiter | None, standing: Mapping[bytes, bytes]) -> None:
        self.name = str(route)
        self.endpoint = route.endpoint
        self.always = route.always
        self.query = route.query
        self.limiter = limiter
        self.is_signed = route.auth is not Auth.NONE
        self.takes_token = route.auth is Auth.CLIENT_TOKEN
        self.max_body_bytes = route.max_body_bytes if route.body is not None or route.raw_body else 0
        self.decoder = None if route.body is None else BodyDecoder(route.body, max_bytes=route.max_body_bytes)
        self.forms = {
            status: (type_, AnswerForm(status, _media_type(type_), standing)) for status, type_ in route.replies.items()
        }

    def answer(self, reply: Reply, request_id: str) -> Answer:
        """The answer of the endpoint, if the table promises it; anything else is our bug."""
        body = reply.body
        declared, form = self.forms.get(reply.status, _UNDECLARED)
        given: type = type(body)
        if isinstance(body, Encoded):
            given, content = body.message, body.content
        elif body is None:
            content = b""
        else:
            content = body.content if isinstance(body, Document) else _ENCODER.encode(body)
        if form is None or given is not declared:
            raise TypeError(f"{self.name} answered {reply.status} with {given.__name__}, which it does not declare")
        return (
            form.filled_with(reply.headers, content, request_id) if reply.headers else form.filled(content, request_id)
        )


def _media_type(type_: type) -> str | None:
    if issubclass(type_, Document):
        return type_.media_type
    return None if type_ is NoneType else "application/json"


class Methods:
    """The rows of one path, by method."""

    __slots__ = ("_allow", "_rows")

    def __init__(self, rows: Mapping[str, Row]) -> None:
        # RFC 9110 section 9.1: who answers GET answers HEAD; the hinge leaves the body out
        self._rows = {**rows, "HEAD": rows["GET"]} if "GET" in rows else dict(rows)
        self._allow = {"allow": ", ".join(sorted(self._rows))}

    def row(self, method: str) -> Row:
        """The row of this method."""
        row = self._rows.get(method)
        if row is None:
            raise ProblemError(Kind.METHOD_NOT_ALLOWED, code=HttpCode.METHOD, headers=self._allow)
        return row
