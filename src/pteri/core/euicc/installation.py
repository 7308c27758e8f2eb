"""``profileInstallationResult``: a chip says that it installed a profile (SGP.22 section 2.5.6).

    [55] { [39] { [0] transaction, [47] metadata, OID of the server, [2] { [0] success | [1] error } }, signature }

No certificate is in it: whoever ran the download knows the chip's and the manufacturer's from its first answer.
"""

from __future__ import annotations

from typing import Final

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.challenge import MAX_TRANSACTION_BYTES
from pteri.core.euicc.der import OBJECT_IDENTIFIER, Element, exactly, one_of, only, well_formed
from pteri.core.euicc.notification import (
    MAX_MESSAGE_BYTES,
    METADATA,
    SIGNATURE,
    ChipEvent,
    Operation,
    read_metadata,
)

__all__ = ["verify_installation_result"]

RESULT: Final = 0xBF37
DATA: Final = 0xBF27
FINAL: Final = 0xA2
SUCCESS: Final = 0xA0
FAILURE: Final = 0xA1


def verify_installation_result(
    der: bytes,
    *,
    anchors: TrustAnchors,
    at: int,
    chip_certificate: bytes,
    manufacturer_certificate: bytes,
    expected_transaction_id: bytes,
) -> ChipEvent:
    """Verify that a chip installed a profile in one download, at the instant ``at`` (Unix seconds).

    1. It is DER of its one shape, at most 16 KiB, and speaks of an installation.
    2. It is of the expected download.
    3. The two certificates lead to a trust anchor (:meth:`TrustAnchors.chip`).
    4. The chip signed it.
    5. It says that the profile was installed: ``NotAuthentic(CHIP_ERROR)`` where it was not.

    Raises ``MalformedEvidence`` or ``NotAuthentic``, and nothing else.
    """
    outer = only(der, max_bytes=MAX_MESSAGE_BYTES)
    if outer.tag != RESULT:
        raise MalformedEvidence(Code.ELEMENT, "not the result of an installation")
    data, signature = exactly(outer.content, (DATA, SIGNATURE), "the result of an installation")
    transaction, metadata, server, final = exactly(
        data.content, (0x80, METADATA, OBJECT_IDENTIFIER, FINAL), "the result of an installation"
    )
    said = read_metadata(metadata)
    if said.operation is not Operation.INSTALL:
        raise MalformedEvidence(Code.OPERATION, "the result of an installation speaks of something else")
    if not server.content or not 1 <= len(transaction.content) <= MAX_TRANSACTION_BYTES:
        raise MalformedEvidence(Code.LENGTH, "a transaction id has 1 to 16 bytes, and a server's number one at least")
    succeeded = _outcome(final)
    if transaction.content != expected_transaction_id:
        raise NotAuthentic(Code.TRANSACTION, "the result of another download")
    chip = anchors.chip(chip_certificate, manufacturer_certificate, at=at)
    chip.key.check_raw(data.raw, signature.content, otherwise=Code.CHIP_SIGNATURE)
    if not succeeded:
        raise NotAuthentic(Code.CHIP_ERROR, "the chip did not install the profile")
    return ChipEvent(chip.eid, said.iccid, said.operation, said.sequence, chip.ci_key_id)


def _outcome(final: Element) -> bool:
    outcome = one_of(final.content, (SUCCESS, FAILURE), "the outcome of an installation")
    well_formed(outcome)
    return outcome.tag == SUCCESS
