"""The request signature: one strict profile of RFC 9421 (docs/spec section 4).

Phones and relying parties sign every request the same way and differ in the tag only. RFC 9421 lets the
signer choose what is covered, by which algorithm and in which spelling; here nothing is left to choose, so
there is nothing to downgrade and no second spelling of a request. The one form, with line breaks added::

    Content-Digest: sha-256=:<base64 of 32 bytes>:
    Idempotency-Key: <16 to 64 of A-Z a-z 0-9 _ ->
    Signature-Input: pteri=("@method" "@target-uri" "content-digest" "idempotency-key")
        ;created=<Unix seconds>;keyid="<thumbprint>";alg="ecdsa-p256-sha256"
        ;nonce="<base64url of 16 bytes>";tag="<tag>"
    Signature: pteri=:<base64 of r || s>:

The key comes from the record of the device or the relying party, and with it the algorithm: ``alg`` is a
constant of the text and is never read. Replay inside the window is the store's to refuse, by idempotency
key and nonce.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.ids import IdempotencyKey, Thumbprint, to_base64url

if TYPE_CHECKING:
    from pteri.core.keys.device import DeviceKey, DevicePrivateKey

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_TARGET_URI",
    "NONCE_BYTES",
    "ParsedRequest",
    "SignedRequest",
    "Tag",
    "VerifiedRequest",
    "assembled",
    "content_digest_of",
    "parse",
    "sign",
    "signature_base",
    "verify",
    "verify_parsed",
]

MAX_BODY_BYTES: Final = 65_536
MAX_TARGET_URI: Final = 2048
NONCE_BYTES: Final = 16
_MAX_AGE_S: Final = 300
_MAX_AHEAD_S: Final = 90  # a phone's clock may run this far ahead of ours

# Every pattern is bounded: an oversized header is refused after a look at its first characters. Each base64
# value ends on a character whose unused bits are zero, or one signature had sixteen spellings.
_METHOD = re.compile(r"[A-Z]{1,16}")
_TARGET_URI = re.compile(rf"(?=.{{1,{MAX_TARGET_URI}}}\Z)https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_CONTENT_DIGEST = re.compile(r"sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SIGNATURE = re.compile(r"pteri=:([A-Za-z0-9+/]{85}[AQgw]==):")
_PARAMETERS = re.compile(
    r'\("@method" "@target-uri" "content-digest" "idempotency-key"\)'
    r";created=(?P<created>0|[1-9][0-9]{0,11})"
    r';keyid="(?P<key_id>[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"'
    r';alg="ecdsa-p256-sha256"'
    r';nonce="(?P<nonce>[A-Za-z0-9_-]{21}[AQgw])"'
    r';tag="(?P<tag>pteri-[a-z]{1,16}-v1)"'
)
_SIGNATURE_INPUT = re.compile(rf"pteri={_PARAMETERS.pattern}")


class Tag(StrEnum):
    """Who signs. A signature made for one tag never counts under the other."""

    DEVICE = "pteri-device-v1"
    CLIENT = "pteri-client-v1"


class SignedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request as it came in: ``target_uri`` is absolute, a header value is one string without outer space.

    The web layer refuses a header that is missing or comes twice; what is inside the strings is judged
    here. Body and signature are not in the ``repr``: the one-time code is computed from the signature, no
    log may show it.
    """

    method: str
    target_uri: str
    body: bytes
    content_digest: str
    idempotency_key: str
    signature_input: str
    signature: str

    def __repr__(self) -> str:
        return f"SignedRequest({self.method} {self.target_uri}, {self.idempotency_key}, {self.signature_input})"

    def headers(self) -> dict[str, str]:
        """Headers to send, names in lower case."""
        return {
            "content-digest": self.content_digest,
            "idempotency-key": self.idempotency_key,
            "signature-input": self.signature_input,
            "signature": self.signature,
        }


class ParsedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request in the one form, with the body that its digest says: enough to look a key up, proof of nothing.

    Made by :func:`parse` only, so that nothing is checked twice. ``signature`` is r || s; ``parameters`` the text that
    the signature covers last.
    """

    request: SignedRequest
    tag: Tag
    key_id: Thumbprint
    created_at: int
    nonce: str
    body_sha256: bytes
    parameters: str
    signature: bytes

    def __repr__(self) -> str:
        return f"ParsedRequest({self.request!r})"


class VerifiedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that this key signed. ``signature`` is canonical r || s (s at most n/2), 64 bytes."""

    key_id: Thumbprint
    created_at: int
    nonce: str
    idempotency_key: IdempotencyKey
    body: bytes
    body_sha256: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"VerifiedRequest({self.key_id}, {self.idempotency_key}, {self.created_at})"


