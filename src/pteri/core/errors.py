"""The first kind of "no": the bytes are wrong (docs/spec section 1).

Every refusal of ``core`` is a :class:`ProtocolError` child with a stable :class:`Code`. Any other exception that
leaves ``core`` is a bug. The codes are a closed list: callers may switch on them, and a code is never reused.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Code", "Malformed", "MalformedEvidence", "NotAuthentic", "OutOfWindow", "ProtocolError"]


class Code(StrEnum):
    """Why bytes were refused. The first group carries the names of the shared signature vectors."""

    ADDRESS = "ADDRESS"
    """Not an address of the pinned network and of a kind that can sign."""
    ENCODING = "ENCODING"
    """Not the one canonical text form (base64, base64url, hex, UTF-8)."""
    LENGTH = "LENGTH"
    """A fixed-size value has another size."""
    FORMAT = "FORMAT"
    """A signature format that is not accepted for this kind of address."""
    HEADER = "HEADER"
    """The header byte of a compact signature does not fit the kind of address."""
    RANGE = "RANGE"
    """r or s is outside 1..n-1."""
    HIGH_S = "HIGH_S"
    """s is above n/2: somebody touched the signature."""
    RECOVER = "RECOVER"
    """No public key gives this signature."""
    MISMATCH = "MISMATCH"
    """A well-formed signature, by another key or over other bytes."""
    WITNESS = "WITNESS"
    """The BIP-322 witness does not have exactly the expected items."""
    DER = "DER"
    """Not strict DER."""
    SIGHASH = "SIGHASH"
    """A signature hash type that is not accepted."""
    SIGNATURE = "SIGNATURE"
    """A BIP-322 signature does not verify."""
    MESSAGE_SIZE = "MESSAGE_SIZE"
    """The message is over 4096 bytes."""

    NETWORK = "NETWORK"
    """Not one of main, test, regtest."""
    MNEMONIC = "MNEMONIC"
    """Not a BIP-39 sentence with a right checksum."""
    PATH = "PATH"
    """Not a derivation path."""
    KEY = "KEY"
    """Not a usable key: off the curve, zero, or in a spelling that is not accepted."""
    SEALED = "SEALED"
    """A sealed message that does not open: another key, place or order, or somebody touched it."""
    ORDER = "ORDER"
    """Not what is due now: out of turn, after the end, or another one where there has been one already."""
    BEACON = "BEACON"
    """The new phone nearby says something else by radio than the code that was scanned."""

    STATEMENT = "STATEMENT"
    """Not the exact text of a statement."""
    FIELD = "FIELD"
    """A field value outside its grammar."""
    BODY = "BODY"
    """A message body that is not of its one shape."""
    TOO_LARGE = "TOO_LARGE"
    """Over the size limit of its kind."""
    OFFER = "OFFER"
    """Not a migration offer of this version."""
    CODE_FORMAT = "CODE_FORMAT"
    """Not a one-time code: exactly so many ASCII digits, at most one group space."""

    SIGNATURE_HEADERS = "SIGNATURE_HEADERS"
    """Signature, Signature-Input, Content-Digest or Idempotency-Key missing, doubled or not in the one form."""
    CONTENT_DIGEST = "CONTENT_DIGEST"
    """The body is not the one that was signed."""
    DEVICE_SIGNATURE = "DEVICE_SIGNATURE"
    """The device signature does not verify."""
    STATEMENT_DIGEST = "STATEMENT_DIGEST"
    """The client signed another statement than the one the server built."""
    WALLET_KEY = "WALLET_KEY"
    """A right signature by another key than the pinned one."""

    TREE = "TREE"
    """Not a size, an index or a hash that the log's tree can have."""
    MERKLE_PATH = "MERKLE_PATH"
    """A path with another number of hashes than its place in the tree has."""
    NOT_INCLUDED = "NOT_INCLUDED"
    """A path that does not lead from this leaf to this root."""
    NOT_CONSISTENT = "NOT_CONSISTENT"
    """The newer tree does not begin with the older one."""

    TILE = "TILE"
    """Not a tile or a bundle of entries, or not the path of one."""
    NOTE = "NOTE"
    """Not a signed note, or not a key that can sign one."""
    NOTE_SIGNATURE = "NOTE_SIGNATURE"
    """A note that the expected key has not signed."""
    CHECKPOINT = "CHECKPOINT"
    """Not a checkpoint, not of this log, or no contradiction where one is claimed."""
    WITNESSES = "WITNESSES"
    """Too few witnesses, not witnesses at all, or one that signed for a later time."""
    LEAF = "LEAF"
    """Not a leaf of the log, or one of another account, phone, record or place in its account."""

    LOG_PROOF = "LOG_PROOF"
    """Not the short proof that a leaf is in the log."""
    RECEIPT = "RECEIPT"
    """Not a receipt of this version, or not in its one spelling."""
    ANCHOR = "ANCHOR"
    """Not the proof of an anchor: a field is missing, or not of its one form."""
    PAYLOAD = "PAYLOAD"
    """A transaction or a payload that does not anchor this tree."""
    TRANSACTION = "TRANSACTION"
    """Not a transaction that could carry an anchor, or one with another id; or a chip answered in another one."""
    MERKLE_BRANCH = "MERKLE_BRANCH"
    """A branch that does not lead from this transaction, at this place, to this block."""
    BLOCK_LINK = "BLOCK_LINK"
    """Headers that do not follow each other from the block that is known."""
    WORK = "WORK"
    """A header without its work, or with a target that it may not have."""
    CONFIRMATIONS = "CONFIRMATIONS"
    """Fewer blocks than are asked for."""
    OTS = "OTS"
    """Not a timestamp file of the kind that we write, or one of another file or block."""

    NOT_YET_VALID = "NOT_YET_VALID"
    """Before its time."""
    EXPIRED = "EXPIRED"
    """After its time."""
    LIFETIME = "LIFETIME"
    """Made to live longer than is accepted."""

    # What a chip signed (docs/spec/esim-chip.md).
    INDEFINITE_LENGTH = "INDEFINITE_LENGTH"
    """A DER element that does not say how long it is."""
    NON_MINIMAL_INTEGER = "NON_MINIMAL_INTEGER"
    """An integer with more bytes than it needs, or none."""
    TRAILING_BYTES = "TRAILING_BYTES"
    """Bytes after the end of what was read."""
    DUPLICATE_ELEMENT = "DUPLICATE_ELEMENT"
    """An element that may be there once is there twice."""
    ELEMENT = "ELEMENT"
    """An element is missing, unknown, or not in its place."""
    OPERATION = "OPERATION"
    """Not exactly one of install, enable, disable, delete."""
    ICCID = "ICCID"
    """Not the packed digits of a profile's number."""
    EID = "EID"
    """Not the 32 digits of a chip's number."""
    EID_CHECK_DIGITS = "EID_CHECK_DIGITS"
    """The last two digits of a chip's number are not those of the others."""
    EID_RANGE = "EID_RANGE"
    """The manufacturer of this chip was not given its number."""
    CERTIFICATE = "CERTIFICATE"
    """Not a certificate of this profile: a part is missing, unknown, or of another form."""
    CERTIFICATE_ALGORITHM = "CERTIFICATE_ALGORITHM"
    """A certificate that names another algorithm than ECDSA with SHA-256, inside or outside of what is signed."""
    CERTIFICATE_ROLE = "CERTIFICATE_ROLE"
    """A certificate of another role than its place in the chain: a server's, for example."""
    CERTIFICATE_USAGE = "CERTIFICATE_USAGE"
    """A certificate whose key may not be used for this."""
    CERTIFICATE_CHAIN = "CERTIFICATE_CHAIN"
    """A certificate that names another issuer than the one before it in the chain."""
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    """A certificate of the chain after its time."""
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    """A certificate of the chain before its time."""
    UNKNOWN_CI = "UNKNOWN_CI"
    """No trust anchor has the key that the manufacturer's certificate names."""
    TEST_CI = "TEST_CI"
    """A certificate issuer for tests, and this is no lab."""
    NOT_ISSUED_BY_CI = "NOT_ISSUED_BY_CI"
    """The certificate issuer did not sign this manufacturer's certificate."""
    NOT_ISSUED_BY_EUM = "NOT_ISSUED_BY_EUM"
    """The manufacturer did not sign this chip's certificate."""
    REVOKED_CHIP = "REVOKED_CHIP"
    """The chip is on the list of revoked ones."""
    REVOKED_EUM = "REVOKED_EUM"
    """The manufacturer is on the list of revoked ones."""
    REVOKED_CI = "REVOKED_CI"
    """The certificate issuer is on the list of revoked ones."""
    CHIP_SIGNATURE = "CHIP_SIGNATURE"
    """The chip of this certificate did not sign these bytes."""
    CHIP_ERROR = "CHIP_ERROR"
    """The chip says that it did not do what it was asked for."""
    CHALLENGE = "CHALLENGE"
    """The chip answered another challenge."""
    SERVER_ADDRESS = "SERVER_ADDRESS"
    """The chip answered another server."""
    EIM = "EIM"
    """The chip answered another remote manager, or another of its packages."""


class ProtocolError(Exception):
    """Bytes that the protocol refuses. ``code`` is stable; ``detail`` is for people and may change."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Malformed(ProtocolError):
    """The bytes do not have the one form they must have. No key was used to find this out."""


class MalformedEvidence(Malformed):
    """The same of what a chip is said to have signed. Some of it is found out behind a right signature."""


class NotAuthentic(ProtocolError):
    """Well-formed, but not made by the expected key over the expected bytes."""


class OutOfWindow(ProtocolError):
    """Authentic perhaps, but not valid at this instant."""
