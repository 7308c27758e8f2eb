"""vectors/offline.json: every phone shows these codes, and every server takes these and no others."""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

import msgspec
import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import Digest
from pteri.core.keys.secret import Secret
from pteri.core.offline import (
    ChainTerms,
    SpentElement,
    chain_end,
    offline_code,
    parse_offline_code,
    verify_offline_code,
)
from vectors import make_offline


class ChainCase(ChainTerms, frozen=True, forbid_unknown_fields=True, kw_only=True):
    seed: str
    end: Digest

    @property
    def terms(self) -> ChainTerms:
        return ChainTerms(self.account, self.device, self.start, self.step, self.length)

    @property
    def secret(self) -> Secret:
        return Secret(bytes.fromhex(self.seed))


class CodeCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    chain: str
    typed: str
    at: int
    spent: SpentElement | None
    slot: int | None = None


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-offline-vectors-1"]
    note: str
    chains: dict[str, ChainCase]
    codes: list[CodeCase]


VECTORS = msgspec.json.decode(make_offline.FILE.read_bytes(), type=Vectors)


def why(case: CodeCase) -> str:
    return case.why


def test_the_file_is_what_the_program_writes() -> None:
    assert make_offline.FILE.read_text(encoding="utf-8") == make_offline.content()


def test_more_is_refused_than_accepted() -> None:
    assert sum(case.expect == "reject" for case in VECTORS.codes) > sum(
        case.expect == "accept" for case in VECTORS.codes
    )


@pytest.mark.parametrize("chain", VECTORS.chains.values(), ids=VECTORS.chains.keys())
def test_the_seed_makes_this_end(chain: ChainCase) -> None:
    assert chain_end(chain.terms, chain.secret) == chain.end


@pytest.mark.parametrize("case", VECTORS.codes, ids=why)
def test_a_code_is_taken_or_refused_as_it_says(case: CodeCase) -> None:
    chain = VECTORS.chains[case.chain]

    def verify() -> SpentElement:
        typed = parse_offline_code(case.typed)
        return verify_offline_code(
            typed, expected_terms=chain.terms, expected_end=chain.end, spent=case.spent, at=case.at
        )

    if case.expect == "accept":
        found = verify()
        assert found.slot == case.slot
        shown = offline_code(chain.terms, chain.secret, chain.start + found.slot * chain.step)
        assert shown[:26] == found.element
        return
    with pytest.raises(ProtocolError) as refused:
        verify()
    assert refused.value.code is case.code


# --- and once more from the specification, with nothing of ours ------------------------------------------------------

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _elements(chain: ChainCase) -> tuple[dict[int, int], str]:
    """Element ``e(i)`` as a number of 130 bits, for each ``i``; and the end. Section 5.4, line by line."""
    terms = f"{chain.account} {chain.device} {chain.start} {chain.step} {chain.length}"
    prefix = hashlib.sha256(b"PTERI-OFFLINE-v1\0" + terms.encode()).digest()
    elements = {0: int(chain.seed, 16) >> 6}
    for place in range(1, chain.length + 1):
        before = (elements[place - 1] << 6).to_bytes(17, "big")
        elements[place] = (
            int.from_bytes(hashlib.sha256(prefix + place.to_bytes(4, "big") + before).digest(), "big") >> 126
        )
    last = (elements[chain.length] << 6).to_bytes(17, "big")
    end = hashlib.sha256(prefix + (chain.length + 1).to_bytes(4, "big") + last).digest()
    return elements, base64.urlsafe_b64encode(end).decode().rstrip("=")


@pytest.mark.parametrize("name", VECTORS.chains)
def test_whoever_reads_nothing_but_the_specification_makes_the_same_codes(name: str) -> None:
    chain = VECTORS.chains[name]
    elements, end = _elements(chain)
    assert end == chain.end
    taken = [case for case in VECTORS.codes if case.chain == name and case.expect == "accept"]
    assert taken or name == "thirty days"
    for case in taken:
        assert case.slot is not None
        text = case.typed.upper().replace(" ", "").replace("-", "").translate(str.maketrans("OIL", "011"))
        element = elements[chain.length - case.slot]
        assert text[:26] == "".join(_DIGITS[element >> shift & 31] for shift in range(125, -1, -5))
        assert text[26] == _DIGITS[case.slot % 32]
