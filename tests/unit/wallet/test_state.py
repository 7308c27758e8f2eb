from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pteri.core.ids import AccountId, Digest, TenantId, Thumbprint
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.state import PhoneState, decode_state, encode_state

DIGEST = "CTOqNH2FqfrfiHOlW1inhiGT3mK-YjnspJE6PsL5vYo"
NEW = PhoneState(
    server="http://127.0.0.1:8750",
    tenant=TenantId("bank"),
    network="regtest",
    address="LLDMii8GzCbbveb6aka78Go79cCX2BZ65t",
    tenant_index=0,
    device=Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY"),
)
BOUND = msgspec.structs.replace(
    NEW,
    account=AccountId("acct_5X3N8J2K7Q4M"),
    epoch=17,
    line_salt=Digest(DIGEST),
)


@pytest.mark.parametrize("state", [NEW, BOUND])
def test_a_state_comes_back_and_has_one_spelling(state: PhoneState) -> None:
    data = encode_state(state)
    assert decode_state(data) == state
    assert encode_state(decode_state(data)) == data
    assert data.endswith(b"}\n")


def refusal(data: bytes) -> str:
    with pytest.raises(WalletError) as caught:
        decode_state(data)
    return caught.value.code


WRONG: list[tuple[str, object]] = [
    ("server", "ftp://x"),
    ("server", "http://"),
    ("server", "https://a/b"),
    ("server", "https://u:p@a\n"),
    ("tenant", "Bank"),
    ("tenant", ""),
    ("network", "signet"),
    ("address", "L"),
    ("address", "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t\n"),
    ("tenant_index", -1),
    ("tenant_index", 2**31),
    ("tenant_index", True),
    ("device", DIGEST[:-1]),
    ("account", "bob@example.com"),
    ("epoch", -1),
    ("epoch", 2**53),
    ("epoch", 1.0),
    ("line_salt", "AA"),
    ("log_seen", None),
    ("more", 1),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_out_of_its_grammar_is_no_state(name: str, value: object) -> None:
    tree: dict[str, Any] = msgspec.json.decode(encode_state(BOUND))
    tree[name] = value
    assert refusal(msgspec.json.encode(tree) + b"\n") is WalletCode.NOT_A_STATE


@pytest.mark.parametrize("name", ["server", "account"])
def test_a_state_cannot_be_made_with_a_field_out_of_its_grammar(name: str) -> None:
    with pytest.raises(ValueError, match=r"server|account") as caught:
        msgspec.structs.replace(BOUND, **{name: "mallory's"})
    assert "mallory" not in str(caught.value)


def test_a_missing_field_is_no_state() -> None:
    tree: dict[str, Any] = msgspec.json.decode(encode_state(BOUND))
    for name in tree:
        less = {key: value for key, value in tree.items() if key != name}
        assert refusal(msgspec.json.encode(less) + b"\n") is WalletCode.NOT_A_STATE, name


def test_a_state_cut_anywhere_is_no_state() -> None:
    data = encode_state(BOUND)
    for length in range(len(data)):
        assert refusal(data[:length]) is WalletCode.NOT_A_STATE


def test_a_state_of_a_newer_program_says_so() -> None:
    data = encode_state(BOUND).replace(b"pteri-phone-2", b"pteri-phone-3")
    assert refusal(data) is WalletCode.NEWER_VERSION


def test_a_sealed_wallet_is_no_state() -> None:
    assert refusal(b'{"format":"pteri-keystore-1"}\n') is WalletCode.NOT_A_STATE


def first_format(state: PhoneState, **changed: object) -> bytes:
    """As the first releases wrote it: with a field that nothing ever set."""
    tree: dict[str, Any] = msgspec.json.decode(encode_state(state))
    return msgspec.json.encode(tree | {"format": "pteri-phone-1", "log_seen": None} | changed) + b"\n"


@pytest.mark.parametrize("state", [NEW, BOUND])
def test_a_state_of_the_first_format_is_read_and_written_in_the_new_one(state: PhoneState) -> None:
    assert decode_state(first_format(state)) == state
    assert decode_state(first_format(state, log_seen={"size": 20, "root": DIGEST})) == state
    assert b"log_seen" not in encode_state(decode_state(first_format(state)))


@pytest.mark.parametrize(("name", "value"), [*WRONG[:-2], ("log_seen", {"size": 1}), ("more", 1)])
def test_nor_is_a_field_out_of_its_grammar_a_state_of_the_first_format(name: str, value: object) -> None:
    assert refusal(first_format(BOUND, **{name: value})) is WalletCode.NOT_A_STATE


def test_a_field_of_the_one_format_is_none_of_the_other() -> None:
    tree: dict[str, Any] = msgspec.json.decode(encode_state(BOUND))
    assert refusal(msgspec.json.encode(tree | {"format": "pteri-phone-1"}) + b"\n") is WalletCode.NOT_A_STATE
    assert refusal(msgspec.json.encode(tree | {"log_seen": None}) + b"\n") is WalletCode.NOT_A_STATE
