"""One operator behind the port, asked by CAMARA's APIs (docs/spec/operator.md sections 3 and 4).

The order of the questions, and what becomes of every way in which they can fail. Bytes are the transport's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from pteri.adapters.telecom.camara import oauth, questions
from pteri.adapters.telecom.camara.documented import meaning_of
from pteri.adapters.telecom.camara.exchange import NoReply, Reply, Request, Transport
from pteri.adapters.telecom.camara.oauth import Client, Refused, Token
from pteri.adapters.telecom.camara.questions import AnotherAnswer, Api, Told
from pteri.app.ports import Entropy
from pteri.core.errors import ProtocolError
from pteri.core.ids import to_base64url
from pteri.core.keys.device import DeviceKey
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

__all__ = ["FRAUD_PREVENTION", "Access", "CamaraOperator", "Possession", "Terms"]

FRAUD_PREVENTION: Final = "dpv:FraudPreventionAndDetection"
"""A purpose of W3C's Data Privacy Vocabulary. CAMARA wants exactly one wherever data of a person are asked for."""
_MAX_TEMPORARY_TOKEN: Final = 4096
_TOKEN_SPARE_S: Final = 30
_SLOWER_S: Final = 5
"""By so much longer an operator is left alone that says ``slow_down`` (CIBA section 11)."""


class Access(StrEnum):
    """Whose token a level 1 question is asked with."""

    CLIENT = "client"
    """Two-legged: ours; the number stands in the question."""
    SUBSCRIBER = "subscriber"
    """Three-legged: about the subscriber, by JWT bearer; the number must not stand in the question."""


class Possession(StrEnum):
    """How a TS.43 temporary token is exchanged."""

    CIBA = "ciba"
    JWT_BEARER = "jwt-bearer"
    NONE = "none"
    """Never: this operator gets no tokens to see."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with an operator. URLs carry no slash at the end."""

    name: str
    api_url: str
    token_url: str
    client: Client
    access: Access = Access.CLIENT
    possession: Possession = Possession.NONE
    start_url: str = ""
    """Where a backchannel authentication starts, for ``ciba``."""
    keys: tuple[DeviceKey, ...] = ()
    """What the operator signs identity tokens with, for ``ciba``; with none of them, none is authentic."""
    deadline_s: float = 1.5
    purpose: str = FRAUD_PREVENTION
    """What we say we ask for, a scope of its own; empty: nothing."""


class _About(NamedTuple):
    """What the questions of one call share."""

    number: PhoneNumber
    token: Awaitable[Token]
    since: int
    at: int


