"""Receipts: what an auditor finds who has this file, some keys, and nothing of the service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchors import proof
from lived import Lived, lived
from notes import INDEXES, indexes, log_signer
from pteri.audit import AuditError, Check, Findings, Trusted, Verdict, verify_receipt
from pteri.audit.leaves import read_record, record_text
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.note import Note, NoteSignature, parse_note
from pteri.core.log.receipt import MAX_RECEIPT_BYTES, Receipt, encode_receipt, parse_receipt
from pteri.core.log.witness import Quorum
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules
from receipts import KNOWN, anchor_of, in_a_log, receipt_of, rules_text, trusted

BANK = TenantId("bank")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return lived(tmp_path_factory.mktemp("lived"))


@pytest.fixture(scope="module")
def rules(registry: Lived) -> Rules:
    return registry.deployment.rules


@pytest.fixture(scope="module")
def network(registry: Lived) -> str:
    return registry.deployment.tenants[BANK].network


def history(registry: Lived, account: AccountId) -> list[RecordedEvent]:
    return asyncio.run(registry.deployment.store.history(BANK, account, 0, 1000))


@pytest.fixture(scope="module")
def signed_in(registry: Lived) -> list[RecordedEvent]:
    """Bob's history until his second sign-in."""
    recorded = history(registry, registry.bob)
    places = [place for place, each in enumerate(recorded) if each.event.name == "SignedIn"]
    return recorded[: places[1] + 1]


def verdicts(found: Findings) -> dict[Check, Verdict]:
    return {each.check: each.verdict for each in found.found}


def failed(found: Findings) -> dict[Check, str | None]:
    return {each.check: each.code for each in found.found if each.verdict is Verdict.FAILS}


ALWAYS_LOOKED_AT = [check for check in Check if check is not Check.BLOCK]
ALL_BUT_THE_ANCHOR = dict.fromkeys(ALWAYS_LOOKED_AT, Verdict.HOLDS) | {Check.ANCHOR: Verdict.UNKNOWN}


