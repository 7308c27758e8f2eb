"""Writes vectors/airgap.json: answers of phones without network, good and bad, and the requests that they are of."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from pteri.core import ids
from pteri.core.acts import Authenticate
from pteri.core.airgap import AirgapAnswer, answered_request, sign_answer
from pteri.core.base45 import to_base45
from pteri.core.errors import Code
from pteri.core.httpsig import Tag, parse, signature_base
from pteri.core.invitation import Invitation, Terms
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.message import SignatureType
from pteri.core.statement import Statement
from pteri.core.verify import Invited
from signing import WALLETS, FixedWallet
from statements import ACCOUNT, ISSUED_AT, LINE, NEW_PHONE, PHONE, SESSION
from vectors.cases import Case, accept, reject

FILE: Final = Path(__file__).parents[2] / "vectors" / "airgap.json"
NOTE: Final = (
    "Each list holds cases with 'expect' accept or reject. 'answers': the text and what it says (docs/spec section "
    "4.6); a rejected one is refused with 'code' (section 1.1) before any key is used. 'sign_ins': the phone with "
    "'device_key_hex' and the wallet with 'wallet_key_hex' answer 'invitation' at 'created_at'; what both sides build "
    "of it is spelt out. Another signer may make other signatures; the request must be this one. Of a rejected one, "
    "the request that the server builds from what it knows is verified with 'code'. The keys are published and open "
    "nothing."
)
ORIGIN: Final = "https://id.bank.example"
TENANT: Final = ids.tenant_id("bank")
REQUEST: Final = ids.new_request_id("lgn", ISSUED_AT, bytes(range(12)))
TERMS: Final = Terms(
    session=SESSION,
    nonce=ids.new_nonce(ISSUED_AT, bytes(range(15))),
    issued_at=ISSUED_AT,
    expires_at=ISSUED_AT + 120,
    ticket=ids.to_base64url(bytes(range(13))),
)
CREATED_AT: Final = ISSUED_AT + 7
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def inviting(**changes: Any) -> Invitation:
    return Invitation(REQUEST, TENANT, "42", ORIGIN, msgspec.structs.replace(TERMS, **changes))


def invited(invitation: Invitation) -> Invited:
    terms = invitation.terms
    assert terms is not None
    return Invited(terms.session, invitation.number, terms.issued_at, terms.expires_at, terms.ticket)


def statement_of(invitation: Invitation, wallet: FixedWallet, phone: DevicePrivateKey, **changes: Any) -> Statement:
    terms = invitation.terms
    assert terms is not None
    act = Authenticate(ACCOUNT, phone.public.thumbprint, LINE, 17, terms.session, invitation.number)
    return Statement(
        domain=ids.domain("bank.example"),
        address=wallet.address.text,
        chain="bip122:12a765e31ffd4059bada1e25190f6e98",
        nonce=terms.nonce,
        issued_at=terms.issued_at,
        expires_at=terms.expires_at,
        request_id=invitation.request,
        act=msgspec.structs.replace(act, **changes),
    )


def answer_of(
    invitation: Invitation,
    *,
    wallet: FixedWallet = WALLETS[0],
    phone: DevicePrivateKey = PHONE,
    created_at: int = CREATED_AT,
    said: Statement | None = None,
) -> AirgapAnswer:
    statement = said or statement_of(invitation, wallet, phone)
    return sign_answer(
        statement,
        wallet_signature=wallet.sign(statement.encode()),
        signature_type=wallet.signature_type,
        invited=invited(invitation),
        origin=invitation.origin,
        tenant=invitation.tenant,
        key=phone,
        created_at=created_at,
    )


def _raw(answer: AirgapAnswer) -> bytes:
    """The bytes, by the layout of docs/spec section 4.6 alone."""
    characters = answer.request.removeprefix("lgn_")
    number = 0
    for character in characters:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    request = (number << 6).to_bytes(17, "big")
    device = base64.urlsafe_b64decode(answer.device + "=")
    return request + device + answer.created_at.to_bytes(5, "big") + answer.device_signature + answer.wallet_signature


def _text(raw: bytes) -> str:
    return "PTERI1R:" + to_base45(raw)


def answers() -> list[Case]:
    return [*_good_answers(), *_refused_answers()]


def _good_answers() -> list[Case]:
    one = answer_of(inviting())
    replace = msgspec.structs.replace
    made = {
        "a compact signature": one,
        "the shortest numbers": replace(
            one, request=ids.new_request_id("lgn", 0, bytes(12)), created_at=0, device_signature=_rs(1, 1)
        ),
        "the highest numbers": replace(
            one,
            request=ids.new_request_id("lgn", (1 << 40) - 1, b"\xff" * 12),
            created_at=10**12 - 1,
            device_signature=_rs(_N - 1, _N // 2),
        ),
        "the witness of a P2TR address": answer_of(inviting(), wallet=WALLETS[-1]),
        "the witness of a P2WPKH address": answer_of(inviting(), wallet=WALLETS[-2]),
        "the longest witness": replace(one, wallet_signature=bytes(range(108))),
    }
    return [
        accept(
            why,
            text=_text(_raw(answer)),
            request=answer.request,
            device=answer.device,
            created_at=answer.created_at,
            device_signature_hex=answer.device_signature.hex(),
            wallet_signature_hex=answer.wallet_signature.hex(),
        )
        for why, answer in made.items()
    ]


def _rs(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _refused_answers() -> list[Case]:
    raw = _raw(answer_of(inviting()))
    good, s = _text(raw), int.from_bytes(raw[86:118], "big")
    texts = {
        "nothing": "",
        "the prefix alone, without its colon": "PTERI1R",
        "no prefix": good.removeprefix("PTERI1R:"),
        "a prefix in lower case": "pteri1r:" + good.removeprefix("PTERI1R:"),
        "a later version": "PTERI2R:" + good.removeprefix("PTERI1R:"),
        "an invitation": inviting().encode(),
        "a code": "46416065",
        "a space before it": " " + good,
        "over 347 characters: a wallet signature of 109 bytes": _text(raw[:118] + bytes(109)),
    }
    lengths = {
        "the prefix alone": b"",
        "the request alone": raw[:17],
        "no wallet signature": raw[:118],
        "a wallet signature without its last byte": raw[:-1],
        "a wallet signature without its header byte": raw[:118] + raw[119:],
    }
    spellings = {
        f"bit {bit} of the six that no character of the request carries": raw[:16]
        + bytes((raw[16] | 1 << bit,))
        + raw[17:]
        for bit in range(6)
    }
    numbers = {
        "a device signature of zeros": (Code.RANGE, _rs(0, 0)),
        "r of 0": (Code.RANGE, _rs(0, s)),
        "r of n": (Code.RANGE, _rs(_N, s)),
        "s of 0": (Code.RANGE, raw[54:86] + bytes(32)),
        "s of n": (Code.RANGE, raw[54:86] + _N.to_bytes(32, "big")),
        "a device signature of ones": (Code.RANGE, b"\xff" * 64),
        "the twin of its device signature": (Code.HIGH_S, raw[54:86] + (_N - s).to_bytes(32, "big")),
        "s just above n/2": (Code.HIGH_S, raw[54:86] + (_N // 2 + 1).to_bytes(32, "big")),
        "s of n - 1": (Code.HIGH_S, raw[54:86] + (_N - 1).to_bytes(32, "big")),
    }
    return [
        *(reject(why, Code.FIELD, text=text) for why, text in texts.items()),
        *(reject(why, Code.LENGTH, text=_text(short)) for why, short in lengths.items()),
        *(reject(why, Code.ENCODING, text=_text(other)) for why, other in spellings.items()),
        *(reject(why, code, text=_text(raw[:54] + rs + raw[118:])) for why, (code, rs) in numbers.items()),
        reject(
            "an instant of thirteen digits", Code.FIELD, text=_text(raw[:49] + (10**12).to_bytes(5, "big") + raw[54:])
        ),
        reject("the highest instant", Code.FIELD, text=_text(raw[:49] + b"\xff" * 5 + raw[54:])),
        reject("one character less", Code.ENCODING, text=good[:-1]),
        reject("a space after it", Code.ENCODING, text=good + " "),
        reject("lower case", Code.ENCODING, text="PTERI1R:" + good[8:].lower()),
        reject("a group above 65535", Code.ENCODING, text=good[:8] + ":::" + good[11:]),
        reject("not base45", Code.ENCODING, text=good[:-1] + "#"),
        reject("not ASCII", Code.ENCODING, text=good[:-1] + "\u0410"),
    ]


def sign_ins() -> list[Case]:
    """The whole of it, in five kinds of wallet; then the same answers where something else is expected."""
    return [
        *(_signed(f"{wallet.kind} and {wallet.signature_type}", wallet) for wallet in WALLETS),
        *_refused_sign_ins(),
    ]


def _signed(why: str, wallet: FixedWallet) -> Case:
    invitation = inviting()
    said = statement_of(invitation, wallet, PHONE)
    answer = answer_of(invitation, wallet=wallet)
    request = answered_request(
        answer,
        said,
        signature_type=wallet.signature_type,
        invited=invited(invitation),
        origin=ORIGIN,
        tenant=TENANT,
    )
    nonce = parse(request, expected_tag=Tag.DEVICE).nonce
    base = signature_base(
        method=request.method,
        target_uri=request.target_uri,
        content_digest=request.content_digest,
        idempotency_key=request.idempotency_key,
        key_id=answer.device,
        created_at=answer.created_at,
        nonce=nonce,
        tag=Tag.DEVICE,
    )
    assert nonce == ids.to_base64url(hashlib.sha256(b"PTERI-AIRGAP-v1\0" + REQUEST.encode()).digest()[:16])
    return accept(
        why,
        invitation=invitation.encode(),
        device_key_hex=PHONE.secret.reveal().hex(),
        wallet_key_hex=wallet.secret.reveal().hex(),
        public_key=wallet.pinned.public_key,
        signature_type=str(wallet.signature_type),
        statement=said.encode().decode("ascii"),
        created_at=CREATED_AT,
        target_uri=request.target_uri,
        idempotency_key=request.idempotency_key,
        nonce=nonce,
        body=request.body.decode("ascii"),
        signature_base=base.decode("ascii"),
        answer=answer.encode(),
    )


def _refused_sign_ins() -> list[Case]:
    wallet, invitation = WALLETS[0], inviting()
    mine = answer_of(invitation)

    def refused(
        why: str,
        code: Code,
        *,
        answer: AirgapAnswer = mine,
        shown: Invitation = invitation,
        at: int = CREATED_AT,
        **act: Any,
    ) -> Case:
        return reject(
            why,
            code,
            at=at,
            invitation=shown.encode(),
            device_key_hex=PHONE.secret.reveal().hex(),
            public_key=wallet.pinned.public_key,
            signature_type=str(SignatureType.P2PKH),
            statement=statement_of(shown, wallet, PHONE, **act).encode().decode("ascii"),
            answer=answer.encode(),
        )

    def signed_by_phone(**act: Any) -> AirgapAnswer:
        return answer_of(invitation, said=statement_of(invitation, wallet, PHONE, **act))

    def moved(**changes: Any) -> Invitation:
        return msgspec.structs.replace(invitation, **changes)

    not_signed, replace = Code.DEVICE_SIGNATURE, msgspec.structs.replace
    stranger = answer_of(invitation, phone=NEW_PHONE, said=statement_of(invitation, wallet, PHONE))
    return [
        refused("in another browser session", not_signed, shown=inviting(session=ids.digest_text(bytes(32)))),
        refused("with another nonce", not_signed, shown=inviting(nonce=ids.new_nonce(ISSUED_AT, bytes(15)))),
        refused("with another ticket", not_signed, shown=inviting(ticket=ids.to_base64url(bytes(13)))),
        refused("with a longer life", not_signed, shown=inviting(expires_at=ISSUED_AT + 121)),
        refused("with another number", not_signed, shown=moved(number="43")),
        refused("at another server", not_signed, shown=moved(origin="https://evil.example")),
        refused("at another tenant", not_signed, shown=moved(tenant=ids.tenant_id("shop"))),
        refused("of another sign-in", not_signed, shown=moved(request=ids.new_request_id("lgn", ISSUED_AT, bytes(12)))),
        refused("of an earlier epoch", not_signed, epoch=18),
        refused("of a later epoch", not_signed, answer=signed_by_phone(epoch=18)),
        refused("of another account", not_signed, account=ids.new_account_id(bytes(13))),
        refused("of another line", not_signed, esim=None),
        refused("by another phone", not_signed, answer=stranger),
        refused("by another phone in this one's name", not_signed, answer=replace(stranger, device=mine.device)),
        refused("said to be made a second later", not_signed, answer=replace(mine, created_at=CREATED_AT + 1)),
        refused("with another wallet signature", not_signed, answer=replace(mine, wallet_signature=b"\x1f" * 65)),
        refused("in its first second too late", Code.EXPIRED, at=ISSUED_AT + 120),
        refused("long after", Code.EXPIRED, at=ISSUED_AT + 86_400),
        refused(
            "by a clock 91 s ahead",
            Code.NOT_YET_VALID,
            answer=answer_of(invitation, created_at=ISSUED_AT + 100 + 91),
            at=ISSUED_AT + 100,
        ),
        refused(
            "by a clock 300 s behind",
            Code.EXPIRED,
            answer=answer_of(invitation, created_at=ISSUED_AT - 300),
            at=ISSUED_AT,
        ),
    ]


def document() -> str:
    """The whole file."""
    content = {"format": "pteri-airgap-vectors-1", "note": NOTE, "answers": answers(), "sign_ins": sign_ins()}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
