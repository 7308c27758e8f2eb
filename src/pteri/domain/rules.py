"""The rules as one frozen value with units (docs/spec section 8). Tenants may only raise what has a floor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from pteri.core.ids import Digest, digest_text

__all__ = ["FLOORS", "MOST_FREEZES", "Rules", "RulesError", "bounds", "rules_from"]

_HOUR = 3600
_DAY = 24 * _HOUR
MOST_FREEZES: Final = 3
"""More of them in a window no rules allow, so an account remembers no more."""


class RulesError(ValueError):
    """Settings that the software will not run with."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Durations in seconds (``_s``), counts per window as named."""

    sign_in_s: int = 120
    """Life of a sign-in challenge, statement and code."""
    statement_s: int = 300
    """Life of every other challenge and statement."""
    code_attempts: int = 3
    """Wrong codes after which one sign-in has failed. The account is never locked by them."""
    migration_hold_s: int = _HOUR
    """Security delay of a new phone: a thief with an unlocked phone waits visibly."""
    migration_open_s: int = 600
    """Of migrations of the first release only, whose code the server made: how long it may take to be typed."""
    migration_accept_s: int = _DAY
    """How long the new phone may take to accept, after the delay."""
    probation_s: int = 72 * _HOUR
    """How long a new phone may sign in and nothing else."""
    recovery_hold_s: int = 72 * _HOUR
    """Waiting time of a recovery with the wallet alone."""
    recovery_hold_line_changed_s: int = 7 * _DAY
    """The same after a recent change of the line."""
    recovery_open_s: int = 7 * _DAY
    """How long a case may be completed after its hold."""
    recovery_blocked_s: int = 30 * _DAY
    """How long the wallet alone opens no case after a verified phone has stopped one."""
    recovery_hold_code_s: int = 48 * _HOUR
    """Waiting time with the wallet and a recovery code."""
    recovery_hold_guardians_s: int = _DAY
    """Waiting time with guardians, besides the wallet or a recovery code."""
    recovery_hold_proofed_s: int = 72 * _HOUR
    """Waiting time when two officers attested who claims the account."""
    recovery_delay_s: int = _DAY
    """How much longer a case with guardians or officers waits when a verified phone objects: once."""
    voucher_s: int = 7 * _DAY
    """How long the word of a guardian or officer counts."""
    protection_hold_s: int = 72 * _HOUR
    """How long other guardians or recovery codes wait, unless one of the present codes is shown."""
    protection_fresh_s: int = _DAY
    """How long after binding the first guardians and codes are taken at once."""
    freeze_s: int = _DAY
    """How long the wallet alone freezes an account."""
    freezes: int = 2
    """How often it may in ``freezes_window_s``."""
    freezes_window_s: int = 7 * _DAY
    """See ``freezes``."""
    revoke_other_s: int = _DAY
    """How long a phone removed by another one counts as suspended before it is revoked."""
    prompts_per_hour: int = 5
    """Sign-ins of one account that are shown on its phones unasked, in an hour. More can be scanned."""
    prompts_per_day: int = 20
    """The same in a day."""
    failed_sign_ins_per_hour: int = 10
    """Sign-ins of one account that may fail by wrong codes in an hour."""
    tenant_wrong_codes_per_hour: int = 1000
    """Wrong codes of one tenant in an hour, all accounts together, before code entry slows down."""
    recovery_starts_per_day: int = 3
    """Recovery cases of one account."""
    recovery_code_tries_per_day: int = 5
    """Wrong recovery codes for one account. A right one always counts."""
    authority_changes_per_day: int = 20
    """Changes of phones in one account."""
    wallet_alone_notice: int = 3
    """Right wallet signatures without a verified phone in a day, after which the owner is told."""
    offline_codes_s: int = 0
    """For how long a phone may prepare offline codes. 0: not at all, and prepared ones do not count."""
    line_cooldown_s: int = 7 * _DAY
    """How long a change of the line counts as a recent one, also one that the owner announced."""
    line_silent_s: int = 72 * _HOUR
    """After how long without any answer of an operator the line counts as changed. Nobody is locked out by it."""
    line_confirmed_s: int = 30 * _DAY
    """How long it counts that the line was seen alive on a verified phone."""
    move_window_s: int = 7 * _DAY
    """How far ahead a move of the SIM may be announced."""
    offline_guesses_per_hour: int = 10
    """Wrong offline codes for one account in an hour, before offline codes slow down for it. Nothing else does."""
    channels_hold_s: int = 72 * _HOUR
    """How long an address that is taken away goes on getting warnings."""
    backup_check_s: int = 0
    """After how long who signs in is told to try a backup of the wallet. 0: never. Nobody is refused for it."""

    def digest(self) -> Digest:
        """SHA-256 of the canonical JSON of all rules, in field order: it stands in every recorded event.

        A rule that came later is left out while it has its default: what was decided before it is decided alike now,
        and an auditor can still decide it again.
        """
        told = {
            name: value
            for name, value in msgspec.structs.asdict(self).items()
            if name not in _CAME_LATER or value != _CAME_LATER[name]
        }
        return digest_text(hashlib.sha256(msgspec.json.encode(told)).digest())

    def terms(self) -> str:
        """The recovery terms a person agrees to when binding; their SHA-256 is in the ``bind`` statement."""
        return (
            "PTERI recovery terms 2\n"
            f"wallet alone: {self.recovery_hold_s} s\n"
            f"wallet alone after a line change: {self.recovery_hold_line_changed_s} s\n"
            f"every verified phone can stop it, and with it any other for: {self.recovery_blocked_s} s\n"
            f"wallet and recovery code: {self.recovery_hold_code_s} s; an objection leaves it to others\n"
            f"guardians with wallet or recovery code: {self.recovery_hold_guardians_s} s\n"
            f"two officers: {self.recovery_hold_proofed_s} s\n"
            f"an objection to guardians or officers: {self.recovery_delay_s} s more, once\n"
            "the line, a phone, a code or guardians alone: never\n"
        )


