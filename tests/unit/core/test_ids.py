"""Identifiers: one grammar and one spelling each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pteri.core import ids
from pteri.core.errors import Code, Malformed

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGEST = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

READERS: dict[str, Callable[[str], str]] = {
    "account": ids.account_id,
    "request": ids.request_id,
    "nonce": ids.nonce,
    "thumbprint": ids.thumbprint,
    "digest": ids.digest,
    "domain": ids.domain,
    "tenant": ids.tenant_id,
    "idempotency": ids.idempotency_key,
    "address": ids.address_text,
}
GOOD: dict[str, list[str]] = {
    "account": [f"acct_{'0' * 12}", f"acct_{CROCKFORD[6:]}"],
    "request": [f"lgn_{'Z' * 12}", f"abc_{'7' * 26}"],
    "nonce": [CROCKFORD, "0" * 32],
    "thumbprint": [DIGEST, "A" * 43],
    "digest": [DIGEST, *("_" * 42 + last for last in "AEIMQUYcgkosw048")],
    "domain": ["a", "bank.example", "xn--bnk-qla.example", "1.2.3.4", "a" * 63, f"{'a' * 31}.{'b' * 31}", "a--b.c"],
    "tenant": ["t", "bank-2", "0" * 32],
    "idempotency": ["a" * 16, "A_z-" * 16],
    "address": ["L" * 26, "L" * 64, "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9"],
}
BAD: dict[str, list[str]] = {
    "account": [
        *(f"acct_{'0' * 11}", f"acct_{'0' * 27}", "0" * 17, f"ACCT_{'0' * 12}", f"acct-{'0' * 12}"),
        *(f"acct_{letter}{'0' * 11}" for letter in "ILOUa-_ \u0660"),
    ],
    "request": [f"lgn_{'0' * 11}", f"lgn_{'0' * 27}", f"lg_{'0' * 12}", f"logn_{'0' * 12}", f"LGN_{'0' * 12}"],
    "nonce": ["0" * 31, "0" * 33, "u" * 32, "O" * 32, f" {'0' * 31}"],
    "thumbprint": [DIGEST[1:], f"{DIGEST}A", f"{DIGEST}=", DIGEST[:-1] + "B", DIGEST.replace("-", "+")],
    "digest": ["none", *("_" * 42 + last for last in "BCDFGHJKLNOPRSTVWXZabdefhijlmnpqrtuvxyz1235679-_=")],
    "domain": [
        *("Bank.example", "bank.example.", ".bank.example", "bank..example", "-bank.example", "bank-.example"),
        *("bank.example:443", "https://bank.example", "bank_1.example", "b\u00e4nk.example", "bank example"),
        *("a" * 64, f"{'a' * 62}.b", "bank\u3002example", "[::1]"),
    ],
    "tenant": ["Bank", "-bank", "bank-", "t" * 33, "a.b", "a_b", "a/b"],
    "idempotency": ["a" * 15, "a" * 65, "a" * 15 + "+", "a" * 15 + "\u00e4"],
    "address": ["L" * 25, "L" * 65, "L" * 25 + "-", "L" * 25 + "\u0406", "litecoin:" + "L" * 34],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in GOOD.items() for text in texts])
def test_an_id_is_the_text_it_was_read_from(kind: str, text: str) -> None:
    assert READERS[kind](text) == text


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_another_text_is_no_id(kind: str, text: str) -> None:
    with pytest.raises(Malformed) as refused:
        READERS[kind](text)
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("kind", READERS)
def test_no_id_has_white_space_or_a_control_character_around_it(kind: str) -> None:
    for text in GOOD[kind]:
        for other in ("", text + "\n", text + " ", "\n" + text, text + "\0", text + "\r", "\ufeff" + text):
            with pytest.raises(Malformed):
                READERS[kind](other)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("value", [None, 7, True, b"bank", ["bank"], "\ud800"])
def test_what_is_no_text_is_refused_like_any_other_value(kind: str, value: str) -> None:
    with pytest.raises(Malformed) as refused:
        READERS[kind](value)
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("raw", [b"", b"\0", b"\xff\xfe", bytes(range(32)), b"\xfb\xef\xff" * 20])
def test_base64url_comes_back_as_it_was(raw: bytes) -> None:
    assert ids.from_base64url(ids.to_base64url(raw)) == raw


@pytest.mark.parametrize(
    "text",
    [
        *("A", "AAAAA", "AB", "AAB", "AA=", "AA==", "AAA=", "====", "+/8", "AA AA", "AAAA\n", " AAAA", "A.AA"),
        *("\u0410AAA", "AA\0A", "\ud800AAA"),
    ],
)
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        ids.from_base64url(text)
    assert refused.value.code is Code.ENCODING


@pytest.mark.parametrize("value", [None, 0, b"AAAA"])
def test_base64url_is_text(value: str) -> None:
    with pytest.raises(Malformed) as refused:
        ids.from_base64url(value)
    assert refused.value.code is Code.ENCODING


def test_a_digest_has_32_bytes() -> None:
    assert ids.digest_bytes(ids.digest_text(bytes(range(32)))) == bytes(range(32))
    for size in (0, 20, 31, 33, 64):
        with pytest.raises(Malformed) as refused:
            ids.digest_text(bytes(size))
        assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("text", ["", "none", "AAAA", "A" * 44, DIGEST[:-1] + "B"])
def test_a_digest_that_came_through_json_is_checked_before_its_bytes_are_used(text: str) -> None:
    with pytest.raises(Malformed):
        ids.digest_bytes(ids.Digest(text))


def test_crockford_takes_the_first_bits() -> None:
    assert ids.crockford(b"", 0) == ""
    assert ids.crockford(b"\xff", 1) == "Z"
    assert ids.crockford(b"\xf8\x42", 3) == "Z11"
    assert ids.crockford(b"\x07", 1) == "0"
    assert ids.crockford(bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df"), 32) == CROCKFORD


@pytest.mark.parametrize(("size", "length"), [(0, 1), (2, 1), (12, 20), (14, 20), (16, 26), (18, 26), (19, 32)])
def test_an_id_is_made_from_exactly_the_bytes_it_needs(size: int, length: int) -> None:
    with pytest.raises(Malformed) as refused:
        ids.crockford(bytes(size), length)
    assert refused.value.code is Code.LENGTH


AT = 1_795_453_200
LAST = (1 << 40) - 1


def test_new_ids_are_in_their_grammar_and_use_every_bit() -> None:
    for fill in (b"\0", b"\xff", b"\x5a"):
        assert ids.account_id(ids.new_account_id(fill * 13)) == ids.new_account_id(fill * 13)
        for at in (0, 1, AT, LAST):
            assert ids.request_id(ids.new_request_id("lgn", at, fill * 12)) == ids.new_request_id("lgn", at, fill * 12)
            assert ids.nonce(ids.new_nonce(at, fill * 15)) == ids.new_nonce(at, fill * 15)
            key = ids.new_idempotency_key(at, fill * 12)
            assert ids.idempotency_key(key) == key
    assert len({ids.new_nonce(AT, (1 << bit).to_bytes(15, "big")) for bit in range(120)}) == 120
    assert len({ids.new_nonce(1 << bit, bytes(15)) for bit in range(40)}) == 40
    # 26 characters hold 130 bits: 40 of time, and the first 90 of 96 random ones.
    assert len({ids.new_request_id("lgn", AT, (1 << bit).to_bytes(12, "big")) for bit in range(6, 96)}) == 90
    assert len({ids.new_request_id("lgn", 1 << bit, bytes(12)) for bit in range(40)}) == 40
    assert len({ids.new_idempotency_key(AT, (1 << bit).to_bytes(12, "big")) for bit in range(6, 96)}) == 90
    assert len({ids.new_idempotency_key(1 << bit, bytes(12)) for bit in range(40)}) == 40
    assert len({ids.new_account_id((1 << bit).to_bytes(13, "big")) for bit in range(4, 104)}) == 100


def test_ids_and_nonces_of_a_later_second_sort_behind_whatever_is_random_in_them() -> None:
    seconds = [0, 1, 31, 32, AT - 1, AT, AT + 1, 1 << 39, LAST]
    requests = [ids.new_request_id("lgn", at, fill * 12) for at in seconds for fill in (b"\0", b"\xff")]
    nonces = [ids.new_nonce(at, fill * 15) for at in seconds for fill in (b"\0", b"\xff")]
    assert requests == sorted(requests)
    assert nonces == sorted(nonces)
    keys = [ids.new_idempotency_key(at, fill * 12) for at in seconds for fill in (b"\0", b"\xff")]
    assert keys == sorted(keys)


@pytest.mark.parametrize("at", [0, 1, 31, 32, AT, LAST])
def test_the_second_of_an_id_is_the_one_it_was_made_in(at: int) -> None:
    for fill in (b"\0", b"\xff", b"\x5a"):
        assert ids.second_of(ids.new_request_id("lgn", at, fill * 12)) == at


def test_an_id_that_somebody_else_made_has_some_second_too() -> None:
    assert ids.second_of(ids.request_id(f"lgn_{'Z' * 12}")) == LAST
    assert ids.second_of(ids.request_id(f"lgn_{'0' * 12}")) == 0


@pytest.mark.parametrize("text", ["", "lgn_", "lgn_1", "lgn_2Y7K4M9QWZ3u", "lgn_2Y7K4M9QWZ3T\n"])
def test_only_an_id_has_a_second(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        ids.second_of(ids.RequestId(text))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("prefix", ["", "lg", "logn", "LGN", "l_n", "lgn\n"])
def test_a_request_id_begins_with_three_letters(prefix: str) -> None:
    with pytest.raises(Malformed):
        ids.new_request_id(prefix, AT, bytes(12))


@pytest.mark.parametrize("at", [-1, LAST + 1, 1 << 64])
def test_an_instant_that_does_not_fit_makes_no_id(at: int) -> None:
    for make in (
        lambda: ids.new_request_id("lgn", at, bytes(12)),
        lambda: ids.new_nonce(at, bytes(15)),
        lambda: ids.new_idempotency_key(at, bytes(12)),
    ):
        with pytest.raises(Malformed) as refused:
            make()
        assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("change", [-1, 1, 5])
def test_an_id_is_made_from_neither_more_nor_fewer_unforeseen_bytes(change: int) -> None:
    for make in (
        lambda: ids.new_request_id("lgn", AT, bytes(12 + change)),
        lambda: ids.new_nonce(AT, bytes(15 + change)),
        lambda: ids.new_idempotency_key(AT, bytes(12 + change)),
    ):
        with pytest.raises(Malformed) as refused:
            make()
        assert refused.value.code is Code.LENGTH


def test_a_nonce_and_an_account_give_their_bytes_back() -> None:
    for fill in (b"\0", b"\xff", b"\x5a", b"\xa5"):
        assert ids.nonce_bytes(ids.nonce_text(fill * 20)) == fill * 20
        made = ids.new_account_id(fill * 13)
        assert ids.new_account_id(ids.account_bytes(made)) == made
    # The last four of 104 bits are in no id, so an id stands for zeros there.
    assert ids.account_bytes(ids.new_account_id(b"\xff" * 13)) == b"\xff" * 12 + b"\xf0"
    assert ids.nonce_bytes(ids.nonce(CROCKFORD)) == bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")


def test_an_account_of_another_making_has_no_such_bytes() -> None:
    for text in (f"acct_{'0' * 12}", f"acct_{'0' * 19}", f"acct_{'0' * 21}", f"acct_{'0' * 26}"):
        with pytest.raises(Malformed) as refused:
            ids.account_bytes(ids.account_id(text))
        assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("text", ["", "0" * 31, "u" * 32, "0" * 33])
def test_what_is_no_nonce_or_account_gives_no_bytes(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        ids.nonce_bytes(ids.Nonce(text))
    assert refused.value.code is Code.FIELD
    with pytest.raises(Malformed) as refused:
        ids.account_bytes(ids.AccountId(text))
    assert refused.value.code is Code.FIELD


def test_a_request_id_is_seventeen_bytes_and_comes_back() -> None:
    request = ids.new_request_id("lgn", 1_795_453_200, bytes(range(12)))
    raw = ids.request_bytes(request)
    assert len(raw) == 17
    assert ids.request_text("lgn", raw) == request
    assert ids.request_text("lgn", ids.request_bytes(ids.new_request_id("lgn", (1 << 40) - 1, b"\xff" * 12)))


def test_only_ids_of_this_making_have_those_bytes() -> None:
    with pytest.raises(Malformed) as short:
        ids.request_bytes(ids.request_id("lgn_2Y7K4M9QWZ3T"))
    assert short.value.code is Code.LENGTH


@pytest.mark.parametrize("bit", range(6))
def test_the_bits_that_no_character_carries_make_no_second_id(bit: int) -> None:
    raw = bytes(16) + bytes((1 << bit,))
    with pytest.raises(Malformed) as second:
        ids.request_text("lgn", raw)
    assert second.value.code is Code.ENCODING


@pytest.mark.parametrize("raw", [b"", bytes(16), bytes(18)])
def test_another_number_of_bytes_makes_no_request_id(raw: bytes) -> None:
    with pytest.raises(Malformed) as other:
        ids.request_text("lgn", raw)
    assert other.value.code is Code.LENGTH
