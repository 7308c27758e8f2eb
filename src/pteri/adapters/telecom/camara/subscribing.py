"""Subscriptions to the events of one operator, behind the port (docs/spec/operator.md section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from pteri.adapters.telecom.camara import oauth, webhooks
from pteri.adapters.telecom.camara.documented import WEATHER, meaning_of
from pteri.adapters.telecom.camara.exchange import NoReply, Request, Transport
from pteri.adapters.telecom.camara.oauth import Refused, Token
from pteri.adapters.telecom.camara.operator import Access, Terms
from pteri.adapters.telecom.camara.questions import AnotherAnswer, read_answer
from pteri.app.ports import Entropy
from pteri.app.subscription_ports import EventMessage, Found, Made, OperatorAway, OperatorRefused, UnaskedEvent
from pteri.core.ids import to_base64url
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber

__all__ = ["CamaraSubscriptions"]

_MADE: Final = frozenset({201, 202})
_DELETED: Final = frozenset({202, 204})
_GONE: Final = frozenset({404, 410})
_LOOPBACK: Final = ("http://127.", "http://localhost", "http://[::1]")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, but for who asks."""

    method: str
    path: str
    scope: str
    good: frozenset[int]
    body: bytes = b""


class CamaraSubscriptions:
    """See :class:`~pteri.app.subscription_ports.Subscriber`. Many tasks may share one."""

    def __init__(self, terms: Terms, transport: Transport, entropy: Entropy) -> None:
        self.name = terms.name
        self._terms = terms
        self._transport = transport
        self._entropy = entropy

    async def create(self, number: PhoneNumber, *, sink: str, token: Secret, ends_at: int, at: int) -> Made:
        """Ask for one, with a token of the kind that was agreed."""
        body = webhooks.subscription_body(
            number if self._terms.access is Access.CLIENT else None,
            sink=sink,
            token=token,
            ends_at=ends_at,
            # A settings file lets http:// be for this machine only.
            on_loopback=self._terms.api_url.startswith(_LOOPBACK),
        )
        call = _Call("POST", webhooks.SUBSCRIPTIONS, webhooks.CREATE_SCOPE, _MADE, body)
        return await self._bounded(partial(self._made, call, self._about(number), at))

    async def find(self, number: PhoneNumber | None, *, at: int) -> tuple[Found, ...]:
        """The list of those that are ours; with a three-legged token, of this number."""
        call = _Call("GET", webhooks.SUBSCRIPTIONS, webhooks.READ_SCOPE, frozenset({200}))
        return await self._bounded(partial(self._found, call, self._about(number), at))

    async def delete(self, id_: str, *, at: int) -> None:
        """Return when there is none of this name; it is ours to delete, whoever it is about."""
        call = _Call("DELETE", webhooks.subscription_path(id_), webhooks.DELETE_SCOPE, _DELETED)
        await self._bounded(partial(self._deleted, call, at))

    def read(self, message: EventMessage, *, token: Secret, at: int) -> UnaskedEvent:
        """What a message says; see :func:`~pteri.adapters.telecom.camara.webhooks.read_event`."""
        return webhooks.read_event(message, operator=self.name, token=token, at=at)

    async def _bounded(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Every way in which it can fail, in the two words of the port."""
        try:
            async with asyncio.timeout(self._terms.deadline_s):
                return await ask()
        except TimeoutError:
            raise OperatorAway("TIMEOUT") from None
        except NoReply as failure:
            raise OperatorAway(failure.code) from None
        except AnotherAnswer:
            raise OperatorAway("ANOTHER_ANSWER") from None
        except Refused as refused:
            code = meaning_of(refused.status, refused.code).code
            raise (OperatorAway(code) if code in WEATHER else OperatorRefused(code)) from None

    async def _made(self, call: _Call, subject: PhoneNumber | None, at: int) -> Made:
        return webhooks.read_made(await self._send(call, subject, at))

    async def _found(self, call: _Call, subject: PhoneNumber | None, at: int) -> tuple[Found, ...]:
        return webhooks.read_found(await self._send(call, subject, at))

    async def _deleted(self, call: _Call, at: int) -> None:
        try:
            await self._send(call, None, at)
        except Refused as refused:
            if refused.status not in _GONE:
                raise

    def _about(self, number: PhoneNumber | None) -> PhoneNumber | None:
        return number if self._terms.access is Access.SUBSCRIBER else None

    async def _send(self, call: _Call, subject: PhoneNumber | None, at: int) -> bytes:
        token = await self._token(call.scope, subject, at)
        correlator = to_base64url(self._entropy.draw(18))
        headers = {
            "authorization": f"Bearer {token.access_token}",
            "accept": "application/json",
            "x-correlator": correlator,
        }
        if call.body:
            headers["content-type"] = "application/json"
        url = self._terms.api_url + call.path
        reply = await self._transport.send(Request(call.method, url, headers, call.body))
        return read_answer(reply, correlator=correlator, at=at, good=call.good)

    async def _token(self, scope: str, subject: PhoneNumber | None, at: int) -> Token:
        """One for this request alone: there are few of them."""
        client, url = self._terms.client, self._terms.token_url
        wanted = f"{self._terms.purpose} {scope}".strip()
        if subject is None:
            form = client.for_us(wanted, url=url, at=at, unique=self._entropy.draw(16))
        else:
            form = client.for_subject(f"tel:{subject.reveal()}", wanted, url=url, at=at, unique=self._entropy.draw(32))
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return oauth.read_token_reply(await self._transport.send(Request("POST", url, headers, form)))
