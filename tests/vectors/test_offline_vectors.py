"""vectors/offline.json: every phone shows these codes, and every server takes these and no others."""

from __future__ import annotations

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
