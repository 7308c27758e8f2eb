"""The routes that explain the others: ``/docs``, ``/openapi.json`` and ``/problems/{type}``, made once at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from pteri.http.docpage import POLICY, page
from pteri.http.openapi import openapi
from pteri.http.problems import PROBLEM_TYPES, HttpCode, Kind, ProblemError, ProblemType
from pteri.http.routing import Auth, Call, Document, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pteri.http.routing import AnyRoute

__all__ = ["Html", "JsonDocument", "documented"]


@dataclass(frozen=True, slots=True)
class Html(Document):
    """A page for people."""

    media_type: ClassVar[str] = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class JsonDocument(Document):
    """JSON that was written once, at the start."""

    media_type: ClassVar[str] = "application/json"


def documented(routes: Sequence[AnyRoute], *, title: str, version: str, server_url: str) -> tuple[AnyRoute, ...]:
    """Return ``routes`` and the routes that explain them: ``/problems/{type}``, ``/openapi.json``, ``/docs``."""
    described = (*routes, _PROBLEM_ROUTE)
    document = openapi(described, title=title, version=version, server_url=server_url)
    json_reply = Reply(200, JsonDocument(msgspec.json.encode(document)))
    page_reply = Reply(
        200,
        Html(page(described, title=title, version=version, server_url=server_url).encode()),
        {"content-security-policy": POLICY},
    )
    return (
        *described,
        _fixed("/openapi.json", json_reply, JsonDocument, "This description for programs (OpenAPI 3.1)"),
        _fixed("/docs", page_reply, Html, "This description for people"),
    )


def _fixed(path: str, reply: Reply, type_: type[Document], summary: str) -> AnyRoute:
    async def endpoint(_: Call[None]) -> Reply:
        return reply

    return Route(method="GET", path=path, endpoint=endpoint, replies={200: type_}, auth=Auth.NONE, summary=summary)


async def _explain_problem(call: Call[None]) -> Reply:
    try:
        kind = Kind(call.path["type"])
    except ValueError:
        raise ProblemError(Kind.NOT_FOUND, code=HttpCode.NOT_FOUND) from None
    return Reply(200, PROBLEM_TYPES[kind])


_PROBLEM_ROUTE: Final[AnyRoute] = Route(
    method="GET",
    path="/problems/{type}",
    endpoint=_explain_problem,
    replies={200: ProblemType},
    auth=Auth.NONE,
    summary="What a problem means and what to do",
    description="The type of every problem is such a path.",
    tags=("problems",),
)
