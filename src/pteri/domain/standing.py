"""What evidence is worth: which sets of it open a case, how long each waits, what follows (docs/spec section 8.4).

========  =======================================================
``W``     the wallet of the account signed
``D``     a verified phone of the account signed
``C``     one of its recovery codes signed
``G``     enough of its guardians spoke for the claimant's phone
``A``     two officers attested who holds the claimant's phone
========  =======================================================

The mobile line is none of them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pteri.domain.rules import Rules

__all__ = [
    "ALL_OF_THE_OWNER",
    "WALLET_ALONE",
    "Evidence",
    "Strength",
    "has_guardians",
    "is_enough",
    "line_counts",
    "pre_empts",
    "replaces_wallet",
    "strength",
    "wait_s",
]

Evidence = frozenset[str]

WALLET_ALONE: Final[Evidence] = frozenset("W")
ALL_OF_THE_OWNER: Final[Evidence] = frozenset("WDC")


class Strength(IntEnum):
    """A stronger case pre-empts a weaker one. From ``GUARDIANS`` on, an objection delays and cannot stop."""

    NOTHING = 0
    OWN_FACTORS = 1
    GUARDIANS = 2
    RE_PROOFED = 3


def strength(evidence: Evidence) -> Strength:
    """How much this evidence weighs against other evidence."""
    if "A" in evidence:
        return Strength.RE_PROOFED
    if has_guardians(evidence):
        return Strength.GUARDIANS
    return Strength.OWN_FACTORS if evidence else Strength.NOTHING


def has_guardians(evidence: Evidence) -> bool:
    """Whether guardians speak, and for somebody who shows a secret of the account: alone they could take it."""
    return "G" in evidence and bool(evidence & {"W", "C"})


def is_enough(evidence: Evidence) -> bool:
    """Whether this evidence opens a case at all: never without the wallet, unless guardians or officers speak."""
    return "W" in evidence or strength(evidence) >= Strength.GUARDIANS


def pre_empts(evidence: Evidence, other: Evidence) -> bool:
    """Whether a case with this evidence takes the place of an open one with the other.

    A stronger one does. So does everything that an owner has against less of it: who holds phone, wallet and code need
    not quarrel with a thief who found wallet and code, and ask others to decide.
    """
    if strength(evidence) is strength(other) is Strength.OWN_FACTORS:
        return evidence >= ALL_OF_THE_OWNER and not other >= ALL_OF_THE_OWNER
    return strength(evidence) > strength(other)


def replaces_wallet(evidence: Evidence) -> bool:
    """Whether the account gets another wallet with the case: always, unless the wallet alone is the evidence."""
    return evidence != WALLET_ALONE


def line_counts(evidence: Evidence) -> bool:
    """Whether a changed line makes such a case wait longer: where nothing but wallet and phone is shown."""
    return not evidence & {"C", "G", "A"}


def wait_s(evidence: Evidence, rules: Rules, *, line_changed: bool, quarrel: bool) -> int:
    """How long a case with this evidence waits, in seconds. The line can only lengthen it.

    ``quarrel``: the account is stopped, so that even who holds all that an owner has gives the other one time to speak.
    """
    if evidence >= ALL_OF_THE_OWNER and not quarrel:
        return 0
    if has_guardians(evidence):
        return rules.recovery_hold_guardians_s
    if "A" in evidence:
        return rules.recovery_hold_proofed_s
    if "C" in evidence:
        return rules.recovery_hold_code_s
    return rules.recovery_hold_line_changed_s if line_changed and line_counts(evidence) else rules.recovery_hold_s
