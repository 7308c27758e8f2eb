from __future__ import annotations

import msgspec
import pytest

from builders import digest
from pteri.domain.rules import FLOORS, Rules, RulesError, bounds, rules_from

HOUR, DAY = 3600, 86_400
FIELDS = Rules.__struct_fields__
TOLD = [name for name in FIELDS if name.startswith("recovery_") and name.endswith("_s") and name != "recovery_open_s"]
CEILINGS = {
    "sign_in_s": 300,
    "statement_s": 300,
    "code_attempts": 5,
    "recovery_delay_s": 7 * DAY,
    "freeze_s": 3 * DAY,
    "freezes": 3,
    "protection_fresh_s": DAY,
}


def test_without_overrides_the_rules_are_the_defaults() -> None:
    assert rules_from({}) == Rules()


def test_the_defaults_respect_their_own_bounds() -> None:
    defaults = msgspec.structs.asdict(Rules())
    assert rules_from(defaults) == Rules()


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_a_floor_itself_is_accepted_and_one_less_is_not(name: str, floor: int) -> None:
    assert getattr(rules_from({name: floor}), name) == floor
    with pytest.raises(RulesError, match=rf"rules\.{name} = {floor - 1} is below the floor {floor}"):
        rules_from({name: floor - 1})


@pytest.mark.parametrize(("name", "ceiling"), CEILINGS.items())
def test_a_ceiling_itself_is_accepted_and_one_more_is_not(name: str, ceiling: int) -> None:
    assert getattr(rules_from({name: ceiling}), name) == ceiling
    with pytest.raises(RulesError, match=rf"rules\.{name} = {ceiling + 1} is above the ceiling {ceiling}"):
        rules_from({name: ceiling + 1})


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [0, -1, 2**31 + 1])
def test_no_rule_is_zero_negative_or_absurd(name: str, value: int) -> None:
    if value == 0 and name in {"offline_codes_s", "backup_check_s"}:
        assert rules_from({name: value}) == Rules()  # none are offered
        return
    with pytest.raises(RulesError, match=rf"rules\.{name} = "):
        rules_from({name: value})


@pytest.mark.parametrize("name", ["recovery_hold", "RECOVERY_HOLD_S", "", "digest", "__class__", "recovery_hold_s "])
def test_an_unknown_rule_is_named_and_refused(name: str) -> None:
    with pytest.raises(RulesError, match="is not a rule; known are: "):
        rules_from({name: 100 * DAY})


def test_the_waiting_times_of_the_protocol_are_floors_and_no_tenant_lowers_them() -> None:
    assert FLOORS["recovery_hold_s"] == 72 * HOUR
    assert FLOORS["recovery_hold_line_changed_s"] == 7 * DAY
    assert FLOORS["recovery_hold_code_s"] == 48 * HOUR
    assert FLOORS["recovery_hold_guardians_s"] == 24 * HOUR
    assert FLOORS["recovery_hold_proofed_s"] == 72 * HOUR
    assert FLOORS["protection_hold_s"] == 72 * HOUR
    assert FLOORS["migration_hold_s"] == HOUR
    assert set(FLOORS) <= set(FIELDS)


@pytest.mark.parametrize(
    "overrides",
    [
        {"recovery_hold_s": 8 * DAY},
        {"recovery_hold_line_changed_s": 10 * DAY},
        {"recovery_open_s": 4 * DAY},
        {"recovery_hold_s": 7 * DAY + 1},
    ],
)
def test_a_changed_line_must_lengthen_a_hold_and_the_hold_must_end_before_the_case(overrides: dict[str, int]) -> None:
    with pytest.raises(RulesError, match="is not between recovery_hold_s"):
        rules_from(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        {"recovery_hold_s": 7 * DAY},
        {"recovery_hold_line_changed_s": 10 * DAY - 1},
        {"recovery_hold_s": 30 * DAY, "recovery_hold_line_changed_s": 30 * DAY},
    ],
)
def test_waiting_times_that_fit_each_other_are_accepted(overrides: dict[str, int]) -> None:
    assert msgspec.structs.asdict(rules_from(overrides)).items() >= overrides.items()


LATER = {
    *("recovery_hold_code_s", "recovery_hold_guardians_s", "recovery_hold_proofed_s", "recovery_delay_s", "voucher_s"),
    *("protection_hold_s", "protection_fresh_s", "freeze_s", "freezes", "freezes_window_s"),
    *("recovery_code_tries_per_day", "offline_codes_s", "offline_guesses_per_hour"),
    *("channels_hold_s", "line_cooldown_s", "line_silent_s", "line_confirmed_s", "move_window_s"),
    *("channels_hold_s", "backup_check_s"),
}


def test_a_rule_that_came_later_is_not_in_the_digest_while_it_has_its_default() -> None:
    """So that what was decided before it is decided again by who checks the log."""
    first = {name: value for name, value in msgspec.structs.asdict(Rules()).items() if name not in LATER}
    assert Rules().digest() == digest(msgspec.json.encode(first).decode())
    for name in LATER:
        changed = msgspec.structs.replace(Rules(), **{name: getattr(Rules(), name) + 1})
        order = [field for field in Rules.__struct_fields__ if field in first or field == name]
        text = msgspec.json.encode({field: getattr(changed, field) for field in order})
        assert changed.digest() == digest(text.decode())


def test_rules_go_through_json_and_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Rules()), type=Rules) == Rules()


def test_the_digest_of_the_default_rules_changes_only_when_somebody_means_it() -> None:
    assert Rules().digest() == "FuBouYSCl5GxbUnPwZ6AeLMfcwdimho7ZkKWUnDYKMU"


@pytest.mark.parametrize("name", FIELDS)
def test_the_digest_sees_every_rule(name: str) -> None:
    changed = msgspec.structs.replace(Rules(), **{name: getattr(Rules(), name) + 1})
    assert changed.digest() != Rules().digest()


def test_rules_of_another_shape_are_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"sign_in_s": 120, "grace_s": 1}', type=Rules)


@pytest.mark.parametrize("name", TOLD)
def test_the_recovery_terms_say_every_number_a_person_agrees_to(name: str) -> None:
    number = 5_999_999
    changed = msgspec.structs.replace(Rules(), **{name: number})
    assert f"{number} s" in changed.terms()
    assert f"{number} s" not in Rules().terms()


def test_the_recovery_terms_promise_what_the_line_can_do() -> None:
    assert "the line, a phone, a code or guardians alone: never\n" in Rules().terms()
    assert Rules().terms().startswith("PTERI recovery terms 2\n")


def test_the_bounds_of_a_rule_are_those_that_refuse() -> None:
    assert bounds("recovery_delay_s") == (1, 7 * DAY)
    assert bounds("recovery_hold_s") == (72 * HOUR, None)
    assert bounds("offline_codes_s") == (0, 30 * DAY)
