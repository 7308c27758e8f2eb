"""``EuiccPackageResult``: a chip lists its profiles to a remote manager, an eIM (SGP.32 section 2.11.2).

    [81] { [0] { SEQUENCE { [0] eIM, [1] counter, [2] transaction OPTIONAL, [3] sequence, SEQUENCE OF results },
                 [APPLICATION 55] signature } }

No certificate is in it; the eIM knows them. The signature is over the inner sequence and what the chip and its eIM have
agreed to append: the association token as DER since version 1.1, the eIM's own signature before, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.challenge import MAX_TRANSACTION_BYTES
from pteri.core.euicc.der import (
    SEQUENCE,
    Element,
    Fields,
    elements,
    exactly,
    non_negative,
    one_of,
    only,
    text,
    well_formed,
)
from pteri.core.euicc.notification import ICCID, SIGNATURE
from pteri.core.euicc.numbers import Eid, Iccid, iccid_from_packed

__all__ = ["MAX_PACKAGE_BYTES", "ChipProfile", "ChipProfiles", "verify_package_result"]

MAX_PACKAGE_BYTES: Final = 65_536
"""Profiles bring an icon of up to a kilobyte each."""
RESULT: Final = 0xBF51
SIGNED: Final = 0xA0
ERROR_SIGNED: Final = 0xA1
ERROR_UNSIGNED: Final = 0xA2
PROFILE_LIST: Final = 0xBF2D
PROFILES: Final = 0xA0
LIST_ERROR: Final = 0x81
PROFILE: Final = 0xE3
STATE: Final = 0x9F70
_AID: Final = 0x4F
_MAX_EIM_ID_BYTES: Final = 128


@dataclass(frozen=True, slots=True)
class ChipProfile:
    """One profile, and whether it is the one in use."""

    iccid: Iccid = field(repr=False)
    enabled: bool


@dataclass(frozen=True, slots=True)
class ChipProfiles:
    """The profiles that a chip listed, in its order. A request with a search criterion gets a part of them only."""

    eid: Eid = field(repr=False)
    profiles: tuple[ChipProfile, ...]
    sequence: int
    counter: int
    ci_key_id: str


def verify_package_result(
    der: bytes,
    *,
    anchors: TrustAnchors,
    at: int,
    chip_certificate: bytes,
    manufacturer_certificate: bytes,
    expected_eim_id: str,
    expected_counter: int,
    expected_transaction_id: bytes | None,
    appended: bytes,
) -> ChipProfiles:
    """Verify the answer to one eUICC package that asked for the profiles, at the instant ``at`` (Unix seconds).

    ``expected_transaction_id`` is ``None`` where the package had none; ``appended`` is what the signature covers beyond
    the result, as the text above says, and empty for nothing.

    1. It is DER of its one shape, at most 64 KiB, no error, with exactly one list of profiles.
    2. eIM, counter and transaction are the expected ones.
    3. The two certificates lead to a trust anchor (:meth:`TrustAnchors.chip`).
    4. The chip signed it.

    Raises ``MalformedEvidence`` or ``NotAuthentic``, and nothing else.
    """
    outer = only(der, max_bytes=MAX_PACKAGE_BYTES)
    if outer.tag != RESULT:
        raise MalformedEvidence(Code.ELEMENT, "not the result of a package")
    kind = one_of(outer.content, (SIGNED, ERROR_SIGNED, ERROR_UNSIGNED), "the result of a package")
    if kind.tag != SIGNED:
        raise NotAuthentic(Code.CHIP_ERROR, "the chip did not do what the package asked for")
    data, signature = exactly(kind.content, (SEQUENCE, SIGNATURE), "the result of a package")
    fields = Fields(data.content, "the result of a package")
    eim_id = text(fields.take(0x80), max_bytes=_MAX_EIM_ID_BYTES)
    counter = non_negative(fields.take(0x81))
    transaction = fields.optional(0x82)
    sequence = non_negative(fields.take(0x83))
    results = fields.take(SEQUENCE)
    fields.end()
    transaction_id = None if transaction is None else transaction.content
    if transaction_id is not None and not 1 <= len(transaction_id) <= MAX_TRANSACTION_BYTES:
        raise MalformedEvidence(Code.LENGTH, "a transaction id has 1 to 16 bytes")
    profiles = _profiles(results)
    if (eim_id, counter) != (expected_eim_id, expected_counter):
        raise NotAuthentic(Code.EIM, "an answer to another eIM, or to another of its packages")
    if transaction_id != expected_transaction_id:
        raise NotAuthentic(Code.TRANSACTION, "an answer in another transaction")
    chip = anchors.chip(chip_certificate, manufacturer_certificate, at=at)
    chip.key.check_raw(data.raw + appended, signature.content, otherwise=Code.CHIP_SIGNATURE)
    return ChipProfiles(chip.eid, profiles, sequence, counter, chip.ci_key_id)


def _profiles(results: Element) -> tuple[ChipProfile, ...]:
    """Those of the one list; what else the package did is carried along."""
    well_formed(results)
    lists = [result for result in elements(results.content) if result.tag == PROFILE_LIST]
    if len(lists) != 1:
        raise MalformedEvidence(Code.DUPLICATE_ELEMENT if lists else Code.ELEMENT, "not exactly one list of profiles")
    found = one_of(lists[0].content, (PROFILES, LIST_ERROR), "a list of profiles")
    if found.tag == LIST_ERROR:
        raise NotAuthentic(Code.CHIP_ERROR, "the chip did not list its profiles")
    profiles = tuple(_profile(element) for element in elements(found.content))
    if len({profile.iccid for profile in profiles}) != len(profiles):
        raise MalformedEvidence(Code.DUPLICATE_ELEMENT, "the same profile twice")
    return profiles


def _profile(element: Element) -> ChipProfile:
    if element.tag != PROFILE:
        raise MalformedEvidence(Code.ELEMENT, "a list of profiles holds profiles")
    fields = Fields(element.content, "a profile")
    iccid = iccid_from_packed(fields.take(ICCID).content)
    fields.optional(_AID)
    state = non_negative(fields.take(STATE))
    fields.rest()
    if state > 1:
        raise MalformedEvidence(Code.ELEMENT, "a profile is enabled or disabled")
    return ChipProfile(iccid, enabled=state == 1)