def parse(request: SignedRequest, *, expected_tag: Tag) -> ParsedRequest:
    """Do steps 1 to 3 of :func:`verify`, which need no key: for the caller that must look one up by id."""
    # 1. Shape. One full match per value: no extra, missing, doubled or reordered part, no white space and no
    #    second signature survives it, nor anything that writes a line of its own into the signature base.
    _check_components(request.method, request.target_uri, request.content_digest, request.idempotency_key)
    signature = _checked(_SIGNATURE, request.signature, "Signature")[1]
    found = _checked(_SIGNATURE_INPUT, request.signature_input, "Signature-Input")
    key_id, created, nonce, tag = found.group("key_id", "created", "nonce", "tag")
    # 2. Purpose: a relying party's signature is not a phone's.
    if tag != expected_tag:
        raise Malformed(Code.SIGNATURE_HEADERS, f"the tag here is {expected_tag}")
    # 3. Body: the digest is what the signature covers, so the body must be the digest's.
    body_sha256 = _digest_of(request.body)
    if not hmac.compare_digest(request.content_digest, _spelt(body_sha256)):
        raise NotAuthentic(Code.CONTENT_DIGEST, "the body is not the one of the Content-Digest")
    return ParsedRequest(
        request=request,
        tag=expected_tag,
        key_id=Thumbprint(key_id),
        created_at=int(created),
        nonce=nonce,
        body_sha256=body_sha256,
        parameters=request.signature_input.removeprefix("pteri="),
        signature=binascii.a2b_base64(signature),
    )


def verify(
    request: SignedRequest,
    *,
    key: DeviceKey,
    expected_method: str,
    expected_target_uri: str,
    expected_tag: Tag,
    at: int,
) -> VerifiedRequest:
    """Prove that ``key`` signed this request for this method and URI, less than 300 s ago.

    ``key`` is the registered key that the caller found; ``expected_target_uri`` is built from the configured
    origin, not from the Host header; ``at`` is Unix seconds. Refuses with ``Malformed`` (another form),
    ``NotAuthentic`` (body, key, place or signature) or ``OutOfWindow``.
    """
    # 1-3. Shape, tag, body.
    return verify_parsed(
        parse(request, expected_tag=expected_tag),
        key=key,
        expected_method=expected_method,
        expected_target_uri=expected_target_uri,
        expected_tag=expected_tag,
        at=at,
    )


def verify_parsed(
    parsed: ParsedRequest,
    *,
    key: DeviceKey,
    expected_method: str,
    expected_target_uri: str,
    expected_tag: Tag,
    at: int,
) -> VerifiedRequest:
    """The rest of :func:`verify`, steps 4 to 7."""
    request = parsed.request
    # 4. Name. It is only ever compared, so a lookup that went wrong cannot make another key count; and again the tag.
    if parsed.tag is not expected_tag or not hmac.compare_digest(parsed.key_id, key.thumbprint):
        raise NotAuthentic(Code.DEVICE_SIGNATURE, "signed in the name of another key")
    # 5. Place. A signature for another one is of no use here, whatever proxy or Host header stands between.
    if request.method != expected_method or request.target_uri != expected_target_uri:
        raise NotAuthentic(Code.MISMATCH, "signed for another method or URI")
    # 6. Window: created - 90 <= at < created + 300.
    if at < parsed.created_at - _MAX_AHEAD_S:
        raise OutOfWindow(Code.NOT_YET_VALID, "the request is from the future")
    if at >= parsed.created_at + _MAX_AGE_S:
        raise OutOfWindow(Code.EXPIRED, "the request is too old")
    # 7. The signature, over bytes that we built: each part is the expected one, or in the one form of step 1.
    signed = _base(
        expected_method, expected_target_uri, request.content_digest, request.idempotency_key, parsed.parameters
    )
    return VerifiedRequest(
        key_id=key.thumbprint,
        created_at=parsed.created_at,
        nonce=parsed.nonce,
        idempotency_key=IdempotencyKey(request.idempotency_key),
        body=request.body,
        body_sha256=parsed.body_sha256,
        signature=key.verify(signed, parsed.signature),
    )


