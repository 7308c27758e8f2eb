"""What a person should know of a policy that is valid: where it differs from the defaults, and which choices go ill.

A warning is about values that are allowed and together give a thief more, or an owner less, than each of them says
(docs/spec/policy.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pteri.domain.rules import Rules
from pteri.policies.durations import duration_text as _text
from pteri.policies.rulebook import RULEBOOK, is_duration, place_of
from pteri.policies.text import value_text

__all__ = ["Change", "RiskyChoice", "Warned", "changes", "warnings"]

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that two policies say differently. ``values`` are as a policy file has them."""

    name: str
    before: str
    after: str
    direction: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{place_of(self.name)} is {self.after}, {self.direction} than {self.before}"


def changes(before: Rules, after: Rules) -> tuple[Change, ...]:
    """What ``after`` says differently, in the order of the rulebook."""
    return tuple(
        Change(
            name,
            value_text(name, getattr(before, name)).strip('"'),
            value_text(name, getattr(after, name)).strip('"'),
            _direction(name, getattr(after, name) > getattr(before, name)),
        )
        for name in (rule.name for table in RULEBOOK for rule in table.rules)
        if getattr(before, name) != getattr(after, name)
    )


def _direction(name: str, is_more: bool) -> str:
    if is_duration(name):
        return "longer" if is_more else "shorter"
    return "more" if is_more else "fewer"


class RiskyChoice(StrEnum):
    """A combination that is allowed and risky. Closed; a name is never reused."""

    FROZEN_FOR_EVER = "FROZEN_FOR_EVER"
    STOPPED_TOO_SHORT = "STOPPED_TOO_SHORT"
    PROTECTION_BEFORE_RECOVERY = "PROTECTION_BEFORE_RECOVERY"
    DEAF_BEFORE_RECOVERY = "DEAF_BEFORE_RECOVERY"
    PROBATION_SHORT = "PROBATION_SHORT"
    CASE_CLOSES_SOON = "CASE_CLOSES_SOON"
    MIGRATION_CLOSES_SOON = "MIGRATION_CLOSES_SOON"
    CODE_NO_HELP = "CODE_NO_HELP"
    VOICES_SHORT = "VOICES_SHORT"
    SILENCE_SOON = "SILENCE_SOON"
    CONFIRMED_TOO_SHORT = "CONFIRMED_TOO_SHORT"
    OFFLINE_LONG = "OFFLINE_LONG"
    PROMPTS_MANY = "PROMPTS_MANY"
    PROMPTS_NEVER_REACHED = "PROMPTS_NEVER_REACHED"
    GUESSES_MANY = "GUESSES_MANY"
    SIGN_IN_SHORT = "SIGN_IN_SHORT"
    OWNER_TOLD_LATE = "OWNER_TOLD_LATE"


@dataclass(frozen=True, slots=True)
class Warned:
    """One risky choice: its stable code, and what goes ill in words."""

    code: RiskyChoice
    sentence: str


def warnings(rules: Rules) -> tuple[Warned, ...]:
    """Every risky choice in these rules. The defaults have none."""
    return (*_quarrels(rules), *_deadlines(rules), *_guesses(rules))


def _quarrels(rules: Rules) -> Iterator[Warned]:
    """Where a thief gains by the order of things."""
    frozen = rules.freezes * rules.freeze_s
    if frozen >= rules.freezes_window_s:
        yield Warned(
            RiskyChoice.FROZEN_FOR_EVER,
            f"{rules.freezes} freezes of {_text(rules.freeze_s)} fill the whole {_text(rules.freezes_window_s)}: who "
            "found the words of a wallet can keep its owner out without end",
        )
    if rules.recovery_blocked_s < rules.recovery_hold_s:
        yield Warned(
            RiskyChoice.STOPPED_TOO_SHORT,
            f"who was stopped may try again after {_text(rules.recovery_blocked_s)}, sooner than one case waits "
            f"({_text(rules.recovery_hold_s)}): the owner must watch all the time",
        )
    if rules.protection_hold_s < rules.recovery_hold_s:
        yield Warned(
            RiskyChoice.PROTECTION_BEFORE_RECOVERY,
            f"guardians and codes are replaced after {_text(rules.protection_hold_s)}, before a recovery could end "
            f"({_text(rules.recovery_hold_s)}): a thief with phone and wallet gets codes of his own first",
        )
    if rules.channels_hold_s < rules.recovery_hold_s:
        yield Warned(
            RiskyChoice.DEAF_BEFORE_RECOVERY,
            f"an address that is taken away hears for {_text(rules.channels_hold_s)} only, and a recovery waits "
            f"{_text(rules.recovery_hold_s)}: its end is told to nobody there",
        )
    if rules.probation_s < 72 * _HOUR:
        yield Warned(
            RiskyChoice.PROBATION_SHORT,
            f"a new phone may change everything after {_text(rules.probation_s)}: a weekend is longer",
        )
    if rules.recovery_hold_code_s >= rules.recovery_hold_s:
        yield Warned(
            RiskyChoice.CODE_NO_HELP,
            f"with a recovery code people wait {_text(rules.recovery_hold_code_s)}, no shorter than without "
            f"({_text(rules.recovery_hold_s)}): nobody has a reason to keep one",
        )


