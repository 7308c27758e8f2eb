"""The service describes itself, for programs and for people."""

from __future__ import annotations

import json

import httpx2

from pteri.http.app import service_routes
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
