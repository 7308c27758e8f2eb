"""What an auditor finds of the block that a statement names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from anchors import START, mined
from pteri.audit import Check, Finding, Trusted, Verdict, known_blocks, verify_receipt
from pteri.audit.blocks import MinedAt, block_of, check_not_before
from pteri.core.anchor.headers import Header
from pteri.core.anchor.proof import Block
from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.ids import BlockId, TenantId, block_id
from pteri.core.log.receipt import encode_receipt
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules
from receipts import receipt_of
from world import SimBlocks, World

KNOWN = Block(1000, bytes(range(32))[::-1].hex())


def grown(number: int, *, at: int = START - 100) -> list[Header]:
    headers = [mined(KNOWN.id, bytes(32), at=at)]
    while len(headers) < number:
        headers.append(mined(headers[-1].id, bytes(32), at=at + len(headers)))
    return headers


HEADERS = grown(10)
RAW = b"".join(header.raw for header in HEADERS)
FOURTH = block_id(HEADERS[3].shown_id)


def history(place: Path, block: BlockId | None) -> list[RecordedEvent]:
    """Of an account that was linked, at :data:`START`."""
    world = World(place, blocks=SimBlocks(block))
    account = world.account_of(world.enrolled()).id
    return asyncio.run(world.deployment.store.history(TenantId("bank"), account, 0, 10))


def found(place: Path, block: BlockId | None, raw: bytes | None = RAW) -> list[Finding]:
    blocks = None if raw is None else known_blocks(raw, expected_network="regtest", known=KNOWN)
    receipt = encode_receipt(receipt_of(history(place, block), Rules()))
    findings = verify_receipt(receipt, trusted=Trusted(blocks=blocks))
    assert {each.verdict for each in findings.found if each.check is Check.HISTORY} == {Verdict.HOLDS}
    return [each for each in findings.found if each.check is Check.BLOCK]


def test_a_statement_that_names_no_block_has_no_such_finding(tmp_path: Path) -> None:
    assert found(tmp_path, None) == []


def test_without_headers_the_block_is_named_and_not_believed(tmp_path: Path) -> None:
    [finding] = found(tmp_path, FOURTH, None)
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.detail.startswith(f"signed after block {FOURTH}, if that is one of Litecoin's")


def test_with_headers_its_height_and_time_are_said(tmp_path: Path) -> None:
    [finding] = found(tmp_path, FOURTH)
    assert (finding.verdict, finding.code) == (Verdict.HOLDS, None)
    assert finding.detail == (
        f"signed after block {FOURTH} of height 1004, found at 2026-11-18T11:05:03Z by its miner's clock; "
        "6 headers follow it"
    )


def test_the_known_block_itself_holds(tmp_path: Path) -> None:
    [finding] = found(tmp_path, block_id(KNOWN.shown_id))
    assert (finding.verdict, "the known one, of height 1000" in finding.detail) == (Verdict.HOLDS, True)


@pytest.mark.parametrize("raw", [RAW, b"", RAW[:240]])
def test_a_block_that_is_not_among_the_headers_is_unknown_and_never_confirmed(tmp_path: Path, raw: bytes) -> None:
    [finding] = found(tmp_path, block_id("00" * 32) if raw == RAW else FOURTH, raw)
    assert finding.verdict is Verdict.UNKNOWN
    assert f"not among the {len(raw) // 80} headers after block 1000" in finding.detail


def test_an_event_that_was_recorded_before_its_block_was_found_fails(tmp_path: Path) -> None:
    """The service's clock was set back, or its insider dates events back: the block gives it away."""
    later = grown(4, at=START + 7201)
    [finding] = found(tmp_path, block_id(later[0].shown_id), b"".join(header.raw for header in later))
    assert (finding.verdict, finding.code) == (Verdict.FAILS, "NOT_YET_VALID")


def test_a_miner_s_clock_may_be_two_hours_ahead_and_not_a_second_more() -> None:
    mined_at = MinedAt(1, START + 7200, 0)
    check_not_before(mined_at, at=START)
    with pytest.raises(NotAuthentic) as refused:
        check_not_before(mined_at, at=START - 1)
    assert refused.value.code is Code.NOT_YET_VALID


@pytest.mark.parametrize(
    ("raw", "network", "code"),
    [
        (RAW[:-1], "regtest", Code.ANCHOR),
        (RAW[80:], "regtest", Code.BLOCK_LINK),
        (RAW, "main", Code.WORK),
        (RAW, "moon", Code.NETWORK),
    ],
)
def test_headers_that_do_not_hold_make_no_known_blocks(raw: bytes, network: str, code: Code) -> None:
    with pytest.raises(ProtocolError) as refused:
        known_blocks(raw, expected_network=network, known=KNOWN)
    assert refused.value.code is code


def test_what_is_no_statement_names_no_block(tmp_path: Path) -> None:
    [recorded] = history(tmp_path, FOURTH)
    assert block_of(recorded) == FOURTH
    assert recorded.evidence is not None
    for text in ("", "\ud800", recorded.evidence.statement + "\n"):
        changed = msgspec.structs.replace(recorded.evidence, statement=text)
        assert block_of(msgspec.structs.replace(recorded, evidence=changed)) is None
    assert block_of(msgspec.structs.replace(recorded, evidence=None)) is None
