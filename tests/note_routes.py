"""A small table of routes over notes, the applications that tests of the web side build of it, and ways to ask them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from pteri.http.admission import Limits
from pteri.http.asgi import Application, build_asgi
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Document, Reply, Route

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ORIGIN = "https://pteri.example"
SIGNED = {
    "content-digest": "sha-256=:abc=:",
    "idempotency-key": "key-1",
    "signature-input": "pteri=(...)",
    "signature": "pteri=:c2VjcmV0:",
}
SECRET = "46416065 alice@bank.example"


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str
    path: dict[str, str] = {}
    query: dict[str, str] = {}
    target_uri: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Plain(Document):
    media_type: ClassVar[str] = "text/plain; charset=utf-8"


async def read_note(call: Call[None]) -> Reply:
    return Reply(200, Seen("read", dict(call.path), dict(call.query)))


async def write_note(call: Call[Note]) -> Reply:
    return Reply(201, Seen(call.body.words, dict(call.path)), {"location": f"/v1/notes/{call.path['id']}"})


async def signed(call: Call[Note]) -> Reply:
    request = call.signed_request()
    assert request.body == call.raw
    return Reply(200, Seen(call.body.words, target_uri=request.target_uri, signature=request.signature))


async def nothing(_: Call[None]) -> Reply:
    return Reply(204)


async def tile(call: Call[None]) -> Reply:
    return Reply(200, Plain(call.path["rest"].encode()), {"cache-control": "public, immutable"})


async def literal(_: Call[None]) -> Reply:
    return Reply(200, Seen("literal"))


def raising(error: Exception) -> Callable[[Call[None]], Awaitable[Reply]]:
    async def endpoint(_: Call[None]) -> Reply:
        raise error

    return endpoint


def answering(reply: Reply) -> Callable[[Call[None]], Awaitable[Reply]]:
    async def endpoint(_: Call[None]) -> Reply:
        return reply

    return endpoint


def get(path: str, endpoint: Callable[[Call[None]], Awaitable[Reply]], type_: type = Seen) -> Route[None]:
    return Route(method="GET", path=path, endpoint=endpoint, replies={200: type_}, auth=Auth.NONE, summary="s")


NOTES: tuple[AnyRoute, ...] = (
    replace(get("/v1/notes/{id}", read_note), query={"from": "where to begin", "to": "where to end"}),
    Route(
        method="POST",
        path="/v1/notes/{id}",
        endpoint=write_note,
        body=Note,
        replies={201: Seen},
        auth=Auth.NONE,
        summary="s",
        max_body_bytes=64,
    ),
    Route(
        method="DELETE",
        path="/v1/notes/{id}",
        endpoint=nothing,
        replies={204: NoneType},
        auth=Auth.NONE,
        summary="s",
    ),
    Route(
        method="POST",
        path="/v1/signed",
        endpoint=signed,
        body=Note,
        replies={200: Seen},
        auth=Auth.DEVICE,
        summary="s",
        query={"q": "any"},
    ),
    get("/tile/{rest:path}", tile, Plain),
    get("/v1/notes/mine", literal),
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def build(*routes: AnyRoute, clock: Clock | None = None, **changes: Any) -> Application:
    limits = replace(Limits(rate=Rate("all", 10_000, 1)), **changes)
    return build_asgi(routes, public_origin=ORIGIN, limits=limits, request_id=lambda: "req_1", clock=clock or Clock())


def problem_of(response: Any) -> tuple[int, str, str]:
    """Status, type and code, after checking that the answer is a problem in its one form."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == "req_1"
    assert body["detail"]
    return body["status"], body["type"].removeprefix("/problems/"), body["code"]


# Below HTTP: what a well-behaved client cannot send


Sent = MutableMapping[str, Any]


@dataclass
class Answer:
    """What an application sent through ASGI."""

    messages: list[Sent] = field(default_factory=list)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.messages[0]["headers"]}

    def json(self) -> Any:
        return json.loads(b"".join(m.get("body", b"") for m in self.messages[1:]))

    @property
    def status_code(self) -> int:
        return self.status

    @property
    def code(self) -> str:
        code: str = self.json()["code"]
        return code


def scope(**changes: Any) -> Sent:
    return {
        "type": "http",
        "method": "GET",
        "path": "/v1/notes/7",
        "raw_path": b"/v1/notes/7",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        **changes,
    }


def posted(*headers: tuple[bytes, bytes]) -> Sent:
    return scope(method="POST", headers=[(b"content-type", b"application/json"), *headers])


def ask(app: ASGIApp, request: Sent, *arriving: Sent) -> Answer:
    """Send ``arriving`` and then nothing at all, as a slow client does."""
    answer = Answer()
    messages = list(arriving) or [{"type": "http.request"}]

    async def receive() -> Sent:
        if messages:
            return messages.pop(0)
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never done

    async def send(message: Sent) -> None:
        answer.messages.append(message)

    async def run() -> None:
        await app(request, receive, send)

    asyncio.run(run())
    return answer


def ask_method(method: str) -> Answer:
    return ask(build(*NOTES), scope(method=method))


def chunk(body: bytes, *, more: bool = True) -> Sent:
    return {"type": "http.request", "body": body, "more_body": more}
