"""The service describes itself, for programs and for people."""

from __future__ import annotations

import json
import re

import httpx2

from pteri.http.admission import Limits
from pteri.http.answers import Answer
from pteri.http.app import build_app, service_routes
from pteri.http.ratelimit import Rate
from world import ORIGIN, World


def _get(world: World, path: str) -> tuple[int, bytes]:
    async def ask() -> tuple[int, bytes]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app), base_url=ORIGIN) as client:
            answer = await client.get(path)
            return answer.status_code, answer.content

    return world.run(ask())


def test_the_description_lists_every_route(world: World) -> None:
    status, body = _get(world, "/openapi.json")
    document = json.loads(body)
    assert (status, document["openapi"][:3]) == (200, "3.1")
    routes = {str(route) for route in service_routes(world.deployment, version="0")}
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    # The two pages that describe do not describe themselves.
    assert described == routes - {"GET /openapi.json", "GET /docs"}


def test_the_page_for_people_is_there(world: World) -> None:
    status, body = _get(world, "/docs")
    assert status == 200
    assert b"Start a sign-in" in body


def test_every_purpose_explains_itself_to_who_follows_its_uri(world: World) -> None:
    for purpose in ("bind", "authenticate", "migrate", "accept", "recover", "revoke", "setup-otp"):
        status, body = _get(world, f"/.well-known/pteri/v1/{purpose}")
        assert (status, json.loads(body)["purpose"]) == (200, purpose)
    assert _get(world, "/.well-known/pteri/v1/transfer-all-funds")[0] == 404


def test_health_and_readiness_are_told_apart_when_a_process_is_about_to_stop(world: World) -> None:
    application = build_app(world.deployment, version="0", limits=Limits())

    async def ask(path: str) -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url=ORIGIN) as client:
            return await client.get(path)

    def statuses() -> list[int]:
        return [world.run(ask(path)).status_code for path in ("/healthz", "/readyz", "/docs")]

    assert statuses() == [200, 200, 200]
    application.door.readiness.draining = True
    assert statuses() == [200, 503, 200], "who is here already is still answered"
    told = world.run(ask("/readyz"))
    assert (told.json()["code"], told.headers["retry-after"]) == ("UNAVAILABLE", "1")


def test_ids_of_requests_differ_and_have_one_form(world: World) -> None:
    door = build_app(world.deployment, version="0", limits=Limits(rate=Rate("all", 10**6, 1))).door
    found = set()
    for _ in range(2100):
        answer = door.open("GET", b"/none", b"", (), {}, "203.0.113.1", 0)
        assert isinstance(answer, Answer)
        found.update(re.findall(rb"x-request-id: (req_[0-9A-HJKMNP-TV-Z]{16})\r\n", answer.head))
    assert len(found) == 2100
