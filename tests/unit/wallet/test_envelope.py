from __future__ import annotations

import base64
import json
import pickle
import re
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pteri.core.keys.secret import Secret
from pteri.wallet.envelope import LIGHT, STANDARD, Holds, KdfCost, open_sealed, read_envelope, seal
from pteri.wallet.errors import WalletCode, WalletError

PASSPHRASE = Secret(b"correct horse battery staple")
MNEMONIC = Secret(b"abandon " * 11 + b"about")
SPEC = Path(__file__).parents[3] / "docs" / "spec" / "keystore.md"


class Counting:
    """Randomness that can be foretold: each draw starts sixteen above the one before."""

    def __init__(self, start: int = 0) -> None:
        self._next = start

    def draw(self, size: int) -> bytes:
        first, self._next = self._next, self._next + 16
        return bytes((first + place) % 256 for place in range(size))


def sealed(start: int = 0, *, cost: KdfCost = LIGHT, holds: Holds = Holds.WALLET) -> bytes:
    return seal(MNEMONIC, PASSPHRASE, entropy=Counting(start), cost=cost, holds=holds)


def fields(data: bytes) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(data)
    return tree


def spelled(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def refusal(data: bytes, passphrase: Secret = PASSPHRASE, *, expected: Holds = Holds.WALLET) -> str:
    with pytest.raises(WalletError) as caught:
        open_sealed(data, passphrase, expected=expected)
    return caught.value.code


def test_what_was_sealed_comes_back() -> None:
    assert open_sealed(sealed(), PASSPHRASE) == MNEMONIC


def test_an_empty_secret_comes_back_too() -> None:
    data = seal(Secret(b""), PASSPHRASE, entropy=Counting(), cost=LIGHT)
    assert open_sealed(data, PASSPHRASE) == Secret(b"")


def test_the_vector_of_the_specification_is_what_we_write_and_read() -> None:
    found = re.search(r"```json\n(.+?\n)```", SPEC.read_text())
    assert found is not None
    vector = found[1].encode()
    assert seal(MNEMONIC, PASSPHRASE, entropy=Counting()) == vector
    assert open_sealed(vector, PASSPHRASE) == MNEMONIC


def test_a_reader_written_from_the_specification_alone_opens_it() -> None:
    data = sealed()
    tree = json.loads(data)
    kdf = tree["kdf"]
    key = Argon2id(
        salt=base64.b64decode(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory_kib"],
    ).derive(PASSPHRASE.reveal())
    header = data[: data.index(b',"ciphertext":')] + b"}"
    nonce, ciphertext = base64.b64decode(tree["aead"]["nonce"]), base64.b64decode(tree["ciphertext"])
    assert AESGCM(key).decrypt(nonce, ciphertext, header) == MNEMONIC.reveal()


def test_the_standard_cost_is_three_passes_over_64_mebibytes() -> None:
    assert (STANDARD.memory_kib, STANDARD.iterations, STANDARD.lanes) == (65536, 3, 1)
    assert read_envelope(seal(MNEMONIC, PASSPHRASE, entropy=Counting())).cost == STANDARD


def test_the_same_secret_sealed_twice_shares_no_salt_nonce_or_key() -> None:
    entropy = Counting()
    one, two = (
        read_envelope(seal(MNEMONIC, PASSPHRASE, entropy=entropy, cost=LIGHT, keystore_id=bytes(16))) for _ in range(2)
    )
    assert one.keystore_id == two.keystore_id == bytes(16)
    assert one.salt != two.salt
    assert one.nonce != two.nonce
    assert one.ciphertext != two.ciphertext


@pytest.mark.parametrize("passphrase", [b"", b"correct horse battery stapl", b"Correct horse battery staple", b"\0"])
def test_another_passphrase_does_not_open_it(passphrase: bytes) -> None:
    assert refusal(sealed(), Secret(passphrase)) is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED


def test_nothing_is_sealed_under_an_empty_passphrase() -> None:
    with pytest.raises(WalletError) as caught:
        seal(MNEMONIC, Secret(b""), entropy=Counting(), cost=LIGHT)
    assert caught.value.code is WalletCode.PASSPHRASE


def test_a_file_cut_at_any_byte_is_refused() -> None:
    data = sealed()
    for length in range(len(data)):
        assert refusal(data[:length]) is WalletCode.NOT_A_KEYSTORE, length


def test_an_appended_byte_is_refused() -> None:
    for tail in (b"\n", b" ", b"\0", b"{}", b"x"):
        assert refusal(sealed() + tail) is WalletCode.NOT_A_KEYSTORE


def test_a_flipped_bit_in_any_byte_is_refused() -> None:
    data = sealed()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        assert refusal(bytes(flipped)) in {
            WalletCode.NOT_A_KEYSTORE,
            WalletCode.NEWER_VERSION,
            WalletCode.KDF_COST,
            WalletCode.WRONG_PASSPHRASE_OR_DAMAGED,
        }, place


SWAPS = [
    (("id",), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("holds",), WalletCode.WRONG_CONTENT),
    (("kdf", "memory_kib"), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("kdf", "iterations"), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("kdf", "lanes"), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("kdf", "salt"), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("kdf",), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("aead", "nonce"), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
    (("ciphertext",), WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
]


@pytest.mark.parametrize(("way", "code"), SWAPS)
def test_no_value_can_be_swapped_with_that_of_another_file(way: tuple[str, ...], code: WalletCode) -> None:
    mine = fields(sealed())
    other = fields(sealed(100, cost=KdfCost(memory_kib=8193, iterations=2, lanes=2), holds=Holds.DEVICE))
    inner, theirs = mine, other
    for step in way[:-1]:
        inner, theirs = inner[step], theirs[step]
    assert inner[way[-1]] != theirs[way[-1]]
    inner[way[-1]] = theirs[way[-1]]
    assert refusal(spelled(mine)) is code


def test_a_device_key_dressed_as_a_wallet_does_not_open() -> None:
    tree = fields(sealed(holds=Holds.DEVICE))
    assert refusal(spelled(tree)) is WalletCode.WRONG_CONTENT
    tree["holds"] = "wallet"  # the header is authenticated
    assert refusal(spelled(tree)) is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED


def test_a_wallet_is_not_taken_for_a_device_key() -> None:
    assert refusal(sealed(), expected=Holds.DEVICE) is WalletCode.WRONG_CONTENT


HOSTILE = [
    ("memory_kib", 8191),
    ("memory_kib", 0),
    ("memory_kib", -65536),
    ("memory_kib", 1024 * 1024 + 1),
    ("memory_kib", 2**32 - 1),
    ("memory_kib", 2**63 - 1),
    ("iterations", 0),
    ("iterations", -1),
    ("iterations", 11),
    ("iterations", 2**31),
    ("lanes", 0),
    ("lanes", 5),
    ("lanes", 2**24),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_a_hostile_cost_is_refused_before_any_work(name: str, value: int) -> None:
    tree = fields(sealed())
    tree["kdf"][name] = value
    assert refusal(spelled(tree)) is WalletCode.KDF_COST


@pytest.mark.parametrize("cost", [(8191, 1, 1), (8192, 0, 1), (8192, 1, 0), (1048577, 1, 1), (8192, 11, 1)])
def test_a_cost_out_of_bounds_cannot_be_asked_for(cost: tuple[int, int, int]) -> None:
    with pytest.raises(WalletError) as caught:
        KdfCost(*cost)
    assert caught.value.code is WalletCode.KDF_COST


def changed(tree: dict[str, Any], way: tuple[str, ...], value: object) -> dict[str, Any]:
    inner = tree
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    return tree


B16 = base64.b64encode(bytes(16)).decode()
SHAPES: list[tuple[tuple[str, ...], object]] = [
    (("format",), "pteri-keystore-0"),
    (("format",), "pteri-keystore-01"),
    (("format",), "pteri-keystore-1 "),
    (("format",), "pteri-keystore-"),
    (("format",), "pteri-keystore--2"),
    (("format",), "PTERI-KEYSTORE-1"),
    (("format",), "pteri-phone-1"),
    (("format",), ""),
    (("format",), None),
    (("format",), 1),
    (("holds",), "seed"),
    (("holds",), "Wallet"),
    (("holds",), None),
    (("id",), B16[:-4]),
    (("id",), B16 + "AAAA"),
    (("id",), B16.rstrip("=")),
    (("id",), B16[:-3] + "B=="),  # the unused bits are not zero
    (("id",), B16.replace("A", "\n", 1)),
    (("kdf",), None),
    (("kdf",), []),
    (("kdf", "name"), "argon2i"),
    (("kdf", "name"), "Argon2id"),
    (("kdf", "name"), "scrypt"),
    (("kdf", "memory_kib"), 8192.0),
    (("kdf", "memory_kib"), "8192"),
    (("kdf", "memory_kib"), True),
    (("kdf", "iterations"), 1.5),
    (("kdf", "salt"), ""),
    (("kdf", "salt"), base64.b64encode(bytes(15)).decode()),
    (("kdf", "secret"), "x"),
    (("aead", "name"), "aes-128-gcm"),
    (("aead", "name"), "none"),
    (("aead", "nonce"), B16),
    (("aead", "nonce"), ""),
    (("aead", "tag_bits"), 32),
    (("ciphertext",), ""),
    (("ciphertext",), base64.b64encode(bytes(15)).decode()),
    (("ciphertext",), [1, 2]),
    (("comment",), "a field that no version has"),
]


@pytest.mark.parametrize(("way", "value"), SHAPES)
def test_another_shape_is_no_keystore(way: tuple[str, ...], value: object) -> None:
    assert refusal(spelled(changed(fields(sealed()), way, value))) is WalletCode.NOT_A_KEYSTORE


WAYS = [
    ("format",),
    ("holds",),
    ("id",),
    ("kdf",),
    ("aead",),
    ("ciphertext",),
    ("kdf", "salt"),
    ("aead", "nonce"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_field_is_no_keystore(way: tuple[str, ...]) -> None:
    tree = fields(sealed())
    inner = tree
    for step in way[:-1]:
        inner = inner[step]
    del inner[way[-1]]
    assert refusal(spelled(tree)) is WalletCode.NOT_A_KEYSTORE


def test_the_same_content_in_another_spelling_is_refused() -> None:
    data = sealed()
    tree = fields(data)
    for other in (
        json.dumps(tree).encode() + b"\n",
        json.dumps(tree, indent=1).encode() + b"\n",
        spelled(dict(reversed(tree.items()))),
        data[:-1],
        data[:-1] + b"\r\n",
        b"\xef\xbb\xbf" + data,
        b" " + data,
        data.replace(b'"wallet"', b'"w\\u0061llet"'),
        data.replace(b'"holds":"wallet"', b'"holds":"device","holds":"wallet"'),
        data.replace(b":8192,", b":8.192e3,"),
        data.decode().encode("utf-16"),
    ):
        assert other != data
        assert refusal(other) is WalletCode.NOT_A_KEYSTORE, other


@pytest.mark.parametrize("version", ["2", "10", "999999"])
def test_a_file_of_a_newer_program_says_so_though_its_fields_are_unknown(version: str) -> None:
    data = spelled({"format": f"pteri-keystore-{version}", "novel": {"deep": [1, 2]}})
    assert refusal(data) is WalletCode.NEWER_VERSION


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"-----BEGIN PGP MESSAGE-----\n",
        b"[" * 500_000,
        b'{"x":' * 200_000,
        b'{"format":"\xff"}',
        b'{"format":"\\ud800"}',
        b'{"format":"pteri-keystore-1","' + b"a" * 500_000 + b'":1}',
        b'{"format":"pteri-keystore-1","holds":' + b"9" * 5_000 + b"}",
    ],
)
def test_anything_else_is_no_keystore(data: bytes) -> None:
    assert refusal(data) is WalletCode.NOT_A_KEYSTORE


def test_a_file_over_one_mebibyte_is_not_even_parsed() -> None:
    assert refusal(sealed() + b" " * (1 << 20)) is WalletCode.TOO_LARGE


def test_a_secret_whose_file_would_be_over_one_mebibyte_is_not_sealed() -> None:
    with pytest.raises(WalletError) as caught:
        seal(Secret(bytes(800_000)), PASSPHRASE, entropy=Counting(), cost=LIGHT)
    assert caught.value.code is WalletCode.TOO_LARGE


def test_a_refusal_quotes_no_terminal_escapes_and_stays_short() -> None:
    with pytest.raises(WalletError) as caught:
        read_envelope(b'{"format":"pteri-keystore-1","\\u001b[2J' + b"a" * 100_000 + b'":1}')
    assert "\x1b" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_no_secret_shows_in_any_error() -> None:
    secret, passphrase = "marmalade-xylophone", "quince-harmonium"
    data = seal(Secret(secret.encode()), Secret(passphrase.encode()), entropy=Counting(), cost=LIGHT)
    tries = [
        (data[:-5], passphrase),
        (data, passphrase + "!"),
        (data.replace(b'"wallet"', b'"device"'), passphrase),
        (data.replace(b":8192,", b":1,"), passphrase),
    ]
    for attempt, word in tries:
        with pytest.raises(WalletError) as caught:
            open_sealed(attempt, Secret(word.encode()))
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        for hidden in (secret, passphrase, "marmalade", "quince"):
            assert hidden not in told
            assert hidden.encode() not in pickle.dumps(caught.value)


def test_no_secret_shows_in_the_file_or_in_the_parsed_envelope() -> None:
    data = sealed()
    for form in (MNEMONIC.reveal(), base64.b64encode(MNEMONIC.reveal()), MNEMONIC.reveal().hex().encode()):
        assert form not in data
    assert b"abandon" not in repr(read_envelope(data)).encode()


def test_an_opened_secret_neither_prints_nor_pickles() -> None:
    opened = open_sealed(sealed(), PASSPHRASE)
    assert "abandon" not in repr(opened) + str(opened)
    with pytest.raises(TypeError):
        pickle.dumps(opened)


def test_an_error_keeps_its_code_and_its_words_between_processes() -> None:
    error = WalletError(WalletCode.LOCKED, "Another program has it. Wait.")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.message, str(again)) == (
        error.code,
        error.message,
        "Another program has it. Wait.",
    )
