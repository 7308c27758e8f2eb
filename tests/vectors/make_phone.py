"""Write vectors/phone.json: ``PYTHONPATH=src:tests python tests/vectors/make_phone.py``.

What a phone scans and shows besides statements: base45, invitations, the statements that it composes of them,
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
from statements import NEW_PHONE, PHONE
from vectors.cases import Case, accept, reject
from vectors.make_invitations import invitations, sign_ins

FILE: Final = Path(__file__).parents[2] / "vectors" / "phone.json"
NOTE: Final = (
    "Each list holds cases with 'expect' accept or reject; a rejected one is refused with 'code' (docs/spec section "
    "1.1). A sign-in is composed of a scanned 'invitation' and of what the phone 'knows', at Unix second 'at' of its "
    "own clock (section 4.5); 'invited' is the member of the payload that goes back with it, and a refusal is the "
    "phone's own, with the 'field' that it is about. An accepted invitation is also what a writer makes of the same "
    "values. The keys are published (RFC 9421 B.1.3, RFC 6979 A.2.5) and open nothing."
)


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
        "lines": lines(),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
