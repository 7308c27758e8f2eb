"""The routes that explain the others: ``/docs``, ``/openapi.json`` and ``/problems/{type}``.

A description is made once, when it is first asked for: a process that nobody asks starts without the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from pteri.http.docpage import POLICY, page
from pteri.http.openapi import openapi
from pteri.http.problems import PROBLEM_TYPES, HttpCode, Kind, ProblemError, ProblemType
from pteri.http.routing import Auth, Call, Document, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pteri.http.routing import AnyRoute

__all__ = ["Html", "JsonDocument", "documented"]


@dataclass(frozen=True, slots=True)
class Html(Document):
    """A page for people."""

    media_type: ClassVar[str] = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class JsonDocument(Document):
    """JSON that was written once."""

    media_type: ClassVar[str] = "application/json"


def documented(routes: Sequence[AnyRoute], *, title: str, version: str, server_url: str) -> tuple[AnyRoute, ...]:
    """Return ``routes`` and the routes that explain them: ``/problems/{type}``, ``/openapi.json``, ``/docs``."""
    described = (*routes, _PROBLEM_ROUTE)

    def for_programs() -> Reply:
        document = openapi(described, title=title, version=version, server_url=server_url)
        return Reply(200, JsonDocument(msgspec.json.encode(document)))

    def for_people() -> Reply:
        text = page(described, title=title, version=version, server_url=server_url)
        return Reply(200, Html(text.encode()), {"content-security-policy": POLICY})

    return (
        *described,
        _made_once("/openapi.json", for_programs, JsonDocument, "This description for programs (OpenAPI 3.1)"),
        _made_once("/docs", for_people, Html, "This description for people"),
    )


def _made_once(path: str, make: Callable[[], Reply], type_: type[Document], summary: str) -> AnyRoute:
    made = cache(make)

    async def endpoint(_: Call[None]) -> Reply:
        return made()

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