def sign(
    *,
    method: str,
    target_uri: str,
    body: bytes,
    idempotency_key: str,
    key: DevicePrivateKey,
    created_at: int,
    nonce: bytes,
    tag: Tag,
) -> SignedRequest:
    """Make the request with its four headers. ``nonce`` is 16 fresh random bytes.

    Refuses with ``Malformed`` what :func:`parse` would refuse.
    """
    if len(nonce) != NONCE_BYTES:
        raise Malformed(Code.LENGTH, "the nonce of a request has 16 bytes")
    key_id, nonce_text = key.public.thumbprint, to_base64url(nonce)
    content_digest = content_digest_of(body)
    signed = signature_base(
        method=method,
        target_uri=target_uri,
        content_digest=content_digest,
        idempotency_key=idempotency_key,
        key_id=key_id,
        created_at=created_at,
        nonce=nonce_text,
        tag=tag,
    )
    return assembled(
        method=method,
        target_uri=target_uri,
        body=body,
        idempotency_key=idempotency_key,
        key_id=key_id,
        created_at=created_at,
        nonce=nonce,
        tag=tag,
        signature=key.sign(signed),
    )


def assembled(
    *,
    method: str,
    target_uri: str,
    body: bytes,
    idempotency_key: str,
    key_id: Thumbprint,
    created_at: int,
    nonce: bytes,
    tag: Tag,
    signature: bytes,
) -> SignedRequest:
    """Write the request with its four headers around a signature (r || s) that is there already.

    Nothing is checked here: whoever verifies it begins with :func:`parse`.
    """
    parameters = _parameters(key_id, created_at, to_base64url(nonce), tag)
    return SignedRequest(
        method=method,
        target_uri=target_uri,
        body=body,
        content_digest=content_digest_of(body),
        idempotency_key=idempotency_key,
        signature_input=f"pteri={parameters}",
        signature=f"pteri=:{binascii.b2a_base64(signature, newline=False).decode('ascii')}:",
    )


def signature_base(
    *,
    method: str,
    target_uri: str,
    content_digest: str,
    idempotency_key: str,
    key_id: str,
    created_at: int,
    nonce: str,
    tag: Tag,
) -> bytes:
    """Write the bytes to sign (RFC 9421 section 2.5): five ASCII lines, LF between them, none at the end.

    ``content_digest`` and ``idempotency_key`` are the header values, ``nonce`` is its text form.
    ``Malformed`` for a value outside its grammar: none can write a line or a parameter of its own.
    """
    parameters = _parameters(key_id, created_at, nonce, tag)
    _check_components(method, target_uri, content_digest, idempotency_key)
    _checked(_PARAMETERS, parameters, "parameters")
    return _base(method, target_uri, content_digest, idempotency_key, parameters)


def _base(method: str, target_uri: str, content_digest: str, idempotency_key: str, parameters: str) -> bytes:
    return (
        f'"@method": {method}\n'
        f'"@target-uri": {target_uri}\n'
        f'"content-digest": {content_digest}\n'
        f'"idempotency-key": {idempotency_key}\n'
        f'"@signature-params": {parameters}'
    ).encode("ascii")


def content_digest_of(body: bytes) -> str:
    """Header value for a body, also for an empty one (RFC 9530); ``Malformed(TOO_LARGE)`` over 64 KiB."""
    return _spelt(_digest_of(body))


def _digest_of(body: bytes) -> bytes:
    if len(body) > MAX_BODY_BYTES:
        raise Malformed(Code.TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
    return hashlib.sha256(body).digest()


def _spelt(sha256: bytes) -> str:
    return f"sha-256=:{binascii.b2a_base64(sha256, newline=False).decode('ascii')}:"


def _check_components(method: str, target_uri: str, content_digest: str, idempotency_key: str) -> None:
    _checked(_METHOD, method, "method", Code.FIELD)
    _checked(_TARGET_URI, target_uri, "target URI", Code.FIELD)
    _checked(_CONTENT_DIGEST, content_digest, "Content-Digest")
    _checked(_IDEMPOTENCY_KEY, idempotency_key, "Idempotency-Key")


def _parameters(key_id: str, created_at: int, nonce: str, tag: Tag) -> str:
    return (
        '("@method" "@target-uri" "content-digest" "idempotency-key")'
        f';created={created_at};keyid="{key_id}";alg="ecdsa-p256-sha256";nonce="{nonce}";tag="{tag}"'
    )


def _checked(pattern: re.Pattern[str], text: str, what: str, code: Code = Code.SIGNATURE_HEADERS) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise Malformed(code, f"{what} is not in its one form")
    return found
