"""A careful client: it repeats what had no answer, waits when it is asked to, and gives up in the end."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from pteri.load.http1 import Target, request_bytes
from pteri.load.talk import Refused, Talk
from pteri.load.tally import Tally
from scripted import Answerer, answer, scripted


class Said(msgspec.Struct):
    word: str


GOOD = answer(200, b'{"word":"yes"}')


def asked(answerer: Answerer, *, patience_s: float = 5.0) -> tuple[str, Tally, list[bytes]]:
    """The word that came back, or the refusal; what was counted; what the server saw."""

    async def main() -> tuple[str, Tally, list[bytes]]:
        tally, numbers = Tally(), iter(range(100))
        async with scripted(answerer) as server:
            target = Target.of(server.origin)
            talk = Talk(target, tally, patience_s=patience_s)

            def request() -> bytes:
                headers = {"idempotency-key": "k" * 16, "attempt": str(next(numbers))}
                return request_bytes(target, "POST", "/v1/bank/logins", headers, b"{}")

            try:
                word = (await talk.ask(request, Said, step="start")).word
            except Refused as refused:
                word = str(refused)
            talk.close()
        return word, tally, server.requests

    return asyncio.run(main())


def test_an_answer_is_measured() -> None:
    word, tally, _ = asked(lambda *_: GOOD)
    assert (word, tally.steps["start"].count, tally.slowed, tally.repeated) == ("yes", 1, 0, 0)


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_asked_to_wait_waits_and_asks_again(status: int) -> None:
    word, tally, seen = asked(lambda number, _: answer(status, b"{}", "Retry-After: 0") if number < 3 else GOOD)
    assert (word, tally.slowed, tally.repeated) == ("yes", 2, 2)
    assert len(seen) == 3


def test_a_longer_wait_than_patience_is_a_refusal_with_the_code_of_the_server() -> None:
    said = answer(429, b'{"code":"RATE"}', "Retry-After: 60")
    word, _, seen = asked(lambda *_: said)
    assert (word, len(seen)) == ("429 RATE", 1)


def test_a_request_whose_answer_was_lost_is_sent_again_and_made_anew() -> None:
    word, tally, seen = asked(lambda number, _: None if number == 1 else GOOD)
    assert (word, tally.repeated) == ("yes", 1)
    assert [b"attempt: 0" in seen[0], b"attempt: 1" in seen[1]] == [True, True]


def test_a_service_that_stays_away_is_given_up() -> None:
    assert asked(lambda *_: None, patience_s=0.2)[0] == "UNREACHABLE"


def test_a_no_is_not_repeated() -> None:
    word, tally, seen = asked(lambda *_: answer(401, b'{"code":"DENIED","detail":"no"}'))
    assert (word, tally.repeated, len(seen)) == ("401 DENIED", 0, 1)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (answer(500, b"oops"), "500 WITHOUT_CODE"),
        (answer(409, b"{}"), "409 WITHOUT_CODE"),
        (answer(200, b'{"word":7}'), "200 NOT_UNDERSTOOD"),
        (b"hello\r\n\r\n", "NOT_HTTP"),
    ],
)
def test_what_cannot_be_understood_is_told_apart(said: bytes, word: str) -> None:
    assert asked(lambda *_: said)[0] == word
