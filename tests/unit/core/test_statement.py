"""The statement as bytes. Most good and bad texts are in vectors/statements.json and vectors/protocol.json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pteri.core import ids
from pteri.core.acts import ACTS, Authenticate, RevokeDevice
from pteri.core.errors import Code, Malformed
from pteri.core.guardians import MAX_GUARDIANS, Guardians
from pteri.core.keys.mnemonic import WORDS
from pteri.core.statement import (
    MAX_STATEMENT_BYTES,
    Statement,
    after_block,
    instant_text,
    looks_like_statement,
    parse,
)
from statements import ADDRESS, BLOCK, DEVICE, EXAMPLES, ISSUED_AT, NEW_DEVICE, NEXT_BLOCK, digest, statement

SIGN_IN = statement(EXAMPLES["sign in, with a line"])
TEXT = SIGN_IN.encode()
LAST_INSTANT = 253_402_300_799

EXAMPLE_OF_THE_SPEC = b"""\
bank.example wants you to sign in with your Litecoin account:
LLDMii8GzCbbveb6aka78Go79cCX2BZ65t

Sign in to bank.example. Sign only if you started this yourself and the number on the other screen is 42.

URI: https://bank.example/.well-known/pteri/v1/authenticate
Version: 1
Chain ID: bip122:12a765e31ffd4059bada1e25190f6e98
Nonce: K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G
Issued At: 2026-11-23T17:00:00Z
Expiration Time: 2026-11-23T17:02:00Z
Request ID: lgn_2Y7K4M9QWZ3T
Resources:
- pteri:account:acct_5X3N8J2K7Q4M
- pteri:device:hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY
- pteri:esim:CTOqNH2FqfrfiHOlW1inhiGT3mK-YjnspJE6PsL5vYo
- pteri:epoch:17
- pteri:session:uyHV4wSxRekhdsAix58ZYNtxkhxh2ImGDdhihihzUX4
- pteri:code:42"""


def test_the_example_of_the_spec_is_718_bytes_with_its_published_digest() -> None:
    made = msgspec.structs.replace(
        SIGN_IN,
        act=Authenticate(
            account=ids.account_id("acct_5X3N8J2K7Q4M"),
            device=ids.thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY"),
            esim=ids.digest("CTOqNH2FqfrfiHOlW1inhiGT3mK-YjnspJE6PsL5vYo"),
            epoch=17,
            session=ids.digest("uyHV4wSxRekhdsAix58ZYNtxkhxh2ImGDdhihihzUX4"),
            code="42",
        ),
    )
    assert made.encode() == EXAMPLE_OF_THE_SPEC
    assert len(EXAMPLE_OF_THE_SPEC) == 718
    assert parse(EXAMPLE_OF_THE_SPEC) == made
    digest_shown = made.sha256().hex().upper()
    assert (digest_shown[:12], digest_shown[-6:]) == ("511FF7370A26", "DCB6C5")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_statement_is_printable_ascii_and_line_feeds_without_one_at_the_end(name: str) -> None:
    text = statement(EXAMPLES[name]).encode()
    assert all(byte == 0x0A or 0x20 <= byte <= 0x7E for byte in text)
    assert not text.endswith(b"\n")
    assert b" \n" not in text
    assert parse(text).encode() == text


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_statement_names_its_purpose_in_line_one_and_in_the_uri(name: str) -> None:
    act = EXAMPLES[name]
    lines = statement(act).encode().decode().split("\n")
    assert lines[0] == f"bank.example wants you to {act.verb} with your Litecoin account:"
    assert f"URI: https://bank.example/.well-known/pteri/v1/{act.purpose}" in lines
    assert statement(act).purpose == act.purpose


# --- size --------------------------------------------------------------------------------------------------------


def longest_words() -> str:
    """A thumbprint whose four words have eight letters each, the most there are."""
    eight = next(number for number, word in enumerate(WORDS) if len(word) == 8)
    bits = sum(eight << 11 * place for place in range(4)) << (256 - 44)
    return ids.digest_text(bits.to_bytes(32, "big"))


LONGEST: dict[str, Any] = {
    "account": f"acct_{'Z' * 26}",
    "device": longest_words(),
    "esim": digest("line"),
    "epoch": 2**53 - 1,
    "session": digest("session"),
    "recovery": digest("recovery"),
    "code": "99",
    "new_device": longest_words(),
    "offer": digest("offer"),
    "transcript": digest("transcript"),
    "revoke_old": True,
    "approval": digest("approval"),
    "evidence": ("A", "C", "D", "G", "W"),
    "lost": (longest_words(),),
    "new_wallet": "L" * 64,
    "target": longest_words(),
    "chain_end": digest("chain end"),
    "length": 2**53 - 1,
    "start": 2**53 - 1,
    "step": 2**53 - 1,
    "guardians": Guardians(MAX_GUARDIANS, tuple(f"{'L' * 63}{number}" for number in range(1, MAX_GUARDIANS + 1))),
    "codes": digest("codes"),
    "case": digest("case"),
    "backup": digest("backup"),
    "new_esim": digest("another line"),
    "to_device": longest_words(),
    "until": LAST_INSTANT,
    "channels": tuple(sorted(digest(f"address {number}") for number in range(4))),
}


def longest_of(purpose: str) -> Statement:
    """The longest host name, ids, address and words."""
    kind = ACTS[purpose]
    return Statement(
        domain=ids.domain(f"{'a' * 31}.{'b' * 31}"),
        address="L" * 64,
        chain=f"bip122:{'f' * 32}",
        nonce=ids.nonce("Z" * 32),
        issued_at=LAST_INSTANT,
        expires_at=LAST_INSTANT,
        request_id=ids.request_id(f"lgn_{'Z' * 26}"),
        act=kind(**{name: LONGEST[name] for name in kind.__struct_fields__}),
    )


@pytest.mark.parametrize("purpose", ACTS)
def test_the_longest_statement_of_every_purpose_has_its_1024_bytes(purpose: str) -> None:
    """Or an account could be bound, and later not be moved."""
    longest = longest_of(purpose)
    assert len(longest.encode()) <= MAX_STATEMENT_BYTES
    assert parse(longest.encode()) == longest


@pytest.mark.parametrize("purpose", ACTS)
def test_the_longest_statement_of_every_purpose_is_written_although_a_block_was_there_to_name(purpose: str) -> None:
    longest = longest_of(purpose)
    made = after_block(longest, BLOCK)
    assert len(made.encode()) <= MAX_STATEMENT_BYTES
    assert msgspec.structs.replace(made, block=None) == longest
    # Named wherever there is room, to the last byte.
    assert (made.block is None) is (len(longest.encode()) + len(f"\n- pteri:block:{BLOCK}") > MAX_STATEMENT_BYTES)


def test_in_the_longest_of_these_purposes_there_is_no_room_for_a_block() -> None:
    without = {purpose for purpose in ACTS if after_block(longest_of(purpose), BLOCK).block is None}
    assert without == {"bind", "migrate", "accept", "recover", "setup-otp", "protect", "notify", "announce-move"}


def test_the_longest_sign_in_has_room_for_a_block_so_that_a_phone_need_not_ask() -> None:
    made = msgspec.structs.replace(longest_of("authenticate"), block=BLOCK)
    assert len(made.encode()) == 1022
    assert after_block(longest_of("authenticate"), BLOCK) == made


# --- the block ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_block_is_one_line_more_at_the_end_and_changes_no_other_byte(name: str) -> None:
    plain = statement(EXAMPLES[name])
    named = msgspec.structs.replace(plain, block=BLOCK)
    assert named.encode() == plain.encode() + f"\n- pteri:block:{BLOCK}".encode()
    assert parse(named.encode()) == named
    assert after_block(plain, BLOCK) == named
    assert after_block(plain, None) is plain


def test_a_statement_without_a_block_has_no_word_of_it_in_json() -> None:
    assert b"block" not in msgspec.json.encode(SIGN_IN)
    named = msgspec.structs.replace(SIGN_IN, block=BLOCK)
    assert msgspec.json.decode(msgspec.json.encode(named), type=Statement) == named
    assert msgspec.json.encode(named) == msgspec.json.encode(SIGN_IN)[:-1] + b',"block":"%s"}' % BLOCK.encode()


@pytest.mark.parametrize(
    "value", [True, 7, BLOCK.encode(), "", BLOCK.upper(), BLOCK[:-1], BLOCK + "0", f"0x{BLOCK[2:]}", f"{BLOCK}\n"]
)
def test_a_block_has_one_spelling(value: Any) -> None:
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(SIGN_IN, block=value).encode()
    assert refused.value.code is Code.FIELD


def test_a_statement_that_a_block_would_make_too_long_is_not_written_with_it() -> None:
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(longest_of("bind"), block=BLOCK).encode()
    assert refused.value.code is Code.TOO_LARGE


class Talkative(RevokeDevice, frozen=True, tag="revoke"):
    """A purpose of a later version whose author did not count."""

    def sentence(self, domain: str) -> str:
        return f"Remove a phone from your account at {domain}. " + "Think about it. " * 60


def test_a_statement_that_would_pass_1024_bytes_is_not_written() -> None:
    with pytest.raises(Malformed) as refused:
        statement(Talkative(ids.account_id("acct_5X3N8J2K7Q4M"), DEVICE, 1, NEW_DEVICE)).encode()
    assert refused.value.code is Code.TOO_LARGE


@pytest.mark.parametrize("size", [1025, 4096, 10_000_000])
def test_a_text_over_1024_bytes_is_not_read(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse(TEXT.ljust(size, b"0"))
    assert refused.value.code is Code.TOO_LARGE


# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 7, TEXT.decode(), bytearray(TEXT), memoryview(TEXT), [TEXT]])
def test_only_bytes_are_read(value: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        parse(value)
    assert refused.value.code is Code.STATEMENT


@pytest.mark.parametrize("byte", [0x00, 0x09, 0x0B, 0x0C, 0x0D, 0x1B, 0x7F, 0x80, 0x85, 0xA0, 0xFF])
def test_no_byte_outside_printable_ascii_stands_anywhere(byte: int) -> None:
    for place in range(len(TEXT) + 1):
        with pytest.raises(Malformed):
            parse(TEXT[:place] + bytes((byte,)) + TEXT[place:])


@pytest.mark.parametrize("inserted", [b" ", b"\n", b"\r\n", b"a", b"0", b"-", b":"])
def test_a_text_with_something_inserted_is_another_statement_or_none(inserted: bytes) -> None:
    for place in range(len(TEXT) + 1):
        changed = TEXT[:place] + inserted + TEXT[place:]
        try:
            read = parse(changed)
        except Malformed:
            continue
        assert read != SIGN_IN
        assert read.encode() == changed


def test_a_text_with_a_line_removed_doubled_or_swapped_is_none() -> None:
    lines = TEXT.split(b"\n")
    for place in range(len(lines)):
        removed = lines[:place] + lines[place + 1 :]
        doubled = lines[: place + 1] + lines[place:]
        swapped = [*lines[:place], *lines[place : place + 2][::-1], *lines[place + 2 :]]
        for changed in (removed, doubled, swapped):
            if changed != lines:
                with pytest.raises(Malformed):
                    parse(b"\n".join(changed))


def test_a_statement_in_json_with_an_unknown_field_is_refused() -> None:
    body = msgspec.json.encode(SIGN_IN)
    assert msgspec.json.decode(body, type=Statement) == SIGN_IN
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body.replace(b'{"domain"', b'{"note":"","domain"', 1), type=Statement)


# --- writing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [name for name in Statement.__struct_fields__ if name not in {"act", "block"}])
@pytest.mark.parametrize("value", [None, True, 7.5, b"bank.example", "", "\ud800", "x\ny", ("bank.example",)])
def test_no_frame_value_of_another_type_or_grammar_is_written(field: str, value: object) -> None:
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(SIGN_IN, **{field: value}).encode()
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize(
    "chain",
    ["bip122:12A765e31ffd4059bada1e25190f6e98", "bip122:", "12a765e31ffd4059bada1e25190f6e98", "eip155:1"],
)
def test_a_chain_is_a_caip_2_name_of_a_bitcoin_like_chain(chain: str) -> None:
    with pytest.raises(Malformed):
        msgspec.structs.replace(SIGN_IN, chain=chain).encode()


def test_two_statements_that_differ_in_one_field_have_different_bytes() -> None:
    others = {
        "domain": "bonk.example",
        "address": ADDRESS[::-1],
        "chain": "bip122:4966625a4b2851d9fdee139e56211a0d",
        "nonce": "0" * 32,
        "issued_at": ISSUED_AT - 1,
        "expires_at": ISSUED_AT + 121,
        "request_id": "bnd_2Y7K4M9QWZ3T",
        "act": EXAMPLES["sign in, without a line"],
        "block": NEXT_BLOCK,
    }
    assert others.keys() == set(Statement.__struct_fields__)
    texts = {msgspec.structs.replace(SIGN_IN, **{name: value}).encode() for name, value in others.items()}
    texts.add(msgspec.structs.replace(SIGN_IN, block=BLOCK).encode())
    assert len(texts | {TEXT}) == 11


# --- instants ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (ISSUED_AT, "2026-11-23T17:00:00Z"),
        (2**31, "2038-01-19T03:14:08Z"),
        (LAST_INSTANT, "9999-12-31T23:59:59Z"),
    ],
)
def test_an_instant_has_one_text(at: int, text: str) -> None:
    assert instant_text(at) == text
    assert int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()) == at
    made = msgspec.structs.replace(SIGN_IN, issued_at=at)
    assert parse(made.encode()).issued_at == at


@pytest.mark.parametrize(
    "at", [-1, LAST_INSTANT + 1, 10**400, -(10**400), True, False, 0.0, 1.5, float("nan"), float("inf"), "0", None]
)
def test_what_is_no_instant_between_1970_and_9999_has_no_text(at: int) -> None:
    with pytest.raises(Malformed) as refused:
        instant_text(at)
    assert refused.value.code is Code.FIELD


# --- look-alikes -------------------------------------------------------------------------------------------------

PHRASE = "evil.example wants you to sign in with your Litecoin account:"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_statement_looks_like_one(name: str) -> None:
    assert looks_like_statement(statement(EXAMPLES[name]).encode())


@pytest.mark.parametrize(
    "text",
    [
        PHRASE,
        PHRASE.upper(),
        PHRASE.title(),
        f"Dear customer, {PHRASE} thank you",
        PHRASE.replace(" ", "  "),
        PHRASE.replace(" ", "\n"),
        PHRASE.replace(" ", "\r\n\t"),
        PHRASE.replace(" ", "\u00a0"),
        PHRASE.replace(" ", "\u3000"),
        PHRASE.replace(" ", ""),
        PHRASE.replace(" ", "_"),
        PHRASE.replace(" ", " \u200b"),
        "\u200d".join(PHRASE),
        "\u00ad".join(PHRASE),
        "\u0301".join(PHRASE),
        "\0".join(PHRASE),
        "\u202e" + PHRASE,
        "-".join(PHRASE),
        PHRASE.replace("wants you to ", "wants you to \n\n\n"),
        PHRASE.replace("sign in", "win a prize, which you collect"),
        PHRASE.replace("a", "\u0430").replace("o", "\u043e").replace("e", "\u0435"),
        PHRASE.replace("i", "\u0456").replace("c", "\u0441").replace("y", "\u0443"),
        PHRASE.replace("o", "\u03bf").replace("n", "\u03b7").replace("u", "\u03c5"),
        PHRASE.replace("o", "0").replace("i", "1"),
        PHRASE.replace("L", "|").replace("i", "l"),
        PHRASE.replace("L", "I"),
        PHRASE.replace("w", "vv"),
        PHRASE.replace("a", "\u00e4").replace("o", "\u00f8"),
        "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in PHRASE),
        "".join(chr(ord(one) - 97 + 0x1D41A) if "a" <= one <= "z" else one for one in PHRASE),
        "".join(chr(ord(one) - 97 + 0x24D0) if "a" <= one <= "z" else one for one in PHRASE),
        PHRASE.replace("s", "\u017f").replace("K", "\u212a"),
    ],
)
def test_a_text_that_a_person_would_read_as_a_statement_looks_like_one(text: str) -> None:
    assert looks_like_statement(text.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_hides_nothing(encoding: str) -> None:
    assert looks_like_statement(PHRASE.encode(encoding))


def test_bytes_that_are_no_text_hide_nothing() -> None:
    assert looks_like_statement(b"\xff".join(PHRASE[place : place + 1].encode() for place in range(len(PHRASE))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "I own this address.",
        "bank.example wants you to sign in",
        "with your Litecoin account",
        "with your Litecoin account bank.example wants you to sign in",
        "wants you to sign in with your Bitcoin account",
        "\u65e5\u672c\u8a9e " * 40,
    ],
)
def test_an_ordinary_message_does_not(text: str) -> None:
    assert not looks_like_statement(text.encode())


def test_a_long_text_is_looked_at_once() -> None:
    """Searching for the end anew from each beginning would take minutes here."""
    assert not looks_like_statement(b"wants you to " * 100_000)
