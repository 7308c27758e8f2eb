"""What a person reads: verbs and sentences, word for word."""

from __future__ import annotations

import typing

import msgspec
import pytest

from pteri.core import acts, ids
from pteri.core.acts import ACTS, phone_name
from pteri.core.errors import Malformed
from pteri.core.keys.mnemonic import WORDS
from statements import DEVICE, EXAMPLES, NEW_DEVICE, SESSION

# What phone_name makes of the two published keys; also in vectors/phone.json.
PHONE_WORDS = "six pass smile response"
NEW_PHONE_WORDS = "artefact garbage hundred country"
ASKED = "Sign only if you started this yourself"
READ = {
    "link an account, with a line": (
        "link this account",
        f"Link your account at bank.example to this wallet and the phone {PHONE_WORDS}. {ASKED}.",
    ),
    "sign in, with a line": (
        "sign in",
        f"Sign in to bank.example. {ASKED} and the number on the other screen is 42.",
    ),
    "approve a new phone and remove this one": (
        "APPROVE A NEW PHONE",
        f"Add the phone {NEW_PHONE_WORDS} and remove this one. Sign only if you hold both.",
    ),
    "approve a new phone and keep this one": (
        "APPROVE A NEW PHONE",
        f"Add the phone {NEW_PHONE_WORDS} and keep this one. Sign only if you hold both.",
    ),
    "activate a phone, with a line": (
        "activate this phone",
        f"Activate the phone {NEW_PHONE_WORDS} for your account at bank.example. {ASKED}.",
    ),
    "recover from the loss of all phones": (
        "START RECOVERY ON A NEW PHONE",
        f"Move your account to the phone {NEW_PHONE_WORDS} after a wait. Your other phones are told and can stop this.",
    ),
    "remove a phone": (
        "REMOVE A PHONE",
        f"Remove the phone {NEW_PHONE_WORDS} from your account at bank.example. It can never be added again.",
    ),
    "set up codes": (
        "set up sign-in codes",
        f"Set up sign-in codes for bank.example on the phone {NEW_PHONE_WORDS}. {ASKED}.",
    ),
    "prepare offline codes": (
        "PREPARE OFFLINE CODES",
        f"Set up sign-in codes for bank.example on the phone {PHONE_WORDS}. {ASKED}.",
    ),
    "replace the wallet": (
        "REPLACE YOUR WALLET",
        "Replace the wallet of your account at bank.example. The old one counts for nothing after that.",
    ),
    "recover with guardians and codes": (
        "CHANGE HOW YOUR ACCOUNT IS RECOVERED",
        "Only these guardians and codes can help you to recover your account.",
    ),
    "stop the account": (
        "FREEZE YOUR ACCOUNT",
        "Stop all sign-ins and changes of your account at bank.example, because something is wrong.",
    ),
    "let the account go on": (
        "UNFREEZE YOUR ACCOUNT",
        "Allow sign-ins and changes of your account at bank.example again.",
    ),
    "object": (
        "REJECT A PENDING CHANGE",
        "Reject the change of your account at bank.example that is waiting. You did not start it.",
    ),
    "speak for a friend": (
        "HELP RECOVER AN ACCOUNT",
        (
            f"The phone {NEW_PHONE_WORDS} belongs to the person who asked you to be a guardian. "
            "Sign only if you saw them and read these four words on it."
        ),
    ),
    "confirm who somebody is": (
        "CONFIRM WHO CLAIMS AN ACCOUNT",
        (
            f"The person who holds the phone {NEW_PHONE_WORDS} has proved who they are, as when they joined. "
            "You are answerable for this."
        ),
    ),
    "send warnings to one address": (
        "CHANGE WHERE WARNINGS GO",
        "Send warnings about your account at bank.example to the addresses that you have typed, and to no others.",
    ),
    "go with another line": (
        "CHANGE YOUR SIM BINDING",
        "From now on your account at bank.example goes with the mobile line that you have typed, and with no other.",
    ),
    "announce that the SIM moves": (
        "announce that your SIM will move",
        (
            f"Your SIM of the account at bank.example will move to the phone {NEW_PHONE_WORDS}. "
            "Sign only if you will move it."
        ),
    ),
    "record a backup": (
        "record that your backup works",
        "Record for your account at bank.example that a backup of this wallet was opened and is right.",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_person_reads_this_and_nothing_else(name: str) -> None:
    act = EXAMPLES[name]
    assert (act.verb, act.sentence("bank.example")) == READ[name]


def test_every_purpose_has_its_words_here() -> None:
    assert {EXAMPLES[name].purpose for name in READ} == ACTS.keys()


def test_the_purposes_are_the_members_of_the_union_and_no_other() -> None:
    assert set(typing.get_args(acts.StatementAct)) == set(ACTS.values())
    assert {act.purpose for act in EXAMPLES.values()} == ACTS.keys()


@pytest.mark.parametrize("purpose", ACTS)
def test_a_purpose_is_a_word_of_the_uri(purpose: str) -> None:
    assert purpose.replace("-", "").isalpha()
    assert purpose == purpose.lower()
    assert len(purpose) <= 20


def test_no_two_purposes_share_their_opening_words() -> None:
    verbs = [act.verb for act in EXAMPLES.values()]
    by_verb = {act.verb: act.purpose for act in EXAMPLES.values()}
    assert len(by_verb) == len(ACTS) + 1  # setup-otp has two
    assert all(by_verb[act.verb] == act.purpose for act in EXAMPLES.values())
    assert not any(one != other and one.startswith(other) for one in verbs for other in verbs)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_act_goes_through_json_and_back(name: str) -> None:
    act = EXAMPLES[name]
    assert msgspec.json.decode(msgspec.json.encode(act), type=acts.StatementAct) == act


@pytest.mark.parametrize(
    "body",
    [
        b'{"purpose":"transfer"}',
        b'{"account":"acct_5X3N8J2K7Q4M"}',
        b'{"purpose":"revoke","account":"a","device":"d","epoch":1,"target":"t","reason":"none"}',
        b'{"purpose":"revoke","account":"a","device":"d","epoch":1}',
        b'{"purpose":"revoke","account":"a","device":"d","epoch":"1","target":"t"}',
        b'{"purpose":"revoke","account":"a","device":"d","epoch":true,"target":"t"}',
        b'{"purpose":"revoke","account":"a","device":"d","epoch":1.0,"target":"t"}',
        b'{"purpose":"Revoke","account":"a","device":"d","epoch":1,"target":"t"}',
    ],
)
def test_json_of_another_shape_is_no_act(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=acts.StatementAct)


def test_a_phone_is_named_by_44_bits_of_its_thumbprint() -> None:
    assert phone_name(ids.thumbprint(ids.digest_text(bytes(32)))) == "abandon abandon abandon abandon"
    assert phone_name(ids.thumbprint(ids.digest_text(b"\xff" * 32))) == "zoo zoo zoo zoo"
    assert len({DEVICE, NEW_DEVICE, phone_name(DEVICE), phone_name(NEW_DEVICE)}) == 4
    assert max(map(len, WORDS)) == 8


@pytest.mark.parametrize("text", ["", "none", "A" * 42, "A" * 44, SESSION[:-1] + "!", "\ud800" * 43])
def test_what_is_no_thumbprint_has_no_name(text: str) -> None:
    with pytest.raises(Malformed):
        phone_name(ids.Thumbprint(text))
