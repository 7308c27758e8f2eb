"""Write vectors/phone.json: ``PYTHONPATH=src:tests python tests/vectors/make_phone.py``.

What a phone scans and shows besides statements: base45, invitations, the statements that it composes of them, offers,
line commitments, and phone names.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from pteri.core import ids
from pteri.core.acts import phone_name
from pteri.core.base45 import to_base45
from pteri.core.errors import Code
from pteri.core.esim import line_commitment
from pteri.core.offer import make_offer
from statements import ISSUED_AT, NEW_PHONE, PHONE
from vectors.cases import Case, accept, reject
from vectors.make_invitations import TENANT, invitations, sign_ins

FILE: Final = Path(__file__).parents[2] / "vectors" / "phone.json"
NOTE: Final = (
    "Each list holds cases with 'expect' accept or reject; a rejected one is refused with 'code' (docs/spec section "
    "1.1). A sign-in is composed of a scanned 'invitation' and of what the phone 'knows', at Unix second 'at' of its "
    "own clock (section 4.5); 'invited' is the member of the payload that goes back with it, and a refusal is the "
    "phone's own, with the 'field' that it is about. An offer is read for 'tenant' at Unix second 'at'. An accepted "
    "offer or invitation is also what a writer makes of the same values, except the twin of a signature. The keys are "
    "published (RFC 9421 B.1.3, RFC 6979 A.2.5) and open nothing."
)
EXPIRES_AT: Final = ISSUED_AT + 600
RANDOM: Final = bytes(range(16))
P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def base45() -> list[Case]:
    texts = {
        b"": "no bytes",
        b"AB": "RFC 9285",
        b"Hello!!": "RFC 9285, an odd number of bytes",
        b"base-45": "RFC 9285, 7",
    }
    others = {b"\xff": "the highest byte", b"\xff\xff": "the highest pair", bytes(4): "zeros", b"\x10\xd4": "a space"}
    refused = {
        "A": "one character over",
        "BB8A": "one character over, after a good group",
        "::": "a pair above 255",
        "V5": "256 in a pair",
        ":::": "a group above 65535",
        "GGW": "65536 in a group",
        "bb8": "lower case",
        "BB8\n": "a line feed",
        "BB\u0667": "an Arabic digit",
        "BB,": "a comma",
    }
    return [
        *(accept(why, hex=raw.hex(), text=to_base45(raw)) for raw, why in {**texts, **others}.items()),
        *(reject(why, Code.ENCODING, text=text) for text, why in refused.items()),
    ]


def offers() -> list[Case]:
    good = make_offer(NEW_PHONE, tenant=TENANT, expires_at=EXPIRES_AT, random=RANDOM)
    long = make_offer(NEW_PHONE, tenant=ids.tenant_id("t" * 32), expires_at=EXPIRES_AT, random=RANDOM)
    return [
        _good_offer("an offer", good, at=ISSUED_AT),
        _good_offer("in its last second", good, at=EXPIRES_AT - 1),
        _good_offer("read by a clock that is ten minutes slow", good, at=EXPIRES_AT - 1200),
        _good_offer("the longest tenant", long, at=ISSUED_AT, tenant="t" * 32),
        _good_offer("the twin of its signature, n - s", _offer(_body(), twin=True), at=ISSUED_AT),
        *_refused_offers(good),
    ]


def _body(**changes: bytes) -> bytes:
    parts = {"key": NEW_PHONE.public.sec1, "expiry": EXPIRES_AT.to_bytes(8, "big"), "random": RANDOM, "tenant": b"bank"}
    return b"".join((parts | changes).values())


def _offer(body: bytes, *, prefix: bytes = b"PTERI-PHONE1:", twin: bool = False) -> str:
    """As a phone that follows no rule but the layout would make it."""
    signature = NEW_PHONE.sign(prefix + body)
    if twin:
        signature = signature[:32] + (P256_N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    return "PTERI-PHONE1:" + to_base45(body + signature)


def _good_offer(why: str, text: str, *, at: int, tenant: str = "bank") -> Case:
    body = _body(tenant=tenant.encode())
    return accept(
        why,
        tenant=tenant,
        at=at,
        text=text,
        device_key_hex=NEW_PHONE.public.sec1.hex(),
        expires_at=EXPIRES_AT,
        random_hex=RANDOM.hex(),
        digest=ids.to_base64url(hashlib.sha256(b"PTERI-OFFER-v1\0" + body).digest()),
        transcript=ids.to_base64url(hashlib.sha256(b"PTERI-TRANSCRIPT-v1\0" + body).digest()),
    )


def _refused_offers(good: str) -> list[Case]:
    def refused(why: str, code: Code, text: str, *, at: int = ISSUED_AT, tenant: str = "bank") -> Case:
        return reject(why, code, tenant=tenant, at=at, text=text)

    raw, body = _body() + NEW_PHONE.sign(b"PTERI-PHONE1:" + _body()), _body()
    encoded = good.removeprefix("PTERI-PHONE1:")
    compressed = b"\x02" + NEW_PHONE.public.sec1[1:33] + bytes(32)
    s = int.from_bytes(raw[-32:], "big")

    def with_signature(signature: bytes) -> str:
        return "PTERI-PHONE1:" + to_base45(body + signature)

    return [
        refused("nothing", Code.OFFER, ""),
        refused("the prefix alone", Code.OFFER, "PTERI-PHONE1:"),
        refused("no prefix", Code.OFFER, encoded),
        refused("a prefix in lower case", Code.OFFER, "pteri-phone1:" + encoded),
        refused("a later version", Code.OFFER, "PTERI-PHONE2:" + encoded),
        refused("an invitation", Code.OFFER, "PTERI1:" + encoded),
        refused("over 320 characters", Code.OFFER, good + "0" * 300),
        refused("not base45", Code.ENCODING, good[:-1] + "z"),
        refused("a line feed after it", Code.ENCODING, good + "\n"),
        refused("without a tenant", Code.OFFER, _offer(_body(tenant=b""))),
        refused("a tenant of 33 characters", Code.OFFER, _offer(_body(tenant=b"t" * 33)), tenant="t" * 33),
        refused("a tenant that is not ASCII", Code.OFFER, _offer(_body(tenant=b"b\xc3\xa4nk"))),
        refused("a tenant in upper case", Code.FIELD, _offer(_body(tenant=b"BANK"))),
        refused("a NUL in the tenant", Code.FIELD, _offer(_body(tenant=b"bank\0"))),
        refused("for another tenant", Code.OFFER, good, tenant="shop"),
        refused("for a tenant whose name goes on", Code.OFFER, good, tenant="bank-2"),
        refused("in its first second too late", Code.EXPIRED, good, at=EXPIRES_AT),
        refused("a day late", Code.EXPIRED, good, at=EXPIRES_AT + 86_400),
        refused("more than twenty minutes ahead", Code.LIFETIME, good, at=EXPIRES_AT - 1201),
        refused("for ever", Code.LIFETIME, _offer(_body(expiry=b"\xff" * 8))),
        refused("expired since the beginning", Code.EXPIRED, _offer(_body(expiry=bytes(8)))),
        refused("a compressed key in 65 bytes", Code.KEY, _offer(_body(key=compressed))),
        refused("a hybrid key", Code.KEY, _offer(_body(key=b"\x06" + NEW_PHONE.public.sec1[1:]))),
        refused("a key off the curve", Code.KEY, _offer(_body(key=b"\x04" + bytes(63) + b"\x01"))),
        refused("the key of another phone", Code.DEVICE_SIGNATURE, _offer(_body(key=PHONE.public.sec1))),
        refused("signed by another phone", Code.DEVICE_SIGNATURE, with_signature(PHONE.sign(b"PTERI-PHONE1:" + body))),
        refused("signed without the prefix", Code.DEVICE_SIGNATURE, _offer(body, prefix=b"")),
        refused("signed for another version", Code.DEVICE_SIGNATURE, _offer(body, prefix=b"PTERI-PHONE2:")),
        refused("r of zero", Code.RANGE, with_signature(bytes(32) + raw[-32:])),
        refused("s of zero", Code.RANGE, with_signature(raw[-64:-32] + bytes(32))),
        refused("r of n", Code.RANGE, with_signature(P256_N.to_bytes(32, "big") + raw[-32:])),
        refused("s of n", Code.RANGE, with_signature(raw[-64:-32] + P256_N.to_bytes(32, "big"))),
        refused("another s", Code.DEVICE_SIGNATURE, with_signature(raw[-64:-32] + (s ^ 1).to_bytes(32, "big"))),
        *(
            refused(f"one bit of its {part} changed", code, _flipped(raw, place))
            for part, place, code in (
                ("expiry", 72, Code.DEVICE_SIGNATURE),
                ("random", 80, Code.DEVICE_SIGNATURE),
                ("key", 30, Code.KEY),
                ("signature", -40, Code.DEVICE_SIGNATURE),
            )
        ),
    ]


def _flipped(raw: bytes, place: int) -> str:
    changed = bytearray(raw)
    changed[place] ^= 1
    return "PTERI-PHONE1:" + to_base45(bytes(changed))


def lines() -> list[Case]:
    salt = hashlib.sha256(b"salt").digest()
    good = {
        "a number": ("+4915112345678", salt, "bank"),
        "the same number at another tenant": ("+4915112345678", salt, "shop"),
        "the same number with another salt": ("+4915112345678", bytes(32), "bank"),
        "an ICCID": ("8949020000012345678F", salt, "bank"),
        "the shortest": ("!!!", salt, "t"),
        "the longest": ("~" * 64, salt, "t" * 32),
    }
    refused = {
        "an empty line": ("", salt, "bank", Code.FIELD),
        "two characters": ("11", salt, "bank", Code.FIELD),
        "65 characters": ("1" * 65, salt, "bank", Code.FIELD),
        "a space": ("+49 151", salt, "bank", Code.FIELD),
        "a line feed at the end": ("+4915112345678\n", salt, "bank", Code.FIELD),
        "a NUL": ("+49\0151", salt, "bank", Code.FIELD),
        "Arabic digits": ("+\u0664\u0669\u0661", salt, "bank", Code.FIELD),
        "a salt of 31 bytes": ("+4915112345678", salt[1:], "bank", Code.LENGTH),
        "a salt of 33 bytes": ("+4915112345678", salt + b"\0", "bank", Code.LENGTH),
        "no salt": ("+4915112345678", b"", "bank", Code.LENGTH),
        "an empty tenant": ("+4915112345678", salt, "", Code.FIELD),
        "a tenant in upper case": ("+4915112345678", salt, "Bank", Code.FIELD),
        "a tenant that takes the line's place": ("+4915112345678", salt, "bank\0+49", Code.FIELD),
        "a tenant that is not ASCII": ("+4915112345678", salt, "b\u00e4nk", Code.FIELD),
    }
    return [
        *(
            accept(
                why,
                line=line,
                salt_hex=own.hex(),
                tenant=tenant,
                commitment=line_commitment(line, salt=own, tenant=ids.tenant_id(tenant)),
            )
            for why, (line, own, tenant) in good.items()
        ),
        *(
            reject(why, code, line=line, salt_hex=own.hex(), tenant=tenant)
            for why, (line, own, tenant, code) in refused.items()
        ),
    ]


def phones() -> list[Case]:
    return [
        accept(
            why,
            private_key_hex=phone.secret.reveal().hex(),
            sec1_hex=phone.public.sec1.hex(),
            thumbprint=phone.public.thumbprint,
            name=phone_name(phone.public.thumbprint),
        )
        for why, phone in {"a phone": PHONE, "the phone that makes the offers": NEW_PHONE}.items()
    ]


def document() -> str:
    """The whole file."""
    content = {
        "format": "pteri-phone-vectors-1",
        "note": NOTE,
        "phones": phones(),
        "base45": base45(),
        "invitations": invitations(),
        "sign_ins": sign_ins(),
        "offers": offers(),
        "lines": lines(),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
