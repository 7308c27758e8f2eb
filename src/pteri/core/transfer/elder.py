"""The old phone's side of a transfer, as a machine that can stop on any line (docs/spec/transfer.md section 5).

``Greeted -> Matched -> Agreed -> Approved -> Delivered -> Completed``, and ``Ended`` from each before the last. As on
the new phone, the caller writes a state down before it acts on it, and keeps :class:`ElderKeys` sealed.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from pteri.core import ids
from pteri.core.acts import ApproveMigration
from pteri.core.errors import Code, NotAuthentic, OutOfWindow
from pteri.core.ids import AccountId, Digest
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.transfer.channel import Channel, Kind, transcript
from pteri.core.transfer.delivery import Delivery, encode_delivery, require_own
from pteri.core.transfer.offer import Card, Offer
from pteri.core.transfer.sighting import NOTHING_SEEN, Sighting, decode_sighting

__all__ = [
    "Agreed",
    "Approved",
    "Completed",
    "Delivered",
    "Elder",
    "ElderKeys",
    "ElderState",
    "Ended",
    "Greeted",
    "Matched",
    "is_near",
]


_DIGEST_BYTES: Final = 32


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step"):
    """What may lie in the open. ``account`` is the one whose new phone it is."""

    account: AccountId


class Greeted(_State, frozen=True, tag="greeted"):
    """HELLO is said. No code is shown."""


class Matched(_State, frozen=True, tag="matched"):
    """The phone that was scanned has proved that it has the other end. Now, and not before, the code is shown."""

    ok: bytes


class Agreed(_State, frozen=True, tag="agreed"):
    """The code was typed on the new phone. Now the owner may sign."""

    ok: bytes


class Approved(_State, frozen=True, tag="approved"):
    """The server has the signed statement. The wallet may be handed over from ``held_until`` to ``expires_at``."""

    ok: bytes
    statement: Statement
    held_until: int
    expires_at: int


class Delivered(_State, frozen=True, tag="delivered"):
    """The wallet is sealed and on its way. This phone is still the owner's phone.

    ``told``: the new phone has said, over the channel, that the server let it in, and what the log ``shown`` it then.
    ``seen``: what this phone said of the log with the wallet, which is never said in other words.
    """

    ok: bytes
    statement: Statement
    held_until: int
    expires_at: int
    told: bool = False
    seen: Sighting = NOTHING_SEEN
    shown: Sighting = NOTHING_SEEN


class Completed(_State, frozen=True, tag="completed"):
    """The new phone is in, by the server's answer. Now, and not before, this phone may wipe itself (MI-10).

    ``shown``: what the new phone said of the log then, if it has.
    """

    statement: Statement
    shown: Sighting = NOTHING_SEEN


class Ended(_State, frozen=True, tag="ended"):
    """Nothing came of it: this phone is what it was before."""

    reason: Literal["given up", "too late", "stopped"]


ElderState = Greeted | Matched | Agreed | Approved | Delivered | Completed | Ended
_WithOk = Matched | Agreed | Approved | Delivered


@dataclass(frozen=True, slots=True)
class ElderKeys:
    """The offer that was scanned, with its secret, and the fresh private key of the channel."""

    offer: Offer
    ephemeral: Secret


@dataclass(frozen=True, slots=True)
class Elder:
    """Keys and state of one transfer, on the old phone."""

    keys: ElderKeys
    state: ElderState

    @classmethod
    def greeting(cls, keys: ElderKeys, account: AccountId) -> Elder:
        """Begin, with an offer that :func:`~pteri.core.transfer.offer.parse_offer` accepted."""
        return cls(keys, Greeted(ids.account_id(account)))

    def heard_ok(self, frame: bytes, *, at: int) -> Elder:
        """The answer of the phone that was scanned, and of no other (MI-02). The same one again changes nothing."""
        if isinstance(self.state, _WithOk) and self.state.ok == frame:
            return self
        if not isinstance(self.state, Greeted):
            raise NotAuthentic(Code.ORDER, "an answer has come already, or it is over")
        self._in_handshake(at)
        decode_sighting(self._named(Kind.OK, frame))
        return self._now(Matched(self.state.account, frame))

    def code(self, *, at: int) -> str:
        """The six digits to show; ``ORDER`` before the new phone has proved itself (MI-03) and after the end."""
        if not isinstance(self.state, Matched):
            raise NotAuthentic(Code.ORDER, "there is no code to show now")
        self._in_handshake(at)
        return self._channel.code()

    def heard_confirmed(self, frame: bytes, *, at: int) -> Elder:
        """The code was typed on the new phone. The same message again changes nothing."""
        if isinstance(self.state, Matched):
            self._in_handshake(at)
            self._require_named_alone(frame)
            return self._now(Agreed(self.state.account, self.state.ok))
        if not isinstance(self.state, Agreed | Approved | Delivered):
            raise NotAuthentic(Code.ORDER, "no confirmation is waited for")
        self._require_named_alone(frame)
        return self

    def approved(self, statement: Statement, *, held_until: int, expires_at: int) -> Elder:
        """The server has accepted this statement. Again, with the same statement, it changes nothing."""
        if isinstance(self.state, Approved | Delivered) and self.state.statement == statement:
            return self
        if not isinstance(self.state, Agreed):
            raise NotAuthentic(Code.ORDER, "nothing is to be approved")
        require_own(
            statement,
            account=self.state.account,
            new_device=self.keys.offer.card.new_device,
            offer=self.keys.offer.card.digest,
            transcript=self.transcript,
        )
        return self._now(Approved(self.state.account, self.state.ok, statement, held_until, expires_at))

    def delivered(self, words: Secret, index: int, *, at: int, seen: Sighting = NOTHING_SEEN) -> tuple[Elder, bytes]:
        """The message that hands the wallet over, the same each time; only when the hold is over, and in its time.

        ``seen``: what this phone has seen of the log; what was said the first time is said again.
        """
        state = self.state
        if not isinstance(state, Approved | Delivered):
            raise NotAuthentic(Code.ORDER, "there is nothing to hand over")
        if at < state.held_until:
            raise OutOfWindow(Code.NOT_YET_VALID, "the waiting time is not over")
        if at >= state.expires_at:
            raise OutOfWindow(Code.EXPIRED, "too late: begin again with a new code on the new phone")
        if isinstance(state, Approved):
            state = Delivered(state.account, state.ok, state.statement, state.held_until, state.expires_at, seen=seen)
        text = encode_delivery(Delivery(words, index, state.statement, state.seen))
        return self._now(state), self._channel.seal(Kind.WALLET, text.reveal())

    def heard_done(self, frame: bytes) -> Elder:
        """The new phone says that it is in, and what the log shows it. That alone is no reason to wipe anything.

        Also after the server has said so: then it is for comparing what the two were shown.
        """
        if not isinstance(self.state, Delivered | Completed):
            raise NotAuthentic(Code.ORDER, "the wallet has not left this phone")
        said = self._channel.open(Kind.DONE, frame)
        if not hmac.compare_digest(said[:_DIGEST_BYTES], self.state.statement.sha256()):
            raise NotAuthentic(Code.MISMATCH, "the new phone speaks of another statement")
        shown = decode_sighting(said[_DIGEST_BYTES:])
        if isinstance(self.state, Completed):
            return self._now(msgspec.structs.replace(self.state, shown=shown))
        return self._now(msgspec.structs.replace(self.state, told=True, shown=shown))

    def completed(self, server_says: Literal["completed", "denied"]) -> Elder:
        """The server's answer to this phone says that the new phone is in.

        A phone that was to be removed hears only that it is denied. Then, and only then, the new phone's own word
        counts with it: each alone could be a mistake.
        """
        if isinstance(self.state, Completed):
            return self
        # From Approved, too: a new phone may have had the wallet already, and proved it to the server without this one.
        if not isinstance(self.state, Approved | Delivered):
            raise NotAuthentic(Code.ORDER, "the new phone was not let in from here")
        act = self.state.statement.act
        was_to_go = isinstance(act, ApproveMigration) and act.revoke_old
        shown = self.state.shown if isinstance(self.state, Delivered) else NOTHING_SEEN
        is_told = isinstance(self.state, Delivered) and self.state.told
        if server_says == "denied" and not (was_to_go and is_told):
            raise NotAuthentic(Code.ORDER, "nobody has said that the new phone is in")
        return self._now(Completed(self.state.account, self.state.statement, shown))

    def ended(self, reason: Literal["given up", "too late", "stopped"]) -> Elder:
        """Give up, or see that it is over. What is completed stays completed.

        Once the wallet is delivered, only the server knows what came of it: then this is for its word alone.
        """
        if isinstance(self.state, Completed | Ended):
            return self
        return self._now(Ended(self.state.account, reason))

    def is_over(self, *, at: int) -> bool:
        """Whether nothing can come any more. Of a delivered wallet only the server can say that."""
        if isinstance(self.state, Greeted | Matched | Agreed):
            return at >= self.keys.offer.card.expires_at
        if isinstance(self.state, Approved):
            return at >= self.state.expires_at
        return isinstance(self.state, Completed | Ended)

    @property
    def may_wipe(self) -> bool:
        """Whether this phone may forget the wallet: never on a promise."""
        return isinstance(self.state, Completed)

    @property
    def new_phone_saw(self) -> Sighting:
        """The checkpoint that the service showed the new phone before the code. Nobody has verified it yet."""
        assert isinstance(self.state, _WithOk), "after the answer, and before the end"
        return decode_sighting(self._channel.open(Kind.OK, self.state.ok)[_DIGEST_BYTES:])

    def to_send(self) -> bytes:
        """HELLO: message 0 of the first mailbox, the same to the byte each time."""
        return self._channel.seal(Kind.HELLO, self.state.account.encode("ascii"))

    @property
    def transcript(self) -> Digest:
        """What was said before the code."""
        assert isinstance(self.state, _WithOk), "after the answer, and before the end"
        return transcript(self.keys.offer.card, self.to_send(), self.state.ok)

    def mailbox(self, number: int) -> bytes:
        """Id of the mailbox of this round of the handing over."""
        return self._channel.mailbox(number)

    @property
    def _channel(self) -> Channel:
        return Channel.of_old(self.keys.offer, self.keys.ephemeral)

    def _named(self, kind: Kind, frame: bytes) -> bytes:
        """What follows the name of the phone that was scanned, in a message of that phone."""
        said = self._channel.open(kind, frame)
        if not hmac.compare_digest(said[:_DIGEST_BYTES], ids.digest_bytes(self.keys.offer.card.new_device)):
            raise NotAuthentic(Code.MISMATCH, "another phone has answered than the one that was scanned")
        return said[_DIGEST_BYTES:]

    def _require_named_alone(self, frame: bytes) -> None:
        if self._named(Kind.CONFIRMED, frame):
            raise NotAuthentic(Code.MISMATCH, "a confirmation says the name of a phone, and nothing else")

    def _in_handshake(self, at: int) -> None:
        if at >= self.keys.offer.card.expires_at:
            raise OutOfWindow(Code.EXPIRED, "too late: begin again with a new code on the new phone")

    def _now(self, state: ElderState) -> Elder:
        return replace(self, state=state)


def is_near(card: Card, heard: Collection[bytes] | None) -> bool:
    """Whether the phone that was scanned lies here, by what was ``heard`` on the radio (None: there is no radio).

    It says no where nothing was heard, and the hold is what protects then. Where something else is heard, somebody has
    mixed the offer of a phone that lies here with a key of their own (MI-05): ``NotAuthentic(BEACON)``.
    """
    if not heard:
        return False
    if card.beacon not in heard:
        raise NotAuthentic(Code.BEACON, "the new phone nearby is another one than the code was scanned from")
    return True
