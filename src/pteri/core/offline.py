"""Offline codes: a hash chain whose end the wallet has signed, for a phone without a network (docs/spec section 5.4).

The phone draws a seed and hashes it ``length`` times; the statement ``setup-otp`` carries the hash of the last element.
Time is cut into slots. The code of slot ``j`` is element ``length - j``: each later one hashes to all earlier ones, and
no earlier one tells a later one. So whoever verifies holds nothing that makes the next code, and an auditor can verify
a spent one for ever.

Source: T/Key (Kogan, Manohar, Boneh, CCS 2017): 130-bit elements, and a hash function of its own for each place.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.checked32 import ALPHABET, as_typed, check_of, remainder
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.ids import AccountId, Digest, Thumbprint
from pteri.core.keys.secret import Secret

__all__ = [
    "HINTS",
    "LONGEST",
    "SEED_BYTES",
    "STEPS_S",
    "ChainTerms",
    "SpentElement",
    "TypedElement",
    "chain_end",
    "check_terms",
    "offline_code",
    "parse_offline_code",
    "spaced_offline_code",
    "verify_for_nobody",
    "verify_offline_code",
]

SEED_BYTES: Final = 17
LONGEST: Final = 86_400
"""Thirty days of half-minute slots: what verifying one code may cost at most, in hashes."""
STEPS_S: Final = range(30, 601)
"""How long a slot may be, in seconds."""
BEHIND: Final = 4
AHEAD: Final = 1
"""How many slots a code may be old, for it takes a while to type, and how far the phone's clock may be ahead."""

_LABEL: Final = b"PTERI-OFFLINE-v1"
_ELEMENT_CHARACTERS: Final = 26
HINTS: Final = 32
"""A code says its slot modulo this."""
_CHARACTERS: Final = _ELEMENT_CHARACTERS + 2
_MAX_TYPED: Final = 100
_LAST_INSTANT: Final = 1 << 40
_DECOY_SLOTS: Final = 20_000
"""A week of half-minutes: how far a chain that is in use has come, give or take."""


class ChainTerms(msgspec.Struct, frozen=True):
    """Whose chain it is, and what counts when: slot ``j`` begins at ``start`` + ``j`` * ``step`` (Unix seconds).

    All of it goes into every hash, so a chain means nothing anywhere else.
    """

    account: AccountId
    device: Thumbprint
    start: int
    step: int
    length: int

    @property
    def ends_at(self) -> int:
        """From then on no code of it counts."""
        return self.start + self.step * self.length

    def slot_at(self, at: int) -> int:
        """The slot of this second; negative before the first, ``length`` or more after the last."""
        return (at - self.start) // self.step


class SpentElement(msgspec.Struct, frozen=True):
    """The last element that was accepted, as 26 characters, and its slot."""

    slot: int
    element: str


class TypedElement(msgspec.Struct, frozen=True):
    """What a typed code says: 17 bytes, of which 130 bits count, and its slot modulo 32. It proves nothing."""

    element: bytes
    hint: int


def check_terms(terms: ChainTerms) -> ChainTerms:
    """The same terms when a chain may have them, else ``Malformed(FIELD)``."""
    if terms.step not in STEPS_S or not 1 <= terms.length <= LONGEST or not 0 <= terms.start < _LAST_INSTANT:
        raise Malformed(Code.FIELD, "offline codes have slots of 30 to 600 s, and at most 86400 of them")
    return terms


def chain_end(terms: ChainTerms, seed: Secret) -> Digest:
    """What the wallet signs: 32 bytes after all elements. ``seed``: 17 random bytes."""
    return _end(terms, _hashed(terms, _seed(seed), 0, terms.length))


def offline_code(terms: ChainTerms, seed: Secret, at: int) -> str:
    """The code of this second: 28 characters, without spaces. ``OutOfWindow`` before the first slot and after the last.

    26 characters are the element, one is the slot modulo 32, one checks the others.
    """
    slot = terms.slot_at(at)
    if slot < 0:
        raise OutOfWindow(Code.NOT_YET_VALID, "the first offline code does not count yet")
    if slot >= terms.length:
        raise OutOfWindow(Code.EXPIRED, "the offline codes have run out")
    shown = ids.crockford(_hashed(terms, _seed(seed), 0, terms.length - slot), _ELEMENT_CHARACTERS)
    said = shown + ALPHABET[slot % HINTS]
    return said + check_of(said)


def spaced_offline_code(code: str) -> str:
    """In seven groups of four, for reading and typing."""
    return " ".join(code[start : start + 4] for start in range(0, _CHARACTERS, 4))