def test_a_receipt_of_a_sign_in_holds(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    found = verify_receipt(encode_receipt(receipt_of(signed_in, rules)), trusted=trusted(network))
    assert verdicts(found) == ALL_BUT_THE_ANCHOR, found
    assert (found.event, found.seq, found.is_sound, found.is_complete) == ("SignedIn", signed_in[-1].seq, True, False)


def test_with_an_anchor_everything_holds(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    found = verify_receipt(
        encode_receipt(with_proof(receipt, anchor_of(receipt))), trusted=trusted(network="regtest", block=KNOWN)
    )
    assert verdicts(found)[Check.ANCHOR] is Verdict.HOLDS
    # The account's wallet is of another network than the anchor here: that is seen, too.
    assert found.is_complete == (network == "regtest")


def test_every_receipt_of_a_long_life_holds(registry: Lived, rules: Rules, network: str) -> None:
    """Sign-ins, a second phone, a recovery that was stopped, refusals: whatever was the last of it."""
    for account in (registry.alice, registry.bob):
        recorded = history(registry, account)
        found = verify_receipt(encode_receipt(receipt_of(recorded, rules)), trusted=trusted(network))
        assert failed(found) == {}, found
        assert verdicts(found)[Check.RECORDS] is Verdict.HOLDS


def test_nobody_is_believed_who_was_not_named(signed_in: list[RecordedEvent], rules: Rules) -> None:
    found = verify_receipt(encode_receipt(receipt_of(signed_in, rules)))
    for check in (Check.CHECKPOINT, Check.WITNESSES, Check.ANCHOR):
        assert verdicts(found)[check] is Verdict.UNKNOWN
    receipt = receipt_of(signed_in, rules)
    found = verify_receipt(encode_receipt(with_proof(receipt, anchor_of(receipt))))
    [anchor] = [each for each in found.found if each.check is Check.ANCHOR]
    assert anchor.verdict is Verdict.UNKNOWN
    # It says what to give, and that this is not to be taken from here.
    assert (
        "name a block from 1000 to 1001 that you know from elsewhere, with --known-block HEIGHT:HASH" in anchor.detail
    )
    assert anchor.detail.endswith(f"of 1000 the hash would be {KNOWN.shown_id}")
    only_the_log = Trusted(log=trusted().log)
    found = verify_receipt(encode_receipt(receipt_of(signed_in, rules)), trusted=only_the_log)
    assert verdicts(found)[Check.CHECKPOINT] is Verdict.HOLDS
    assert verdicts(found)[Check.WITNESSES] is Verdict.UNKNOWN


def with_proof(receipt: Receipt, fields: object) -> Receipt:
    return msgspec.structs.replace(receipt, anchor=msgspec.Raw(msgspec.json.encode(fields)))


def with_last(receipt: Receipt, **changes: Any) -> Receipt:
    last = msgspec.structs.replace(receipt.entries[-1], **changes)
    return msgspec.structs.replace(receipt, entries=(*receipt.entries[:-1], last))


def test_another_story_for_the_same_leaf_is_seen(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    """The service shows other circumstances for a decision than those that the leaf commits to."""
    receipt = receipt_of(signed_in, rules)
    last = signed_in[-1]
    assert last.evidence is not None
    circumstances = msgspec.structs.replace(last.evidence.circumstances, at=last.evidence.circumstances.at - 1)
    told = msgspec.structs.replace(last, evidence=msgspec.structs.replace(last.evidence, circumstances=circumstances))
    found = verify_receipt(encode_receipt(with_last(receipt, record=record_text(told))), trusted=trusted(network))
    assert failed(found)[Check.RECORDS] == "LEAF"
    found = verify_receipt(encode_receipt(with_last(receipt, salt=bytes(32))), trusted=trusted(network))
    assert failed(found) == {Check.RECORDS: "LEAF"}


def test_an_event_that_was_left_out_is_missed(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    shorter = msgspec.structs.replace(receipt, entries=(receipt.entries[0], *receipt.entries[2:]))
    found = verify_receipt(encode_receipt(shorter), trusted=trusted(network))
    assert {Check.ACCOUNT, Check.RECORDS, Check.HISTORY} <= set(failed(found))


def test_an_event_that_no_signature_makes_is_seen_though_the_log_has_it(
    signed_in: list[RecordedEvent], rules: Rules, network: str
) -> None:
    """An insider writes an event, gives it a leaf, and the log and its witnesses sign: the signatures are missing."""
    last = signed_in[-1]
    without = msgspec.structs.replace(last, evidence=None)
    found = verify_receipt(encode_receipt(receipt_of([*signed_in[:-1], without], rules)), trusted=trusted(network))
    assert failed(found) == {Check.HISTORY: "EVIDENCE_MISSING"}
    assert last.evidence is not None
    body = last.evidence.signed.body.replace(b'"signature":"', b'"signature":"A', 1)
    forged = msgspec.structs.replace(
        last,
        evidence=msgspec.structs.replace(
            last.evidence, signed=msgspec.structs.replace(last.evidence.signed, body=body)
        ),
    )
    found = verify_receipt(encode_receipt(receipt_of([*signed_in[:-1], forged], rules)), trusted=trusted(network))
    assert failed(found) == {Check.HISTORY: "EVIDENCE_SIGNATURE"}


def test_a_place_in_the_log_that_is_another_is_seen(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    elsewhere, _, path = in_a_log(receipt.entries[0].leaf)
    for changes in ({"leaf_index": 12}, {"path": path, "checkpoint": elsewhere.note.encoded.decode()}):
        moved = msgspec.structs.replace(receipt, **changes)
        found = verify_receipt(encode_receipt(moved), trusted=trusted(network))
        assert failed(found) == {Check.INCLUSION: "NOT_INCLUDED"}


def test_a_checkpoint_by_somebody_else_or_unseen_is_seen(
    signed_in: list[RecordedEvent], rules: Rules, network: str
) -> None:
    receipt = receipt_of(signed_in, rules)
    believed = trusted(network)
    stranger = Trusted(
        log=log_signer("somebody else").verifier, quorum=believed.quorum, at=believed.at, network=network
    )
    found = verify_receipt(encode_receipt(receipt), trusted=stranger)
    assert failed(found) == {Check.CHECKPOINT: "NOTE_SIGNATURE"}
    assert believed.quorum is not None
    stricter = Quorum.of(3, believed.quorum.witnesses)
    found = verify_receipt(
        encode_receipt(receipt), trusted=Trusted(log=believed.log, quorum=stricter, at=believed.at, network=network)
    )
    assert failed(found) == {Check.WITNESSES: "WITNESSES"}
    note = parse_note(receipt.checkpoint.encode())
    body = Note("no checkpoint\n", (NoteSignature("a", b"1234", b"x"),)).encoded.decode()
    found = verify_receipt(encode_receipt(msgspec.structs.replace(receipt, checkpoint=body)), trusted=trusted(network))
    assert failed(found) == {Check.INCLUSION: "CHECKPOINT", Check.CHECKPOINT: "NOTE_SIGNATURE"}
    assert note.text


def test_the_number_of_another_account_is_seen(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    for other, code in (
        (INDEXES.proof_of(TenantId("shop"), receipt.account), "VRF"),
        (indexes("another index").proof_of(receipt.tenant, receipt.account), "VRF"),
        (receipt.index_proof[:-1], "LEAF"),
        (b"", "LEAF"),
    ):
        changed = msgspec.structs.replace(receipt, index_proof=other)
        assert failed(verify_receipt(encode_receipt(changed), trusted=trusted(network))) == {Check.INDEX: code}


def test_a_number_that_nobody_named_a_key_for_is_unknown_and_is_read_all_the_same(
    signed_in: list[RecordedEvent], rules: Rules, network: str
) -> None:
    receipt, without = receipt_of(signed_in, rules), trusted(network, index_key=None)
    assert verdicts(verify_receipt(encode_receipt(receipt), trusted=without))[Check.INDEX] is Verdict.UNKNOWN
    for other in (INDEXES.proof_of(TenantId("shop"), receipt.account), b"\2" + bytes(80), b""):
        changed = msgspec.structs.replace(receipt, index_proof=other)
        assert set(failed(verify_receipt(encode_receipt(changed), trusted=without))) == {Check.INDEX}


def test_a_first_leaf_that_is_none_has_no_number(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    entries = (msgspec.structs.replace(receipt.entries[0], leaf=b"a leaf"), *receipt.entries[1:])
    found = verify_receipt(encode_receipt(msgspec.structs.replace(receipt, entries=entries)), trusted=trusted(network))
    assert {Check.RECORDS, Check.ACCOUNT, Check.INDEX} <= set(failed(found))


def test_the_two_keys_of_an_auditor_are_of_one_log() -> None:
    with pytest.raises(ProtocolError) as refused:
        Trusted(log=trusted().log, index_key=indexes(name="another.example/log").public)
    assert refused.value.code is Code.KEY


@pytest.mark.parametrize("rules", ["", "{}", "[]", rules_text(Rules(probation_s=86_401))])
def test_other_rules_than_those_of_the_records_decide_nothing(
    signed_in: list[RecordedEvent], rules: str, network: str, registry: Lived
) -> None:
    assert registry.deployment.rules.digest() != Rules().digest()
    receipt = msgspec.structs.replace(receipt_of(signed_in, registry.deployment.rules), rules=rules)
    found = verify_receipt(encode_receipt(receipt), trusted=trusted(network))
    assert verdicts(found)[Check.HISTORY] is Verdict.UNKNOWN
    assert failed(found) == {}


@pytest.mark.parametrize(
    ("anchor", "code"), [(b'"an anchor"', "ANCHOR"), (b"{}", "ANCHOR"), (b"[]", "ANCHOR"), (b"7", "ANCHOR")]
)
def test_an_anchor_that_is_none_is_seen(
    signed_in: list[RecordedEvent], rules: Rules, network: str, anchor: bytes, code: str
) -> None:
    receipt = msgspec.structs.replace(receipt_of(signed_in, rules), anchor=msgspec.Raw(anchor))
    found = verify_receipt(encode_receipt(receipt), trusted=trusted(network, block=KNOWN))
    assert failed(found) == {Check.ANCHOR: code}


def test_an_anchor_of_another_event_is_seen(signed_in: list[RecordedEvent], rules: Rules, network: str) -> None:
    receipt = receipt_of(signed_in, rules)
    of_the_first = anchor_of(msgspec.structs.replace(receipt, entries=receipt.entries[:1]))
    moved = msgspec.structs.replace(receipt, anchor=msgspec.Raw(msgspec.json.encode(of_the_first)))
    found = verify_receipt(encode_receipt(moved), trusted=trusted(network, block=KNOWN))
    assert failed(found) == {Check.ANCHOR: "ANCHOR"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"leaf_index": 3}, "ANCHOR"),
        ({"tree_size": 11}, "TREE"),
        ({"tree_root": "00" * 32}, "NOT_INCLUDED"),
        ({"tree_size": 19}, "PAYLOAD"),
        ({"op_return_payload": "50544552" + "00" * 41}, "PAYLOAD"),
        ({"txid": "00" * 32}, "TRANSACTION"),
    ],
)
def test_an_anchor_that_was_changed_is_seen_with_and_without_a_known_block(
    signed_in: list[RecordedEvent], rules: Rules, network: str, changes: Any, code: str
) -> None:
    receipt = receipt_of(signed_in, rules)
    raw = encode_receipt(with_proof(receipt, anchor_of(receipt) | changes))
    for block in (None, KNOWN):
        assert failed(verify_receipt(raw, trusted=trusted(network, block=block))) == {Check.ANCHOR: code}


def test_an_anchor_of_another_tree_of_the_checkpoints_size_is_seen(
    signed_in: list[RecordedEvent], rules: Rules, network: str
) -> None:
    receipt = receipt_of(signed_in, rules)
    fields = proof(leaf_data=receipt.entries[-1].leaf, size=21, index=receipt.leaf_index)
    found = verify_receipt(encode_receipt(with_proof(receipt, fields)), trusted=trusted(network, block=KNOWN))
    assert failed(found) == {Check.ANCHOR: "ANCHOR"}


def test_a_receipt_has_one_spelling(signed_in: list[RecordedEvent], rules: Rules) -> None:
    raw = encode_receipt(receipt_of(signed_in, rules))
    assert encode_receipt(parse_receipt(raw)) == raw
    for other in (raw[:-1], raw + b"\n", raw.replace(b'":', b'": ', 1), raw[:-2] + b',"format":"pteri-receipt-1"}\n'):
        with pytest.raises(ProtocolError) as refused:
            parse_receipt(other)
        assert refused.value.code is Code.RECEIPT


def test_what_is_no_receipt_is_refused(signed_in: list[RecordedEvent], rules: Rules) -> None:
    receipt = receipt_of(signed_in, rules)
    many: list[tuple[Any, str]] = [
        (b"", "RECEIPT"),
        (b"{}", "RECEIPT"),
        (None, "TOO_LARGE"),
        (bytes(MAX_RECEIPT_BYTES + 1), "TOO_LARGE"),
        (b"\xff", "RECEIPT"),
        (b"[" * 1_000_000, "RECEIPT"),
        (encode_receipt(receipt).replace(b'"anchor":null', b'"anchor":' + b"[" * 10**5 + b"]" * 10**5), "RECEIPT"),
        (encode_receipt(msgspec.structs.replace(receipt, entries=())), "RECEIPT"),
        (encode_receipt(msgspec.structs.replace(receipt, tenant=TenantId("A"))), "FIELD"),
        (encode_receipt(msgspec.structs.replace(receipt, account=AccountId("bob"))), "FIELD"),
        (encode_receipt(with_last(receipt, record="{}")), "LEAF"),
        (encode_receipt(with_last(receipt, record=receipt.entries[-1].record[:-1] + ',"seq":9}')), "LEAF"),
        (encode_receipt(with_last(receipt, record="[" * 10**5)), "LEAF"),
    ]
    for raw, code in many:
        with pytest.raises(AuditError) as refused:
            verify_receipt(raw)
        assert refused.value.code == code


def test_a_record_reads_back_as_it_was(signed_in: list[RecordedEvent]) -> None:
    for each in signed_in:
        assert read_record(record_text(each)) == each


def test_a_record_in_another_spelling_is_another_record(
    signed_in: list[RecordedEvent], rules: Rules, network: str
) -> None:
    """It may mean the same; the leaf commits to the text that was written."""
    receipt = receipt_of(signed_in, rules)
    found = verify_receipt(
        encode_receipt(with_last(receipt, record=receipt.entries[-1].record + " ")), trusted=trusted(network)
    )
    assert failed(found) == {Check.RECORDS: "LEAF"}


def test_a_network_that_is_none_is_refused(signed_in: list[RecordedEvent], rules: Rules) -> None:
    with pytest.raises(AuditError) as refused:
        verify_receipt(encode_receipt(receipt_of(signed_in, rules)), trusted=trusted("moon"))
    assert refused.value.code == "NETWORK"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_receipt_with_any_byte_changed_does_not_hold(registry: Lived, data: st.DataObject) -> None:
    recorded = history(registry, registry.bob)[:2]
    rules, network = registry.deployment.rules, registry.deployment.tenants[BANK].network
    raw = encode_receipt(receipt_of(recorded, rules))
    place, change = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    other = raw[:place] + bytes((raw[place] ^ change,)) + raw[place + 1 :]
    try:
        found = verify_receipt(other, trusted=trusted(network))
    except AuditError:
        return
    # What is left are the rules, which the records name by their digest: with others nothing was decided.
    assert not found.is_sound or verdicts(found) != ALL_BUT_THE_ANCHOR


def test_a_receipt_is_read_from_a_file_as_it_is(tmp_path: Path, signed_in: list[RecordedEvent], rules: Rules) -> None:
    path = tmp_path / "receipt.json"
    path.write_bytes(encode_receipt(receipt_of(signed_in, rules)))
    assert verify_receipt(path.read_bytes()).event == "SignedIn"
