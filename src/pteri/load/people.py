"""Made-up people with real keys. Everyone's keys come out of the relying party's, so nothing has to be kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import ids
from pteri.core.ids import AccountId, Digest
from pteri.core.keys import secp256k1
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.message import SignatureType, message_digest
from pteri.core.verify import Enrolment, WalletSignature
from pteri.core.wallets import PinnedWallet

if TYPE_CHECKING:
    from pteri.core.keys.secret import Secret

__all__ = ["Person", "Standing", "login_of", "session_of"]

_LABEL: Final = b"PTERI-LOAD-v1"
_COMPRESSED_P2PKH: Final = 31


class Standing(msgspec.Struct, frozen=True):
    """What a phone knows of its account."""

    account: AccountId
    epoch: int
    esim: Digest | None


class Person:
    """Somebody with a wallet, a phone and a login at the relying party whose secret is ``of``.

    Only who has that secret can be this person again, so two relying parties never meet in one.
    """

    def __init__(self, number: int, *, of: Secret, network: str) -> None:
        self.login = login_of(number)
        secret = hmac.digest(of.reveal(), _LABEL + f" wallet {number}".encode(), "sha256")
        random = hmac.digest(of.reveal(), _LABEL + f" device {number}".encode(), "sha512")
        public_key = secp256k1.public_key(secret)
        self.device = DevicePrivateKey.from_random(random[:RANDOM_BYTES])
        self.wallet = PinnedWallet(
            address=address_of(public_key, AddressKind.P2PKH, network).text,
            public_key=ids.to_base64url(public_key),
            signature_type=SignatureType.P2PKH,
        )
        self.standing: Standing | None = None
        self._sign_digest = _signer(secret)

    @property
    def enrolment(self) -> Enrolment:
        """What this phone brings when it is linked."""
        return Enrolment(ids.to_base64url(self.device.public.sec1), self.wallet)

    def sign(self, text: bytes) -> tuple[WalletSignature, bytes]:
        """The wallet's signature as it is sent, and its r || s, from which the code is made."""
        recovery_id, rs = self._sign_digest(message_digest(text))
        compact = bytes((_COMPRESSED_P2PKH + recovery_id,)) + rs
        return WalletSignature(SignatureType.P2PKH, base64.b64encode(compact).decode("ascii")), rs


def login_of(number: int) -> str:
    """A name in a domain that can never be anybody's (RFC 2606)."""
    return f"load-{number}@people.invalid"


def session_of(secret: bytes) -> Digest:
    """What the server is told of a browser session."""
    return ids.digest_text(hashlib.sha256(secret).digest())


def _signer(secret: bytes) -> Callable[[bytes], tuple[int, bytes]]:
    """A function that signs digests with this key: recovery id and r || s.

    The port makes a key object for each signature, which costs more than the signature. Here one person signs often.
    """
    try:
        from coincurve import PrivateKey  # noqa: PLC0415 - not there on every Python
    except ModuleNotFoundError:  # pragma: no cover - the second backend: slower, the same bytes

        def sign_slowly(digest: bytes) -> tuple[int, bytes]:
            signature = secp256k1.sign_recoverable(secret, digest)
            return signature[0], signature[1:]

        return sign_slowly
    key = PrivateKey(secret)

    def sign(digest: bytes) -> tuple[int, bytes]:
        signature = key.sign_recoverable(digest, hasher=None)
        return signature[64], signature[:64]

    return sign
