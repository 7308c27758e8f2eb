"""Wallets of every kind with fixed keys, and the payloads and requests that a phone makes with them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import ids
from pteri.core.httpsig import SignedRequest, Tag, sign
from pteri.core.keys import secp256k1
from pteri.core.keys.address import Address, AddressKind, address_of
from pteri.core.keys.message import SignatureType, message_digest, sign_message
from pteri.core.keys.secret import Secret
from pteri.core.verify import Enrolment, Payload, WalletSignature
from pteri.core.wallets import PinnedWallet, pin_wallet
from statements import ISSUED_AT, PHONE, statement

if TYPE_CHECKING:
    from pteri.core.acts import StatementAct
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.core.statement import Statement

URI: Final = "https://id.bank.example/v1/bank/challenges/lgn_2Y7K4M9QWZ3T/response"
_BIP137_HEADER: Final = 39


@dataclass(frozen=True)
class FixedWallet:
    """One key, used in one way."""

    kind: AddressKind
    signature_type: SignatureType
    secret: Secret = field(default_factory=lambda: Secret(hashlib.sha256(b"never held a coin").digest()))

    @property
    def address(self) -> Address:
        return address_of(secp256k1.public_key(self.secret.reveal()), self.kind, "main")

    @property
    def pinned(self) -> PinnedWallet:
        key = secp256k1.public_key(self.secret.reveal())
        shown = self.address.program if self.kind is AddressKind.P2TR else key
        return pin_wallet(self.address.text, ids.to_base64url(shown), self.signature_type, network="main")

    def sign(self, text: bytes) -> str:
        if self.kind is not AddressKind.P2WPKH or self.signature_type is not SignatureType.BIP137:
            return sign_message(self.secret, text, kind=self.kind)
        # A Trezor's signature for a native segwit address, which sign_message does not make.
        compact = secp256k1.sign_recoverable(self.secret.reveal(), message_digest(text))
        return base64.b64encode(bytes((_BIP137_HEADER + compact[0],)) + compact[1:]).decode()


WALLET: Final = FixedWallet(AddressKind.P2PKH, SignatureType.P2PKH)
WALLETS: Final = [
    WALLET,
    FixedWallet(AddressKind.P2SH_P2WPKH, SignatureType.BIP137),
    FixedWallet(AddressKind.P2WPKH, SignatureType.BIP137),
    FixedWallet(AddressKind.P2WPKH, SignatureType.BIP322_SIMPLE),
    FixedWallet(AddressKind.P2TR, SignatureType.BIP322_SIMPLE),
]


def named(act: StatementAct, wallet: FixedWallet = WALLET) -> Statement:
    """The statement of this act that names this wallet."""
    return msgspec.structs.replace(statement(act), address=wallet.address.text)


def payload(said: Statement, wallet: FixedWallet = WALLET, *, enrolment: Enrolment | None = None) -> Payload:
    text = said.encode()
    return Payload(
        wallet_signature=WalletSignature(wallet.signature_type, wallet.sign(text)),
        statement_sha256=ids.digest_text(hashlib.sha256(text).digest()),
        client="tests",
        enrolment=enrolment,
    )


def enrolment(wallet: FixedWallet = WALLET, phone: DevicePrivateKey = PHONE) -> Enrolment:
    return Enrolment(ids.to_base64url(phone.public.sec1), wallet.pinned)


def request(body: bytes | Payload, *, phone: DevicePrivateKey = PHONE, created_at: int = ISSUED_AT) -> SignedRequest:
    return sign(
        method="POST",
        target_uri=URI,
        body=body if isinstance(body, bytes) else msgspec.json.encode(body),
        idempotency_key="resp_7Xk2mP9qLw4RtY1z",
        key=phone,
        created_at=created_at,
        nonce=bytes(range(16)),
        tag=Tag.DEVICE,
    )