def _deadlines(rules: Rules) -> Iterator[Warned]:
    """Where an owner comes too late, or an outage counts as an attack."""
    if rules.recovery_open_s < _DAY:
        yield Warned(
            RiskyChoice.CASE_CLOSES_SOON,
            f"a case must be completed within {_text(rules.recovery_open_s)} after its wait: who sleeps waits again",
        )
    if rules.migration_accept_s < _HOUR:
        yield Warned(
            RiskyChoice.MIGRATION_CLOSES_SOON,
            f"a new phone must accept within {_text(rules.migration_accept_s)} after its wait: who sleeps waits again",
        )
    if rules.voucher_s < _DAY:
        yield Warned(
            RiskyChoice.VOICES_SHORT,
            f"the word of a guardian or officer counts for {_text(rules.voucher_s)}: they must all speak in that time",
        )
    if rules.line_silent_s < _DAY:
        yield Warned(
            RiskyChoice.SILENCE_SOON,
            f"a line counts as changed after {_text(rules.line_silent_s)} of silence: an outage of an operator "
            "lengthens every recovery",
        )
    if rules.line_confirmed_s < rules.line_silent_s:
        yield Warned(
            RiskyChoice.CONFIRMED_TOO_SHORT,
            f"that a line was seen alive counts for {_text(rules.line_confirmed_s)}, and silence is borne for "
            f"{_text(rules.line_silent_s)}: a line is never known for as long as nothing is heard of it",
        )
    if rules.sign_in_s < _MINUTE:
        yield Warned(
            RiskyChoice.SIGN_IN_SHORT,
            f"a sign-in lives {_text(rules.sign_in_s)}: people who read slowly do not get in",
        )


def _guesses(rules: Rules) -> Iterator[Warned]:
    """Where somebody may try too often, or an owner hears of it too late."""
    if rules.offline_codes_s > 7 * _DAY:
        yield Warned(
            RiskyChoice.OFFLINE_LONG,
            f"offline codes are prepared for {_text(rules.offline_codes_s)}: a phone that is copied today opens "
            "sessions until then",
        )
    if rules.prompts_per_hour > 10:
        yield Warned(
            RiskyChoice.PROMPTS_MANY,
            f"{rules.prompts_per_hour} sign-ins in an hour are shown unasked: some people agree to the last one",
        )
    if rules.prompts_per_day < rules.prompts_per_hour:
        yield Warned(
            RiskyChoice.PROMPTS_NEVER_REACHED,
            f"{rules.prompts_per_hour} prompts in an hour are never reached: "
            f"the day ends them at {rules.prompts_per_day}",
        )
    if rules.failed_sign_ins_per_hour > 30 or rules.tenant_wrong_codes_per_hour > 10_000:
        yield Warned(
            RiskyChoice.GUESSES_MANY,
            f"{rules.failed_sign_ins_per_hour} sign-ins of one account and {rules.tenant_wrong_codes_per_hour} "
            "codes of one site may fail in an hour: that is room for guessing",
        )
    if rules.wallet_alone_notice > 10:
        yield Warned(
            RiskyChoice.OWNER_TOLD_LATE,
            f"the owner hears of a stolen wallet after {rules.wallet_alone_notice} uses of it in a day",
        )
