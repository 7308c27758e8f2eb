"""Mail over TLS, against a real server on loopback: who it is must be shown, and nothing is said to anybody else.

The machine's own list of authorities counts; a test puts another in its place by the variable that OpenSSL reads.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Final, Literal

import pytest

from certificates import Authority
from mail import MailServer, mail_server
from pteri.adapters.smtp import SmtpCourier
from pteri.app.ports import CourierUnavailable, Letter
from pteri.core.keys.secret import Secret

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

LETTER: Final = Letter("one@bank.example", "alice@mail.example", "Your account", "Hello.\n", 1_795_000_000)
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
Way = Literal["starttls", "implicit"]


@pytest.fixture(params=["starttls", "implicit"])
def way(request: pytest.FixtureRequest) -> Way:
    return "starttls" if request.param == "starttls" else "implicit"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only authority that this machine trusts."""
    authority = Authority(tmp_path, dt.datetime.now(dt.UTC))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


def send(way: Way, context: ssl.SSLContext) -> MailServer:
    """The letter and the password, to a server with this certificate; raises what the courier raises."""

    async def conversation() -> MailServer:
        offered = {"starttls": context} if way == "starttls" else {"implicit": context}
        async with mail_server(**offered) as server:
            courier = SmtpCourier(
                host=HERE,
                port=server.port,
                tls=way,
                sender="warnings@bank.example",
                user="pteri",
                password=Secret(b"mail password"),
            )
            heard.append(server)
            await courier.send(LETTER)
            return server

    heard: list[MailServer] = []
    try:
        return asyncio.run(conversation())
    except CourierUnavailable:
        [server] = heard
        assert server.taken == []
        assert {line.split(" ")[0].upper() for line in server.said} <= {"EHLO", "STARTTLS"}
        raise


def test_a_server_that_shows_who_it_is_gets_the_letter_and_nothing_of_it_in_the_clear(
    way: Way, trusted: Authority
) -> None:
    server = send(way, trusted.server(HERE))
    [(recipient, _)] = server.taken
    assert recipient == LETTER.to
    assert any(line.startswith("AUTH") for line in server.said)
    assert [line.split(" ")[0].upper() for line in server.in_the_clear] == (
        ["EHLO", "STARTTLS"] if way == "starttls" else []
    )


def test_a_certificate_of_another_name_is_refused(way: Way, trusted: Authority) -> None:
    with pytest.raises(CourierUnavailable, match="SSLCertVerificationError"):
        send(way, trusted.server(ELSEWHERE))


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_an_authority_that_nobody_knows_is_refused(way: Way, tmp_path: Path) -> None:
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    with pytest.raises(CourierUnavailable, match="SSLCertVerificationError"):
        send(way, Authority(unknown, dt.datetime.now(dt.UTC)).server(HERE))
