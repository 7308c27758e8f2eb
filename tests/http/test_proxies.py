"""Whose address counts when proxies stand in front."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest

from hinges import Connect
from pteri.http.admission import Limits
from pteri.http.asgi import build_asgi
from pteri.http.proxies import TrustedProxies, address_of
from pteri.http.ratelimit import Rate
from pteri.http.routing import Auth, Call, Reply, Route

OURS = TrustedProxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("10.0.0.1", b"203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", b"198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", b"203.0.113.7, 10.0.0.2, 10.0.0.3", "203.0.113.7"),
        ("10.0.0.1", b"203.0.113.7,\t2001:db8:1::5", "203.0.113.7"),
        ("2001:db8:1::1", b"2001:db8:2::1", "2001:db8:2::1"),
        ("::ffff:10.0.0.1", b"203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", b"::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("10.0.0.1", b"what he wrote himself, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", b"203.0.113.7" + b", 10.0.0.2" * 15, "203.0.113.7"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_of_ours_is_the_caller(peer: str, forwarded: bytes, caller: str) -> None:
    assert OURS.caller(peer, forwarded) == caller


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        ("203.0.113.9", b"198.51.100.1"),
        ("11.0.0.1", b"198.51.100.1"),
        ("2001:db8:2::1", b"198.51.100.1"),
        ("", b"198.51.100.1"),
        ("10.0.0.1", None),
        ("10.0.0.1", b""),
        ("10.0.0.1", b"10.0.0.2"),
        ("10.0.0.1", b"unknown"),
        ("10.0.0.1", b"198.51.100.1, "),
        ("10.0.0.1", b"198.51.100.1,, 10.0.0.2"),
        ("10.0.0.1", b"198.51.100.1:80"),
        ("10.0.0.1", b"[2001:db8:2::1]"),
        ("10.0.0.1", b"198.51.100.01"),
        ("10.0.0.1", b"fe80::1%eth0"),
        ("10.0.0.1", b"\xb2.0.0.1"),
        ("10.0.0.1", b"1" * 10_000),
        ("10.0.0.1", b"203.0.113.7" + b", 10.0.0.2" * 16),
    ],
)
def test_without_a_proxy_of_ours_or_a_clear_word_of_it_the_peer_is_the_caller(
    peer: str, forwarded: bytes | None
) -> None:
    assert OURS.caller(peer, forwarded) == peer


def test_an_address_has_one_value_however_it_is_dressed() -> None:
    assert address_of("::ffff:203.0.113.7") == address_of("203.0.113.7")
    assert address_of("fe80::1%a") == address_of("fe80::1%b")
    assert address_of("203.0.113.7:80") is None


class Seen(msgspec.Struct, frozen=True):
    client_host: str


@pytest.mark.parametrize("trusted", [True, False])
def test_rate_limits_count_the_caller_behind_a_trusted_proxy_and_the_proxy_otherwise(
    connect: Connect, trusted: bool
) -> None:
    async def endpoint(call: Call[None]) -> Reply:
        return Reply(200, Seen(call.client_host))

    app = build_asgi(
        [Route(method="GET", path="/a", endpoint=endpoint, replies={200: Seen}, auth=Auth.NONE, summary="s")],
        public_origin="https://pteri.example",
        limits=Limits(
            rate=Rate("all", 2, 60), trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),) if trusted else ()
        ),
        request_id=lambda: "req_1",
        clock=lambda: 0.0,
    )
    caller = connect(app)

    def get(*forwarded: str) -> int:
        status: int = caller.get("/a", headers=[("x-forwarded-for", value) for value in forwarded]).status_code
        return status

    said = [get("203.0.113.1"), get("203.0.113.2"), get("203.0.113.3"), get("198.51.100.1")]
    assert said == ([200, 200, 429, 200] if trusted else [200, 200, 429, 429])
    # two of them, and nobody knows which one the proxy wrote
    doubled = [get("192.0.2.1", f"198.18.{number}.1") for number in range(3)]
    assert doubled == ([200, 200, 429] if trusted else [429] * 3)
