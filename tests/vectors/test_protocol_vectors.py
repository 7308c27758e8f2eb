"""vectors/protocol.json, made by another program: statements, wallet signatures and one-time codes of sign-ins."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from pteri.core import ids
from pteri.core.acts import Authenticate
from pteri.core.errors import Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.message import SignatureType, sign_message, verify_message
from pteri.core.keys.secret import Secret
from pteri.core.otp import one_time_code, parse_code
from pteri.core.statement import Statement, parse


class Case(msgspec.Struct, forbid_unknown_fields=True):
    purpose: str
    domain: str
    address: str
    wallet_private_key_hex: str
    device_thumbprint: str
    statement: str
    statement_sha256: str
    wallet_signature_base64: str
    wallet_signature_rs_hex: str
    device_signature_rs_hex: str
    request_id: str
    session_hash_hex: str
    nonce: str
    digits: int
    one_time_code: str
    expect: Literal["accept"]
    why: str

    def code(
        self,
        *,
        statement: str | None = None,
        wallet: str | None = None,
        device: str | None = None,
        request_id: str | None = None,
        session: str | None = None,
        nonce: str | None = None,
    ) -> str:
        """The code of this case, with some of what it is made of changed."""
        return one_time_code(
            (statement or self.statement).encode(),
            wallet_signature=bytes.fromhex(wallet or self.wallet_signature_rs_hex),
            device_signature=bytes.fromhex(device or self.device_signature_rs_hex),
            request_id=request_id or self.request_id,
            session_hash=bytes.fromhex(session or self.session_hash_hex),
            nonce=nonce or self.nonce,
            digits=self.digits,
        )


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-protocol-vectors-1"]
    note: str
    cases: list[Case]


FILE = Path(__file__).parents[2] / "vectors" / "protocol.json"
VECTORS = msgspec.json.decode(FILE.read_bytes(), type=Vectors)
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def name(case: Case) -> str:
    return case.request_id


every_case = pytest.mark.parametrize("case", VECTORS.cases, ids=name)


def expected(case: Case) -> Statement:
    """Typed fields of a case; what its file tells in the statement only is cut out of the text."""
    values = dict(line.split(": ", 1) for line in case.statement.split("\n") if ": " in line)
    resources = dict(line.removeprefix("pteri:").split(":", 1) for line in case.statement.split("\n- ")[1:])
    act = Authenticate(
        account=ids.account_id(resources["account"]),
        device=ids.thumbprint(case.device_thumbprint),
        esim=ids.digest(resources["esim"]),
        epoch=int(resources["epoch"]),
        session=ids.digest_text(bytes.fromhex(case.session_hash_hex)),
        code=resources["code"],
    )
    return Statement(
        domain=ids.domain(case.domain),
        address=case.address,
        chain=values["Chain ID"],
        nonce=ids.nonce(case.nonce),
        issued_at=int(datetime.fromisoformat(values["Issued At"]).timestamp()),
        expires_at=int(datetime.fromisoformat(values["Expiration Time"]).timestamp()),
        request_id=ids.request_id(case.request_id),
        act=act,
    )


def other(character: str) -> str:
    """Another character of the same alphabet, as far as there is one."""
    if character.isdigit():
        return str((int(character) + 1) % 10)
    return {"z": "y", "Z": "Y"}.get(character) or chr(ord(character) + 1)


def test_the_file_has_all_its_cases() -> None:
    assert len(VECTORS.cases) == 12
    assert {case.purpose for case in VECTORS.cases} == {"authenticate"}
    assert {case.digits for case in VECTORS.cases} == {6, 8}


@every_case
def test_the_text_reads_as_its_fields_and_is_written_byte_for_byte(case: Case) -> None:
    text = case.statement.encode()
    assert parse(text) == expected(case)
    assert expected(case).encode() == text
    assert expected(case).sha256().hex() == hashlib.sha256(text).hexdigest() == case.statement_sha256


@every_case
def test_the_wallet_signature_verifies_and_is_the_one_that_the_key_makes(case: Case) -> None:
    text = case.statement.encode()
    verified = verify_message(case.address, text, case.wallet_signature_base64)
    assert verified.signature_type is SignatureType.P2PKH
    assert verified.rs.hex() == case.wallet_signature_rs_hex
    assert verified.message_sha256.hex() == case.statement_sha256
    key = Secret(bytes.fromhex(case.wallet_private_key_hex))
    assert sign_message(key, text) == case.wallet_signature_base64


@every_case
def test_the_code_is_the_one_of_the_file(case: Case) -> None:
    assert case.code() == case.one_time_code
    assert parse_code(case.one_time_code, digits=case.digits) == case.one_time_code


@every_case
def test_a_text_with_one_character_changed_is_another_statement_or_none(case: Case) -> None:
    for place, character in enumerate(case.statement):
        changed = case.statement[:place] + other(character) + case.statement[place + 1 :]
        try:
            read = parse(changed.encode())
        except Malformed:
            continue
        assert read != expected(case)
        assert read.encode() == changed.encode()


@every_case
def test_the_wallet_signature_is_good_for_no_other_text_address_or_bytes(case: Case) -> None:
    text, signature = case.statement.encode(), case.wallet_signature_base64
    elsewhere = next(another.address for another in VECTORS.cases if another.address != case.address)
    raw = bytearray(base64.b64decode(signature))
    raw[-1] ^= 1
    for address, message, signed in (
        (case.address, text[:-1] + other(chr(text[-1])).encode(), signature),
        (case.address, text + b"\n", signature),
        (elsewhere, text, signature),
        (case.address, text, base64.b64encode(raw).decode()),
    ):
        with pytest.raises(NotAuthentic):
            verify_message(address, message, signed)


def test_each_field_of_a_case_is_in_the_text_so_no_other_value_can_stand_for_it() -> None:
    case = VECTORS.cases[0]
    good = expected(case)
    act = good.act
    assert isinstance(act, Authenticate)
    changes = [
        msgspec.structs.replace(good, domain=ids.domain("bonk.example")),
        msgspec.structs.replace(good, address=VECTORS.cases[1].address),
        msgspec.structs.replace(good, chain="bip122:4966625a4b2851d9fdee139e56211a0d"),
        msgspec.structs.replace(good, nonce=ids.nonce(VECTORS.cases[1].nonce)),
        msgspec.structs.replace(good, issued_at=good.issued_at + 1),
        msgspec.structs.replace(good, expires_at=good.expires_at + 1),
        msgspec.structs.replace(good, request_id=ids.request_id(VECTORS.cases[1].request_id)),
        msgspec.structs.replace(good, block=ids.block_id("0" * 64)),
        *(
            msgspec.structs.replace(good, act=changed)
            for changed in (
                msgspec.structs.replace(act, account=ids.account_id("acct_000000000000")),
                msgspec.structs.replace(act, device=ids.thumbprint(VECTORS.cases[1].device_thumbprint)),
                msgspec.structs.replace(act, esim=None),
                msgspec.structs.replace(act, epoch=act.epoch + 1),
                msgspec.structs.replace(act, session=act.esim),
                msgspec.structs.replace(act, code=other(act.code[0]) + act.code[1]),
            )
        ),
    ]
    assert len(changes) == len(Statement.__struct_fields__) + len(Authenticate.__struct_fields__) - 1
    for changed in changes:
        with pytest.raises(ProtocolError):
            verify_message(case.address, changed.encode(), case.wallet_signature_base64)


@every_case
def test_the_code_hangs_on_everything_it_is_made_of(case: Case) -> None:
    """Six digits can be equal by chance, once in a million; these vectors are fixed, and none is."""
    wallet, device = bytearray.fromhex(case.wallet_signature_rs_hex), bytearray.fromhex(case.device_signature_rs_hex)
    wallet[0] ^= 1
    device[0] ^= 1
    others = {
        case.code(statement=case.statement + " "),
        case.code(wallet=wallet.hex()),
        case.code(device=device.hex()),
        case.code(request_id="lgn_000000000000"),
        case.code(session="00" * 32),
        case.code(nonce="0" * 32),
        case.code(wallet=case.device_signature_rs_hex, device=case.wallet_signature_rs_hex),
    }
    assert case.one_time_code not in others
    assert len(others) == 7


@every_case
def test_the_twin_of_the_device_signature_gives_the_same_code(case: Case) -> None:
    r, s = case.device_signature_rs_hex[:64], int(case.device_signature_rs_hex[64:], 16)
    assert case.code(device=f"{r}{P256_N - s:064x}") == case.one_time_code
