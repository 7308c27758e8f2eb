"""What a person should know of a policy that is valid."""

from __future__ import annotations

import msgspec
import pytest

from pteri.domain.rules import Rules, rules_from
from pteri.policies.review import RiskyChoice, changes, warnings

MINUTE, HOUR, DAY = 60, 3600, 86_400
RISKY: dict[str, dict[str, int]] = {
    "FROZEN_FOR_EVER": {"freezes": 3, "freeze_s": 3 * DAY},
    "STOPPED_TOO_SHORT": {"recovery_blocked_s": 72 * HOUR - 1},
    "PROTECTION_BEFORE_RECOVERY": {"recovery_hold_s": 4 * DAY, "channels_hold_s": 4 * DAY},
    "DEAF_BEFORE_RECOVERY": {"recovery_hold_s": 4 * DAY, "protection_hold_s": 4 * DAY},
    "PROBATION_SHORT": {"probation_s": 72 * HOUR - 1},
    "CASE_CLOSES_SOON": {
        "recovery_open_s": DAY - 1,
        "recovery_hold_s": 7 * DAY,
        "protection_hold_s": 7 * DAY,
        "channels_hold_s": 7 * DAY,
    },
    "MIGRATION_CLOSES_SOON": {"migration_accept_s": HOUR - 1},
    "CODE_NO_HELP": {"recovery_hold_code_s": 72 * HOUR},
    "VOICES_SHORT": {"voucher_s": DAY - 1},
    "SILENCE_SOON": {"line_silent_s": DAY - 1},
    "CONFIRMED_TOO_SHORT": {"line_confirmed_s": 72 * HOUR - 1},
    "OFFLINE_LONG": {"offline_codes_s": 7 * DAY + 1},
    "PROMPTS_MANY": {"prompts_per_hour": 11},
    "PROMPTS_NEVER_REACHED": {"prompts_per_day": 4},
    "GUESSES_MANY": {"failed_sign_ins_per_hour": 31},
    "SIGN_IN_SHORT": {"sign_in_s": MINUTE - 1},
    "OWNER_TOLD_LATE": {"wallet_alone_notice": 11},
}
SAFE: list[dict[str, int]] = [
    {"freezes": 3, "freeze_s": 2 * DAY},
    {"recovery_blocked_s": 72 * HOUR},
    {"recovery_hold_s": 4 * DAY, "channels_hold_s": 4 * DAY, "protection_hold_s": 4 * DAY},
    {"recovery_open_s": DAY, **dict.fromkeys(("recovery_hold_s", "protection_hold_s", "channels_hold_s"), 7 * DAY)},
    {"migration_accept_s": HOUR},
    {"recovery_hold_code_s": 72 * HOUR - 1},
    {"voucher_s": DAY},
    {"line_silent_s": DAY, "line_confirmed_s": DAY},
    {"offline_codes_s": 7 * DAY},
    {"prompts_per_hour": 10, "prompts_per_day": 10},
    {"failed_sign_ins_per_hour": 30, "tenant_wrong_codes_per_hour": 10_000},
    {"sign_in_s": MINUTE, "wallet_alone_notice": 10},
]


def test_the_defaults_have_no_risky_choice_and_no_change() -> None:
    assert warnings(Rules()) == ()
    assert changes(Rules(), Rules()) == ()


def test_every_risky_choice_has_an_example_here() -> None:
    assert RISKY.keys() == set(RiskyChoice)


@pytest.mark.parametrize("code", RISKY)
def test_a_risky_choice_that_is_allowed_is_told_alone_and_in_a_sentence(code: str) -> None:
    [warned] = warnings(rules_from(RISKY[code]))
    assert warned.code == code
    assert len(warned.sentence) > 40


def test_freezes_that_fill_their_window_exactly_are_risky() -> None:
    [warned] = warnings(rules_from({"freeze_s": 3 * DAY, "freezes_window_s": 6 * DAY}))
    assert warned.code is RiskyChoice.FROZEN_FOR_EVER


def test_many_wrong_codes_of_a_site_are_risky_too() -> None:
    [warned] = warnings(Rules(tenant_wrong_codes_per_hour=10_001))
    assert warned.code is RiskyChoice.GUESSES_MANY


@pytest.mark.parametrize("overrides", SAFE)
def test_one_step_before_it_nothing_is_risky(overrides: dict[str, int]) -> None:
    assert warnings(rules_from(overrides)) == ()


@pytest.mark.parametrize("name", Rules.__struct_fields__)
def test_a_change_is_told_with_its_direction(name: str) -> None:
    changed = msgspec.structs.replace(Rules(), **{name: getattr(Rules(), name) + 1})
    [up], [down] = changes(Rules(), changed), changes(changed, Rules())
    assert (up.name, up.before, up.after) == (down.name, down.after, down.before)
    assert {up.direction, down.direction} == ({"longer", "shorter"} if name.endswith("_s") else {"more", "fewer"})
    assert up.direction in {"longer", "more"}


def test_a_change_is_a_sentence() -> None:
    [change] = changes(Rules(), Rules(freeze_s=2 * DAY))
    assert change.sentence == "freezing.freeze is 48h, longer than 24h"
