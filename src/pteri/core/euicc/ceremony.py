"""A chip proves itself to a server: the two steps of common mutual authentication (SGP.22 section 3.0.1).

``start`` answers a phone with a challenge that our certificate signed; ``conclude`` verifies the chip's answer. Between
them the caller keeps :class:`Started` and spends it once: whoever concludes twice has a bug in the store, not here.

A phone calls without saying for whom: which binding it is about comes with the *matching id*, the token in the code
that the person scanned, and the chip signs that too. A caller that knows the binding beforehand, since the binding has
an address of its own, gives :func:`pteri.core.euicc.challenge.bind_challenge`; any other caller gives 16 random bytes
and looks the token up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import msgspec

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic, OutOfWindow
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.certificate import Role, parse_certificate
from pteri.core.euicc.challenge import (
    CHALLENGE_BYTES,
    MAX_TRANSACTION_BYTES,
    ChipProof,
    verify_authenticate_response,
)
from pteri.core.euicc.der import OCTET_STRING, SEQUENCE
from pteri.core.euicc.der_writer import element
from pteri.core.euicc.es9 import EXECUTED, AuthenticateClient, Initiated, Wish, to_base64, transaction_text
from pteri.core.euicc.extensions import Usage
from pteri.core.euicc.notification import SIGNATURE
from pteri.core.keys.device import DevicePrivateKey

__all__ = ["LIFETIME_S", "ServerIdentity", "Started", "conclude", "start"]

LIFETIME_S: Final = 600
"""How long a chip may take to answer."""
_SELF_TEST: Final = b"pteri/dpauth"


class ServerIdentity:
    """A certificate for authenticating servers to chips (role 4), and its key on P-256. The key is never shown."""

    __slots__ = ("_key", "certificate", "ci_key_id")

    def __init__(self, certificate: bytes, ci_key_id: bytes, key: DevicePrivateKey) -> None:
        self.certificate = certificate
        self.ci_key_id = ci_key_id
        self._key = key

    @classmethod
    def load(cls, certificate: bytes, key: DevicePrivateKey) -> Self:
        """An identity out of configuration: refused unless certificate and key belong together and are for this."""
        read = parse_certificate(certificate)
        if not read.has_role(Role.DP_AUTH):
            raise NotAuthentic(Code.CERTIFICATE_ROLE, "not a certificate that authenticates a server to a chip")
        if Usage.DIGITAL_SIGNATURE not in read.extensions.usage or read.extensions.is_ca:
            raise NotAuthentic(Code.CERTIFICATE_USAGE, "a certificate whose key may not sign this")
        ci_key_id = read.extensions.authority_key_id
        if ci_key_id is None:
            raise MalformedEvidence(Code.CERTIFICATE, "a server's certificate names its issuer's key")
        # Found out here and not by the first chip, which would only say no.
        read.key.check_raw(_SELF_TEST, key.sign(_SELF_TEST), otherwise=Code.KEY)
        return cls(certificate, ci_key_id, key)

    def sign(self, message: bytes) -> bytes:
        """``serverSignature1`` over it: r || s in its element."""
        return element(SIGNATURE, self._key.sign(message))


class Started(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server keeps of a start, to be spent once. ``expires_at`` is outside: ``at < expires_at``."""

    transaction_id: bytes
    challenge: bytes
    address: str
    ci_key_id: str
    expires_at: int

    def __repr__(self) -> str:
        # A challenge is no secret, and with it in a log it would be easier to mistake for one.
        return f"Started({transaction_text(self.transaction_id)}, {self.address}, {self.expires_at})"


def start(
    wish: Wish,
    *,
    identities: Sequence[ServerIdentity],
    anchors: TrustAnchors,
    address: str,
    transaction_id: bytes,
    challenge: bytes,
    at: int,
) -> tuple[Started, Initiated]:
    """Answer ``initiateAuthentication``: what to keep, and what to send.

    ``address`` is our own, from configuration: it is what the chip signs. ``transaction_id`` and ``challenge`` are
    fresh, 16 bytes each. Refuses with ``NotAuthentic``: ``SERVER_ADDRESS`` where another server was meant,
    ``UNKNOWN_CI`` where the chip believes none of our certificates, or has none that we believe.
    """
    if len(challenge) != CHALLENGE_BYTES or len(transaction_id) != MAX_TRANSACTION_BYTES:
        raise ValueError("a challenge and a transaction id are 16 bytes that nobody can guess")
    if wish.address.lower() != address.lower():  # host names have no case (SGP.22 section 5.6.1)
        raise NotAuthentic(Code.SERVER_ADDRESS, "another server was meant")
    identity = next((one for key_id in wish.verification for one in identities if one.ci_key_id == key_id), None)
    issuer = next((key_id for key_id in wish.signing if anchors.trusts(key_id)), None)
    if identity is None or issuer is None:
        raise NotAuthentic(Code.UNKNOWN_CI, "no certificate issuer that both sides know")
    signed = element(
        SEQUENCE,
        element(0x80, transaction_id),
        element(0x81, wish.challenge),
        element(0x83, address.encode("ascii")),
        element(0x84, challenge),
    )
    kept = Started(
        transaction_id=transaction_id,
        challenge=challenge,
        address=address,
        ci_key_id=issuer.hex(),
        expires_at=at + LIFETIME_S,
    )
    return kept, Initiated(
        header=EXECUTED,
        transaction_id=transaction_text(transaction_id),
        server_signed1=to_base64(signed),
        server_signature1=to_base64(identity.sign(signed)),
        ci_key_id=to_base64(element(OCTET_STRING, issuer)),
        server_certificate=to_base64(identity.certificate),
    )


def conclude(answer: AuthenticateClient, started: Started, *, anchors: TrustAnchors, at: int) -> ChipProof:
    """Verify the chip's answer to what was started.

    1. It is in time: ``OutOfWindow(EXPIRED)``.
    2. It names the transaction, outside of what is signed too.
    3. :func:`pteri.core.euicc.challenge.verify_authenticate_response` with what was kept.
    4. The chip signed under the issuer that it was told to sign under: ``NotAuthentic(UNKNOWN_CI)``.

    Raises ``OutOfWindow``, ``MalformedEvidence`` or ``NotAuthentic``, and nothing else.
    """
    if at >= started.expires_at:
        raise OutOfWindow(Code.EXPIRED, "the chip took too long to answer")
    if answer.transaction_id != transaction_text(started.transaction_id):
        raise NotAuthentic(Code.TRANSACTION, "an answer in another transaction")
    proof = verify_authenticate_response(
        answer.der(),
        anchors=anchors,
        at=at,
        expected_challenge=started.challenge,
        expected_transaction_id=started.transaction_id,
        expected_address=started.address,
    )
    if proof.ci_key_id != started.ci_key_id:
        raise NotAuthentic(Code.UNKNOWN_CI, "the chip signed under another issuer than it was told")
    return proof
