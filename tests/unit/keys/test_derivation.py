from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys.derivation import (
    HARDENED,
    IDENTITY_ACCOUNT,
    MAX_DEPTH,
    ExtendedKey,
    account_path,
    identity_path,
    parse_path,
)
from pteri.core.keys.secp256k1 import N
from pteri.core.keys.secret import Secret

_BIP32 = json.loads((Path(__file__).parents[3] / "vectors" / "bips.json").read_text("utf-8"))["bip32"]
_ROOT = ExtendedKey.from_seed(Secret(bytes(range(64))))


@pytest.mark.parametrize("vector", _BIP32, ids=lambda vector: vector["id"])
def test_the_published_extended_keys_come_out(vector: dict[str, Any]) -> None:
    root = ExtendedKey.from_seed(Secret(bytes.fromhex(vector["seed"])))
    assert root.derive(vector["path"]).xpub() == vector["expect"]


def test_identity_keys_live_in_an_account_of_their_own() -> None:
    assert identity_path(0, "main") == "m/44'/2'/85'/0/0"
    assert identity_path(7, "test") == identity_path(7, "regtest") == "m/44'/1'/85'/0/7"
    assert account_path(44, "main", IDENTITY_ACCOUNT) == "m/44'/2'/85'"
    assert [account_path(purpose, "main") for purpose in (44, 49, 84, 86)] == [
        "m/44'/2'/0'",
        "m/49'/2'/0'",
        "m/84'/2'/0'",
        "m/86'/2'/0'",
    ]


def test_tenants_see_unlinkable_keys() -> None:
    keys = {_ROOT.derive(identity_path(index, "main")).public_key for index in range(10)}
    assert len(keys) == 10


@pytest.mark.parametrize("purpose", [0, 43, 45, 85, -44, 44 + HARDENED])
def test_an_unknown_purpose_has_no_path(purpose: int) -> None:
    with pytest.raises(Malformed) as refused:
        account_path(purpose, "main")
    assert refused.value.code is Code.PATH


@pytest.mark.parametrize("index", [-1, HARDENED, 2**32])
def test_an_index_out_of_range_has_no_path(index: int) -> None:
    with pytest.raises(Malformed) as refused:
        identity_path(index, "main")
    assert refused.value.code is Code.PATH
    with pytest.raises(Malformed) as refused:
        account_path(84, "main", index)
    assert refused.value.code is Code.PATH


def test_a_path_of_an_unknown_network_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        identity_path(0, "signet")
    assert refused.value.code is Code.NETWORK


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "M",
        "m/",
        "m//0",
        "/m",
        "0/1",
        "m/0/",
        "m/00",
        "m/01",
        "m/-1",
        "m/+1",
        "m/1_0",
        "m/ 1",
        "m/1 ",
        "m/1\n",
        "m/0''",
        "m/0h",
        "m/0H",
        "m/0\u2019",
        "m/\u0661",
        "m/0x1",
        "m/*",
        "m/2147483648",
        "m/2147483648'",
        "m/9999999999",
        "m/99999999999",
        "m" + "/0" * (MAX_DEPTH + 1),
        "m" + "/0" * 100_000,
        None,
        b"m/0",
        0,
        ["m"],
    ],
)
def test_a_path_has_one_spelling(path: object) -> None:
    with pytest.raises(Malformed) as refused:
        _ROOT.derive(path)  # type: ignore[arg-type]  # wrong types are the point
    assert refused.value.code is Code.PATH


def test_the_deepest_and_highest_path_is_accepted() -> None:
    assert parse_path("m") == ()
    assert parse_path("m" + "/2147483647'" * MAX_DEPTH) == (2**32 - 1,) * MAX_DEPTH
    assert _ROOT.derive("m" + "/0" * MAX_DEPTH).depth == MAX_DEPTH


def test_only_a_master_key_has_absolute_descendants() -> None:
    child = _ROOT.child(0)
    with pytest.raises(Malformed) as refused:
        child.derive("m/0")
    assert refused.value.code is Code.PATH
    assert child.child(HARDENED) == _ROOT.derive("m/0/0'")


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_child_beyond_32_bits_does_not_exist(number: int) -> None:
    with pytest.raises(Malformed) as refused:
        _ROOT.child(number)
    assert refused.value.code is Code.PATH


def test_a_key_at_the_limit_has_no_children() -> None:
    with pytest.raises(Malformed) as refused:
        _ROOT.derive("m" + "/0" * MAX_DEPTH).child(0)
    assert refused.value.code is Code.PATH


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_seed_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        ExtendedKey.from_seed(Secret(bytes(size)))
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("secret", [bytes(32), N.to_bytes(32, "big"), b"\x01" * 31])
def test_an_extended_key_needs_a_key(secret: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        ExtendedKey(Secret(secret), Secret(bytes(32)))
    assert refused.value.code is Code.KEY


def test_a_printed_key_shows_neither_secret_nor_chain_code() -> None:
    shown = repr(_ROOT)
    assert shown.count("Secret(32 bytes)") == 2
    assert _ROOT.secret.reveal().hex() not in shown
