"""Cases in files and in words: what policy sees stays what it is, and what belongs to a person goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import thumbprint
from ledger import opened
from pteri.app.replaying import Signed
from pteri.core.acts import ACTS, StatementAct, phone_name
from pteri.domain.decisions import Permit, Reason
from pteri.domain.facts import Facts, LineStatus
from pteri.domain.rules import Rules
from pteri.policies.facts import facts_in_words, instant_text
from pteri.policies.naming import with_names
from pteri.policies.tried import CASE_FORMAT, CaseRefused, case_tree, read_case
from pteri.policies.words import explain_tried
from stories import STORIES, acts_on

LONG_AND_RANDOM = re.compile(r"(?<![A-Za-z0-9_])(?![a-z]{3,4}_[0-9A-Z]+)[A-Za-z0-9_-]{26,}")
some_stories = pytest.mark.parametrize(
    "story",
    [
        *("just bound", "migration may be accepted", "guarded", "claimed with guardians, and delayed"),
        *("another wallet waits", "frozen twice", "warned, and the address shall go", "offline codes prepared"),
        *("voices for a newcomer", "phone suspended", "move of the line in its time", "without a line"),
        *("guarded, its codes waiting to be replaced", "recovery stopped", "new phone on probation"),
    ],
)


def cases_of(story: str) -> Iterator[tuple[StatementAct, Facts]]:
    ledger = STORIES[story]()
    for attempt in acts_on(ledger):
        yield attempt.act, attempt.facts(ledger, ledger.settled()[0])


def as_file(tree: object) -> bytes:
    return json.dumps(tree).encode()


@some_stories
def test_a_case_that_is_written_is_read_as_the_same(story: str) -> None:
    for act, facts in cases_of(story):
        assert read_case(as_file(case_tree(act, facts))) == (act, facts)


@some_stories
def test_a_case_with_names_is_decided_like_the_recorded_one_and_tells_nothing_of_a_person(story: str) -> None:
    for act, facts in cases_of(story):
        named = with_names(case_tree(act, facts))
        assert not LONG_AND_RANDOM.search(json.dumps(named))
        again, real = Signed(*read_case(as_file(named))), Signed(act, facts)
        decision = real.decide(Rules())
        assert again.decide(Rules()) == decision
        assert again.row(decision) == real.row(decision)


def test_one_value_has_one_name_and_two_have_two() -> None:
    one, other = thumbprint(1), thumbprint(2)
    request = "lgn_" + "0" * 26
    tree = {"device": one, "who": [other, one], "target": other, "approval": "x" * 43, "request": request}
    assert with_names(tree | {"code_keys": ("k" * 87,)}) == {
        "device": "phone 1",
        "who": ["phone 2", "phone 1"],
        "target": "phone 2",
        "approval": "digest 1",
        "request": request,
        "code_keys": ["key 1"],
    }


@some_stories
def test_the_facts_are_lines_without_keys_addresses_or_digests(story: str) -> None:
    for act, facts in cases_of(story):
        for line in facts_in_words(act, facts):
            assert line.isprintable()
            assert not LONG_AND_RANDOM.search(line)


def told(story: str, act: StatementAct | None = None, line: LineStatus | None = None) -> str:
    ledger = STORIES[story]()
    facts = ledger.facts(ledger.settled()[0], line)
    return "\n".join(facts_in_words(act or ledger.authenticate(1), facts))


@pytest.mark.parametrize(
    ("story", "fact"),
    [
        ("just bound", "the account is OPEN, epoch 1, with 1 verified phone\n"),
        ("two phones", "with 2 verified phones"),
        ("frozen", "the account is FROZEN until 20"),
        ("frozen twice, and over", "the wallet alone has frozen it: 48h ago, 24h ago"),
        ("recovery stopped long ago", "a phone stopped a claim of the wallet alone 30d ago"),
        ("migration may be accepted", "a migration to "),
        ("migration waits for its code", ", its code not typed yet"),
        ("claimed with guardians, and delayed", " with C G waits until "),
        ("claimed with guardians, and delayed", ", delayed by an objection"),
        ("guarded, its codes waiting to be replaced", "other guardians or codes wait until "),
        ("warned, and the address shall go", "other addresses for warnings wait until "),
        ("voices for a newcomer", "a guardian speaks for "),
        ("voices for a newcomer", "an officer speaks for "),
        ("without a line", "the account has no line"),
        ("line swapped", "the line of the account is SUSPECT"),
        ("phone suspended", "which is suspended until "),
    ],
)
def test_what_the_account_has_lived_through_is_told(story: str, fact: str) -> None:
    assert fact in told(story)


def test_who_signed_is_told() -> None:
    ledger = STORIES["new phone on probation"]()
    text = told("new phone on probation", ledger.authenticate(2))
    assert f"the phone {phone_name(thumbprint(2))} signed, which is verified, in the account for 1h, and on" in text
    assert "evidence: D (a verified phone), W (the wallet of the account)" in text
    assert "which the account does not know" in told("just bound", ledger.authenticate(9))
    other = msgspec.structs.replace(ledger.authenticate(1), epoch=7, esim=None)
    assert "the statement is of epoch 7\nthe statement names another line" in told("just bound", other)


@pytest.mark.parametrize("line", list(LineStatus))
def test_the_line_is_told_as_policy_sees_it(line: LineStatus) -> None:
    assert f"the mobile line is {line}: " in told("just bound", line=line)


def test_an_instant_is_told_in_utc_and_one_that_is_none_as_a_number() -> None:
    assert instant_text(0) == "1970-01-01 00:00:00 UTC"
    assert instant_text(10**20) == f"second {10**20}"


def test_a_tried_case_is_explained_with_its_row_and_the_rules_that_mattered() -> None:
    ledger = opened()
    case = Signed(ledger.approval(1, 2), ledger.facts(ledger.now()))
    told = explain_tried(case, Rules(migration_hold_s=7200))
    assert told.tree["decided"]["reason"] == "SECURITY_DELAY"
    assert told.tree["row"] == {"purpose": "migrate", "condition": "otherwise"}
    assert told.tree["rules"] == {"migration_hold_s": 7200}
    assert told.agrees is None
    assert 'Rules that were looked at: phones.migration_hold = "2h"' in told.lines
    removal = explain_tried(Signed(ledger.removal(1, 9), ledger.facts(ledger.now())), Rules())
    assert "No rule was looked at." in removal.lines
    sign_in = explain_tried(Signed(ledger.authenticate(1), ledger.facts(ledger.now())), Rules())
    assert 'Rules that were looked at: backups.backup_check = "0s"' in sign_in.lines
    assert sign_in.tree["case"]["format"] == CASE_FORMAT


def test_what_is_left_out_is_that_of_the_account() -> None:
    wallet = {"address": "hers", "public_key": "", "signature_type": "ltc-bip322-simple"}
    tree = {
        "format": CASE_FORMAT,
        "act": {"purpose": "authenticate"},
        "account": {"epoch": 5, "esim": "her line", "wallet": wallet, "devices": [{"thumbprint": "phone 1"}]},
        "circumstances": {"at": 1, "line": "CONTINUOUS"},
    }
    case = Signed(*read_case(as_file(tree)))
    assert case.decide(Rules()) == Permit(Reason.BOTH_KEYS)
    assert (case.act.epoch, case.facts.signer.wallet.address) == (5, "hers")


def test_names_that_somebody_wrote_are_obeyed_by_no_terminal() -> None:
    evil = "a\x1b[2Jb\nc"
    tree = {
        "format": CASE_FORMAT,
        "act": {"purpose": "authenticate", "device": evil},
        "account": {"vouchers": [{"new_device": evil, "letter": "G", "by": evil, "until": 9}]},
        "circumstances": {"at": 1},
    }
    lines = explain_tried(Signed(*read_case(as_file(tree))), Rules()).lines
    assert any("a?[2Jb?c" in line for line in lines)
    assert all(line.isprintable() for line in lines)


# --- what is no case ------------------------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
TREES = st.recursive(LEAVES, lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(), below, max_size=2))


def damaged(tree: dict[str, Any], path: list[int], value: object) -> None:
    """Put ``value`` somewhere into the tree."""
    place: Any = tree
    for number in path:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = keys[number % len(keys)]
        if not isinstance(place[key], dict | list) or number % 7 == 0:
            place[key] = value
            return
        place = place[key]


@settings(deadline=None)
@given(st.sampled_from(list(ACTS)), st.lists(st.integers(1, 30), min_size=1, max_size=5), TREES)
def test_a_damaged_case_is_refused_in_a_sentence_or_decided(purpose: str, path: list[int], value: object) -> None:
    ledger = STORIES["voices for a newcomer"]()
    act = next(attempt.act for attempt in acts_on(ledger) if attempt.act.purpose == purpose)
    tree = json.loads(as_file(case_tree(act, ledger.facts(ledger.now()))))
    damaged(tree, path, value)
    said = ""
    try:
        case = Signed(*read_case(as_file(tree)))
    except CaseRefused as error:
        said = str(error)
    else:
        told = explain_tried(case, Rules())
        assert all(line.isprintable() for line in told.lines)
        json.dumps(told.tree)
        return
    assert said


@settings(deadline=None)
@given(st.binary(max_size=100) | TREES.map(as_file))
def test_a_file_of_anything_is_no_case(content: bytes) -> None:
    with pytest.raises(CaseRefused):
        read_case(content)


def test_a_file_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(CaseRefused):
        read_case(b"[" * 200_000)
