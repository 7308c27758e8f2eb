"""Abuse cases SV-17, SV-18 and DS-04: requests that mean more, or cost more, than they should."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from time import process_time
from typing import Any

import httpx2
import msgspec
import pytest

from pteri.http.admission import Limits
from pteri.http.asgi import build_asgi
from pteri.http.ratelimit import Rate
from pteri.http.routing import Auth, Call, Reply, Route

MEGABYTE = 2**20
JSON = {"content-type": "application/json"}


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    owner: Owner | None = None
    amount: float = 0.0
    steps: list[Owner] = []
    changes: list[Change] = []


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str


class Victim:
    """An endpoint that remembers what got through to it."""

    def __init__(self) -> None:
        self.reached: list[Change] = []

    async def __call__(self, call: Call[Change]) -> Reply:
        self.reached.append(call.body)
        return Reply(200, Changed(call.body.label))


@pytest.fixture
def victim() -> Victim:
    return Victim()


Post = Callable[..., httpx2.Response]


@pytest.fixture
def post(victim: Victim) -> Post:
    route = Route(
        method="POST",
        path="/v1/changes",
        endpoint=victim,
        body=Change,
        replies={200: Changed},
        auth=Auth.NONE,
        summary="Change something",
    )
    app = build_asgi(
        [route],
        public_origin="https://pteri.example",
        limits=Limits(rate=Rate("all", 10**6, 1), body_timeout_s=0.05),
        request_id=lambda: "req_1",
        clock=lambda: 0.0,
    )

    def send(content: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        async def run() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
            async with httpx2.AsyncClient(transport=transport, base_url="https://pteri.example") as client:
                return await client.post("/v1/changes", content=content, headers=JSON if headers is None else headers)

        return asyncio.run(run())

    return send


def test_the_honest_request_gets_through(victim: Victim, post: Post) -> None:
    assert post(b'{"label": "phone", "owner": {"name": "alice"}}').status_code == 200
    assert victim.reached == [Change("phone", Owner("alice"))]


@pytest.mark.parametrize(
    "extra",
    [
        {"status": "ACTIVE"},
        {"epoch": 99},
        {"tenant_id": "another"},
        {"is_admin": True},
        {"": 1},
        {"Label": "x"},
        {"label ": "x"},
        {"__class__": "Officer"},
        {"__proto__": {"status": "ACTIVE"}},
        {"owner": {"name": "alice", "role": "officer"}},
        {"steps": [{"name": "a"}, {"name": "b", "approved": True}]},
        {"changes": [{"label": "inner", "epoch": 99}]},
    ],
)
def test_sv_17_a_field_that_the_caller_may_not_set_is_refused_and_not_ignored(
    victim: Victim, post: Post, extra: dict[str, object]
) -> None:
    response = post(json.dumps({"label": "phone", **extra}).encode())
    assert (response.status_code, response.json()["code"]) == (400, "BODY")
    assert victim.reached == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"label":"seen by the guard","label":"seen by the actor"}',
        b'{"label":"a","\\u006cabel":"b"}',
        b'{"label":"a","owner":{"name":"alice","name":"mallory"}}',
        b'{"label":"a","owner":{"name":"alice"},"owner":{"name":"mallory"}}',
        b'{"label":"a","changes":[{"label":"b","label":"c"}]}',
        b'{"label":"a","amount":NaN}',
        b'{"label":"a","amount":Infinity}',
        b'{"label":"a","amount":-Infinity}',
        b'{"label":"a","amount":1e400}',
        b'{"label":"a","amount":-1e400}',
        b'{"label":"a","amount":' + b"9" * 12_000 + b"}",
        b'{"label":"\xff"}',
        b'{"label":"\xc0\x80"}',
        b'{"label":"\xed\xa0\x80"}',
        b'{"label":"\\ud800"}',
        '{"label":"a"}'.encode("utf-16"),
        '{"label":"ä"}'.encode("latin-1"),
        b'\xef\xbb\xbf{"label":"a"}',
        b'{"label":"a"}\x00',
        b"",
        b"null",
        b"[" * 16_000,
        b'{"label":"a","changes":[' * 600,
        b'{"label":"a","other":' + b"[" * 10_000 + b"]" * 6000 + b"}",
    ],
)
def test_sv_18_a_body_that_parsers_disagree_about_is_malformed(victim: Victim, post: Post, body: bytes) -> None:
    response = post(body)
    assert (response.status_code, response.json()["code"]) == (400, "BODY")
    assert victim.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=iso-8859-1"},
        {"content-type": "application/json; charset=utf-7"},
        {"content-type": "text/json"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "br, gzip"},
    ],
)
def test_sv_18_a_body_in_another_charset_or_coding_is_not_read(
    victim: Victim, post: Post, headers: dict[str, str]
) -> None:
    response = post(b'{"label":"a"}', headers)
    assert (response.status_code, response.json()["code"]) == (415, "MEDIA_TYPE")
    assert victim.reached == []


class Endless:
    """A body that never ends, in chunks, without a Content-Length; it counts what was taken from it."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self.taken_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken_bytes += len(self._chunk)
            yield self._chunk


