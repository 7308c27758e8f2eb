"""Messages: closed, typed and bounded, so that nothing can be set that is not meant to be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pteri.core import wire
from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, RequestId
from signing import WALLET, enrolment
from statements import ACCOUNT, ADDRESS, DEVICE, EXAMPLES, FRIENDS, LINE, SESSION, statement

ID = RequestId("lgn_2Y7K4M9QWZ3T")
GUARDIANS = Guardians(2, FRIENDS)
PHONE_SEEN = wire.PhoneSeen(DEVICE, "four words of it", "ACTIVE", 1, 2, 3, this_phone=True)
MESSAGES: list[msgspec.Struct] = [
    wire.Nothing(),
    wire.StartSignIn("alice@example.com", SESSION),
    wire.StartSignIn("alice@example.com", SESSION, prompt=False),
    wire.StartBinding("alice@example.com", SESSION),
    wire.StartBinding("alice@example.com", SESSION, "+4915112345678"),
    wire.Started(ID, "42", 120, "PTERI1:0"),
    wire.EnterCode("4641 6065", "A" * 43),
    wire.BringAnswer("PTERI1:0", "PTERI1R:0", "A" * 43),
    wire.Token("ct1.1795453500.client.mac", 1_795_453_500),
    wire.SignedIn(
        "COMPLETED", AccountId("acct_5X3N8J2K7Q4M"), 1, DEVICE, "FULL", "CONTINUOUS", None, "pteri:otp", ("pop",), 7
    ),
    wire.Progress(ID, "WAITING", 120),
    wire.Claim(),
    wire.Claim(enrolment()),
    wire.Claim(enrolment(), "+4915112345678"),
    *(wire.Claimed(statement(act)) for act in EXAMPLES.values()),
    wire.Claimed(statement(EXAMPLES["link an account, with a line"]), "A" * 43, "terms"),
    wire.Decided("permit", "BOTH_KEYS", code_expected=True),
    wire.Decided("hold", "NEW_PHONE", code_expected=False, until=7),
    wire.Prompts((wire.Prompt(ID, "42", 120),), 0),
    wire.SetUpCodes("A" * 87, "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t"),
    wire.StartRecovery(ID, "46416065"),
    wire.StartMigration("PTERI-CARD1:0", LINE, revoke_old=True),
    wire.OpenMailbox("A" * 22),
    wire.PutMessage(0, "AA"),
    wire.MailboxSeen("A" * 22, 120, ("AA",)),
    wire.Revoke(DEVICE),
    wire.DevicesSeen(
        AccountId("acct_5X3N8J2K7Q4M"),
        3,
        LINE,
        (PHONE_SEEN,),
        wire.MigrationSeen("APPROVED", "four words", confirmed=False, revoke_old=True, held_until=0, expires_at=9),
        wire.RecoverySeen("OPEN", "four words", ("W",), 1, 2, 3, "RECOVER", LINE),
        (wire.NoticeSeen(1, "MIGRATION_APPROVED", "four words"), wire.NoticeSeen(1, "x", "four words", 9)),
        state="CONTESTED",
        frozen_until=0,
        wallet=ADDRESS,
        guardians=GUARDIANS,
        recovery_codes=2,
        protection=wire.ProtectionSeen(LINE, "four words", GUARDIANS, 1, 9),
        backup_verified_at=7,
    ),
    wire.SetUpCodes("A" * 87, ADDRESS, WALLET.pinned, ACCOUNT, "A" * 87),
    wire.StartRecovery(ID, "46416065", ("C", "W"), WALLET.pinned, "A" * 87),
    wire.Revoke(DEVICE, "A" * 87),
    wire.Veto(LINE),
    wire.Rotate(WALLET.pinned, "A" * 87),
    wire.Protect(GUARDIANS, ("A" * 87, "B" * 87), "C" * 87),
    wire.Protect(None, ()),
    wire.Freeze(),
    wire.Unfreeze("A" * 87),
    wire.CheckBackup(LINE),
    wire.PrepareOfflineCodes(LINE, 1, 30, 2880),
    wire.EnterOfflineCode("PTERI1:0", "SCKN ACEH", "A" * 43),
    wire.Stop("A" * 87, WALLET.pinned, ACCOUNT, "A" * 87),
    wire.Vouch("A" * 87, WALLET.pinned, ACCOUNT, DEVICE),
    wire.Attest(ACCOUNT, DEVICE),
]


def decoded(body: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct:
    return msgspec.json.decode(body, type=kind)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_goes_through_json_and_back(message: msgspec.Struct) -> None:
    body = msgspec.json.encode(message)
    assert decoded(body, type(message)) == message
    assert msgspec.json.encode(decoded(body, type(message))) == body


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_no_part_of_a_message_takes_an_unknown_field(message: msgspec.Struct) -> None:
    built = msgspec.to_builtins(message)
    for opened in with_unknown_field(built):
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            decoded(msgspec.json.encode(opened), type(message))


def with_unknown_field(value: Any) -> list[Any]:
    """The value, over and over, each time with a field more in one of its objects."""
    if isinstance(value, dict):
        inside = [{**value, key: opened} for key, old in value.items() for opened in with_unknown_field(old)]
        return [{**value, "admin": True}, *inside]
    if isinstance(value, list | tuple):
        return [
            [*value[:place], opened, *value[place + 1 :]]
            for place, old in enumerate(value)
            for opened in with_unknown_field(old)
        ]
    return []


def test_every_message_is_tried_here() -> None:
    tried = {type(message).__name__ for message in MESSAGES}
    inner = {"PhoneSeen", "MigrationSeen", "RecoverySeen", "NoticeSeen", "Prompt", "ProtectionSeen"}
    aliases = {"ProgressState"}
    assert tried | inner == set(wire.__all__) - aliases


@pytest.mark.parametrize("login", ["a@b", "alice+tag@example.com", "\u00e4@b.example", "a" * 250 + "@b.c"])
def test_a_login_is_an_e_mail_address(login: str) -> None:
    assert wire.StartSignIn(login, SESSION) == decoded(
        msgspec.json.encode({"login": login, "session": SESSION}), wire.StartSignIn
    )


@pytest.mark.parametrize(
    "login",
    [
        *("", "a@", "@b", "ab", "a b@c", "a@b c", "a@b@c", "a@b\n", "a\n@b", "a@b\nc@d", " a@b", "a@b ", "a@\u00a0b"),
        "a" * 251 + "@b.c",
        "a" * 100_000,
    ],
)
def test_anything_else_is_no_login(login: str) -> None:
    for kind in (wire.StartSignIn, wire.StartBinding):
        with pytest.raises(msgspec.ValidationError):
            decoded(msgspec.json.encode({"login": login, "session": SESSION}), kind)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (wire.StartBinding, {"login": "a@b", "session": SESSION, "line": "1" * 65}),
        (wire.StartBinding, {"login": "a@b", "session": SESSION, "line": 4915112345678}),
        (wire.StartSignIn, {"login": "a@b", "session": SESSION, "prompt": None}),
        (wire.StartSignIn, {"login": "a@b", "session": SESSION, "prompt": 0}),
        (wire.StartSignIn, {"login": "a@b", "session": SESSION, "prompt": "no"}),
        (wire.StartBinding, {"login": "a@b", "session": SESSION, "prompt": False}),
        (wire.Claim, {"line": "1" * 65}),
        (wire.EnterCode, {"code": "1" * 17, "session_secret": "A" * 43}),
        (wire.EnterCode, {"code": 46416065, "session_secret": "A" * 43}),
        (wire.EnterCode, {"code": "46416065", "session_secret": "A" * 42}),
        (wire.EnterCode, {"code": "46416065", "session_secret": "A" * 44}),
        (wire.EnterCode, {"code": "46416065"}),
        (wire.SetUpCodes, {"device_key": "A", "address": "L" * 101}),
        (wire.StartMigration, {"card": "P" * 421, "transcript": LINE, "revoke_old": True}),
        (wire.StartMigration, {"card": "P", "transcript": LINE, "revoke_old": 1}),
        (wire.StartMigration, {"card": "P", "transcript": LINE, "revoke_old": "no"}),
        (wire.StartMigration, {"card": "P", "transcript": LINE}),
        (wire.StartMigration, {"card": "P", "revoke_old": True}),
        (wire.OpenMailbox, {"id": "A" * 23}),
        (wire.PutMessage, {"place": -1, "message": "AA"}),
        (wire.PutMessage, {"place": 256, "message": "AA"}),
        (wire.PutMessage, {"place": 0, "message": "A" * 5601}),
        (wire.PutMessage, {"place": 0, "message": ""}),
        (wire.StartRecovery, {"setup": ID, "code": None}),
        (wire.StartRecovery, {"setup": ID, "code": "46416065", "evidence": []}),
        (wire.StartRecovery, {"setup": ID, "code": "46416065", "evidence": ["W"] * 6}),
        (wire.StartRecovery, {"setup": ID, "code": "46416065", "recovery_code": "A" * 86}),
        (wire.Veto, {"case": None}),
        (wire.Protect, {"guardians": None, "code_keys": ["A" * 87] * 3}),
        (wire.Protect, {"guardians": None, "code_keys": ["A" * 88]}),
        (wire.Protect, {"guardians": {"needed": 2}, "code_keys": []}),
        (wire.Unfreeze, {}),
        (wire.Stop, {"device_key": "A" * 87}),
        (wire.Revoke, {"target": None}),
        (wire.Revoke, {}),
        (wire.Progress, {"id": ID, "state": "DONE", "expires_at": 1}),
        (wire.Decided, {"decision": "allow", "reason": "x", "code_expected": False}),
        (wire.SignedIn, {"state": "APPROVED"}),
        (wire.Nothing, []),
        (wire.Nothing, None),
    ],
)
def test_a_value_of_another_type_or_size_is_refused(kind: type[msgspec.Struct], fields: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(msgspec.json.encode(fields), kind)


def test_a_token_does_not_print() -> None:
    token = wire.Token("ct1.1795453500.client.mac", 1_795_453_500)
    assert "ct1" not in f"{token} {token!r} {[token]}"
    assert "1795453500" in repr(token)


def test_phones_are_prompted_unless_the_site_says_otherwise() -> None:
    assert b"prompt" not in msgspec.json.encode(wire.StartSignIn("a@b", SESSION))
    asked = decoded(msgspec.json.encode({"login": "a@b", "session": SESSION}), wire.StartSignIn)
    assert asked == wire.StartSignIn("a@b", SESSION, prompt=True)


def test_a_line_or_an_enrolment_that_is_not_there_is_not_written() -> None:
    assert msgspec.json.encode(wire.Claim()) == b"{}"
    assert b"line" not in msgspec.json.encode(wire.StartBinding("a@b", SESSION))
