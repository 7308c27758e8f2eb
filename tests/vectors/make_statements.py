"""Write vectors/statements.json: ``PYTHONPATH=src:tests python tests/vectors/make_statements.py``.

Texts that are statements, with their fields; texts that are none; and fields that no text can be made of.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from builders import digest
from pteri.core.acts import Authenticate, ChangeChannels
from pteri.core.errors import Code
from statements import ADDRESS, DEVICE, EXAMPLES, FRIENDS, LINE, NEW_DEVICE, statement

FILE: Final = Path(__file__).parents[2] / "vectors" / "statements.json"
NOTE: Final = (
    "Each text with 'expect' accept is what a writer makes of 'fields', byte for byte, and what a reader reads back. "
    "A text with 'expect' reject is refused by a reader with 'code'; fields without a text are refused by a writer. "
    "'text' is UTF-8; 'text_hex' stands for bytes that are not. Instants are Unix seconds; null is 'none', for lost "
    "'all'; true is 'yes'. Codes are those of docs/spec section 1.1."
)
SIGN_IN: Final = statement(EXAMPLES["sign in, with a line"])
TEXT: Final = SIGN_IN.encode().decode()

Case = dict[str, Any]


def accepted() -> list[Case]:
    cases: list[Case] = []
    for why, act in EXAMPLES.items():
        made = statement(act)
        text = made.encode()
        sha256 = hashlib.sha256(text).hexdigest()
        fields = msgspec.to_builtins(made)
        cases.append({"expect": "accept", "why": why, "fields": fields, "text": text.decode(), "sha256": sha256})
    return cases


def _refused_text(why: str, code: Code, text: str | bytes) -> Case:
    shown = {"text": text} if isinstance(text, str) else {"text_hex": text.hex()}
    return {"expect": "reject", "why": why, "code": str(code), **shown}


def _swapped(why: str, code: Code, old: str, new: str, text: str = TEXT) -> Case:
    assert text.count(old) == 1, old
    return _refused_text(why, code, text.replace(old, new))


def _bytes_that_are_none() -> list[Case]:
    lines = TEXT.split("\n")
    moved = "\n".join([*lines[:-2], lines[-1], lines[-2]])
    return [
        _refused_text("no bytes", Code.STATEMENT, ""),
        _refused_text("a final line feed", Code.STATEMENT, TEXT + "\n"),
        _refused_text("a final carriage return and line feed", Code.STATEMENT, TEXT + "\r\n"),
        _refused_text("a line feed before it", Code.STATEMENT, "\n" + TEXT),
        _refused_text("a space after it", Code.FIELD, TEXT + " "),
        _refused_text("a NUL after it", Code.FIELD, TEXT + "\0"),
        _refused_text("a NUL at the end of the sentence", Code.STATEMENT, TEXT.replace("is 42.", "is 42.\0")),
        _refused_text("CRLF everywhere", Code.STATEMENT, TEXT.replace("\n", "\r\n")),
        _refused_text("CR everywhere", Code.STATEMENT, TEXT.replace("\n", "\r")),
        _refused_text("a byte order mark", Code.STATEMENT, "\ufeff" + TEXT),
        _refused_text("UTF-16", Code.TOO_LARGE, TEXT.encode("utf-16")),
        _refused_text("a byte that is not UTF-8", Code.STATEMENT, TEXT.encode().replace(b"sign in", b"sign\xff in")),
        _refused_text("over 1024 bytes", Code.TOO_LARGE, TEXT + "0" * (1025 - len(TEXT))),
        _refused_text("1024 bytes that are none", Code.FIELD, TEXT + "0" * (1024 - len(TEXT))),
        _refused_text("the text twice", Code.TOO_LARGE, TEXT + "\n" + TEXT),
        _refused_text("the last two resources swapped", Code.STATEMENT, moved),
        _refused_text("the last resource missing", Code.STATEMENT, "\n".join(lines[:-1])),
        _refused_text("the last resource twice", Code.STATEMENT, f"{TEXT}\n{lines[-1]}"),
        _refused_text("no resources", Code.STATEMENT, TEXT[: TEXT.index("\n- ")]),
        _refused_text("the opening line alone", Code.STATEMENT, lines[0]),
    ]


def _frame() -> list[Case]:
    s, f = Code.STATEMENT, Code.FIELD
    return [
        _swapped("another sentence", s, "Sign in to bank.example.", "Sign in to bank.example!"),
        _swapped("a sentence in another language", s, "Sign only if", "Unterschreiben, wenn"),
        _swapped("the sentence names another number", s, "screen is 42", "screen is 43"),
        _swapped("the sentence names another site", s, "Sign in to bank", "Sign in to bonk"),
        _swapped("no sentence", s, "\n\nSign in to bank.example. Sign only", "\n\n\n\nSign only"),
        _swapped("two spaces in the sentence", s, "Sign only if", "Sign  only if"),
        _swapped("a trailing space in line 1", s, "account:\n", "account: \n"),
        _swapped("a tab in line 1", s, "bank.example wants", "bank.example\twants"),
        _swapped("another coin in line 1", s, "Litecoin", "Bitcoin"),
        _swapped("another case in line 1", s, "Litecoin account", "litecoin account"),
        _swapped("the verb of another purpose", s, "to sign in with", "to REMOVE A PHONE with"),
        _swapped("the verb in upper case", s, "to sign in with", "to SIGN IN with"),
        _swapped("a Cyrillic letter in the domain", s, "bank.example wants", "b\u0430nk.example wants"),
        _swapped("full-width digits", s, "screen is 42", "screen is \uff14\uff12"),
        _swapped("a no-break space", s, "wants you", "wants\u00a0you"),
        _swapped("a zero-width space", s, "wants you", "wants \u200byou"),
        _swapped("a right-to-left override", s, "wants you", "wants \u202eyou"),
        _swapped("a combining accent", s, "wants you", "wa\u0301nts you"),
        _swapped("a domain in upper case", f, "bank.example wants", "Bank.example wants"),
        _swapped("a domain with a final dot", f, "bank.example wants", "bank.example. wants"),
        _swapped("a domain with a port", f, "bank.example wants", "bank.example:443 wants"),
        _swapped("a domain with an empty label", f, "bank.example wants", "bank..example wants"),
        _swapped("a domain of 64 characters", f, "bank.example wants", f"{'a' * 64} wants"),
        _swapped("a scheme before the domain", f, "bank.example wants", "https://bank.example wants"),
        _swapped("an address of 25 characters", f, ADDRESS, ADDRESS[:25]),
        _swapped("an address of 65 characters", f, ADDRESS, "L" * 65),
        _swapped("a hyphen in the address", f, ADDRESS, ADDRESS[:-1] + "-"),
        _swapped("a space after the address", f, ADDRESS, ADDRESS + " "),
        _swapped("a space before the address", f, ADDRESS, " " + ADDRESS),
        _swapped("no empty line after the address", s, f"{ADDRESS}\n\n", f"{ADDRESS}\n"),
        _swapped("two empty lines after the address", s, f"{ADDRESS}\n\n", f"{ADDRESS}\n\n\n"),
        _swapped("plain http", s, "URI: https://", "URI: http://"),
        _swapped("another host in the URI", s, "https://bank", "https://evil"),
        _swapped("a port in the URI", s, "example/.well", "example:443/.well"),
        _swapped("a person in the URI", s, "https://bank", "https://me@bank"),
        _swapped("another path", s, ".well-known/pteri", ".well-known/ptery"),
        _swapped("a later version of the path", s, "/v1/", "/v2/"),
        _swapped("a query", s, "v1/authenticate", "v1/authenticate?x=1"),
        _swapped("a slash after the purpose", s, "v1/authenticate", "v1/authenticate/"),
        _swapped("an unknown purpose", s, "v1/authenticate", "v1/transfer"),
        _swapped("the purpose of another statement", s, "v1/authenticate", "v1/bind"),
        _swapped("no purpose", s, "v1/authenticate", "v1/"),
        _swapped("a purpose in upper case", s, "v1/authenticate", "v1/Authenticate"),
        _swapped("a later version", s, "Version: 1", "Version: 2"),
        _swapped("a version with a dot", s, "Version: 1", "Version: 1.0"),
        _swapped("no version", s, "Version: 1\n", ""),
        _swapped("two versions", s, "Version: 1\n", "Version: 1\nVersion: 1\n"),
        _swapped("Bitcoin's reference without its namespace", f, "bip122:12a7", "12a7"),
        _swapped("a chain id in upper case", f, "12a765e31ffd", "12A765E31FFD"),
        _swapped("a chain id that is too short", f, "190f6e98", "190f6e9"),
        _swapped("the chain id of another kind of chain", f, "bip122:", "eip155:"),
    ]


def _values() -> list[Case]:
    s, f = Code.STATEMENT, Code.FIELD
    nonce = "K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G"
    return [
        _swapped("a nonce in lower case", f, nonce, nonce.lower()),
        _swapped("a nonce of 31 characters", f, nonce, nonce[1:]),
        _swapped("a nonce of 33 characters", f, nonce, nonce + "0"),
        _swapped("a nonce with a letter that Crockford leaves out", f, nonce, "U" + nonce[1:]),
        _swapped("a nonce with an O for a 0", f, nonce, "O" + nonce[1:]),
        _swapped("two nonces", s, f"Nonce: {nonce}\n", f"Nonce: {nonce}\nNonce: {nonce}\n"),
        _swapped("no nonce", s, f"Nonce: {nonce}\n", ""),
        _swapped("two spaces before the nonce", f, "Nonce: ", "Nonce:  "),
        _swapped("no space before the nonce", s, "Nonce: ", "Nonce:"),
        _swapped("a label in lower case", s, "Nonce: ", "nonce: "),
        _swapped("a leap second", f, "17:00:00Z", "17:00:60Z"),
        _swapped("an hour of 24", f, "2026-11-23T17:00:00Z", "2026-11-23T24:00:00Z"),
        _swapped("a minute of 60", f, "17:00:00Z", "17:60:00Z"),
        _swapped("the year 0000", f, "2026-11-23T17:00:00Z", "0000-11-23T17:00:00Z"),
        _swapped("the year 1969", f, "2026-11-23T17:00:00Z", "1969-12-31T23:59:59Z"),
        _swapped("the month 13", f, "2026-11-23T17:00:00Z", "2026-13-23T17:00:00Z"),
        _swapped("29 February in a common year", f, "2026-11-23T17:00:00Z", "2026-02-29T17:00:00Z"),
        _swapped("a year of five digits", f, "2026-11-23T17:00:00Z", "12026-11-23T17:00:00Z"),
        _swapped("a month of one digit", f, "2026-11-23T17:00:00Z", "2026-1-23T17:00:00Z"),
        _swapped("parts of a second", f, "17:00:00Z", "17:00:00.0Z"),
        _swapped("an offset in place of Z", f, "17:00:00Z", "17:00:00+00:00"),
        _swapped("a lower-case z", f, "17:00:00Z", "17:00:00z"),
        _swapped("a lower-case t", f, "2026-11-23T17:00:00Z", "2026-11-23t17:00:00Z"),
        _swapped("a space in place of T", f, "2026-11-23T17:00:00Z", "2026-11-23 17:00:00Z"),
        _swapped("no zone", f, "17:00:00Z", "17:00:00"),
        _swapped(
            "a line that ERC-4361 allows and this profile does not",
            s,
            "\nRequest ID",
            "\nNot Before: 2026-11-23T17:00:00Z\nRequest ID",
        ),
        _swapped("no expiration", s, "Expiration Time: 2026-11-23T17:02:00Z\n", ""),
        _swapped("a request id of 11 characters", f, "lgn_2Y7K4M9QWZ3T", "lgn_2Y7K4M9QWZ3"),
        _swapped("a request id of 27 characters", f, "lgn_2Y7K4M9QWZ3T", f"lgn_{'0' * 27}"),
        _swapped("a request id without its letters", f, "lgn_2Y7K4M9QWZ3T", "2Y7K4M9QWZ3T"),
        _swapped("a request id in upper case", f, "lgn_2Y7K4M9QWZ3T", "LGN_2Y7K4M9QWZ3T"),
        _swapped("a space after Resources", s, "Resources:\n", "Resources: \n"),
        _swapped("an empty line among the resources", s, "Resources:\n", "Resources:\n\n"),
        _swapped("a star in place of a hyphen", s, "- pteri:account", "* pteri:account"),
        _swapped("another scheme", s, "- pteri:account", "- pterix:account"),
        _swapped("a resource in upper case", s, "pteri:account", "pteri:ACCOUNT"),
        _swapped("a foreign resource", s, "\n- pteri:code", "\n- https://bank.example/\n- pteri:code"),
        _swapped("an account id in lower case", f, "acct_5X3N8J2K7Q4M", "acct_5x3n8j2k7q4m"),
        _swapped("a short account id", f, "acct_5X3N8J2K7Q4M", "acct_5X3N8J2K7Q4"),
        _swapped("a login name in place of an account id", f, "acct_5X3N8J2K7Q4M", "alice@example.com"),
        _swapped("a thumbprint of 42 characters", f, DEVICE, DEVICE[:-1]),
        _swapped("a padded thumbprint", f, DEVICE, DEVICE + "="),
        _swapped("a thumbprint whose last character has unused bits set", f, DEVICE, DEVICE[:-1] + "J"),
        _swapped("a thumbprint in standard base64", f, DEVICE, DEVICE.replace("-", "+")),
        _swapped("an empty line commitment", f, LINE, ""),
        _swapped("NONE in upper case", f, LINE, "NONE"),
        _swapped("null in place of none", f, LINE, "null"),
        _swapped("an epoch with zeros before it", f, "epoch:17", "epoch:017"),
        _swapped("a negative epoch", f, "epoch:17", "epoch:-1"),
        _swapped("an epoch with a plus", f, "epoch:17", "epoch:+17"),
        _swapped("an epoch with a point", f, "epoch:17", "epoch:17.0"),
        _swapped("an epoch in hex", f, "epoch:17", "epoch:0x11"),
        _swapped("an epoch with a group mark", f, "epoch:17", "epoch:1_7"),
        _swapped("an epoch above 2^53 - 1", f, "epoch:17", "epoch:9007199254740992"),
        _swapped("an endless epoch", f, "epoch:17", f"epoch:{'9' * 200}"),
        _swapped("no epoch", s, "epoch:17", "epoch:\n"),
        _swapped("one digit on the other screen", f, "code:42", "code:4"),
        _swapped("three digits on the other screen", f, "code:42", "code:042"),
        _swapped("another number than in the sentence", s, "code:42", "code:43"),
    ]


def _other_purposes() -> list[Case]:
    s, f = Code.STATEMENT, Code.FIELD
    migrate = statement(EXAMPLES["approve a new phone and remove this one"]).encode().decode()
    recover = statement(EXAMPLES["recover from the loss of one phone, with every evidence and another wallet"])
    lost = recover.encode().decode()
    codes = statement(EXAMPLES["set up codes"]).encode().decode()
    return [
        _swapped("the sentence says keep, the field says remove", s, "remove this one", "keep this one", migrate),
        _swapped("the field says no, the sentence says remove", s, "revoke-old:yes", "revoke-old:no", migrate),
        _swapped("true in place of yes", f, "revoke-old:yes", "revoke-old:true", migrate),
        _swapped("YES in upper case", f, "revoke-old:yes", "revoke-old:YES", migrate),
        _swapped("an underscore in a resource", s, "revoke-old", "revoke_old", migrate),
        _swapped(
            "another new phone than in the sentence", s, f"new-device:{NEW_DEVICE}", f"new-device:{DEVICE}", migrate
        ),
        _swapped("unsorted evidence", f, "A,C,D,G,W", "C,A,D,G,W", lost),
        _swapped("repeated evidence", f, "A,C,D,G,W", "A,A,D,G,W", lost),
        _swapped("evidence with spaces", f, "A,C,D,G,W", "A, C", lost),
        _swapped("evidence in lower case", f, "A,C,D,G,W", "w", lost),
        _swapped("unknown evidence", f, "A,C,D,G,W", "S", lost),
        _swapped("evidence with a last comma", f, "A,C,D,G,W", "W,", lost),
        _swapped("no evidence", f, "A,C,D,G,W", ",", lost),
        _swapped("two lost phones", f, f"lost:{DEVICE}", f"lost:{NEW_DEVICE},{DEVICE}", lost),
        _swapped("none lost", f, f"lost:{DEVICE}", "lost:none", lost),
        _swapped("an address that is too short for a new wallet", f, f"new-wallet:{ADDRESS}", "new-wallet:LLDM", lost),
        _swapped(
            "the verb of offline codes without a chain", s, "set up sign-in codes", "PREPARE OFFLINE CODES", codes
        ),
        _swapped("a length of no digits", s, "length:0", "length:\n", codes),
        _swapped("a length of two zeros", f, "length:0", "length:00", codes),
        _swapped("a start in the past of everything", f, "start:0", "start:-0", codes),
        *_quarrels(),
        *_warnings(),
    ]


def _quarrels() -> list[Case]:
    """Purposes of recovery that holds: what guards an account, and who stops whom."""
    s, f = Code.STATEMENT, Code.FIELD

    def of(example: str) -> str:
        return statement(EXAMPLES[example]).encode().decode()

    guarded, frozen, friend = of("recover with guardians and codes"), of("stop the account"), of("speak for a friend")
    one, two, three = FRIENDS
    quorum = f"2,{one},{two},{three}"
    codes_alone, wallet, objection = of("recover with codes alone"), of("replace the wallet"), of("object")
    return [
        _swapped("a quorum of one", f, quorum, f"1,{one},{two}", guarded),
        _swapped("a quorum larger than its guardians", f, quorum, f"3,{one},{two}", guarded),
        _swapped("one guardian", f, quorum, f"2,{one}", guarded),
        _swapped("four guardians", f, quorum, f"{quorum},L{'D' * 33}", guarded),
        _swapped("guardians out of order", f, quorum, f"2,{two},{one}", guarded),
        _swapped("the same guardian twice", f, quorum, f"2,{one},{one}", guarded),
        _swapped("guardians with spaces", f, quorum, f"2, {one}, {two}", guarded),
        _swapped("guardians without their number", f, quorum, f"{one},{two}", guarded),
        _swapped("a number of guardians in words", f, quorum, f"two,{one},{two}", guarded),
        _swapped("guardians with a last comma", f, quorum, f"{quorum},", guarded),
        _swapped("no guardians and not said so", s, "guardians:none", "guardians:\n", codes_alone),
        _swapped("NONE in upper case for guardians", f, "guardians:none", "guardians:NONE", codes_alone),
        _swapped(
            "the same wallet in a rotation, and another sentence", s, "counts for nothing", "still counts", wallet
        ),
        _swapped("a new wallet of 25 characters", f, f"new-wallet:{one}", f"new-wallet:{one[:25]}", wallet),
        _swapped("the URI of an end of a freeze", s, "v1/freeze", "v1/unfreeze", frozen),
        _swapped("the verb of an end of a freeze", s, "FREEZE YOUR", "UNFREEZE YOUR", frozen),
        _swapped("the URI of an officer under a guardian's words", s, "v1/vouch", "v1/attest", friend),
        _swapped("another phone than in the guardian's sentence", s, NEW_DEVICE, DEVICE, friend),
        _swapped("a case of another name", s, "pteri:case", "pteri:approval", objection),
        _swapped("an objection to nothing", f, EXAMPLES["object"].case, "none", objection),  # type: ignore[union-attr]  # a veto
        _swapped("a device that is none", f, f"device:{DEVICE}", "device:none", objection),
    ]


def _warnings() -> list[Case]:
    """Where warnings go: the one spelling of a set of digests."""
    s, f = Code.STATEMENT, Code.FIELD
    act = EXAMPLES["send warnings to four addresses"]
    assert isinstance(act, ChangeChannels)
    four = ",".join(act.channels)
    first, second, third, fourth = act.channels
    text, nowhere = (
        statement(EXAMPLES[f"send warnings {where}"]).encode().decode()
        for where in ("to four addresses", "nowhere else")
    )
    return [
        _swapped("a fifth address", f, four, f"{four},{max(fourth, 'z' * 42 + 'w')}", text),
        _swapped("addresses out of order", f, four, f"{second},{first}", text),
        _swapped("the same address twice", f, four, f"{first},{first}", text),
        _swapped("addresses with spaces", f, four, f"{first}, {second}", text),
        _swapped("addresses with a last comma", f, four, f"{first},", text),
        _swapped("addresses with a first comma", f, four, f",{first}", text),
        _swapped("an address and none", f, four, f"{first},none", text),
        _swapped("a short digest of an address", f, four, third[:-1], text),
        _swapped("an address in the clear", f, four, "mailto:alice@mail.example", text),
        _swapped("no addresses and not said so", s, "channels:none", "channels:\n", nowhere),
        _swapped("NONE in upper case for addresses", f, "channels:none", "channels:NONE", nowhere),
    ]


def _fields_without_a_text() -> list[Case]:
    assert isinstance(SIGN_IN.act, Authenticate)
    frame: dict[str, list[tuple[str, Any]]] = {
        "domain": [
            ("a domain that writes a line", "bank.example\nwants"),
            ("an empty domain", ""),
            ("a domain with a non-ASCII letter", "b\u00e4nk.example"),
            ("a domain that begins with a hyphen", "-bank.example"),
        ],
        "address": [("an address that writes a line", f"{ADDRESS}\n"), ("an empty address", "")],
        "chain": [("a chain id that writes a line", f"{SIGN_IN.chain}\nNonce: x"), ("an empty chain id", "")],
        "nonce": [("a nonce that writes a line", f"{SIGN_IN.nonce}\n"), ("an empty nonce", "")],
        "request_id": [("a request id that writes a line", f"{SIGN_IN.request_id}\nResources:")],
        "issued_at": [("an instant before 1970", -1), ("an instant after 9999", 253_402_300_800)],
        "expires_at": [("an instant after every year", 2**64)],
    }
    act: dict[str, list[tuple[str, Any]]] = {
        "account": [("an account that writes a resource", f"{SIGN_IN.act.account}\n- pteri:code:42")],
        "device": [("an empty thumbprint", ""), ("a thumbprint that writes a line", f"{DEVICE}\n")],
        "esim": [("the word none in place of null", "none"), ("an empty commitment", "")],
        "epoch": [("an epoch of -1", -1), ("an epoch of 2^53", 2**53)],
        "code": [("a code of Arabic digits", "\u0664\u0662"), ("a code of one digit", "4")],
    }
    recovery: dict[str, list[tuple[str, Any]]] = {
        "evidence": [
            ("no evidence at all", []),
            ("evidence out of order", ["W", "C"]),
            ("evidence that is two letters in one", ["A,C"]),
            ("the same evidence twice", ["W", "W"]),
        ],
        "lost": [
            ("an empty list of lost phones", []),
            ("two lost phones in a list", [NEW_DEVICE, DEVICE]),
            ("the word all in place of null", ["all"]),
        ],
        "new_wallet": [("an empty address of a new wallet", ""), ("SAME in upper case", "SAME")],
    }
    protection: dict[str, list[tuple[str, Any]]] = {
        "guardians": [
            ("guardians who are no list", {"needed": 2, "wallets": []}),
            ("a list of one guardian", {"needed": 2, "wallets": FRIENDS[:1]}),
            ("one guardian who is enough", {"needed": 1, "wallets": FRIENDS}),
            ("more guardians needed than there are", {"needed": 3, "wallets": FRIENDS[:2]}),
            ("a list of four guardians", {"needed": 2, "wallets": [*FRIENDS, f"L{'D' * 33}"]}),
            ("a list of guardians out of order", {"needed": 2, "wallets": FRIENDS[::-1]}),
            ("a list with the same guardian twice", {"needed": 2, "wallets": [FRIENDS[0]] * 2}),
            ("two guardians in one", {"needed": 2, "wallets": [",".join(FRIENDS[:2])]}),
            ("a guardian that writes a line", {"needed": 2, "wallets": [FRIENDS[0], f"{FRIENDS[1]}\n"]}),
        ],
        "codes": [("the word none in place of no codes", "none"), ("an empty digest of codes", "")],
    }
    objection: dict[str, list[tuple[str, Any]]] = {
        "case": [("an empty case", ""), ("a case of 42 characters", "A" * 42), ("no case", "none")],
    }
    warned: dict[str, list[tuple[str, Any]]] = {
        "channels": [
            ("the word none among addresses", ["none"]),
            ("two addresses in one", [f"{DEVICE},{NEW_DEVICE}"]),
            ("a digest of an address that writes a line", [f"{DEVICE}\n"]),
            ("five addresses", [digest(f"address {number}") for number in range(5)]),
        ],
    }
    lost = statement(EXAMPLES["recover from the loss of all phones"])
    helped = statement(EXAMPLES["recover with guardians and codes"])
    return [
        *_fields(msgspec.to_builtins(SIGN_IN), frame),
        *_act_fields(msgspec.to_builtins(SIGN_IN), act),
        *_act_fields(msgspec.to_builtins(lost), recovery),
        *_act_fields(msgspec.to_builtins(helped), protection),
        *_act_fields(msgspec.to_builtins(statement(EXAMPLES["object"])), objection),
        *_act_fields(msgspec.to_builtins(statement(EXAMPLES["send warnings to one address"])), warned),
    ]


def _fields(fields: dict[str, Any], changes: dict[str, list[tuple[str, Any]]]) -> list[Case]:
    return [
        {"expect": "reject", "why": why, "code": str(Code.FIELD), "fields": {**fields, name: value}}
        for name, others in changes.items()
        for why, value in others
    ]


def _act_fields(fields: dict[str, Any], changes: dict[str, list[tuple[str, Any]]]) -> list[Case]:
    return [
        {
            "expect": "reject",
            "why": why,
            "code": str(Code.FIELD),
            "fields": {**fields, "act": {**fields["act"], name: value}},
        }
        for name, others in changes.items()
        for why, value in others
    ]


def document() -> str:
    """The whole file."""
    cases = [
        *accepted(),
        *_bytes_that_are_none(),
        *_frame(),
        *_values(),
        *_other_purposes(),
        *_fields_without_a_text(),
    ]
    content = {"format": "pteri-statement-vectors-1", "note": NOTE, "cases": cases}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
