"""Timestamp files: the same bytes as others write, read by their program, and by us only as we write them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimestamps.core.notary import LitecoinBlockHeaderAttestation
from opentimestamps.core.serialize import BytesDeserializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile

from anchors import CHANGE, output, proof, transaction
from pteri.core.anchor.ots import MAX_OTS_BYTES, Step, StepKind, Timestamp, read_ots, timestamp_of, verify_ots
from pteri.core.anchor.proof import AnchorProof, read_anchor_proof
from pteri.core.anchor.transaction import payload_script
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.tree import leaf_hash
from trees import leaf

FILE = Path(__file__).parents[3] / "vectors" / "litecoin" / "anchors.json"
PROOFS: list[dict[str, Any]] = json.loads(FILE.read_bytes())["proofs"]
GOOD = base64.b64decode(PROOFS[4]["ots_base64"])
MAGIC = GOOD[:31]
DIGEST = bytes.fromhex(PROOFS[4]["leaf_data"])
ROOT = bytes.fromhex(PROOFS[4]["merkle_root_displayed"])[::-1]


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


@pytest.mark.parametrize("fields", PROOFS, ids=lambda fields: fields["document"])
def test_the_file_of_an_anchor_is_byte_for_byte_what_was_published(fields: dict[str, Any]) -> None:
    raw = base64.b64decode(fields["ots_base64"])
    made = timestamp_of(read_anchor_proof(fields))
    assert made.encoded == raw
    assert read_ots(raw) == made
    assert made.root[::-1].hex() == fields["merkle_root_displayed"]


@pytest.mark.parametrize(("size", "index"), [(1, 0), (7, 6), (9, 8), (13, 11), (13, 12), (100, 99)])
def test_the_library_of_others_reads_what_we_write(size: int, index: int) -> None:
    fields = proof(size=size, index=index, after=1)
    made = timestamp_of(read_anchor_proof(fields))
    # This leaf is no hash of a file: the file is what the tree hashes.
    assert made.digest == leaf_hash(leaf(index)) == hashlib.sha256(b"\0" + leaf(index)).digest()
    read = DetachedTimestampFile.deserialize(BytesDeserializationContext(made.encoded))
    assert read.file_digest == made.digest
    [(message, attestation)] = read.timestamp.all_attestations()
    assert attestation == LitecoinBlockHeaderAttestation(1002)
    assert message == made.root == bytes.fromhex(fields["merkle_root_displayed"])[::-1]


def test_the_command_of_others_tells_of_the_block_and_the_transaction(tmp_path: Path) -> None:
    path = tmp_path / "document.ots"
    path.write_bytes(timestamp_of(read_anchor_proof(PROOFS[4])).encoded)
    # As its own process: it leaves files open, which is an error in ours.
    command = [sys.executable, "-c", "import otsclient.ots; otsclient.ots.main()", "--no-cache", "info", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"File sha256 hash: {PROOFS[4]['leaf_data']}" in said
    assert f"# Transaction id {PROOFS[4]['txid']}" in said
    assert "verify LitecoinBlockHeaderAttestation(507)" in said
    assert f"# Litecoin block merkle root {PROOFS[4]['merkle_root_displayed']}" in said


def test_a_timestamp_is_of_its_file_and_block() -> None:
    assert verify_ots(GOOD, expected_digest=DIGEST, expected_height=507, expected_root=ROOT).height == 507
    for digest, height, root in ((ROOT, 507, ROOT), (DIGEST, 508, ROOT), (DIGEST, 507, DIGEST)):
        with refused(Code.OTS):
            verify_ots(GOOD, expected_digest=digest, expected_height=height, expected_root=root)


def made_of(*steps: bytes, end: bytes = bytes.fromhex("0006869a0d73d71b4502fb03")) -> bytes:
    return MAGIC + b"\1\x08" + DIGEST + b"".join(steps) + end


@pytest.mark.parametrize(
    ("why", "raw"),
    [
        ("nothing", b""),
        ("another magic", b"\1" + GOOD[1:]),
        ("another version", MAGIC + b"\2" + GOOD[32:]),
        ("of a SHA-1", MAGIC + b"\1\2" + GOOD[33:]),
        ("cut", GOOD[:-1]),
        ("cut in a step", GOOD[:70]),
        ("a byte too many", GOOD + b"\0"),
        ("a fork", made_of(b"\xff\x08")),
        ("a step of another hash", made_of(b"\x67")),
        ("the bytes the other way round", made_of(b"\xf2")),
        ("a step that adds nothing", made_of(b"\xf0\0")),
        ("a step that adds too much", made_of(b"\xf0\x81\x20" + b"x" * 4097)),
        ("steps that add too much", made_of(*[b"\xf0\xff\x1f" + b"x" * 4095] * 2)),
        ("steps that end in no root", made_of(b"\xf0\1x")),
        ("more steps than others read", made_of(b"\x08" * 256)),
        ("a length that could be shorter", made_of(b"\xf0\x81\0x", b"\x08")),
        ("a number without an end", made_of(end=bytes.fromhex("0006869a0d73d71b45") + b"\5" + b"\xff" * 5)),
        ("attested by Bitcoin", made_of(end=bytes.fromhex("000588960d73d7190102fb03"))),
        ("promised by a server", made_of(end=bytes.fromhex("0083dfe30d2ef90c8e02fb03"))),
        ("an attestation that is longer than its height", made_of(end=bytes.fromhex("0006869a0d73d71b4503fb0300"))),
        ("an attestation that is shorter than its height", made_of(end=bytes.fromhex("0006869a0d73d71b4501fb03"))),
        ("a height that no block has", made_of(end=bytes.fromhex("0006869a0d73d71b45058080808008"))),
        ("a height that could be shorter", made_of(end=bytes.fromhex("0006869a0d73d71b4503fb8300"))),
    ],
)
def test_what_is_not_a_timestamp_of_ours_is_refused(why: str, raw: bytes) -> None:
    with refused(Code.OTS):
        read_ots(raw)


def test_a_timestamp_is_bounded_before_it_is_read() -> None:
    for raw in (bytes(MAX_OTS_BYTES + 1), "text"):
        with refused(Code.TOO_LARGE):
            read_ots(raw)  # type: ignore[arg-type]  # what a caller of Python may do
    assert read_ots(made_of(b"\x08" * 255)).height == 507


def changed(**fields: Any) -> AnchorProof:
    return read_anchor_proof(proof(after=1) | fields)


def test_what_is_no_proof_makes_no_timestamp() -> None:
    with refused(Code.MERKLE_PATH):
        timestamp_of(changed(audit_path=[]))
    with refused(Code.OTS):
        timestamp_of(changed(tx=transaction([CHANGE, CHANGE]).hex()))
    with refused(Code.OTS):
        timestamp_of(changed(tx=transaction([output(payload_script(changed().payload)), output(b"x" * 4096)]).hex()))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255), st.binary(max_size=80))
def test_whatever_comes_in_reads_back_as_it_was_or_is_refused(place: int, change: int, noise: bytes) -> None:
    for raw in (GOOD[:place] + bytes((GOOD[place] ^ change,)) + GOOD[place + 1 :], made_of(noise, end=b""), noise):
        try:
            found = read_ots(raw)
        except ProtocolError:
            continue
        assert found.encoded == raw


def test_a_step_is_written_as_it_was_read() -> None:
    made = Timestamp(DIGEST, (Step(StepKind.APPEND, b"x" * 200), Step(StepKind.SHA256)), 2**31 - 1)
    assert read_ots(made.encoded) == made
    assert sys.getsizeof(made.encoded) < MAX_OTS_BYTES
