"""The port of the SM-DP+ partners, over real TLS: who is known gets in, and nobody else says a word of HTTP."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from partner_certs import Held, client_tls, held
from pteri.http.partners import PartnerPort
from pteri.partner_settings import PartnerSettings, PartnersSettings
from pteri.partner_tls import partner_tls
from pteri.settings import SettingsError


class Echo(asyncio.Protocol):
    """In the place of HTTP: says what it hears, until it hears the end."""

    heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        Echo.heard += data
        self.transport.write(data)


@dataclass(frozen=True)
class Places:
    """Our side, one known partner, and what others would show."""

    settings: PartnersSettings
    ours: Held
    partner: Held
    others: dict[str, Held]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    authority, stranger = held(tmp_path, "authority"), held(tmp_path, "stranger")
    ours = held(tmp_path, "ours", by=authority)
    partner = held(tmp_path, "partner", by=authority)
    expired = held(tmp_path, "expired", by=authority, ended=True)
    others = {
        "another authority's": held(tmp_path, "forged", by=stranger),
        "expired": expired,
        "another one of the same authority": held(tmp_path, "neighbour", by=authority),
        "the authority's own": authority,
    }
    known = PartnerSettings(name="smdp-one", certificates=(partner.fingerprint, expired.fingerprint))
    settings = PartnersSettings(
        port=1,
        certificate=ours.certificate_file,
        key_file=ours.key_file,
        authorities=(authority.certificate_file,),
        known=(known,),
    )
    return Places(settings, ours, partner, others)


@asynccontextmanager
async def listening(places: Places, **bounds: Any) -> AsyncIterator[int]:
    """The port that partners come to."""
    Echo.heard = b""
    listener = socket.create_server(("127.0.0.1", 0))
    number = int(listener.getsockname()[1])
    port = PartnerPort(listener, partner_tls(places.settings), places.settings.names, **bounds)
    port.start(Echo)
    try:
        yield number
    finally:
        port.stop()


async def said(number: int, tls: ssl.SSLContext) -> bytes:
    """What is heard in answer to five bytes; nothing where the connection ends first."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", number, ssl=tls)
        writer.write(b"hello")
        answer = await reader.read(5)
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return b""
    return answer


def run(act: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await act()

    asyncio.run(bounded())


def authority_of(places: Places) -> Held:
    return places.others["the authority's own"]


def test_a_partner_with_its_certificate_is_heard_in_both_versions_of_tls(places: Places) -> None:
    async def act() -> None:
        async with listening(places) as number:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                tls = client_tls(authority_of(places), places.partner)
                tls.minimum_version = tls.maximum_version = version
                assert await said(number, tls) == b"hello"

    run(act)


@pytest.mark.parametrize(
    "shows", ["another authority's", "expired", "another one of the same authority", "the authority's own", None]
)
def test_with_any_other_certificate_or_none_nothing_is_heard(places: Places, shows: str | None) -> None:
    async def act() -> None:
        async with listening(places) as number:
            tls = client_tls(authority_of(places), None if shows is None else places.others[shows])
            assert await said(number, tls) == b""
            assert Echo.heard == b""
            assert await said(number, client_tls(authority_of(places), places.partner)) == b"hello"

    run(act)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_an_old_version_of_tls_is_not_spoken(places: Places) -> None:
    async def act() -> None:
        async with listening(places) as number:
            tls = client_tls(authority_of(places), places.partner)
            tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
            tls.set_ciphers("ALL:@SECLEVEL=0")
            assert await said(number, tls) == b""

    run(act)


def test_plain_http_is_not_heard(places: Places) -> None:
    async def act() -> None:
        async with listening(places) as number:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(b"POST /gsma/rsp2/es2plus/handleNotification HTTP/1.1\r\n\r\n")
            assert b"HTTP" not in await reader.read()
            writer.close()
            assert Echo.heard == b""

    run(act)


def test_who_connects_and_says_nothing_is_let_go_of(places: Places) -> None:
    async def act() -> None:
        async with listening(places, handshake_s=0.1) as number:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            assert await reader.read() == b""
            writer.close()

    run(act)


@pytest.mark.parametrize("bounds", [{"most": 2}, {"most_of_one_host": 2}])
def test_connections_are_bounded_and_make_room_when_they_end(places: Places, bounds: dict[str, int]) -> None:
    async def act() -> None:
        tls = client_tls(authority_of(places), places.partner)
        async with listening(places, **bounds) as number:
            silent = [await asyncio.open_connection("127.0.0.1", number) for _ in range(2)]
            assert await said(number, tls) == b""
            for _, writer in silent:
                writer.close()
            while await said(number, tls) != b"hello":
                pass  # the ends have not been seen yet

    run(act)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"key_file": "partner.key"}, "are not a certificate and its private key"),
        ({"key_file": "none.key"}, "none.key"),
        ({"certificate": "partner.key"}, "are not a certificate"),
        ({"authorities": ("ours.key",)}, "holds no certificate"),
        ({"authorities": ("none.pem",)}, "none.pem"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    places: Places, tmp_path: Path, wrong: dict[str, Any], says: str
) -> None:
    paths = {
        name: tuple(tmp_path / one for one in value) if isinstance(value, tuple) else tmp_path / value
        for name, value in wrong.items()
    }
    with pytest.raises(SettingsError, match=says):
        partner_tls(msgspec.structs.replace(places.settings, **paths))


def test_a_key_that_others_can_read_is_not_used(places: Places) -> None:
    places.ours.key_file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        partner_tls(places.settings)


ONE = "ab" * 32


@pytest.mark.parametrize(
    "wrong",
    [
        {"known": []},
        {"authorities": []},
        {"port": 0},
        {"certificate": None},
        {"key_file": None},
        {"known": [{"name": "One", "certificates": [ONE]}]},
        {"known": [{"name": "one", "certificates": []}]},
        {"known": [{"name": "one", "certificates": ["AB" * 32]}]},
        {"known": [{"name": "one", "certificates": ["ab:" * 31 + "ab"]}]},
        {"known": [{"name": "one", "certificates": [ONE, ONE]}]},
        {"known": [{"name": "one", "certificates": [ONE]}, {"name": "one", "certificates": ["cd" * 32]}]},
        {"known": [{"name": "one", "certificates": [ONE]}, {"name": "two", "certificates": [ONE]}]},
        {"partners": []},
    ],
)
def test_half_of_it_is_not_meant(wrong: dict[str, Any]) -> None:
    right = {
        "port": 8443,
        "certificate": "ours.pem",
        "key_file": "ours.key",
        "authorities": ["authority.pem"],
        "known": [{"name": "one", "certificates": [ONE]}],
    }

    def read(table: dict[str, Any]) -> PartnersSettings:
        return msgspec.convert(table, PartnersSettings, dec_hook=lambda _, value: Path(value))

    assert read(right).names == {ONE: "one"}
    with pytest.raises(msgspec.ValidationError):
        read({name: value for name, value in (right | wrong).items() if value is not None})