FLOORS: Final[Mapping[str, int]] = {
    "recovery_hold_s": 72 * _HOUR,
    "recovery_hold_line_changed_s": 7 * _DAY,
    "recovery_hold_code_s": 48 * _HOUR,
    "recovery_hold_guardians_s": _DAY,
    "recovery_hold_proofed_s": 72 * _HOUR,
    "protection_hold_s": 72 * _HOUR,
    "migration_hold_s": _HOUR,
    "probation_s": 24 * _HOUR,
    "revoke_other_s": _DAY,
    "offline_codes_s": 0,
    "channels_hold_s": 72 * _HOUR,
    "line_cooldown_s": 7 * _DAY,
    "backup_check_s": 0,
}
_CEILINGS: Final[Mapping[str, int]] = {
    "sign_in_s": 300,
    "statement_s": 300,
    "code_attempts": 5,
    # Or a thief who objects, or who holds nothing but the wallet, could keep the owner out for ever.
    "recovery_delay_s": 7 * _DAY,
    "freeze_s": 3 * _DAY,
    "freezes": MOST_FREEZES,
    "protection_fresh_s": _DAY,
    "offline_codes_s": 30 * _DAY,
    # A silence that never counted, or a warning that is given weeks ahead, would say nothing.
    "line_silent_s": 30 * _DAY,
    "move_window_s": 14 * _DAY,
}


_CAME_LATER: Final[Mapping[str, int]] = {
    name: getattr(Rules(), name)
    for name in (
        "recovery_hold_code_s",
        "recovery_hold_guardians_s",
        "recovery_hold_proofed_s",
        "recovery_delay_s",
        "voucher_s",
        "protection_hold_s",
        "protection_fresh_s",
        "freeze_s",
        "freezes",
        "freezes_window_s",
        "recovery_code_tries_per_day",
        "offline_codes_s",
        "offline_guesses_per_hour",
        "channels_hold_s",
        "line_cooldown_s",
        "line_silent_s",
        "line_confirmed_s",
        "move_window_s",
        "backup_check_s",
    )
}
"""Rules that the first release did not have, with their defaults, which never change."""


def bounds(name: str) -> tuple[int, int | None]:
    """The least and the most that a rule may be, seconds or a count; ``None``: as much as one likes."""
    return FLOORS.get(name, 1), _CEILINGS.get(name)


def rules_from(overrides: Mapping[str, int]) -> Rules:
    """The default rules with these changes, or :class:`RulesError` that names the settings and their bound."""
    known = set(Rules.__struct_fields__)
    for name, value in overrides.items():
        if name not in known:
            raise RulesError(f"rules.{name} is not a rule; known are: {', '.join(sorted(known))}")
        if value < FLOORS.get(name, 1):
            raise RulesError(f"rules.{name} = {value} is below the floor {FLOORS.get(name, 1)}")
        if value > _CEILINGS.get(name, 2**31):
            raise RulesError(f"rules.{name} = {value} is above the ceiling {_CEILINGS.get(name, 2**31)}")
    rules = msgspec.structs.replace(Rules(), **overrides)
    # A changed line never shortens a hold, and a hold that it lengthens still ends before the case does.
    shortest, longest = rules.recovery_hold_s, rules.recovery_hold_s + rules.recovery_open_s
    if not shortest <= rules.recovery_hold_line_changed_s < longest:
        raise RulesError(
            f"rules.recovery_hold_line_changed_s = {rules.recovery_hold_line_changed_s} is not between "
            f"recovery_hold_s = {shortest} and recovery_hold_s + recovery_open_s = {longest}"
        )
    return rules
