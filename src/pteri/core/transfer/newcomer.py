"""The new phone's side of a transfer, as a machine that can stop on any line (docs/spec/transfer.md section 4).

``Offered -> Answered -> Confirmed -> Received -> Activated``, and ``Ended`` from each before the last. Every step takes
bytes or an event and gives the next state; the caller writes that down, and only then sends what
:meth:`Newcomer.to_send` lists. A state holds nothing secret. What is secret, :class:`NewcomerKeys`, is made once and
kept sealed.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from pteri.core import hpke, ids
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.ids import AccountId, Digest
from pteri.core.keys.secret import Secret
from pteri.core.otp import parse_code
from pteri.core.transfer.channel import Channel, Kind, enc_of, transcript
from pteri.core.transfer.delivery import Delivery, decode_delivery, require_own
from pteri.core.transfer.offer import Offer
from pteri.core.transfer.sighting import NOTHING_SEEN, Sighting, encode_sighting

__all__ = [
    "CODE_TRIES",
    "DELIVERY_S",
    "Activated",
    "Answered",
    "Confirmed",
    "Ended",
    "Newcomer",
    "NewcomerKeys",
    "NewcomerState",
    "Offered",
    "Received",
]

CODE_TRIES: Final = 3
DELIVERY_S: Final = 8 * 86_400
"""After the code, how long the wallet is waited for. Longer than any hold with its time to accept; the server says
when it is really over."""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step"):
    """What may lie in the open. ``seen``: what this phone said in OK, which is never said in other words."""


class Offered(_State, frozen=True, tag="offered"):
    """The offer is on the screen."""


class Answered(_State, frozen=True, tag="answered"):
    """An old phone that knows the secret has said HELLO, and has been answered. Now the code is typed."""

    hello: bytes
    tries_left: int
    seen: Sighting = NOTHING_SEEN


class Confirmed(_State, frozen=True, tag="confirmed"):
    """The code was right. The wallet comes when the old phone's owner and the server's delay let it."""

    hello: bytes
    until: int
    seen: Sighting = NOTHING_SEEN


class Received(_State, frozen=True, tag="received"):
    """The wallet is here: its own statement, ``accept``, must name this ``approval``."""

    hello: bytes
    approval: Digest
    seen: Sighting = NOTHING_SEEN


class Activated(_State, frozen=True, tag="activated"):
    """The server has let this phone in. The old one may be told, with what the log then showed: ``shown``."""

    hello: bytes
    approval: Digest
    seen: Sighting = NOTHING_SEEN
    shown: Sighting = NOTHING_SEEN


class Ended(_State, frozen=True, tag="ended"):
    """Nothing came of it, and nothing of it is left."""

    reason: Literal["wrong code", "given up", "too late", "stopped"]


NewcomerState = Offered | Answered | Confirmed | Received | Activated | Ended
_WithHello = Answered | Confirmed | Received | Activated


@dataclass(frozen=True, slots=True)
class NewcomerKeys:
    """The offer with its secret, and the private key of the channel."""

    offer: Offer
    private: Secret

    def __post_init__(self) -> None:
        if hpke.public_of(self.private) != self.offer.card.channel_key:
            raise Malformed(Code.KEY, "not the key that was offered")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Keys and state of one transfer, on the new phone."""

    keys: NewcomerKeys
    state: NewcomerState

    def heard(self, frame: bytes, *, at: int, seen: Sighting = NOTHING_SEEN) -> Newcomer:
        """The first message of the first mailbox. The same one again changes nothing; another one is refused.

        Whoever photographed the offer can be the one who says it. That is why nothing here shows a code: the old phone
        does, and only after it has heard OK from whom *it* spoke to. ``seen``: the checkpoint that the service shows to
        anybody. This phone believes nobody yet by whom to verify it; the old one does.
        """
        if isinstance(self.state, _WithHello) and self.state.hello == frame:
            return self
        if not isinstance(self.state, Offered):
            raise NotAuthentic(Code.ORDER, "another phone has answered this offer, or it is over")
        self._in_time(self.keys.offer.card.expires_at, at)
        _account(self._channel(frame), frame)
        return self._now(Answered(frame, CODE_TRIES, seen))

    def typed(self, code: str, *, at: int) -> Newcomer:
        """The six digits that the old phone shows. ``Confirmed``, or a try fewer, or after three ``Ended``.

        Write the result down before anybody hears of it: a try that is not counted is a free one.
        """
        if not isinstance(self.state, Answered):
            raise NotAuthentic(Code.ORDER, "no code is waited for")
        digits = parse_code(code, digits=6)
        self._in_time(self.keys.offer.card.expires_at, at)
        if hmac.compare_digest(digits.encode(), self._channel(self.state.hello).code().encode()):
            return self._now(Confirmed(self.state.hello, at + DELIVERY_S, self.state.seen))
        if self.state.tries_left <= 1:
            return self._now(Ended("wrong code"))
        return self._now(Answered(self.state.hello, self.state.tries_left - 1, self.state.seen))

    def received(self, frame: bytes, *, at: int) -> tuple[Newcomer, Delivery]:
        """The wallet, opened and compared with all that was said. The same frame again gives the same."""
        if not isinstance(self.state, Confirmed | Received):
            raise NotAuthentic(Code.ORDER, "no wallet is waited for")
        if isinstance(self.state, Confirmed):
            self._in_time(self.state.until, at)
        delivery = decode_delivery(Secret(self._channel(self.state.hello).open(Kind.WALLET, frame)))
        require_own(
            delivery.statement,
            account=self.account,
            new_device=self.keys.offer.card.new_device,
            offer=self.keys.offer.card.digest,
            transcript=self.transcript,
        )
        if isinstance(self.state, Received):
            # The same words with another statement would be another wallet's worth of trust: once is once.
            if self.state.approval != delivery.approval:
                raise NotAuthentic(Code.ORDER, "another wallet has come already")
            return self, delivery
        return self._now(Received(self.state.hello, delivery.approval, self.state.seen)), delivery

    def activated(self, shown: Sighting = NOTHING_SEEN) -> Newcomer:
        """The server has accepted this phone's own statement. ``shown``: its log since, as this phone verified it."""
        if isinstance(self.state, Activated):
            return self
        if not isinstance(self.state, Received):
            raise NotAuthentic(Code.ORDER, "the wallet has not come")
        return self._now(Activated(self.state.hello, self.state.approval, self.state.seen, shown))

    def done(self) -> bytes:
        """What the old phone hears when this one is in: message 1 of the mailbox that the wallet came in."""
        if not isinstance(self.state, Activated):
            raise NotAuthentic(Code.ORDER, "this phone is not in")
        text = ids.digest_bytes(self.state.approval) + encode_sighting(self.state.shown)
        return self._channel(self.state.hello).seal(Kind.DONE, text)

    def ended(self, reason: Literal["given up", "too late", "stopped"]) -> Newcomer:
        """Give up, or stop: the two phones were shown two logs. What was over stays over, with its own reason."""
        return self if isinstance(self.state, Activated | Ended) else self._now(Ended(reason))

    def is_over(self, *, at: int) -> bool:
        """Whether nothing can come any more."""
        if isinstance(self.state, Offered | Answered):
            return at >= self.keys.offer.card.expires_at
        if isinstance(self.state, Confirmed):
            return at >= self.state.until
        return isinstance(self.state, Activated | Ended)

    def to_send(self) -> tuple[bytes, ...]:
        """Everything that this phone has said so far, in order: message 1 of the first mailbox, then 2."""
        if not isinstance(self.state, _WithHello):
            return ()
        thumbprint = ids.digest_bytes(self.keys.offer.card.new_device)
        channel = self._channel(self.state.hello)
        ok = channel.seal(Kind.OK, thumbprint + encode_sighting(self.state.seen))
        return (ok,) if isinstance(self.state, Answered) else (ok, channel.seal(Kind.CONFIRMED, thumbprint))

    @property
    def account(self) -> AccountId:
        """Which account the old phone speaks for."""
        return _account(self._channel(self._hello), self._hello)

    @property
    def transcript(self) -> Digest:
        """What was said before the code."""
        return transcript(self.keys.offer.card, self._hello, self.to_send()[0])

    def mailbox(self, number: int) -> bytes:
        """Id of the mailbox of this round of the handing over."""
        return self._channel(self._hello).mailbox(number)

    @property
    def _hello(self) -> bytes:
        assert isinstance(self.state, _WithHello), "after the first message, and before the end"
        return self.state.hello

    def _channel(self, hello: bytes) -> Channel:
        return Channel.of_new(self.keys.offer, self.keys.private, enc_of(hello))

    def _now(self, state: NewcomerState) -> Newcomer:
        return replace(self, state=state)

    @staticmethod
    def _in_time(until: int, at: int) -> None:
        if at >= until:
            raise OutOfWindow(Code.EXPIRED, "too late: begin again with a new code on the new phone")


def _account(channel: Channel, hello: bytes) -> AccountId:
    try:
        return ids.account_id(channel.open(Kind.HELLO, hello).decode("ascii"))
    except UnicodeDecodeError as error:
        raise Malformed(Code.BODY, "not an account") from error
