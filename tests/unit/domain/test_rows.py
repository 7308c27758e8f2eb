"""Which row of docs/spec section 8.1 a decision came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

import chains
import quarrels
from builders import account_id, digest, thumbprint, wallet
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.acts import StatementAct
from pteri.domain import offline
from pteri.domain.account import Account
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState
from pteri.domain.facts import Facts, LineStatus, Signer
from pteri.domain.guards import freeze_by_link
from pteri.domain.policy import decide
from pteri.domain.rows import ROWS, Row, row_of, row_of_link, row_of_offline
from pteri.domain.rules import Rules
from quarrels import signed_by
from stories import STORIES, acts_on


def cases(line: LineStatus) -> Iterator[tuple[StatementAct, Facts]]:
    """Everything that a test person can ask of every account that the stories have, and of none."""
    for story in STORIES.values():
        ledger = story()
        for attempt in acts_on(ledger):
            for account in (ledger.settled()[0], None):
                yield attempt.act, attempt.facts(ledger, account, line)


def row(ledger: Ledger, act: StatementAct, signer: Signer | None = None, line: LineStatus | None = None) -> str:
    """The condition of the row by which this is decided."""
    account = ledger.settled()[0]
    facts = ledger.facts(account, line, signer or Signer(wallet=account.wallet))
    found = row_of(act, facts, decide(act, facts, ledger.rules))
    assert found.purpose in {act.purpose, ""}
    return found.condition


OFFERING = Rules(offline_codes_s=30 * DAY)
NO_BACKUP = "a backup check is asked for, and no backup was tried for `backup_check_s`"
UNTOLD = {
    ("authenticate", NO_BACKUP),
    ("migrate", "not the account's wallet"),
    ("accept", "phone not pending; or, in a case for another wallet, not verified"),
    ("accept", "that wallet is or was the account's meanwhile"),
    ("accept", "account not open, evidence without `G` and `A`"),
    ("accept", "not the account's wallet"),
    ("accept", "account not open"),
    ("recover", "the new wallet is or was the account's"),
    ("revoke", "target suspended, a recovery code shown"),
}
"""Rows that no act of the stories meets; some have an example below."""


@pytest.mark.slow
def test_there_is_a_row_for_everything_that_is_decided_and_every_row_decides_something() -> None:
    met: set[Row] = set()
    for line in (LineStatus.CONTINUOUS, LineStatus.CHANGED):
        for act, facts in cases(line):
            decision = decide(act, facts, OFFERING)
            found = row_of(act, facts, decision)
            assert decision.reason in found.decides
            assert found.purpose == act.purpose or (found.purpose == "" and act.purpose != "bind")
            met.add(found)
    assert {(one.purpose, one.condition) for one in set(ROWS) - met} == UNTOLD


def test_where_two_rows_of_a_purpose_decide_alike_something_tells_them_apart() -> None:
    for number, later in enumerate(ROWS):
        for earlier in ROWS[:number]:
            if earlier.purpose in {later.purpose, ""} and earlier.decides & later.decides and later.purpose != "bind":
                assert earlier.when is not None, (earlier, later)


BEFORE = "the account is not the one named, or not in a state that the purpose may meet"
Case = tuple[Callable[[], Ledger], Callable[[Ledger], StatementAct], str]
EXAMPLES: dict[str, Case] = {
    "a claim on another account": (
        opened,
        lambda it: msgspec.structs.replace(it.claim(3), account=account_id(77)),
        BEFORE,
    ),
    "a claim on a frozen account": (
        STORIES["frozen"],
        lambda it: it.claim(3),
        "account not open, evidence without `G` and `A`",
    ),
    "a freeze of a frozen account": (STORIES["frozen"], lambda it: quarrels.freezing(it, 9), "account not open"),
    "a freeze of a contested account": (
        STORIES["contested by a phone"],
        lambda it: quarrels.freezing(it, 9),
        BEFORE,
    ),
    "a sign-in to a frozen account": (STORIES["frozen"], lambda it: it.authenticate(1), BEFORE),
    "an acceptance of a case under another digest": (
        STORIES["recovery may be accepted"],
        lambda it: msgspec.structs.replace(it.acceptance(3), approval=digest("another")),
        "open case of this phone: another approval",
    ),
    "an acceptance of a migration under another digest": (
        STORIES["migration may be accepted"],
        lambda it: msgspec.structs.replace(it.acceptance(2), approval=digest("another")),
        "another approval",
    ),
    "an acceptance by a phone that waits for nothing": (
        STORIES["migration may be accepted"],
        lambda it: it.acceptance(1),
        "phone not pending, or no open migration for it",
    ),
    "an acceptance too late": (
        STORIES["migration was not accepted in time"],
        lambda it: it.acceptance(2),
        "phone not pending, or no open migration for it",
    ),
    "an acceptance before the code": (
        STORIES["migration waits for its code"],
        lambda it: it.acceptance(2),
        "not confirmed by its code",
    ),
    "the end of a recovery": (STORIES["recovery may be accepted"], lambda it: it.acceptance(3), "its hold"),
    "the end of a migration": (STORIES["migration may be accepted"], lambda it: it.acceptance(2), "its hold"),
    "a claim that says which phones are lost": (
        opened,
        lambda it: msgspec.structs.replace(it.claim(3), lost=(thumbprint(1),)),
        "lost is not `all`",
    ),
    "a claim of the wallet alone with another wallet": (
        opened,
        lambda it: msgspec.structs.replace(it.claim(3), new_wallet=wallet(5).address),
        "`W` alone with another wallet",
    ),
    "the removal of a newcomer": (
        STORIES["migration inside its delay"],
        lambda it: it.removal(1, 2),
        "target pending",
    ),
    "the removal of a phone": (STORIES["two phones"], lambda it: it.removal(1, 2), "otherwise"),
    "an objection to the own case": (
        STORIES["recovery inside its hold"],
        lambda it: quarrels.objection(it, 3, quarrels.case_of(it)),
        "own open case, by its wallet or the account's",
    ),
    "an objection to the wallet alone": (
        STORIES["recovery inside its hold"],
        lambda it: quarrels.objection(it, 1, quarrels.case_of(it)),
        "it has `W` alone; it has another factor",
    ),
    "an objection by a stranger's phone": (
        STORIES["recovery inside its hold"],
        lambda it: quarrels.objection(it, 9, quarrels.case_of(it)),
        "an open case: phone not verified; not the account's wallet",
    ),
    "an objection to nothing by a stranger's phone": (
        STORIES["recovery inside its hold"],
        lambda it: quarrels.objection(it, 9, digest("nothing")),
        "phone not verified; not the account's wallet",
    ),
    "an objection to a case that is over": (
        STORIES["recovery was not accepted in time"],
        lambda it: quarrels.objection(it, 9, quarrels.case_of(it)),
        "phone not verified; not the account's wallet",
    ),
    "an objection to a migration": (
        STORIES["migration inside its delay"],
        lambda it: quarrels.objection(it, 1, it.now().migration.approval),  # type: ignore[union-attr]  # there is one
        "an open migration, or a protection that waits",
    ),
    "the first guardians": (
        opened,
        lambda it: quarrels.protection(it, 1, quarrels.friends()),
        "nothing replaced, by a phone as old as the wallet, within `protection_fresh_s`",
    ),
    "codes for signing in": (
        opened,
        lambda it: msgspec.structs.replace(chains.preparing(it, 1), chain_end=None, length=0, start=0, step=0),
        "otherwise",
    ),
    "offline codes": (chains.offering, lambda it: chains.preparing(it, 1), "with a chain end, otherwise"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_rows_that_decide_alike_are_told_apart(name: str) -> None:
    story, act, condition = EXAMPLES[name]
    ledger = story()
    assert row(ledger, act(ledger)) == condition


def test_the_row_says_whether_the_line_or_the_case_itself_makes_a_claimant_wait() -> None:
    ledger = STORIES["recovery may be accepted"]()
    lengthened = "line changed, evidence without `C`, `G` and `A`"
    assert row(ledger, ledger.acceptance(3), line=LineStatus.CHANGED) == lengthened
    assert row(ledger.wait(5 * DAY), ledger.acceptance(3), line=LineStatus.CHANGED) == lengthened
    assert row(ledger, ledger.acceptance(3), line=LineStatus.UNKNOWN) == "its hold"
    coded = STORIES["claimed with a code"]().wait(2 * DAY)
    act, signed_by_then = quarrels.completing(coded.now())
    assert row(coded, act, Signer(wallet=signed_by_then), LineStatus.CHANGED) == "its hold"


def test_a_code_that_is_shown_decides_where_the_account_is_not_fresh_any_more() -> None:
    ledger = STORIES["guarded"]()
    wish = quarrels.protection(ledger, 1, quarrels.friends(91, 92), quarrels.OTHER_CODE)
    assert row(ledger, wish, signed_by(ledger, "WC")) == "a recovery code shown"


def test_a_suspended_phone_is_removed_by_a_code_and_objects_to_its_own_removal() -> None:
    ledger = STORIES["phone suspended"]()
    [suspension] = [device.suspension for device in ledger.now().devices if device.suspension is not None]
    assert row(ledger, quarrels.objection(ledger, 1, suspension.approval)) == "the removal of this suspended phone"
    coded = STORIES["guarded"]()
    coded.revoke(2, 1)
    shown = row(coded, coded.removal(2, 1), signed_by(coded, "WC"))
    assert shown == "target suspended, a recovery code shown"


def row_on(account: Account, ledger: Ledger, act: StatementAct, signer: Signer | None = None) -> str:
    """The same on an account that no history made, as somebody may write one down."""
    facts = ledger.facts(account, signer=signer or Signer(wallet=account.wallet))
    return row_of(act, facts, decide(act, facts, ledger.rules)).condition


def test_of_a_migration_whose_code_never_came_it_is_said_whether_it_is_over_before_its_code_is_asked_for() -> None:
    ledger = STORIES["migration waits for its code"]()
    act, account = ledger.acceptance(2), ledger.now()
    assert row_on(account, ledger, act) == "not confirmed by its code"
    assert row_on(account, ledger.wait(HOUR), act) == "phone not pending, or no open migration for it"


def test_a_phone_that_is_verified_already_waits_for_nothing_whatever_else_is_open() -> None:
    ledger = STORIES["migration waits for its code"]()
    account = ledger.now()
    verified = msgspec.structs.replace(account.known(thumbprint(2)), state=DeviceState.ACTIVE)
    account = msgspec.structs.replace(account, devices=account.with_devices(verified))
    assert row_on(account, ledger, ledger.acceptance(2)) == "phone not pending, or no open migration for it"


def test_an_objection_to_something_else_is_none_to_the_own_removal() -> None:
    ledger = STORIES["phone suspended"]()
    account = ledger.now()
    [suspended] = [device for device in account.devices if device.suspension is not None]
    verified = msgspec.structs.replace(suspended, state=DeviceState.ACTIVE)
    account = msgspec.structs.replace(account, devices=account.with_devices(verified))
    stranger = signed_by(ledger, "")
    act = quarrels.objection(ledger, 1, digest("something else"))
    assert row_on(account, ledger, act, stranger) == "phone not verified; not the account's wallet"


def test_a_link_and_an_offline_code_have_their_rows() -> None:
    ledger, spent = opened(), STORIES["frozen twice, and over"]()
    assert row_of_link(freeze_by_link(ledger.now(), ledger.at, Rules())).condition == "otherwise"
    account = spent.settled()[0]
    assert row_of_link(freeze_by_link(account, spent.at, Rules())).condition == (
        "`freezes` of them within `freezes_window_s`"
    )
    offered = chains.offering()
    chains.prepare(offered, 1)
    phone, account = thumbprint(1), offered.now()
    told = {
        row_of_offline(offline.sign_in(phone, account, offered.rules)).condition,
        row_of_offline(offline.sign_in(phone, account, Rules())).condition,
        row_of_offline(offline.sign_in(thumbprint(9), account, Rules())).condition,
        row_of_offline(offline.sign_in(phone, STORIES["frozen"]().now(), Rules())).condition,
    }
    assert told == {"otherwise", "`offline_codes_s` is 0", "phone not verified", "account not open"}
    assert row_of_offline(offline.sign_in(phone, account, offered.rules)).decides == {Reason.OFFLINE_CODE}


def test_waiting_an_hour_changes_what_is_said_of_a_migration() -> None:
    """The same row before and after: what decides is the hold, and the decision says whether it is over."""
    ledger = STORIES["migration inside its delay"]()
    assert row(ledger, ledger.acceptance(2)) == "its hold"
    assert row(ledger.wait(HOUR), ledger.acceptance(2)) == "its hold"


def test_a_backup_check_that_is_due_has_its_row() -> None:
    ledger = opened(rules=Rules(backup_check_s=DAY)).wait(DAY)
    assert row(ledger, ledger.authenticate(1)) == NO_BACKUP
