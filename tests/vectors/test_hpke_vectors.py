"""vectors/hpke.json: the published figures of RFC 9180 for our one suite, and what must not open."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pteri.core import hpke
from pteri.core.errors import Code, ProtocolError
from pteri.core.hpke import Receiver, Sender
from pteri.core.keys.secret import Secret


class Message(msgspec.Struct, forbid_unknown_fields=True):
    sequence: int
    plaintext: str
    aad: str
    ciphertext: str


class Export(msgspec.Struct, forbid_unknown_fields=True):
    context: str
    value: str


class Case(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    ephemeral: str
    recipient_private: str
    recipient_public: str
    info: str
    psk: str
    psk_id: str
    enc: str
    messages: list[Message]
    exports: list[Export]
    code: Code | None = None

    def sender(self, sequence: int = 0) -> Sender:
        return hpke.sender(
            _(self.recipient_public),
            info=_(self.info),
            ephemeral=Secret(_(self.ephemeral)),
            psk=Secret(_(self.psk)) if self.psk else None,
            psk_id=_(self.psk_id),
            sequence=sequence,
        )

    def receiver(self, sequence: int = 0) -> Receiver:
        return hpke.receiver(
            _(self.enc),
            Secret(_(self.recipient_private)),
            info=_(self.info),
            psk=Secret(_(self.psk)) if self.psk else None,
            psk_id=_(self.psk_id),
            sequence=sequence,
        )


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-hpke-vectors-1"]
    note: str
    cases: list[Case]


_ = bytes.fromhex
VECTORS = msgspec.json.decode((Path(__file__).parents[2] / "vectors" / "hpke.json").read_bytes(), type=Vectors)
ACCEPTED = [case for case in VECTORS.cases if case.expect == "accept"]
NOT_OPENED = [case for case in VECTORS.cases if case.expect == "reject" and case.messages]
NOT_SET_UP = [case for case in VECTORS.cases if case.expect == "reject" and not case.messages]


def why(case: Case) -> str:
    return case.why


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_both_ends_do_what_the_rfc_says(case: Case) -> None:
    assert hpke.public_of(Secret(_(case.recipient_private))) == _(case.recipient_public)
    for message in case.messages:
        sender, receiver = case.sender(message.sequence), case.receiver(message.sequence)
        assert sender.enc == _(case.enc)
        assert sender.seal(_(message.plaintext), _(message.aad)) == _(message.ciphertext)
        assert receiver.open(_(message.ciphertext), _(message.aad)) == _(message.plaintext)
        assert sender.sequence == receiver.sequence == message.sequence + 1


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_both_ends_export_what_the_rfc_says(case: Case) -> None:
    assert case.exports
    for export in case.exports:
        expected = Secret(_(export.value))
        assert case.sender().export(_(export.context), 32) == expected
        assert case.receiver().export(_(export.context), 32) == expected


@pytest.mark.parametrize("case", NOT_OPENED, ids=why)
def test_what_must_not_open_is_refused_with_its_code(case: Case) -> None:
    (message,) = case.messages
    with pytest.raises(ProtocolError) as refused:
        case.receiver(message.sequence).open(_(message.ciphertext), _(message.aad))
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", NOT_SET_UP, ids=why)
def test_nobody_seals_for_a_key_that_everybody_can_open_with(case: Case) -> None:
    with pytest.raises(ProtocolError) as refused:
        case.sender()
    assert refused.value.code is case.code


def test_an_independent_implementation_seals_what_we_open() -> None:
    case = next(case for case in ACCEPTED if not case.psk)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    public = X25519PublicKey.from_public_bytes(_(case.recipient_public))
    sealed = suite.encrypt(b"made elsewhere", public, info=_(case.info))
    case.enc = sealed[:32].hex()
    assert case.receiver().open(sealed[32:], b"") == b"made elsewhere"


def test_most_cases_are_refusals() -> None:
    assert len(NOT_OPENED) + len(NOT_SET_UP) > len(ACCEPTED)
