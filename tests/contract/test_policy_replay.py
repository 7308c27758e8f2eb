"""Recorded decisions made again by other policies, over a registry that has lived, in either database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from chains import OFFERED
from lived import Lived, lived_in
from pteri.app.comparing import Comparison, compare
from pteri.app.explaining import FoundCase, NoSuchCase, find_event, find_request
from pteri.app.replaying import CannotReplay, Replayed, Signed
from pteri.audit.rechecking import Unchecked
from pteri.core.ids import AccountId, RequestId, TenantId
from pteri.domain.decisions import Hold, Permit, Reason
from pteri.domain.rules import Rules
from pteri.policies.words import explain_recorded
from world import Browser
from worlds import Worlds

pytestmark = pytest.mark.slow
HOUR, DAY = 3600, 86_400
STRICT = Rules(migration_hold_s=4 * HOUR, recovery_hold_s=5 * DAY, freeze_s=2 * DAY)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def worlds_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    with Worlds(tmp_path_factory.mktemp("lived"), server) as made:
        yield made


@pytest.fixture(scope="module")
def registry(worlds_of_module: Worlds) -> Lived:
    return lived_in(worlds_of_module(rules=OFFERED))


def compared(registry: Lived, first: Rules | None, second: Rules, most: int = 100, **changes: object) -> Comparison:
    deployment = replace(registry.deployment, **changes)  # type: ignore[arg-type]  # fields of a deployment
    return registry.world.run(compare(deployment, first, second, most=most, tell=lambda _: None))


def found(registry: Lived, seq: int, whose: AccountId | None = None, **changes: object) -> FoundCase:
    deployment = replace(registry.deployment, **changes)  # type: ignore[arg-type]  # fields of a deployment
    return registry.world.run(find_event(deployment, whose or registry.alice, seq, None))


def of_request(registry: Lived, request: str) -> FoundCase:
    return registry.world.run(find_request(registry.deployment, RequestId(request), lambda _: None))


# --- everything at once ---------------------------------------------------------------------------------------------


def test_the_rules_of_now_decide_everything_as_it_was_recorded(registry: Lived) -> None:
    report = compared(registry, None, OFFERED)
    assert (report.accounts, report.events, report.decided, report.different) == (2, 27, 24, 0)
    # Two approvals of migrations, whose evidence is with the confirmation, and the end of a suspension.
    assert report.left_out == {CannotReplay.NOT_DECIDED: 3}
    assert (report.cases, report.kinds) == ((), ())


def test_a_stricter_policy_differs_where_it_is_stricter_and_says_by_how_much(registry: Lived) -> None:
    report = compared(registry, OFFERED, STRICT)
    assert [(kind.purpose, kind.before, kind.after, kind.gives, kind.times) for kind in report.kinds] == [
        ("migrate", "hold SECURITY_DELAY", "hold SECURITY_DELAY", "less", 2),
        ("offline code", "permit OFFLINE_CODE", "refuse NOT_OFFERED", "less", 2),
        ("setup-otp", "permit BOTH_KEYS", "refuse NOT_OFFERED", "less", 2),
        ("recover", "hold RECOVERY_HOLD", "hold RECOVERY_HOLD", "less", 1),
    ]
    assert report.different == len(report.cases) == 7
    waits = {case.purpose: (case.after_until or 0) - (case.before_until or 0) for case in report.cases}
    assert (waits["migrate"], waits["recover"], waits["setup-otp"]) == (3 * HOUR, 2 * DAY, 0)
    assert {case.account for case in report.cases} == {registry.alice}
    assert set(report.looked_at) == {
        "backup_check_s",
        "migration_hold_s",
        "offline_codes_s",
        "recovery_blocked_s",
        "recovery_hold_s",
    }


def test_the_other_way_round_it_gives_more(registry: Lived) -> None:
    there, back = compared(registry, OFFERED, STRICT), compared(registry, STRICT, OFFERED)
    assert {kind.gives for kind in back.kinds} == {"more"}
    assert [(case.before, case.after) for case in back.cases] == [(case.after, case.before) for case in there.cases]


def test_recorded_decisions_are_the_first_policy_even_where_nobody_knows_its_rules_any_more(registry: Lived) -> None:
    by_rules, recorded = compared(registry, OFFERED, STRICT), compared(registry, None, STRICT, rules=STRICT)
    assert recorded == by_rules


def test_all_differences_are_counted_and_as_many_named_as_were_asked_for(registry: Lived) -> None:
    full = compared(registry, OFFERED, STRICT)
    for most in (0, 1, 6):
        some = compared(registry, OFFERED, STRICT, most)
        assert some == msgspec.structs.replace(full, cases=full.cases[:most])


def test_cases_of_a_tenant_that_is_gone_are_left_out_and_counted(registry: Lived) -> None:
    report = compared(registry, OFFERED, STRICT, tenants={})
    assert report.left_out == {CannotReplay.NOT_DECIDED: 3, Unchecked.NO_TENANT: 22}
    # An offline code needs no settings of its tenant: the account alone counts.
    assert (report.decided, report.different) == (2, 2)


def test_progress_is_told_up_to_the_end(registry: Lived) -> None:
    told: list[int] = []
    registry.world.run(compare(registry.deployment, None, OFFERED, most=0, tell=told.append))
    assert told[-1] == 27


# --- one case -------------------------------------------------------------------------------------------------------


def test_every_event_is_explained_and_what_policy_decided_agrees(registry: Lived) -> None:
    decided = 0
    for account, events in ((registry.alice, 23), (registry.bob, 4)):
        for seq in range(1, events + 1):
            case = found(registry, seq, account)
            told = explain_recorded(case, OFFERED)
            assert (case.recorded.account, case.recorded.seq) == (account, seq)
            assert told.agrees in {True, None}
            decided += told.agrees is True
            assert told.lines[0].startswith(f"{case.recorded.event.name}, event {seq} of {account} at bank")
    assert decided == 24


def test_the_approval_of_a_migration_is_explained_by_what_it_was_decided_from(registry: Lived) -> None:
    case = found(registry, 6)
    assert isinstance(case.seen, Replayed)
    assert isinstance(case.seen.seen, Signed)
    assert case.seen.seen.purpose == "migrate"
    assert case.proof == ()
    assert case.seen.decision == case.seen.seen.decide(OFFERED)
    told = explain_recorded(case, STRICT)
    assert told.agrees is False
    assert told.tree["same_rules"] is False
    assert told.tree["rules"] == {"migration_hold_s": 4 * HOUR}
    assert "It was recorded by other rules than these; these decide otherwise." in told.lines
    assert "Both signatures were verified again, and this is what they make." in told.lines


def test_what_could_not_be_checked_of_its_evidence_is_told_in_words(registry: Lived) -> None:
    told = explain_recorded(found(registry, 6, rules=STRICT), STRICT)
    said = "the signatures were verified again; it was recorded by other rules than those of the settings"
    assert f"Of its evidence: {said}." in told.lines
    unknown = [
        line
        for seq in range(1, 24)
        for line in explain_recorded(found(registry, seq), OFFERED).lines
        if line.startswith("Of its evidence: ")
    ]
    assert unknown == [
        "Of its evidence: the phone never entered the account, so only the wallet's signature was verified again."
    ]


def test_the_same_rules_that_decide_otherwise_are_a_fault_and_said_to_be_one(registry: Lived) -> None:
    case = found(registry, 6)
    assert isinstance(case.seen, Replayed)
    forged = replace(case, seen=replace(case.seen, decision=Permit(Reason.BOTH_KEYS)))
    told = explain_recorded(forged, OFFERED)
    assert told.agrees is False
    assert "The same rules decided otherwise then: one of the two is wrong. Run pteri fsck." in told.lines


def test_what_no_policy_decided_says_so(registry: Lived) -> None:
    case = found(registry, 5)
    assert case.seen is CannotReplay.NOT_DECIDED
    told = explain_recorded(case, OFFERED)
    assert told.tree["not_decided_again"]["code"] == "NOT_DECIDED"
    assert told.agrees is None
    deployment = replace(registry.deployment, tenants={})
    gone = explain_recorded(registry.world.run(find_event(deployment, registry.alice, 6, TenantId("bank"))), OFFERED)
    assert gone.tree["not_decided_again"]["code"] == "NO_TENANT"


def test_a_request_names_what_policy_decided_and_not_what_stands_beside_it(registry: Lived) -> None:
    approved = found(registry, 5).recorded
    case = of_request(registry, approved.event.request)
    assert (case.recorded.event.name, case.recorded.seq) == ("MigrationConfirmed", 6)
    # Its challenge is forgotten by now, and every account is looked at.
    first = found(registry, 2).recorded
    assert of_request(registry, first.event.request).recorded == first


def test_an_act_that_waits_for_its_code_is_sealed_and_said_to_be(registry: Lived) -> None:
    started = registry.world.site("bank").start_sign_in("alice@example.com", Browser("desk"))
    registry.phone.approve(started)
    with pytest.raises(NoSuchCase, match="waits for its code and is sealed"):
        of_request(registry, started.id)


def test_what_is_not_there_is_said_not_to_be_there(registry: Lived) -> None:
    with pytest.raises(NoSuchCase, match="has 23 events, and none is number 24"):
        found(registry, 24)
    with pytest.raises(NoSuchCase, match="there is no account"):
        found(registry, 1, AccountId("acct_" + "0" * 20))
    with pytest.raises(NoSuchCase, match="no event is of request"):
        of_request(registry, "lgn_" + "0" * 26)


def test_an_offline_code_is_explained_by_the_account_alone(registry: Lived) -> None:
    told = [explain_recorded(found(registry, seq), OFFERED) for seq in range(17, 24)]
    [first, _] = [one for one in told if one.tree.get("purpose") == "offline code"]
    assert first.tree["row"] == {"purpose": "offline", "condition": "otherwise"}
    assert first.tree["rules"] == {"offline_codes_s": 30 * DAY}
    assert first.agrees is True
    assert "case" not in first.tree


def test_a_held_case_is_named_until_when(registry: Lived) -> None:
    cases = [found(registry, seq) for seq in range(1, 24)]
    held = [case.seen.decision for case in cases if isinstance(case.seen, Replayed)]
    assert {decision.reason for decision in held if isinstance(decision, Hold)} == {
        Reason.SECURITY_DELAY,
        Reason.RECOVERY_HOLD,
    }
