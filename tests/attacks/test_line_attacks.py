"""Abuse case PR-25: whatever is decided, a worse word about the mobile line never makes it more permissive.

The search is exhaustive over small lists: accounts in every stage, every purpose by every phone, right and stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

import builders as b
from pteri.core.acts import (
    ACTS,
    SAME_WALLET,
    ActivateDevice,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.guardians import Guardians
from pteri.core.ids import Digest, Thumbprint
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Level, Permit, Refuse, permissiveness
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    ChannelsChanged,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationConfirmed,
    ProtectionChanged,
    RecoveryStarted,
)
from pteri.domain.evolving import evolve
from pteri.domain.facts import SEVERITY, Circumstances, Facts, LineStatus, Signer
from pteri.domain.policy import decide
from pteri.domain.rules import Rules
from thieves import HOUR

RULES = Rules()
DAY = 24 * HOUR
OLD, NEW, THIEF, UNKNOWN_PHONE = (b.thumbprint(number) for number in (1, 2, 3, 4))
OWN, FRIEND, NEXT = (b.wallet(number) for number in (1, 2, 3))
FRIENDS = Guardians(2, tuple(sorted((FRIEND.address, b.wallet(4).address))))
CODE = b.sec1_text(5)
SIGNERS = (
    Signer(wallet=OWN),
    Signer(wallet=OWN, new_wallet=NEXT),
    Signer(wallet=OWN, new_wallet=NEXT, code_key=CODE),
    Signer(wallet=OWN, code_key=CODE),
    Signer(wallet=FRIEND),
    Signer(wallet=FRIEND, officer="ofc-1"),
)
"""Who may have signed besides the phone: each alone and together."""
APPROVAL, CASE = b.digest("approval"), b.digest("case")
INSTANTS = (b.NOW, b.NOW + HOUR, b.NOW + 72 * HOUR - 1, b.NOW + 72 * HOUR, b.NOW + 7 * DAY, b.NOW + 20 * DAY)


def after(account: Account, *events: Event) -> Account:
    for event in events:
        account = evolve(account, event)
    return account


def accounts() -> dict[str, Account | None]:
    """One account for each stage of a life."""
    opened = b.opened()
    let_in = after(opened, b.migration_approved(opened))
    confirmed = after(let_in, MigrationConfirmed(b.NOW, b.request_id(), NEW, b.NOW + 10 * DAY))
    two = after(confirmed, DeviceActivated(b.NOW + HOUR, b.request_id(2), NEW, APPROVAL, (), b.NOW + 73 * HOUR))
    case = RecoveryStarted(
        at=b.NOW,
        request=b.request_id(3),
        new_device=THIEF,
        new_key=b.sec1_text(3),
        approval=CASE,
        evidence=("W",),
        held_until=b.NOW + RULES.recovery_hold_s,
        expires_at=b.NOW + 17 * DAY,
    )
    claimed = after(two, case)
    protected = after(two, ProtectionChanged(b.NOW, b.request_id(7), OLD, b.digest("protect"), FRIENDS, (CODE,)))
    return {
        "none": None,
        "protected": protected,
        "warned": after(two, ChannelsChanged(b.NOW, b.request_id(11), OLD, b.digest("notify"), (b.digest("address"),))),
        "frozen": after(protected, AccountFrozen(b.NOW, b.request_id(8), THIEF, b.NOW + DAY)),
        "contested": after(protected, AccountContested(b.NOW, b.request_id(9), OLD, ("D",))),
        "opened": opened,
        "let in": let_in,
        "confirmed": confirmed,
        "two phones": two,
        "claimed": claimed,
        "claim stopped": after(claimed, DeviceRevoked(b.NOW + 1, b.request_id(4), THIEF, OLD)),
        "old one suspended": after(two, DeviceSuspended(b.NOW + 1, b.request_id(5), OLD, NEW, b.NOW + 25 * HOUR)),
        "new one suspended": after(two, DeviceSuspended(b.NOW + 1, b.request_id(5), NEW, OLD, b.NOW + 25 * HOUR)),
        "one removed": after(two, DeviceRevoked(b.NOW + 1, b.request_id(6), NEW, NEW)),
    }


def acts(account: Account | None) -> Iterator[StatementAct]:
    """Every purpose, by every phone, for this and for a stale epoch, about the right, no and another line."""
    known = account or b.opened()
    for device, epoch, esim in product(
        (OLD, NEW, THIEF, UNKNOWN_PHONE), (known.epoch, known.epoch + 1, 0), (known.esim, None, b.digest("other line"))
    ):
        yield from _with_line(known, device, epoch, esim)
    for device, epoch in product((OLD, NEW, THIEF, UNKNOWN_PHONE), (known.epoch, known.epoch + 1)):
        yield from _without_line(known, device, epoch)


def _with_line(known: Account, device: Thumbprint, epoch: int, esim: Digest | None) -> Iterator[StatementAct]:
    session = b.digest("session")
    yield BindWallet(known.id, device, esim, epoch, session, b.digest("recovery terms"))
    yield Authenticate(known.id, device, esim, epoch, session, "42")
    for newcomer in (NEW, THIEF, UNKNOWN_PHONE):
        yield ApproveMigration(known.id, device, esim, epoch, newcomer, session, session, True)
    for approval in (APPROVAL, CASE, b.digest("other approval")):
        yield ActivateDevice(known.id, device, esim, epoch, approval)
    for evidence, lost, wallet in (
        (("W",), None, SAME_WALLET),
        (("C", "W"), None, SAME_WALLET),
        (("C", "W"), None, NEXT.address),
        (("W",), (OLD,), "L"),
    ):
        yield StartRecovery(known.id, device, esim, epoch, evidence, lost, wallet)


def _without_line(known: Account, device: Thumbprint, epoch: int) -> Iterator[StatementAct]:
    for target in (OLD, NEW, THIEF, UNKNOWN_PHONE):
        yield RevokeDevice(known.id, device, epoch, target)
    for chain_end in (None, b.digest("chain")):
        yield SetupOtp(known.id, device, epoch, chain_end, 0, 0, 0)
    yield RotateWallet(known.id, device, epoch, NEXT.address)
    for guardians in (None, FRIENDS):
        yield ChangeProtection(known.id, device, epoch, guardians, None)
    for case in (APPROVAL, CASE, b.digest("other case")):
        yield VetoChange(known.id, device, epoch, case)
    yield FreezeAccount(known.id, device, epoch)
    yield UnfreezeAccount(known.id, device, epoch)
    yield VouchForRecovery(known.id, device, epoch, b.thumbprint(6))
    yield AttestIdentity(known.id, device, epoch, b.thumbprint(6))
    yield ConfirmBackup(known.id, device, epoch, b.digest("backup"))
    for channels in ((), (b.digest("address"),), (b.digest("another address"),)):
        yield ChangeChannels(known.id, device, epoch, channels)
    for line in (b.digest("another line"), b.digest("line that is gone")):
        yield RebindLine(known.id, device, epoch, known.esim, line)
    for within in (HOUR, 30 * DAY):
        yield AnnounceMove(known.id, device, epoch, known.esim, NEW, b.NOW + within)


def decided(account: Account | None, act: StatementAct, at: int, signer: Signer = SIGNERS[0]) -> list[Decision]:
    """The same act in the same moment, from the best word about the line to the worst."""
    checked = {LineStatus.UNKNOWN: None}
    return [
        decide(act, Facts(account, Circumstances(at, status, checked.get(status, at)), signer), RULES)
        for status in SEVERITY
    ]


def everything() -> Iterator[tuple[StatementAct, list[Decision]]]:
    for account in accounts().values():
        for act, at, signer in product(acts(account), INSTANTS, SIGNERS):
            yield act, decided(account, act, at, signer)


def test_pr_25_a_worse_line_never_makes_any_decision_more_permissive() -> None:
    for act, decisions in everything():
        given = [permissiveness(decision) for decision in decisions]
        assert given == sorted(given, reverse=True), (act, decisions)


def test_pr_25_the_search_meets_every_kind_of_decision_of_every_purpose() -> None:
    met: set[tuple[str, str]] = set()
    for act, decisions in everything():
        met |= {(act.purpose, type(decision).__name__) for decision in decisions}
    stops = {"veto", "freeze", "unfreeze", "vouch", "attest"}
    never_held = {"bind", "authenticate", "setup-otp", "backup-verified", "rebind-esim", "announce-move", *stops}
    never_permitted = {"migrate", "recover"}
    assert met == {
        (purpose, kind)
        for purpose, kind in product(ACTS, ("Permit", "Hold", "Refuse"))
        if (kind, purpose) not in {*product(["Hold"], never_held), *product(["Permit"], never_permitted)}
    }


def test_pr_25_no_word_about_the_line_ever_turns_a_refusal_around() -> None:
    for act, decisions in everything():
        assert len({isinstance(decision, Refuse) for decision in decisions}) == 1, (act, decisions)


def test_pr_25_the_line_matters_where_it_should() -> None:
    """The search would prove nothing if no decision depended on the line."""
    account = b.opened()
    sign_in = Authenticate(account.id, OLD, account.esim, 1, b.digest("session"), "42")
    levels = [decision.level for decision in decided(account, sign_in, b.NOW) if isinstance(decision, Permit)]
    assert levels == [Level.FULL, Level.REDUCED, Level.REDUCED, Level.REDUCED]
    claim = StartRecovery(account.id, THIEF, account.esim, 1, ("W",), None, SAME_WALLET)
    held = [decision.until - b.NOW for decision in decided(account, claim, b.NOW) if isinstance(decision, Hold)]
    assert held == [72 * HOUR, 72 * HOUR, 7 * DAY, 7 * DAY]


@pytest.mark.parametrize("purpose", sorted(ACTS))
def test_pr_25_the_best_word_about_the_line_opens_nothing_for_a_stranger(purpose: str) -> None:
    """Telecom evidence alone is worth nothing: a phone that the account does not know gets no permit from it."""
    # The wallet alone stops the account; it needs no phone, and moves nothing.
    if purpose in {"bind", "setup-otp", "freeze"}:
        return
    for account in (found for found in accounts().values() if found is not None):
        for act in acts(account):
            if act.purpose == purpose and act.device == UNKNOWN_PHONE:
                best = decided(account, act, b.NOW + 20 * DAY)[0]
                assert not isinstance(best, Permit), act


def test_pr_25_the_order_of_decisions_is_the_one_meant() -> None:
    reason = decided(b.opened(), SetupOtp(b.account_id(), OLD, 1, None, 0, 0, 0), b.NOW)[0].reason
    ascending: list[Decision] = [
        Refuse(reason),
        Hold(reason, 200),
        Hold(reason, 100),
        Permit(reason, Level.REDUCED),
        Permit(reason, Level.FULL),
    ]
    orders = [permissiveness(decision) for decision in ascending]
    assert orders == sorted(set(orders))