@pytest.mark.parametrize("chunk", [b"[" * 1000, b" " * 8192, b'{"label":"a"}', b"x" * MEGABYTE])
def test_sv_18_a_chunked_body_over_the_limit_is_cut_off_at_the_limit(victim: Victim, post: Post, chunk: bytes) -> None:
    body = Endless(chunk)
    response = post(body)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_SIZE")
    assert response.headers["connection"] == "close"
    assert body.taken_bytes <= 16_384 + len(chunk)
    assert victim.reached == []


def test_sv_18_ten_megabytes_are_refused_by_their_announced_length(victim: Victim, post: Post) -> None:
    response = post(b'{"label":"' + b"a" * (10 * MEGABYTE) + b'"}')
    assert (response.status_code, response.json()["code"]) == (413, "BODY_SIZE")
    assert victim.reached == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"label":"a","changes":[' + b'{"label":"b"},' * 1100 + b'{"label":"c","label":"d"}]}',
        b'{"' + b'\\"' * 8000,
        b'["' * 8000,
        b'{"label":"a","amount":' + b"1" * 16_000 + b"}",
        b'{"label":"a","amount":0.' + b"0" * 15_900 + b"1e99999}",
        b'{"label":"' + b"\\u0000" * 2700,
        b"{" + b",".join(b'"k%d":0' % i for i in range(1600)) + b"}",
    ],
)
def test_sv_18_the_dearest_body_of_an_accepted_size_costs_little_time_and_memory(
    victim: Victim, post: Post, body: bytes
) -> None:
    post(b'{"label":"warm"}')
    victim.reached.clear()
    tracemalloc.start()
    before = process_time()
    response = post(body)
    spent_s = process_time() - before
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code in {400, 413}
    assert spent_s < 1
    assert peak_bytes < 4 * MEGABYTE
    assert victim.reached == []


async def dripping(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that stops in the middle and keeps the connection open."""
    for chunk in chunks:
        yield chunk
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("chunks", [(), (b"{",), (b'{"label":', b"", b'"a"')])
def test_ds_04_a_body_that_does_not_end_holds_a_request_for_a_bounded_time(
    victim: Victim, post: Post, chunks: tuple[bytes, ...]
) -> None:
    response = post(dripping(*chunks))
    assert (response.status_code, response.json()["code"]) == (400, "BODY_TIMEOUT")
    assert response.headers["connection"] == "close"
    assert victim.reached == []


@pytest.mark.parametrize(
    "more", [{"x-long": "a" * 16_384}, {f"x-{i}": "a" for i in range(64)}, {"cookie": "a=b; " * 4000}]
)
def test_ds_04_huge_headers_are_refused_before_the_body_is_read(
    victim: Victim, post: Post, more: dict[str, str]
) -> None:
    body = Endless(b"x")
    response = post(body, {**JSON, **more})
    assert (response.status_code, response.json()["code"]) == (413, "REQUEST_HEADERS")
    assert body.taken_bytes == 0
    assert victim.reached == []