def parse_offline_code(text: str) -> TypedElement:
    """What a person typed, any case, spaces and hyphens anywhere; ``Malformed(CODE_FORMAT)`` when it is mistyped."""
    typed = as_typed(text[:_MAX_TYPED]) if isinstance(text, str) else ""
    if len(typed) != _CHARACTERS or any(character not in ALPHABET for character in typed) or remainder(typed) != 0:
        raise Malformed(Code.CODE_FORMAT, "not an offline code, or mistyped")
    return TypedElement(ids.from_crockford(typed[:_ELEMENT_CHARACTERS]), ALPHABET.index(typed[_ELEMENT_CHARACTERS]))


def verify_offline_code(
    typed: TypedElement, *, expected_terms: ChainTerms, expected_end: Digest, spent: SpentElement | None, at: int
) -> SpentElement:
    """The element, verified: of the slot it claims, which is now, and after every slot that was ever accepted.

    1. the chain has not ended; 2. the claimed slot lies in the window around now; 3. nothing of that slot or of a later
    one was accepted before; 4. it hashes to the last accepted element, or to the end that the wallet signed.

    At most ``length`` hashes. Raises ``OutOfWindow`` or ``NotAuthentic``.
    """
    # 1.
    if at >= expected_terms.ends_at:
        raise OutOfWindow(Code.EXPIRED, "the offline codes have run out")
    # 2. thirty-two is more than the window, so a claimed slot is one or none
    slot = _claimed(expected_terms, typed.hint, at)
    # 3. a code that was seen while it was typed counts no more; nor does one that was written down before it
    if spent is not None and slot <= spent.slot:
        raise NotAuthentic(Code.ORDER, "an offline code of this moment or a later one was used already")
    # 4.
    place = expected_terms.length - slot
    if spent is None:
        found = _end(expected_terms, _hashed(expected_terms, typed.element, place, expected_terms.length))
        right = hmac.compare_digest(found.encode(), expected_end.encode("utf-8", "replace"))
    else:
        until = expected_terms.length - spent.slot
        right = hmac.compare_digest(
            _hashed(expected_terms, typed.element, place, until), ids.from_crockford(spent.element)
        )
    if not right:
        raise NotAuthentic(Code.MISMATCH, "not an offline code of this phone")
    return SpentElement(slot, ids.crockford(typed.element, _ELEMENT_CHARACTERS))


def verify_for_nobody(typed: TypedElement, *, tag: bytes, at: int) -> SpentElement:
    """Where there is no chain: raises, with the work and the refusals of a chain that does exist.

    Of a guess at a real chain most fall outside its window and cost no hash at all, and the others cost what their slot
    costs. So must a guess at nobody's, or the time of an answer would tell who has offline codes. ``tag``: 32 bytes
    that belong to whoever was named, and that nobody else can make.
    """
    step = STEPS_S[0]
    life_s = _DECOY_SLOTS * step
    began_at = at - (at + int.from_bytes(tag[:4], "big")) % life_s
    terms = ChainTerms(ids.new_account_id(tag[:13]), Thumbprint(ids.digest_text(tag)), began_at, step, LONGEST)
    # Nobody finds what hashes to a tag.
    return verify_offline_code(typed, expected_terms=terms, expected_end=ids.digest_text(tag), spent=None, at=at)


def _claimed(terms: ChainTerms, hint: int, at: int) -> int:
    now = terms.slot_at(at)
    for slot in range(max(0, now - BEHIND), min(terms.length, now + AHEAD + 1)):
        if slot % HINTS == hint:
            return slot
    raise OutOfWindow(Code.EXPIRED, "an offline code counts for a short while only")


def _seed(seed: Secret) -> bytes:
    raw = seed.reveal()
    if len(raw) != SEED_BYTES:
        raise Malformed(Code.LENGTH, "the seed of offline codes has 17 bytes")
    return _cut(raw)


def _hashed(terms: ChainTerms, element: bytes, place: int, until: int) -> bytes:
    """Element number ``until`` from element number ``place``; both of 17 bytes, the last six bits zero."""
    prefix = _prefix(terms)
    for number in range(place + 1, until + 1):
        # Each place has its own function: else an attacker could hash from any place into all others at once.
        element = _cut(hashlib.sha256(prefix + number.to_bytes(4, "big") + element).digest())
    return element


def _end(terms: ChainTerms, last: bytes) -> Digest:
    number = terms.length + 1
    return ids.digest_text(hashlib.sha256(_prefix(terms) + number.to_bytes(4, "big") + last).digest())


def _prefix(terms: ChainTerms) -> bytes:
    check_terms(terms)
    names = f"{ids.account_id(terms.account)} {ids.thumbprint(terms.device)} {terms.start} {terms.step} {terms.length}"
    return hashlib.sha256(_LABEL + b"\0" + names.encode("ascii")).digest()


def _cut(raw: bytes) -> bytes:
    """The first 130 bits, in 17 bytes."""
    return raw[:16] + bytes((raw[16] & 0xC0,))
