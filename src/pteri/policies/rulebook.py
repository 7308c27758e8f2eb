"""The rules in the order in which people read them: tables of related ones, each rule with what it is there for.

A policy file is this list with values (docs/spec/policy.md). Every rule stands in exactly one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["RULEBOOK", "Rule", "Table", "is_duration", "key_of", "place_of"]

_SECONDS: Final = "_s"


@dataclass(frozen=True, slots=True)
class Rule:
    """``name``: as in :class:`pteri.domain.rules.Rules`. ``protects``: what it is and from what it protects."""

    name: str
    protects: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rules that belong together. ``name`` is that of the table in a policy file."""

    name: str
    about: str
    rules: tuple[Rule, ...]


def is_duration(name: str) -> bool:
    """Whether the value is a time in seconds; else it is a count."""
    return name.endswith(_SECONDS)


def key_of(name: str) -> str:
    """How the rule is called in a policy file: its name without the unit, since that stands in the value."""
    return name.removesuffix(_SECONDS)


def place_of(name: str) -> str:
    """Table and key of a rule, as ``recovery.recovery_hold``."""
    return next(f"{table.name}.{key_of(name)}" for table in RULEBOOK for rule in table.rules if rule.name == name)


RULEBOOK: Final = (
    Table(
        "signing_in",
        "Signing in, and codes that are typed.",
        (
            Rule(
                "sign_in_s", "Life of a sign-in and of its code. Short, so that a code that was seen is soon worthless."
            ),
            Rule(
                "statement_s", "Life of every other question to a phone. Short, so that no old approval is lying about."
            ),
            Rule(
                "code_attempts", "Wrong codes after which one sign-in has failed. Stops guessing, and locks no account."
            ),
            Rule(
                "prompts_per_hour",
                "Sign-ins shown on the phones unasked. Stops whoever tires a person out until they agree.",
            ),
            Rule("prompts_per_day", "The same in a day."),
            Rule(
                "failed_sign_ins_per_hour",
                "Sign-ins of one account that may fail by wrong codes. Stops guessing over many sign-ins.",
            ),
            Rule(
                "tenant_wrong_codes_per_hour",
                "Wrong codes of a whole site before code entry slows down. Stops guessing over many accounts.",
            ),
        ),
    ),
    Table(
        "phones",
        "New phones and phones that go.",
        (
            Rule("migration_hold_s", "A new phone waits so long, visibly. Stops a thief with an unlocked phone."),
            Rule("migration_open_s", "For migrations of the first release only: how long their code could be typed."),
            Rule(
                "migration_accept_s",
                "How long the new phone may accept after that wait. Later the owner approves it again.",
            ),
            Rule(
                "probation_s",
                "How long a new phone may sign in and change nothing. Stops a thief's phone from removing yours.",
            ),
            Rule(
                "revoke_other_s",
                "A phone that another one removed can object for so long. Stops a thief from removing you at once.",
            ),
            Rule(
                "authority_changes_per_day",
                "Changes of phones and wallets in one account. Bounds what a quarrel can write.",
            ),
        ),
    ),
    Table(
        "recovery",
        "When phones or the wallet are lost. Every verified phone hears of a case and can object.",
        (
            Rule(
                "recovery_hold_s",
                "Wait with the wallet alone. Time to notice a thief who found the words of the wallet.",
            ),
            Rule(
                "recovery_hold_line_changed_s",
                "The same after a recent change of the mobile line: a stolen SIM often comes first.",
            ),
            Rule(
                "recovery_open_s",
                "How long a case may be completed after its wait. A forgotten case must not stay open.",
            ),
            Rule(
                "recovery_blocked_s",
                "How long the wallet alone opens no case after a phone has stopped one. Stops trying again and again.",
            ),
            Rule(
                "recovery_hold_code_s",
                "Wait with the wallet and a recovery code. Time to notice that both were stolen.",
            ),
            Rule(
                "recovery_hold_guardians_s",
                "Wait with guardians, besides the wallet or a code. Time to notice guardians who conspire.",
            ),
            Rule(
                "recovery_hold_proofed_s",
                "Wait when two officers attested who claims the account. Time to notice bribed officers.",
            ),
            Rule(
                "recovery_delay_s",
                "How much longer a case with guardians or officers waits when a phone objects, once.",
            ),
            Rule(
                "voucher_s", "How long the word of a guardian or officer counts. An old word must not help a new thief."
            ),
            Rule(
                "recovery_starts_per_day",
                "Cases of one account in a day. Bounds what a thief can make its owner look at.",
            ),
            Rule("recovery_code_tries_per_day", "Wrong recovery codes for one account. A right one always counts."),
        ),
    ),
    Table(
        "protection",
        "Guardians and recovery codes themselves.",
        (
            Rule(
                "protection_hold_s",
                "Others wait so long, unless a present code is shown. Stops a thief with phone and wallet.",
            ),
            Rule(
                "protection_fresh_s",
                "After binding the first ones are taken at once for so long: nothing can have been stolen yet.",
            ),
        ),
    ),
    Table(
        "freezing",
        "Stopping an account with the wallet alone, or by the link in a mail.",
        (
            Rule("freeze_s", "How long that freezes it. Short, or who found the words could keep the owner out."),
            Rule("freezes", "How often it may, in the time below. Few, for the same reason."),
            Rule("freezes_window_s", "The time in which those are counted."),
        ),
    ),
    Table(
        "warnings",
        "Telling the owner.",
        (
            Rule(
                "wallet_alone_notice",
                "Right wallet signatures without a verified phone in a day, after which the owner is told.",
            ),
            Rule(
                "channels_hold_s",
                "An address that is taken away hears for so long. Stops a thief from making the owner deaf first.",
            ),
        ),
    ),
    Table(
        "offline_codes",
        "Codes that a phone prepares and shows without a network. They open a session at the lower level.",
        (
            Rule(
                "offline_codes_s",
                "How far ahead a phone may prepare them. 0s: there are none, and prepared ones do not count.",
            ),
            Rule("offline_guesses_per_hour", "Wrong ones for one account, before they slow down for it."),
        ),
    ),
    Table(
        "backups",
        "Backups of the wallet, which nobody can make for an owner.",
        (
            Rule(
                "backup_check_s",
                "After how long who signs in is told to try one. 0s: never. So that none is found broken too late.",
            ),
        ),
    ),
    Table(
        "line",
        "The mobile line. It can lengthen a wait and lower a level; it lets nobody in and locks nobody out.",
        (
            Rule("line_cooldown_s", "How long a change of the line counts as recent, also an announced one."),
            Rule("line_silent_s", "After how long without any operator's answer the line counts as changed."),
            Rule("line_confirmed_s", "How long it counts that the line was seen alive on a verified phone."),
            Rule(
                "move_window_s",
                "How far ahead a move of the SIM may be announced. Long warnings would explain any theft.",
            ),
        ),
    ),
)
"""All rules."""
