"""Invitations for vectors/phone.json, good and bad, and the statements that a phone composes of them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

import msgspec

from pteri.core import ids
from pteri.core.acts import Authenticate
from pteri.core.base45 import to_base45
from pteri.core.errors import Code
from pteri.core.invitation import Invitation, Terms
from pteri.core.keys import secp256k1
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.network import NETWORKS
from pteri.core.statement import Statement
from pteri.wallet.refusals import SafetyCode
from statements import ACCOUNT, ADDRESS, DEVICE, ISSUED_AT, LINE, SESSION
from vectors.cases import Case, accept, reject

TENANT: Final = ids.tenant_id("bank")
ORIGIN: Final = "https://id.bank.example"
REQUEST: Final = ids.request_id("lgn_2Y7K4M9QWZ3T")
TERMS: Final = Terms(
    session=SESSION,
    nonce=ids.new_nonce(ISSUED_AT, bytes(range(15))),
    issued_at=ISSUED_AT,
    expires_at=ISSUED_AT + 120,
    ticket=ids.to_base64url(bytes(range(13))),
)
COMMAS: Final = ids.to_base64url(b"," * 13)
_GENERATOR: Final = secp256k1.public_key((1).to_bytes(32, "big"))


def invitations() -> list[Case]:
    return [
        *_good_invitations(),
        *_refused_invitations(),
    ]


def _good_invitations() -> list[Case]:
    origins = {
        "a host name": "https://id.bank.example",
        "a port": "https://id.bank.example:8443",
        "this computer": "http://127.0.0.1:8080",
        "an IPv6 address": "http://[::1]:8080",
        "one label": "https://localhost",
    }
    longest = Invitation(
        ids.request_id(f"lgn_{'Z' * 26}"), ids.tenant_id("t" * 32), "00", f"https://{'a' * 60}.{'b' * 13}:65535"
    )
    made = {why: Invitation(REQUEST, TENANT, "42", origin) for why, origin in origins.items()} | {
        "the longest": longest,
        "the terms of a sign-in": inviting(),
        "terms of zeros": inviting(_terms_of(bytes(57) + b"\0\1" + bytes(13))),
        "the highest terms": inviting(_terms_of(b"\xff" * 72)),
        "commas everywhere in the terms": inviting(_terms_of(b"," * 72)),
        "terms that read like values": inviting(_terms_of(b",bank,42,https://id.bank.example".ljust(72, b","))),
        "the longest, with terms": msgspec.structs.replace(longest, terms=TERMS),
    }
    return [
        accept(
            why,
            text=invitation.encode(),
            request=invitation.request,
            tenant=invitation.tenant,
            number=invitation.number,
            origin=invitation.origin,
            **({} if invitation.terms is None else {"terms": msgspec.to_builtins(invitation.terms)}),
        )
        for why, invitation in made.items()
    ]


def inviting(terms: Terms | None = None, **changes: Any) -> Invitation:
    """To the sign-in of all examples, with these terms or with some of them changed."""
    own = TERMS if terms is None else terms
    return Invitation(REQUEST, TENANT, "42", ORIGIN, msgspec.structs.replace(own, **changes))


def _terms_of(raw: bytes) -> Terms:
    """Terms of these 72 bytes."""
    return Terms(
        session=ids.digest_text(raw[:32]),
        nonce=ids.nonce_text(raw[32:52]),
        issued_at=int.from_bytes(raw[52:57], "big"),
        expires_at=int.from_bytes(raw[52:57], "big") + int.from_bytes(raw[57:59], "big"),
        ticket=ids.to_base64url(raw[59:]),
    )


def _raw(terms: Terms) -> bytes:
    """The 72 bytes, by the layout of docs/spec section 4.2 alone."""
    times = terms.issued_at.to_bytes(5, "big") + (terms.expires_at - terms.issued_at).to_bytes(2, "big")
    session, ticket = (
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (terms.session, terms.ticket)
    )
    nonce = 0
    for character in terms.nonce:
        nonce = nonce * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    return session + nonce.to_bytes(20, "big") + times + ticket


def _refused_invitations() -> list[Case]:
    def of(values: str | bytes) -> str:
        return "PTERI1:" + to_base45(values.encode() if isinstance(values, str) else values)

    good = "lgn_2Y7K4M9QWZ3T,bank,42,https://id.bank.example"
    texts = {
        "nothing": "",
        "the prefix alone": "PTERI1:",
        "no prefix": to_base45(good.encode()),
        "a prefix in lower case": "pteri1:" + to_base45(good.encode()),
        "a later version": "PTERI2:" + to_base45(good.encode()),
        "a link": "https://id.bank.example/lgn_2Y7K4M9QWZ3T",
        "a space before it": " " + of(good),
        "over 400 characters": of(good + "a" * 300),
        "three values": of("lgn_2Y7K4M9QWZ3T,bank,42"),
        "five values": of(good + ",x"),
        "another separator": of(good.replace(",", ";")),
        "not ASCII, and no values": of(b"\xff\xfe"),
    }
    raw, start = _raw(TERMS), good.encode() + b","
    refused_terms = {
        "a comma and no terms": b"",
        "one byte of terms": raw[:1],
        "71 bytes of terms": raw[:-1],
        "73 bytes of terms": raw + b"\0",
        "a comma after the terms": raw + b",",
        "a line feed after the terms": raw + b"\n",
        "the terms twice": raw + raw,
        "the terms twice, with a comma": raw + b"," + raw,
        "a life of no second": raw[:57] + bytes(2) + raw[59:],
        "terms without the ticket": raw[:59],
        "terms without the nonce": raw[:32] + raw[52:],
        "terms in base64url": base64.urlsafe_b64encode(raw),
        "terms in hex": raw.hex().encode(),
    }
    values = {
        "a number of one digit": good.replace(",42,", ",4,"),
        "a number of three digits": good.replace(",42,", ",042,"),
        "a number in Roman letters": good.replace(",42,", ",IV,"),
        "an empty request": good.replace("lgn_2Y7K4M9QWZ3T", ""),
        "a request in lower case": good.replace("2Y7K4M9QWZ3T", "2y7k4m9qwz3t"),
        "an empty tenant": good.replace("bank,", ","),
        "a tenant in upper case": good.replace(",bank,", ",BANK,"),
        "a tenant of 33 characters": good.replace(",bank,", f",{'t' * 33},"),
        "an empty origin": good.replace("https://id.bank.example", ""),
        "another scheme": good.replace("https:", "ftp:"),
        "a scheme in upper case": good.replace("https:", "HTTPS:"),
        "a path": good + "/",
        "a query": good + "?x",
        "a person": good.replace("https://", "https://me@"),
        "a host in upper case": good.replace("id.bank", "ID.bank"),
        "an empty label": good.replace("id.bank", "id..bank"),
        "a final dot": good + ".",
        "a label that ends in a hyphen": good.replace("id.bank", "id-.bank"),
        "no host": good.replace("id.bank.example", ":8080"),
        "the scheme's own port": good + ":443",
        "port 0": good + ":0",
        "a port with a zero before it": good + ":08443",
        "a port of six digits": good + ":100000",
        "an empty port": good + ":",
        "an open bracket": good.replace("id.bank.example", "[::1"),
        "a line feed at the end": good + "\n",
    }
    return [
        *(reject(why, Code.FIELD, text=text) for why, text in texts.items()),
        *(reject(why, Code.FIELD, text=of(text)) for why, text in values.items()),
        *(reject(why, Code.FIELD, text=of(start + terms)) for why, terms in refused_terms.items()),
        reject("terms in the place of the origin", Code.ENCODING, text=of(start.rpartition(b",")[0][:25] + raw)),
        reject("no comma before the terms", Code.ENCODING, text=of(good.encode() + raw)),
        reject("terms in a group above 65535", Code.ENCODING, text=of(start + raw)[:-3] + ":::"),
        reject("terms in lower case", Code.ENCODING, text="PTERI1:" + of(start + raw)[7:].lower()),
        reject("one character after the terms", Code.FIELD, text=of(start + raw) + "0"),
        reject("one character less", Code.ENCODING, text=of(start + raw)[:-1]),
        reject("two characters less", Code.FIELD, text=of(start + raw)[:-2]),
        reject("not base45", Code.ENCODING, text=of(good) + "z"),
        reject("not ASCII", Code.ENCODING, text=of(good.encode() + b"\xe9")),
        reject("a space after it", Code.ENCODING, text=of(good) + " "),
    ]


def sign_ins() -> list[Case]:
    other_wallet = address_of(_GENERATOR, AddressKind.P2PKH, "test").text
    return [
        _composed("with a line", inviting()),
        _composed("without a line", inviting(), esim=None),
        _composed("by a phone that was linked a moment ago and remembers epoch 0", inviting(), epoch=0),
        _composed("with the highest epoch", inviting(), epoch=2**53 - 1),
        _composed("by a wallet of a test network", inviting(), network="test", address=other_wallet),
        _composed("by a clock that is 90 s slow", inviting(), at=ISSUED_AT - 90),
        _composed("in its last second", inviting(), at=ISSUED_AT + 119),
        _composed("with the longest life", inviting(expires_at=ISSUED_AT + 300), at=ISSUED_AT + 299),
        _composed("with commas for terms", inviting(session=ids.digest_text(b"," * 32), ticket=COMMAS)),
        *_refused_sign_ins(),
    ]


def _knows(**changes: Any) -> Case:
    known = {"origin": ORIGIN, "tenant": TENANT, "network": "main", "domain": "bank.example", "address": ADDRESS}
    return known | {"device": DEVICE, "account": ACCOUNT, "epoch": 17, "esim": LINE} | changes


def _composed(why: str, invitation: Invitation, *, at: int = ISSUED_AT, **known: Any) -> Case:
    knows, terms = _knows(**known), invitation.terms
    assert terms is not None
    act = Authenticate(ACCOUNT, DEVICE, knows["esim"], max(knows["epoch"], 1), terms.session, invitation.number)
    made = Statement(
        domain=knows["domain"],
        address=knows["address"],
        chain=NETWORKS[knows["network"]].chain_id,
        nonce=terms.nonce,
        issued_at=terms.issued_at,
        expires_at=terms.expires_at,
        request_id=invitation.request,
        act=act,
    )
    text = made.encode()
    back = {
        "session": terms.session,
        "number": invitation.number,
        "issued_at": terms.issued_at,
        "expires_at": terms.expires_at,
        "ticket": terms.ticket,
    }
    return accept(
        why,
        at=at,
        invitation=invitation.encode(),
        knows=knows,
        statement=text.decode("ascii"),
        sha256=hashlib.sha256(text).hexdigest(),
        invited=json.dumps(back, separators=(",", ":")),
    )


def _refused_sign_ins() -> list[Case]:
    def refused(why: str, code: SafetyCode | Code, field: str, invitation: Invitation, *, at: int = ISSUED_AT) -> Case:
        case = {"expect": "reject", "why": why, "code": str(code), "field": field}
        return case | {"at": at, "invitation": invitation.encode(), "knows": _knows()}

    other, window = SafetyCode.FIELD_MISMATCH, SafetyCode.OUT_OF_WINDOW
    moved = msgspec.structs.replace
    return [
        refused("of another server", other, "origin", moved(inviting(), origin="https://evil.example")),
        refused("of a server whose name goes on", other, "origin", moved(inviting(), origin=f"{ORIGIN}.evil.example")),
        refused("of another port", other, "origin", moved(inviting(), origin=f"{ORIGIN}:8443")),
        refused("without TLS", other, "origin", moved(inviting(), origin=ORIGIN.replace("https", "http"))),
        refused("of another tenant", other, "tenant", moved(inviting(), tenant=ids.tenant_id("shop"))),
        refused("of a tenant whose name goes on", other, "tenant", moved(inviting(), tenant=ids.tenant_id("bank-2"))),
        refused("by a clock that is 91 s slow", window, "issued_at", inviting(), at=ISSUED_AT - 91),
        refused("in its first second too late", window, "issued_at", inviting(), at=ISSUED_AT + 120),
        refused("a day late", window, "issued_at", inviting(), at=ISSUED_AT + 86_400),
        refused("with a life of 301 s", window, "issued_at", inviting(expires_at=ISSUED_AT + 301)),
        refused("with the highest life", window, "issued_at", inviting(expires_at=ISSUED_AT + 65_535)),
        refused("issued in 1970", window, "issued_at", inviting(issued_at=0, expires_at=120)),
        refused(
            "issued tomorrow",
            window,
            "issued_at",
            inviting(issued_at=ISSUED_AT + 86_400, expires_at=ISSUED_AT + 86_520),
        ),
        refused("issued after the year 9999", Code.FIELD, "", inviting(issued_at=2**40 - 121, expires_at=2**40 - 1)),
    ]
