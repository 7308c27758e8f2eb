"""The table of docs/spec section 8.1 as data: which of its rows a decision came from.

The policy stays the code in :mod:`pteri.domain.policy`. A row is found by what was decided, and where two rows of a
purpose decide alike, by the fact that tells them apart. A test compares the rows with the specification, another one
finds a row for everything that can be decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pteri.core.acts import StatementAct
from pteri.domain import apart
from pteri.domain.decisions import Decision, Reason
from pteri.domain.facts import Facts
from pteri.domain.seeing import Seen

__all__ = ["OFFLINE_ROWS", "ROWS", "Row", "row_of", "row_of_link", "row_of_offline"]

_R: Final = Reason
_YES: Final = frozenset({_R.BOTH_KEYS, _R.LINE_NOT_CONFIRMED})


@dataclass(frozen=True, slots=True)
class Row:
    """``purpose``: of the statement, empty for what comes before all rows. ``condition``: as the specification has it.

    ``when``: what tells it from another row that decides alike, where there is one.
    """

    purpose: str
    condition: str
    decides: frozenset[Reason]
    when: Callable[[StatementAct, Seen], bool] | None = None


def row_of(act: StatementAct, facts: Facts, decision: Decision) -> Row:
    """The row that decided it."""
    first = "" if act.purpose != "bind" else "bind"
    return next(
        row
        for row in ROWS
        if row.purpose in {first, act.purpose} and decision.reason in row.decides and _holds(row, act, facts)
    )


def row_of_link(decision: Decision) -> Row:
    """The row for a freeze by the link in a mail: it freezes like the wallet alone."""
    return next(row for row in ROWS if row.purpose == "freeze" and decision.reason in row.decides)


def row_of_offline(decision: Decision) -> Row:
    """The row of section 8.7 for an offline code."""
    return next(row for row in OFFLINE_ROWS if decision.reason in row.decides)


def _holds(row: Row, act: StatementAct, facts: Facts) -> bool:
    if row.when is None or facts.account is None:
        return True
    return row.when(act, Seen(facts.account, facts.circumstances, facts.signer, act.device))


def _row(
    purpose: str, condition: str, *decides: Reason, when: Callable[[StatementAct, Seen], bool] | None = None
) -> Row:
    return Row(purpose, condition, frozenset(decides), when)


_BEFORE: Final = (
    _row(
        "",
        "the account is not the one named, or not in a state that the purpose may meet",
        _R.ACCOUNT_NOT_OPEN,
        when=apart.not_the_one,
    ),
    _row("", "the epoch is not the account's own", _R.STALE_EPOCH),
    _row("", "the line commitment is not the account's own", _R.WRONG_LINE),
    _row("", "a recovery code that signed is none of the account's own", _R.WRONG_CODE_KEY),
)
ROWS: Final = (
    *_BEFORE,
    _row("bind", "there is an account", _R.ALREADY_BOUND),
    _row("bind", "epoch is not 0", _R.STALE_EPOCH),
    _row("bind", "otherwise", *_YES),
    _row("authenticate", "phone not verified", _R.DEVICE_NOT_ACTIVE),
    _row("authenticate", "not the account's wallet", _R.WRONG_WALLET),
    _row(
        "authenticate",
        "a backup check is asked for, and no backup was tried for `backup_check_s`",
        _R.BACKUP_CHECK_DUE,
    ),
    _row("authenticate", "otherwise", *_YES),
    _row("migrate", "phone not verified", _R.DEVICE_NOT_ACTIVE),
    _row("migrate", "not the account's wallet", _R.WRONG_WALLET),
    _row("migrate", "phone on probation", _R.DEVICE_ON_PROBATION),
    _row("migrate", "a migration is open", _R.MIGRATION_OPEN),
    _row("migrate", "the newcomer was in this account", _R.DEVICE_TOMBSTONED),
    _row("migrate", "otherwise", _R.SECURITY_DELAY),
    _row("accept", "open case of this phone: another approval", _R.WRONG_APPROVAL, when=apart.in_own_case),
    _row("accept", "not the wallet that the account will have", _R.WRONG_WALLET, when=apart.in_own_case),
    _row(
        "accept",
        "phone not pending; or, in a case for another wallet, not verified",
        _R.NOTHING_TO_ACCEPT,
        when=apart.in_own_case,
    ),
    _row("accept", "that wallet is or was the account's meanwhile", _R.WALLET_TOMBSTONED),
    _row("accept", "account not open, evidence without `G` and `A`", _R.ACCOUNT_NOT_OPEN, when=apart.in_own_case),
    _row(
        "accept",
        "line changed, evidence without `C`, `G` and `A`",
        _R.LINE_CHANGED_HOLD,
        _R.HOLD_OVER,
        when=apart.line_lengthens,
    ),
    _row("accept", "its hold", _R.RECOVERY_HOLD, _R.EVIDENCE_HOLD, _R.HOLD_OVER, when=apart.in_own_case),
    _row("accept", "phone not pending, or no open migration for it", _R.NOTHING_TO_ACCEPT, when=apart.nothing_waits),
    _row("accept", "another approval", _R.WRONG_APPROVAL),
    _row("accept", "not confirmed by its code", _R.NOTHING_TO_ACCEPT),
    _row("accept", "not the account's wallet", _R.WRONG_WALLET),
    _row("accept", "account not open", _R.ACCOUNT_NOT_OPEN),
    _row("accept", "its hold", _R.SECURITY_DELAY, _R.HOLD_OVER),
    _row("recover", "a letter that nothing shows, or not enough of them", _R.WEAK_EVIDENCE),
    _row("recover", "lost is not `all`", _R.NOT_OFFERED, when=apart.names_lost),
    _row("recover", "`W` alone with another wallet", _R.NOT_OFFERED),
    _row("recover", "anything else without a new wallet that signed", _R.NEW_WALLET_NEEDED, _R.WRONG_WALLET),
    _row("recover", "the new wallet is or was the account's", _R.WALLET_TOMBSTONED),
    _row("recover", "the phone was in this account, and does not wait in the open case", _R.DEVICE_TOMBSTONED),
    _row("recover", "account not open, evidence without `G` and `A`", _R.ACCOUNT_NOT_OPEN),
    _row("recover", "a case is open that this evidence does not pre-empt", _R.RECOVERY_OPEN),
    _row("recover", "`W` alone, rejected by a phone within `recovery_blocked_s`", _R.RECOVERY_STOPPED),
    _row("recover", "otherwise", _R.RECOVERY_HOLD, _R.LINE_CHANGED_HOLD, _R.EVIDENCE_HOLD),
    _row("rotate", "phone not verified; on probation", _R.DEVICE_NOT_ACTIVE, _R.DEVICE_ON_PROBATION),
    _row("rotate", "everything that is shown is not enough", _R.WEAK_EVIDENCE),
    _row(
        "rotate",
        "the new wallet, the state, an open case",
        _R.NEW_WALLET_NEEDED,
        _R.WRONG_WALLET,
        _R.WALLET_TOMBSTONED,
        _R.ACCOUNT_NOT_OPEN,
        _R.RECOVERY_OPEN,
    ),
    _row("rotate", "`W`, `D` and `C`, account open", _R.BOTH_KEYS),
    _row("rotate", "otherwise", _R.EVIDENCE_HOLD),
    _row("revoke", "phone not verified; not the account's wallet", _R.DEVICE_NOT_ACTIVE, _R.WRONG_WALLET),
    _row("revoke", "no such phone, or revoked or dropped", _R.UNKNOWN_TARGET),
    _row("revoke", "target claims the account, or guardians or officers speak for it", _R.VETO_INSTEAD),
    _row("revoke", "target pending", _R.BOTH_KEYS, when=apart.target_pending),
    _row("revoke", "another target, phone on probation", _R.DEVICE_ON_PROBATION),
    _row("revoke", "target suspended, a recovery code shown", _R.BOTH_KEYS, when=apart.target_suspended),
    _row("revoke", "target suspended", _R.SECURITY_DELAY, _R.HOLD_OVER),
    _row("revoke", "target is the last verified phone", _R.LAST_DEVICE),
    _row("revoke", "otherwise", _R.BOTH_KEYS),
    _row(
        "veto", "own open case, by its wallet or the account's", _R.STOPPED, _R.WRONG_WALLET, when=apart.names_own_case
    ),
    _row(
        "veto",
        "an open case: phone not verified; not the account's wallet",
        _R.DEVICE_NOT_ACTIVE,
        _R.WRONG_WALLET,
        when=apart.names_case,
    ),
    _row("veto", "it has `G` or `A`", _R.DELAYED, _R.VETO_SPENT),
    _row("veto", "it has `W` alone; it has another factor", _R.STOPPED, _R.CONTESTED, when=apart.names_case),
    _row("veto", "the removal of this suspended phone", _R.CONTESTED, _R.WRONG_WALLET, when=apart.names_own_removal),
    _row("veto", "phone not verified; not the account's wallet", _R.DEVICE_NOT_ACTIVE, _R.WRONG_WALLET),
    _row("veto", "an open migration, or a protection that waits", _R.STOPPED),
    _row("veto", "otherwise", _R.NOTHING_TO_VETO),
    _row("freeze", "a verified phone, a recovery code or an officer", _R.CONTESTED),
    _row("freeze", "not the account's wallet", _R.WEAK_EVIDENCE),
    _row("freeze", "account not open", _R.ACCOUNT_NOT_OPEN),
    _row("freeze", "`freezes` of them within `freezes_window_s`", _R.FREEZES_SPENT),
    _row("freeze", "otherwise", _R.FROZEN),
    _row("unfreeze", "phone not verified", _R.DEVICE_NOT_ACTIVE),
    _row("unfreeze", "`W`, `D` and `C`", _R.BOTH_KEYS, _R.WEAK_EVIDENCE),
    _row("protect", "phone not verified; not the account's wallet", _R.DEVICE_NOT_ACTIVE, _R.WRONG_WALLET),
    _row("protect", "the account's own wallet among the guardians", _R.NOT_A_GUARDIAN),
    _row(
        "protect",
        "nothing replaced, by a phone as old as the wallet, within `protection_fresh_s`",
        _R.BOTH_KEYS,
        when=apart.shows_no_code,
    ),
    _row("protect", "phone on probation", _R.DEVICE_ON_PROBATION),
    _row("protect", "a recovery code shown", _R.BOTH_KEYS),
    _row("protect", "a change waits already", _R.CHANGE_WAITS),
    _row("protect", "otherwise", _R.PROTECTION_HOLD),
    _row(
        "vouch",
        "not one of its guardians, or the account's own wallet, or for the guardian's own phone",
        _R.NOT_A_GUARDIAN,
    ),
    _row("vouch", "spoke for this phone already", _R.ALREADY_SPOKEN),
    _row("vouch", "otherwise", _R.BOTH_KEYS),
    _row("attest", "not an officer, or for the officer's own phone", _R.NOT_AN_OFFICER),
    _row("attest", "spoke for this phone already", _R.ALREADY_SPOKEN),
    _row("attest", "otherwise", _R.BOTH_KEYS),
    _row("setup-otp", "with a chain end: account not open", _R.ACCOUNT_NOT_OPEN),
    _row(
        "setup-otp",
        "with a chain end: phone not verified; not the account's wallet; on probation",
        _R.DEVICE_NOT_ACTIVE,
        _R.WRONG_WALLET,
        _R.DEVICE_ON_PROBATION,
    ),
    _row(
        "setup-otp", "with a chain end that does not begin now, or lasts longer than `offline_codes_s`", _R.NOT_OFFERED
    ),
    _row("setup-otp", "with a chain end, otherwise", _R.BOTH_KEYS, when=apart.with_chain),
    _row("setup-otp", "phone in this account, neither verified nor pending", _R.DEVICE_TOMBSTONED),
    _row("setup-otp", "otherwise", _R.BOTH_KEYS),
    _row("backup-verified", "phone not verified; not the account's wallet", _R.DEVICE_NOT_ACTIVE, _R.WRONG_WALLET),
    _row("backup-verified", "otherwise", _R.BOTH_KEYS),
    _row(
        "notify",
        "phone not verified; not the account's wallet; phone on probation",
        _R.DEVICE_NOT_ACTIVE,
        _R.WRONG_WALLET,
        _R.DEVICE_ON_PROBATION,
    ),
    _row("notify", "a change waits already", _R.CHANGE_WAITS),
    _row("notify", "every address of now stays", _R.BOTH_KEYS),
    _row("notify", "otherwise, also with a recovery code", _R.CHANNELS_HOLD),
    _row(
        "rebind-esim",
        "phone not verified; not the account's wallet; phone on probation",
        _R.DEVICE_NOT_ACTIVE,
        _R.WRONG_WALLET,
        _R.DEVICE_ON_PROBATION,
    ),
    _row("rebind-esim", "that line was given to somebody else", _R.LINE_GONE),
    _row("rebind-esim", "otherwise", _R.BOTH_KEYS),
    _row(
        "announce-move",
        "phone not verified; not the account's wallet; phone on probation",
        _R.DEVICE_NOT_ACTIVE,
        _R.WRONG_WALLET,
        _R.DEVICE_ON_PROBATION,
    ),
    _row("announce-move", "the account has no line", _R.NO_LINE),
    _row("announce-move", "the line is suspect or detached", _R.REBIND_INSTEAD),
    _row("announce-move", "`until` has passed, or is later than `move_window_s` from now", _R.NOT_OFFERED),
    _row("announce-move", "otherwise", _R.BOTH_KEYS),
)
"""In the order of section 8.1. The first four are its prose before the table."""
OFFLINE_ROWS: Final = (
    _row("offline", "account not open", _R.ACCOUNT_NOT_OPEN),
    _row("offline", "phone not verified", _R.DEVICE_NOT_ACTIVE),
    _row("offline", "`offline_codes_s` is 0", _R.NOT_OFFERED),
    _row("offline", "otherwise", _R.OFFLINE_CODE),
)
"""Section 8.7."""
