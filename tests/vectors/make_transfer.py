"""Write vectors/transfer.json: ``PYTHONPATH=src:tests python tests/vectors/make_transfer.py``.

Offers and cards, one whole conversation with every value between its inputs and its messages, and messages that must
not be taken, each with the step at which the phone stands that hears it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import msgspec

from pteri.core import hpke, ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code
from pteri.core.ids import digest_bytes
from pteri.core.keys.secret import Secret
from pteri.core.transfer.channel import Channel, Kind
from pteri.core.transfer.delivery import Delivery, encode_delivery
from pteri.core.transfer.sighting import NOTHING_SEEN, SIGHTING_BYTES, Sighting, encode_sighting
from statements import ACCOUNT, DEVICE, NEW_PHONE, PHONE
from transfers import (
    ACCEPT_UNTIL,
    EXPIRES_AT,
    HELD_UNTIL,
    INDEX,
    SHOWN_AT,
    WORDS,
    agreed,
    approval,
    matched,
    new_phone,
    newcomer_keys,
    old_phone,
)
from vectors.cases import Case, accept, reject

FILE: Final = Path(__file__).parents[2] / "vectors" / "transfer.json"
NOTE: Final = (
    "The transfer of a wallet between two phones (docs/spec/transfer.md). Bytes are hex, digests base64url, instants "
    "Unix seconds. 'conversation' holds all inputs, among them the private keys, and every value computed from them. "
    "Each case of 'messages' is heard at 'at' by the phone that stands at 'step' in that conversation (offered, "
    "confirmed: the new one; greeted, matched, delivered: the old one); it is accepted, or refused with 'code'. "
    "'sightings' are parts of messages of what a phone has seen of a log, 'json' what they say; in the conversation "
    "there is no log. "
    "The keys are published or made of names, and open nothing."
)
P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_OFFER, _CARD = "PTERI-MIG1:", "PTERI-CARD1:"


def offers() -> list[Case]:
    """Texts that an old phone scans, and that a server gets."""
    return [*_texts("offer", _OFFER), *_texts("card", _CARD)]


def _texts(kind: str, prefix: str) -> list[Case]:
    offer = newcomer_keys().offer
    good = offer.encode() if kind == "offer" else offer.card.encode()
    raw = from_base45(good.removeprefix(prefix))
    s = int.from_bytes(raw[-32:], "big")

    def text(changed: bytes) -> str:
        return prefix + to_base45(changed)

    def taken(why: str, value: str, at: int = SHOWN_AT) -> Case:
        return accept(f"{kind}: {why}", kind=kind, tenant="bank", at=at, text=value)

    def refused(why: str, code: Code, value: str, *, at: int = SHOWN_AT, tenant: str = "bank") -> Case:
        return reject(f"{kind}: {why}", code, kind=kind, tenant=tenant, at=at, text=value)

    def flipped(place: int) -> str:
        return text(raw[:place] + bytes((raw[place] ^ 1,)) + raw[place:][1:])

    return [
        taken("as it was made", good),
        taken("in its last second", good, at=EXPIRES_AT - 1),
        taken("read by a clock that is ten minutes slow", good, at=EXPIRES_AT - 1200),
        taken("the twin of its signature, n - s", text(raw[:-32] + (P256_N - s).to_bytes(32, "big"))),
        refused("nothing", Code.OFFER, ""),
        refused("the prefix alone", Code.OFFER, prefix),
        refused("in lower case", Code.OFFER, good.lower()),
        refused("a link", Code.OFFER, "https://bank.example/" + good),
        refused("a space before it", Code.OFFER, " " + good),
        refused("over 420 characters", Code.OFFER, good + "0" * 300),
        refused("a line feed after it", Code.ENCODING, good + "\n"),
        refused("of the first release", Code.OFFER, "PTERI-PHONE1:" + good.removeprefix(prefix)),
        refused("the other of the two texts", Code.OFFER, offer.card.encode() if kind == "offer" else offer.encode()),
        refused("a later version inside", Code.OFFER, text(b"\x02" + raw[1:])),
        refused("without a tenant", Code.OFFER, text(raw[:122] + raw[-96:])),
        refused("a tenant of 33 characters", Code.OFFER, text(raw[:122] + b"t" * 33 + raw[-96:])),
        refused("a tenant in upper case", Code.FIELD, text(raw[:122] + b"BANK" + raw[-96:])),
        refused("for another tenant", Code.OFFER, good, tenant="shop"),
        refused("in its first second too late", Code.EXPIRED, good, at=EXPIRES_AT),
        refused("a day late", Code.EXPIRED, good, at=EXPIRES_AT + 86_400),
        refused("more than twenty minutes ahead", Code.LIFETIME, good, at=EXPIRES_AT - 1201),
        refused("a compressed key", Code.KEY, text(raw[:17] + b"\x02" + raw[18:])),
        refused("another phone's key", Code.DEVICE_SIGNATURE, text(raw[:17] + PHONE.public.sec1 + raw[82:])),
        refused("r of zero", Code.RANGE, text(raw[:-64] + bytes(32) + raw[-32:])),
        refused("one bit of the mailbox", Code.DEVICE_SIGNATURE, flipped(1)),
        refused("one bit of the channel's key", Code.DEVICE_SIGNATURE, flipped(82)),
        refused("one bit of the expiry", Code.DEVICE_SIGNATURE, flipped(121)),
        refused("one bit of the secret, or of its hash", Code.DEVICE_SIGNATURE, flipped(-96)),
        refused("one bit of the signature", Code.DEVICE_SIGNATURE, flipped(-40)),
    ]


def conversation() -> dict[str, object]:
    """Both phones, from the offer to the wallet."""
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    card, channel = newcomer.keys.offer.card, Channel.of_old(elder.keys.offer, elder.keys.ephemeral)
    sender = hpke.sender(
        card.channel_key,
        info=b"PTERI-MIG1\0" + digest_bytes(card.digest),
        ephemeral=elder.keys.ephemeral,
        psk=newcomer.keys.offer.secret,
        psk_id=card.mailbox,
    )
    frames = messages_said()
    elder, newcomer = agreed(elder, newcomer)
    statement = approval(elder)
    delivery = encode_delivery(Delivery(WORDS, INDEX, statement))
    return {
        "new_device_private": NEW_PHONE.secret.reveal().hex(),
        "new_channel_private": newcomer.keys.private.reveal().hex(),
        "secret": newcomer.keys.offer.secret.reveal().hex(),
        "mailbox": card.mailbox.hex(),
        "tenant": card.tenant,
        "expires_at": card.expires_at,
        "offer_text": newcomer.keys.offer.encode(),
        "card_text": card.encode(),
        "offer": card.digest,
        "beacon": card.beacon.hex(),
        "account": ACCOUNT,
        "old_channel_private": elder.keys.ephemeral.reveal().hex(),
        "enc": channel.enc.hex(),
        "info": (b"PTERI-MIG1\0" + digest_bytes(card.digest)).hex(),
        "answer_key": sender.export(b"PTERI-MIG1 answer key", 32).reveal().hex(),
        "answer_nonce": sender.export(b"PTERI-MIG1 answer nonce", 12).reveal().hex(),
        "code": channel.code(),
        "mailbox_2": channel.mailbox(2).hex(),
        "mailbox_3": channel.mailbox(3).hex(),
        "hello": frames["HELLO"].hex(),
        "ok": frames["OK"].hex(),
        "confirmed": frames["CONFIRMED"].hex(),
        "transcript": elder.transcript,
        "statement": statement.encode().decode("ascii"),
        "approval": ids.to_base64url(hashlib.sha256(statement.encode()).digest()),
        "words": WORDS.reveal().decode(),
        "index": INDEX,
        "delivery": delivery.reveal().hex(),
        "wallet": frames["WALLET"].hex(),
        "done": frames["DONE"].hex(),
        "held_until": HELD_UNTIL,
        "accept_until": ACCEPT_UNTIL,
    }


def messages_said(label: str = "first") -> dict[str, bytes]:
    """Each message of a conversation, by its kind."""
    newcomer = new_phone(label)
    elder = old_phone(newcomer.keys.offer)
    hello = elder.to_send()
    elder, newcomer = agreed(elder, newcomer)
    ok, confirmed = newcomer.to_send()
    elder = elder.approved(approval(elder), held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)
    wallet = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[1]
    done = newcomer.received(wallet, at=HELD_UNTIL)[0].activated().done()
    return {"HELLO": hello, "OK": ok, "CONFIRMED": confirmed, "WALLET": wallet, "DONE": done}


_STEPS: Final = {
    "HELLO": "offered",
    "OK": "greeted",
    "CONFIRMED": "matched",
    "WALLET": "confirmed",
    "DONE": "delivered",
}


def messages() -> list[Case]:
    """What a phone that stands at a step makes of what it hears."""
    said, other = messages_said(), messages_said("second")
    cases = [accept(f"{kind}, when it is due", step=_STEPS[kind], at=SHOWN_AT, frame=said[kind].hex()) for kind in said]

    def refused(why: str, code: Code, kind: str, frame: bytes, at: int = SHOWN_AT) -> None:
        cases.append(reject(f"{kind}: {why}", code, step=_STEPS[kind], at=at, frame=frame.hex()))

    for kind, frame in said.items():
        refused("of another conversation", Code.SEALED, kind, other[kind])
        refused("one bit of what is sealed", Code.SEALED, kind, frame[:-1] + bytes((frame[-1] ^ 1,)))
        refused("cut short", Code.SEALED, kind, frame[:-1])
        refused("a byte more", Code.SEALED, kind, frame + b"\0")
        refused("empty", Code.BODY, kind, b"")
        refused("its first bytes only", Code.BODY, kind, frame[:4])
        refused("over 4096 bytes", Code.BODY, kind, frame + bytes(4096))
        for name, place in (("version", 0), ("direction", 1), ("sequence", 2), ("kind", 3)):
            refused(f"another {name}", Code.BODY, kind, frame[:place] + bytes((frame[place] ^ 8,)) + frame[place + 1 :])
        for wrong in said:
            if wrong != kind:
                code = Code.BODY if kind == "HELLO" and len(said[wrong]) < 52 else Code.SEALED
                refused(f"{wrong}'s body under its header", code, kind, frame[:4] + said[wrong][4:])
        if kind not in {"WALLET", "DONE"}:
            refused("in the offer's first second too late", Code.EXPIRED, kind, frame, EXPIRES_AT)
    refused("a point of low order", Code.KEY, "HELLO", said["HELLO"][:4] + bytes(32) + said["HELLO"][36:])
    refused("another conversation's enc", Code.SEALED, "HELLO", said["HELLO"][:4] + _enc() + said["HELLO"][36:])
    _add_lies(cases)
    return cases


def _enc() -> bytes:
    return hpke.public_of(Secret(hashlib.sha256(b"another key").digest()))


def _add_lies(cases: list[Case]) -> None:
    """Rightly sealed, by a phone that lies."""
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    old = Channel.of_old(elder.keys.offer, elder.keys.ephemeral)
    new = Channel.of_new(newcomer.keys.offer, newcomer.keys.private, old.enc)
    elder, _ = matched(elder, newcomer)
    stranger = approval(elder, wallet="LLDMii8GzCbbveb6aka78Go79cCX2BZ65t")
    delivery = encode_delivery(Delivery(WORDS, INDEX, approval(elder))).reveal()
    lies = [
        ("an account that is none", Code.FIELD, old, Kind.HELLO, b"alice"),
        ("an account that is not ASCII", Code.BODY, old, Kind.HELLO, b"acct_\xc3\xa4"),
        ("the thumbprint of another phone", Code.MISMATCH, new, Kind.OK, digest_bytes(DEVICE)),
        ("the thumbprint of another phone", Code.MISMATCH, new, Kind.CONFIRMED, digest_bytes(DEVICE)),
        ("no thumbprint", Code.MISMATCH, new, Kind.OK, b""),
        ("a byte too few in it", Code.LENGTH, old, Kind.WALLET, delivery[:-1]),
        ("something behind the words", Code.BODY, old, Kind.WALLET, delivery[:200] + b"x" + delivery[201:]),
        (
            "a statement of another wallet",
            Code.WALLET_KEY,
            old,
            Kind.WALLET,
            encode_delivery(Delivery(WORDS, INDEX, stranger)).reveal(),
        ),
    ]
    for why, code, channel, kind, plaintext in lies:
        frame = channel.seal(kind, plaintext)
        cases.append(reject(f"{kind.name}: {why}", code, step=_STEPS[kind.name], at=SHOWN_AT, frame=frame.hex()))


def sightings() -> list[Case]:
    """What a phone tells of the log, and texts that are none."""
    note = "log.bank.example\n5\n" + "A" * 43 + "=\n\n\u2014 log.bank.example " + "A" * 92 + "\n"
    told = {
        "of a service without a log": NOTHING_SEEN,
        "by a phone that is not in yet": Sighting(note=note),
        "by a phone that is not in yet, as long as it can be": Sighting(note="x" * 2589),
        "by the old phone": Sighting(note=note, log_key="log", witnesses=("one", "two"), needed=2, index_key="index"),
        "by the new phone when it is in": Sighting(note=note, log_key="log", leaf=bytes(199), place=4),
    }
    cases = [
        accept(f"told {why}", at=SHOWN_AT, raw=encode_sighting(each).hex(), json=msgspec.json.encode(each).decode())
        for why, each in told.items()
    ]

    def refused(why: str, code: Code, raw: bytes) -> None:
        cases.append(reject(why, code, at=SHOWN_AT, raw=raw.hex(), json=""))

    def filled(text: bytes) -> bytes:
        return len(text).to_bytes(2, "big") + text.ljust(SIGHTING_BYTES - 2, b"\0")

    refused("a byte too few", Code.LENGTH, filled(b"{}")[:-1])
    refused("a byte too many", Code.LENGTH, filled(b"{}") + b"\0")
    for why, text in {
        "nothing": b"",
        "not an object": b"[]",
        "a space": b"{ }",
        "an empty note": b'{"note":""}',
        "a note twice": b'{"note":"a","note":"a"}',
        "an escape that is none": b'{"note":"\\u0061"}',
        "fields in another order": b'{"log_key":"a","note":"b"}',
        "an unknown field": b'{"size":1}',
        "a number below zero": b'{"needed":-1}',
        "a place of 2**63": b'{"place":9223372036854775808}',
        "base64 without its end": b'{"leaf":"AA"}',
        "not UTF-8": b'{"note":"\xff"}',
    }.items():
        refused(why, Code.BODY, filled(text))
    refused("something behind it", Code.BODY, filled(b"{}")[:-1] + b"x")
    refused("a length beyond its end", Code.BODY, (2601).to_bytes(2, "big") + filled(b"{}")[2:])
    return cases


def document() -> str:
    """The whole file."""
    content = {
        "format": "pteri-transfer-vectors-2",
        "note": NOTE,
        "offers": offers(),
        "conversation": conversation(),
        "messages": messages(),
        "sightings": sightings(),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