class CamaraOperator:
    """See :class:`~pteri.app.operators.Operator`. Many tasks may share one."""

    def __init__(self, terms: Terms, transport: Transport, entropy: Entropy) -> None:
        self.name = terms.name
        self._terms = terms
        self._transport = transport
        self._entropy = entropy
        self._held: tuple[Token, int] | None = None

    async def ask(self, number: PhoneNumber, *, since: int, at: int) -> tuple[Signal, ...]:
        """All questions side by side; each has the whole deadline, and fails alone."""
        token = asyncio.ensure_future(self._level_1_token(number, at))
        about = _About(number, token, since, at)
        asked = [self._signal(api.question, at, partial(self._ask_swap, api, about)) for api in questions.APIS]
        recycled = self._signal(Question.RECYCLING, at, partial(self._ask_recycled, about))
        try:
            return tuple(await asyncio.gather(*asked, recycled))
        finally:
            token.cancel()

    async def possession(self, number: PhoneNumber, token: Secret, *, at: int) -> Signal:
        """Exchange the temporary token, and ask with what comes for it. The token is wiped, whatever happens."""
        try:
            return await self._signal(Question.POSSESSION, at, partial(self._ask_possession, number, token, at))
        finally:
            token.wipe()

    async def _signal(self, question: Question, at: int, ask: Callable[[list[Told]], Awaitable[Told]]) -> Signal:
        """Ask, within the deadline. What ``ask`` was told by then counts where the rest does not come."""
        so_far: list[Told] = []
        try:
            async with asyncio.timeout(self._terms.deadline_s):
                told = await ask(so_far)
        except TimeoutError:
            told = Told(Finding.UNKNOWN, "TIMEOUT")
        except NoReply as failure:
            told = Told(Finding.UNKNOWN, failure.code)
        except Refused as refused:
            told = Told(*meaning_of(refused.status, refused.code))
        except AnotherAnswer:
            told = Told(Finding.CONTRADICTED, "ANOTHER_ANSWER")
        except ProtocolError:
            told = Told(Finding.CONTRADICTED, "NOT_AUTHENTIC")
        if so_far and told.finding is Finding.UNKNOWN:
            told = so_far[0]
        return Signal(
            operator=self.name,
            question=question,
            finding=told.finding,
            code=told.code,
            asked_at=at,
            changed_at=told.changed_at,
            watched_s=told.watched_s,
        )

    # --- level 1 ----------------------------------------------------------------------------------------------------

    async def _ask_swap(self, api: Api, about: _About, so_far: list[Told]) -> Told:
        since, at = about.since, about.at
        hours = questions.hours_since(since, at)
        yes_h: int | None = None
        named = self._named(about.number)
        got = await asyncio.shield(about.token)
        if hours <= questions.MAX_AGE_H:
            try:
                body = await self._call(f"{api.base}/check", questions.check_body(named, hours), got, at)
            except Refused as refused:
                # This operator does not look back so far; the date says how far it does.
                if (refused.status, refused.code) != (400, "OUT_OF_RANGE"):
                    raise
            else:
                told = questions.read_check(api, body, hours=hours)
                if told is not None:
                    return told
                yes_h = hours
                # That it does not say when, or not in time, makes a yes no better.
                so_far.append(Told(Finding.CHANGED, api.yes))
        body = await self._call(f"{api.base}/retrieve-date", questions.date_body(named), got, at)
        return questions.read_date(api, body, since=since, at=at, yes_h=yes_h)

    async def _ask_recycled(self, about: _About, _: list[Told]) -> Told:
        got = await asyncio.shield(about.token)
        asked = questions.recycling_body(self._named(about.number), about.since)
        body = await self._call(questions.RECYCLING, asked, got, about.at)
        return questions.read_recycled(body, since=about.since, at=about.at)

    def _named(self, number: PhoneNumber) -> PhoneNumber | None:
        return number if self._terms.access is Access.CLIENT else None

    async def _level_1_token(self, number: PhoneNumber, at: int) -> Token:
        scope = self._with_purpose(*(api.scope for api in questions.APIS), questions.RECYCLING_SCOPE)
        client, url = self._terms.client, self._terms.token_url
        if self._terms.access is Access.SUBSCRIBER:
            # About one person, so it is kept for nobody.
            subject = f"tel:{number.reveal()}"
            return await self._token(client.for_subject(subject, scope, url=url, at=at, unique=self._entropy.draw(32)))
        if self._held is not None and at < self._held[1]:
            return self._held[0]
        token = await self._token(client.for_us(scope, url=url, at=at, unique=self._entropy.draw(16)))
        self._held = (token, at + token.expires_in - _TOKEN_SPARE_S)
        return token

    # --- level 2 ----------------------------------------------------------------------------------------------------

    async def _ask_possession(self, number: PhoneNumber, token: Secret, at: int, _: list[Told]) -> Told:
        if self._terms.possession is Possession.NONE:
            return Told(Finding.UNKNOWN, "NOT_OFFERED")
        raw = token.reveal()
        # It becomes part of a hint, where a space would begin another word.
        if not 1 <= len(raw) <= _MAX_TEMPORARY_TOKEN or any(not 0x21 <= byte <= 0x7E for byte in raw):
            return Told(Finding.UNKNOWN, "MALFORMED_TOKEN")
        hint = f"operatortoken:{raw.decode('ascii')}"
        if self._terms.possession is Possession.CIBA:
            exchanged = await self._by_ciba(hint, at)
        else:
            form = self._terms.client.for_subject(
                hint,
                self._with_purpose(questions.VERIFY_SCOPE),
                url=self._terms.token_url,
                at=at,
                unique=self._entropy.draw(32),
            )
            exchanged = await self._token(form)
        return questions.read_verified(await self._call(questions.VERIFY, questions.verify_body(number), exchanged, at))

    async def _by_ciba(self, hint: str, at: int) -> Token:
        client, url = self._terms.client, self._terms.start_url
        scope = self._with_purpose(questions.VERIFY_SCOPE)
        form = client.to_start(hint, scope, url=url, at=at, unique=self._entropy.draw(16))
        started = oauth.read_started(await self._send_form(url, form))
        interval_s = started.interval
        while True:
            try:
                unique = self._entropy.draw(16)
                token = await self._token(client.to_poll(started, url=self._terms.token_url, at=at, unique=unique))
            except Refused as refused:
                if refused.code not in {"authorization_pending", "slow_down"}:
                    raise
                if refused.code == "slow_down":
                    interval_s += _SLOWER_S
                # The deadline ends this, and with it the wait.
                await asyncio.sleep(interval_s)
                continue
            oauth.check_identity(token, client, self._terms.keys, at=at)
            return token

    def _with_purpose(self, *scopes: str) -> str:
        return " ".join([self._terms.purpose, *scopes]).strip()

    # --- bytes ------------------------------------------------------------------------------------------------------

    async def _token(self, form: bytes) -> Token:
        return oauth.read_token_reply(await self._send_form(self._terms.token_url, form))

    async def _send_form(self, url: str, form: bytes) -> Reply:
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return await self._transport.send(Request("POST", url, headers, form))

    async def _call(self, path: str, body: bytes, token: Token, at: int) -> bytes:
        correlator = to_base64url(self._entropy.draw(18))
        headers = {
            "authorization": f"Bearer {token.access_token}",
            "content-type": "application/json",
            "accept": "application/json",
            "x-correlator": correlator,
        }
        reply = await self._transport.send(Request("POST", self._terms.api_url + path, headers, body))
        if reply.status == 401:
            # It may have been taken back; the next question fetches a new one.
            self._held = None
        return questions.read_answer(reply, correlator=correlator, at=at)
