"""What is written down is read back years later: tags and field names are a promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, get_args

import msgspec
import pytest

import chains
import lines
import quarrels
from builders import (
    NOW,
    TENANT,
    account_id,
    bound,
    digest,
    evidence,
    migration_approved,
    opened,
    request_id,
    sec1_text,
    thumbprint,
    wallet,
)
from ledger import DAY, HOUR
from pteri.core.euicc.notification import Operation
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, SignInAsked, StatementAsked
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    BackupVerified,
    ChannelsChanged,
    ChannelsHeld,
    ChannelsStopped,
    ChannelsTookEffect,
    ChipAnswered,
    ChipTold,
    CodesSetUp,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    FreezeEnded,
    FrozenByLink,
    LineAged,
    LineObserved,
    LineRebound,
    MigrationConfirmed,
    MigrationExpired,
    MoveAnnounced,
    OfflineCodesPrepared,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    ProtectionTookEffect,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryExpired,
    RecoveryStarted,
    RecoveryStopped,
    RecoveryWithdrawn,
    RotationStarted,
    SignedIn,
    SignedInOffline,
    SignInApproved,
    SignInLapsed,
    SpokenFor,
    SuspensionEnded,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.line import LineEvent
from pteri.domain.records import Evidence, Notice, NoticeKind, RecordedEvent
from pteri.domain.signals import Finding, Question
from quarrels import CODE, HOME, OTHER_CODE, code_keys, friends

Encode: TypeAlias = Callable[[object], bytes]
Decode: TypeAlias = Callable[..., object]

REQUEST, OLD, NEW = request_id(), thumbprint(1), thumbprint(2)
EVENTS: dict[str, Event] = {
    event.name: event
    for event in (
        bound(),
        SignedIn(NOW, REQUEST, OLD),
        SignInApproved(NOW, REQUEST, OLD),
        SignInLapsed(NOW, REQUEST, OLD),
        migration_approved(opened()),
        MigrationConfirmed(NOW, REQUEST, NEW, expires_at=NOW + DAY),
        MigrationExpired(NOW, REQUEST, NEW),
        RecoveryStarted(
            NOW,
            REQUEST,
            NEW,
            new_key=sec1_text(2),
            approval=digest("approval"),
            evidence=("W",),
            held_until=NOW + HOUR,
            expires_at=NOW + DAY,
        ),
        RecoveryExpired(NOW, REQUEST, NEW),
        DeviceActivated(NOW, REQUEST, NEW, approval=digest("approval"), revoked=(OLD,), probation_until=NOW + DAY),
        DeviceSuspended(NOW, REQUEST, NEW, by=OLD, revoke_at=NOW + DAY),
        DeviceRevoked(NOW, REQUEST, NEW, by=OLD),
        SuspensionEnded(NOW, REQUEST, NEW),
        CodesSetUp(NOW, REQUEST, NEW),
        ActRefused(NOW, REQUEST, purpose="revoke", device=OLD, reason=Reason.LAST_DEVICE),
        ActHeld(NOW, REQUEST, purpose="accept", device=NEW, reason=Reason.RECOVERY_HOLD, until=NOW + DAY),
        AccountContested(NOW, REQUEST, by=OLD, evidence=("D",)),
        AccountFrozen(NOW, REQUEST, by=OLD, until=NOW + DAY),
        AccountUnfrozen(NOW, REQUEST, by=OLD),
        BackupVerified(NOW, REQUEST, device=OLD, backup=digest("backup")),
        FreezeEnded(NOW, REQUEST),
        ChannelsChanged(NOW, REQUEST, device=OLD, approval=digest("approval"), channels=(HOME,)),
        ChannelsHeld(NOW, REQUEST, OLD, digest("approval"), channels=(), held_until=NOW + DAY),
        ChannelsTookEffect(NOW, REQUEST),
        ChannelsStopped(NOW, REQUEST, by=OLD, approval=digest("approval")),
        LineObserved(
            NOW,
            REQUEST,
            happened=LineEvent.CONFIRM,
            signals=(lines.says(NOW, Finding.CLEAR, Question.POSSESSION),),
            answered_at=NOW,
            device=OLD,
            confirmed_at=NOW,
            cooling_until=NOW + DAY,
        ),
        ChipAnswered(NOW, REQUEST, OLD, chip=digest("chip"), key="key", ci_key_id="00" * 20),
        ChipTold(NOW, REQUEST, chip=digest("chip"), profile=digest("profile"), operation="enable", sequence=7),
        LineAged(NOW, REQUEST, happened=LineEvent.SETTLE),
        LineRebound(NOW, REQUEST, OLD, digest("approval"), esim=lines.OTHER_LINE, cooling_until=NOW + DAY),
        MoveAnnounced(NOW, REQUEST, OLD, digest("approval"), to_device=NEW, until=NOW + DAY),
        FrozenByLink(NOW, REQUEST, link=digest("link"), rules=digest("rules"), until=NOW + DAY),
        ProtectionChanged(
            NOW, REQUEST, device=OLD, approval=digest("approval"), guardians=friends(), code_keys=code_keys(CODE)
        ),
        ProtectionHeld(
            NOW,
            REQUEST,
            device=OLD,
            approval=digest("approval"),
            guardians=None,
            code_keys=(),
            held_until=NOW + DAY,
        ),
        ProtectionStopped(NOW, REQUEST, by=OLD, approval=digest("approval")),
        ProtectionTookEffect(NOW, REQUEST),
        RecoveryContested(NOW, REQUEST, by=OLD, approval=digest("approval")),
        RecoveryDelayed(NOW, REQUEST, by=OLD, approval=digest("approval"), delay_s=DAY),
        RecoveryStopped(NOW, REQUEST, by=OLD, approval=digest("approval")),
        RecoveryWithdrawn(NOW, REQUEST, by=NEW, approval=digest("approval")),
        RotationStarted(
            NOW,
            REQUEST,
            device=OLD,
            approval=digest("approval"),
            evidence=("D", "W"),
            new_wallet=wallet(2),
            held_until=NOW + HOUR,
            expires_at=NOW + DAY,
        ),
        SpokenFor(
            NOW,
            REQUEST,
            new_device=NEW,
            letter="G",
            by=wallet(91).address,
            wallet=wallet(91),
            device=thumbprint(91),
            device_key=sec1_text(91),
            until=NOW + DAY,
        ),
        SuspensionObjected(NOW, REQUEST, device=OLD),
        WalletRotated(
            NOW, REQUEST, device=OLD, approval=digest("approval"), evidence=("C", "D", "W"), wallet=wallet(2)
        ),
        OfflineCodesPrepared(NOW, REQUEST, device=OLD, chain_end=digest("end"), start=NOW, step=30, length=2880),
        SignedInOffline(NOW, REQUEST, device=OLD, slot=7, element="A" * 26, rules=digest("rules")),
    )
}
FIELDS = {
    "AccountBound": ("account", "tenant", "login", "wallet", "esim", "recovery", "device", "device_key"),
    "SignedIn": ("device",),
    "SignInApproved": ("device",),
    "SignInLapsed": ("device",),
    "MigrationApproved": (
        "by",
        "new_device",
        "new_key",
        "approval",
        "revoke_old",
        "held_until",
        "expires_at",
    ),
    "MigrationConfirmed": ("new_device", "expires_at"),
    "MigrationExpired": ("new_device",),
    "RecoveryStarted": ("new_device", "new_key", "approval", "evidence", "held_until", "expires_at", "new_wallet"),
    "RecoveryExpired": ("new_device",),
    "DeviceActivated": ("device", "approval", "revoked", "probation_until", "new_wallet"),
    "DeviceSuspended": ("device", "by", "revoke_at", "approval"),
    "DeviceRevoked": ("device", "by"),
    "SuspensionEnded": ("device",),
    "CodesSetUp": ("device",),
    "ActRefused": ("purpose", "device", "reason"),
    "ActHeld": ("purpose", "device", "reason", "until"),
    "AccountContested": ("by", "evidence"),
    "AccountFrozen": ("by", "until"),
    "AccountUnfrozen": ("by",),
    "BackupVerified": ("device", "backup"),
    "FreezeEnded": (),
    "ProtectionChanged": ("device", "approval", "guardians", "code_keys"),
    "ProtectionHeld": ("device", "approval", "guardians", "code_keys", "held_until"),
    "ProtectionStopped": ("by", "approval"),
    "ProtectionTookEffect": (),
    "RecoveryContested": ("by", "approval"),
    "RecoveryDelayed": ("by", "approval", "delay_s"),
    "RecoveryStopped": ("by", "approval"),
    "RecoveryWithdrawn": ("by", "approval"),
    "RotationStarted": ("device", "approval", "evidence", "new_wallet", "held_until", "expires_at"),
    "SpokenFor": ("new_device", "letter", "by", "wallet", "device", "device_key", "until"),
    "SuspensionObjected": ("device",),
    "WalletRotated": ("device", "approval", "evidence", "wallet"),
    "OfflineCodesPrepared": ("device", "chain_end", "start", "step", "length"),
    "SignedInOffline": ("device", "slot", "element", "rules"),
    "ChannelsChanged": ("device", "approval", "channels"),
    "ChannelsHeld": ("device", "approval", "channels", "held_until"),
    "ChannelsTookEffect": (),
    "ChannelsStopped": ("by", "approval"),
    "LineObserved": ("happened", "signals", "answered_at", "device", "confirmed_at", "cooling_until"),
    "ChipAnswered": ("device", "chip", "key", "ci_key_id"),
    "ChipTold": ("chip", "profile", "operation", "sequence"),
    "LineAged": ("happened",),
    "LineRebound": ("device", "approval", "esim", "cooling_until"),
    "MoveAnnounced": ("device", "approval", "to_device", "until"),
    "FrozenByLink": ("link", "rules", "until"),
}
DECISIONS: list[Decision] = [
    Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED),
    Permit(Reason.HOLD_OVER),
    Hold(Reason.SECURITY_DELAY, NOW),
    Refuse(Reason.NOT_OFFERED),
]

every_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
every_format = pytest.mark.parametrize(
    ("encode", "decode"),
    [(msgspec.json.encode, msgspec.json.decode), (msgspec.msgpack.encode, msgspec.msgpack.decode)],
    ids=["json", "msgpack"],
)


def test_there_is_an_example_of_every_event() -> None:
    assert {type(event) for event in EVENTS.values()} == set(get_args(Event))


def test_the_tags_and_fields_of_events_are_the_ones_that_are_in_the_log() -> None:
    found = {name: type(event).__struct_fields__ for name, event in EVENTS.items()}
    assert found == {name: ("at", "request", *fields) for name, fields in FIELDS.items()}


@every_format
@every_event
def test_an_event_is_read_back_as_it_was_written(event: Event, encode: Encode, decode: Decode) -> None:
    written = encode(event)
    read = decode(written, type=Event)
    assert read == event
    assert encode(read) == written


@every_format
@pytest.mark.parametrize(
    ("event", "later"),
    [("RecoveryStarted", "new_wallet"), ("DeviceActivated", "new_wallet"), ("DeviceSuspended", "approval")],
)
def test_a_field_that_came_later_is_not_written_while_it_says_nothing(
    event: str, later: str, encode: Encode, decode: Decode
) -> None:
    """What was recorded before it reads and encodes as it always did."""
    assert later.encode() not in encode(EVENTS[event])
    said = digest("removal") if later == "approval" else wallet(2)
    written = encode(msgspec.structs.replace(EVENTS[event], **{later: said}))
    assert later.encode() in written
    assert encode(decode(written, type=Event)) == written


@every_event
def test_an_event_of_another_shape_is_not_read(event: Event) -> None:
    fields = msgspec.to_builtins(event)
    wrong = [
        fields | {"event": "Something"},
        fields | {"note": 1},
        {name: value for name, value in fields.items() if name != "at"},
        fields | {"at": "now"},
    ]
    for shape in wrong:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(shape, Event)


@every_format
@pytest.mark.parametrize("decision", DECISIONS)
def test_evidence_is_read_back_as_it_was_written(decision: Decision, encode: Encode, decode: Decode) -> None:
    proof = msgspec.structs.replace(evidence(opened()), decision=decision)
    assert decode(encode(proof), type=Evidence) == proof


def test_the_tags_of_decisions_are_the_ones_that_are_in_the_log() -> None:
    tags = [msgspec.to_builtins(decision)["decision"] for decision in DECISIONS]
    assert tags == ["permit", "permit", "hold", "refuse"]


def test_the_tags_of_what_can_be_asked_are_the_ones_in_the_registry() -> None:
    tags = {kind: kind.__struct_config__.tag for kind in (BindAsked, SignInAsked, StatementAsked)}
    assert tags == {BindAsked: "bind", SignInAsked: "authenticate", StatementAsked: "statement"}


@every_format
@every_event
def test_a_recorded_event_is_read_back_with_its_place_and_evidence(
    event: Event, encode: Encode, decode: Decode
) -> None:
    for proof in (None, evidence(opened())):
        recorded = RecordedEvent(TENANT, account_id(), seq=3, event=event, evidence=proof)
        assert decode(encode(recorded), type=RecordedEvent) == recorded


@every_format
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_a_notice_is_read_back_as_it_was_written(kind: NoticeKind, encode: Encode, decode: Decode) -> None:
    for until in (None, NOW):
        for case, reminder in ((None, False), (digest("case"), True)):
            notice = Notice("id", TENANT, account_id(), NOW, kind, "four words", until, case, reminder)
            assert decode(encode(notice), type=Notice) == notice


def test_the_kinds_of_notices_are_a_closed_list() -> None:
    assert set(NoticeKind) == {
        "MIGRATION_APPROVED",
        "RECOVERY_STARTED",
        "PHONE_ADDED",
        "PHONE_REMOVED",
        "WALLET_WITHOUT_PHONE",
        "CLAIM_STOPPED",
        "CLAIM_DELAYED",
        "ACCOUNT_FROZEN",
        "ACCOUNT_CONTESTED",
        "ACCOUNT_UNFROZEN",
        "WALLET_CHANGE_STARTED",
        "WALLET_CHANGED",
        "PROTECTION_CHANGE_STARTED",
        "PROTECTION_CHANGED",
        "SPOKEN_FOR",
        "OFFLINE_CODES_PREPARED",
        "OFFLINE_CODE_USED",
        "CHANNELS_CHANGE_STARTED",
        "CHANNELS_CHANGED",
        "FROZEN_BY_LINK",
        "LINE_SUSPECT",
        "LINE_REBOUND",
        "MOVE_ANNOUNCED",
    }


@every_format
def test_a_snapshot_of_an_account_with_everything_in_it_is_read_back(encode: Encode, decode: Decode) -> None:
    ledger = quarrels.protected(chains.offering()).migrated(1, 2).wait(4 * DAY)
    quarrels.rotate(ledger, 1, "WC")
    chains.prepare(ledger, 2)
    chains.sign_in(ledger, 2)
    quarrels.protect(ledger, 1, friends(), CODE)
    quarrels.freeze(ledger)
    ledger.wait(DAY)
    ledger.revoke(2, 1)
    ledger.approve(2, 3)
    quarrels.spoken_for(ledger, "GA", 4)
    quarrels.claim(ledger, 4, "A", new=6)
    quarrels.protect(ledger, 2, None, OTHER_CODE)
    quarrels.notify(quarrels.warned(ledger, by=2), 2)
    ledger.submit(quarrels.backup(ledger, 2))
    lines.announce(ledger, 2, 1)
    lines.hear(ledger, lines.swap(ledger))
    lines.see(ledger, 2)
    lines.chip_answers(ledger, 2)
    lines.chip_tells(ledger, Operation.ENABLE, 2)
    lines.chip_tells(ledger, Operation.DISABLE, 1)
    account = ledger.now()
    unsaid = {name for name, value in msgspec.structs.asdict(account).items() if not value}
    assert unsaid == {"frozen_by", "frozen_until", "stopped_at"}
    assert decode(encode(account), type=Account) == account
