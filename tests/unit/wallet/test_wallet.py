from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from builders import digest, request_id
from pteri.core.acts import Authenticate
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import AccountId, Domain, Nonce, Thumbprint
from pteri.core.keys.address import AddressKind
from pteri.core.keys.message import verify_message
from pteri.core.keys.network import NETWORKS
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.wallets import pin_wallet
from pteri.wallet.refusals import SafetyCode, UnsafeError
from pteri.wallet.wallet import Wallet
from world import ALICE_WORDS, SimEntropy

ALICE = Wallet.from_mnemonic(ALICE_WORDS)
KINDS = list(AddressKind)


def statement(**changes: object) -> Statement:
    act = Authenticate(
        account=AccountId("acct_5X3N8J2K7Q4M"),
        device=Thumbprint(digest("a phone")),
        esim=None,
        epoch=1,
        session=digest("a session"),
        code="42",
    )
    made = Statement(
        domain=Domain("bank.example"),
        address=ALICE.address(),
        chain=NETWORKS["main"].chain_id,
        nonce=Nonce("K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G"),
        issued_at=1_795_453_200,
        expires_at=1_795_453_320,
        request_id=request_id(),
        act=act,
    )
    return msgspec.structs.replace(made, **changes)


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [12, 24])
def test_a_new_wallet_has_as_many_words_as_asked_for_and_comes_back_from_them(words: int) -> None:
    made = Wallet.new(entropy=SimEntropy("new"), words=words)
    assert len(made.mnemonic().reveal().split()) == words
    assert Wallet.from_mnemonic(made.mnemonic()).address() == made.address()


@pytest.mark.parametrize("words", [0, 11, 15, 25])
def test_a_new_wallet_has_no_other_number_of_words(words: int) -> None:
    with pytest.raises(Malformed) as refused:
        Wallet.new(entropy=SimEntropy("new"), words=words)
    assert refused.value.code is Code.MNEMONIC


def test_two_new_wallets_are_two() -> None:
    entropy = SimEntropy("one machine")
    assert Wallet.new(entropy=entropy).address() != Wallet.new(entropy=entropy).address()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "abandon " * 12,
        ALICE_WORDS.replace("about", "abandonn"),
        ALICE_WORDS.upper(),
        "\ud800" + ALICE_WORDS,
        "x" * 100_000,
    ],
    ids=["none", "checksum", "unknown", "upper case", "half a character", "endless"],
)
def test_words_that_are_no_mnemonic_are_refused_and_not_quoted(words: str) -> None:
    with pytest.raises(Malformed) as refused:
        Wallet.from_mnemonic(words)
    assert refused.value.code is Code.MNEMONIC
    assert "abandon" not in str(refused.value)


def test_words_are_kept_in_their_one_spelling() -> None:
    assert Wallet.from_mnemonic(f"  {ALICE_WORDS.replace(' ', '   ')}\n").mnemonic() == Secret(ALICE_WORDS.encode())


def test_a_bip39_passphrase_is_another_wallet() -> None:
    assert Wallet.from_mnemonic(ALICE_WORDS, "TREZOR").address() != ALICE.address()


def test_nothing_that_prints_or_copies_a_wallet_shows_its_words() -> None:
    for text in (repr(ALICE), str(ALICE), f"{ALICE}"):
        assert "abandon" not in text
        assert ALICE.address() in text
    with pytest.raises(TypeError):
        pickle.dumps(ALICE)
    with pytest.raises(TypeError):
        copy.deepcopy(ALICE)


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (AddressKind.P2PKH, "LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8Ez"),
        (AddressKind.P2SH_P2WPKH, "M7wtsL7wSHDBJVMWWhtQfTMSYYkyooAAXM"),
        (AddressKind.P2WPKH, "ltc1qjmxnz78nmc8nq77wuxh25n2es7rzm5c2rkk4wh"),
    ],
)
def test_the_first_addresses_are_those_of_every_litecoin_wallet(kind: AddressKind, known: str) -> None:
    assert ALICE.address(kind=kind, account=0) == known


def test_identity_addresses_lie_in_an_account_of_their_own() -> None:
    assert ALICE.path() == "m/44'/2'/85'/0/0"
    assert ALICE.path(7, kind="p2tr") == "m/86'/2'/85'/0/7"
    assert Wallet.from_mnemonic(ALICE_WORDS, network="regtest").path() == "m/44'/1'/85'/0/0"
    assert ALICE.address() not in {ALICE.address(account=0), ALICE.address(1)}


@pytest.mark.parametrize("kind", ["", "P2PKH", "p2wsh", "mweb"])
def test_an_unknown_kind_of_address_is_refused(kind: str) -> None:
    with pytest.raises(Malformed) as refused:
        ALICE.address(kind=kind)
    assert refused.value.code is Code.ADDRESS


@pytest.mark.parametrize("index", [-1, 2**31])
def test_an_index_outside_the_tree_is_refused(index: int) -> None:
    with pytest.raises(Malformed) as refused:
        ALICE.address(index)
    assert refused.value.code is Code.PATH


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        Wallet.from_mnemonic(ALICE_WORDS, network="bitcoin")
    assert refused.value.code is Code.NETWORK


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_phone_says_of_its_wallet_is_what_a_server_accepts(kind: AddressKind) -> None:
    told = ALICE.pinned(3, kind=kind)
    assert pin_wallet(told.address, told.public_key, told.signature_type, network="main") == told


# --- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_verifies_for_its_address_and_no_other(kind: AddressKind) -> None:
    signature = ALICE.sign("grüezi", kind=kind, index=1)
    assert signature == ALICE.sign("grüezi".encode(), kind=kind, index=1)
    verified = verify_message(ALICE.address(1, kind=kind), "grüezi".encode(), signature)
    assert verified.kind is kind
    for address, message in ((ALICE.address(2, kind=kind), "grüezi"), (ALICE.address(1, kind=kind), "grüezi!")):
        with pytest.raises(NotAuthentic):
            verify_message(address, message.encode(), signature)


def test_a_message_over_the_limit_is_refused() -> None:
    with pytest.raises(Malformed) as refused:
        ALICE.sign("x" * 4097)
    assert refused.value.code is Code.MESSAGE_SIZE


def test_a_statement_is_signed_from_its_typed_fields() -> None:
    made = statement()
    assert verify_message(ALICE.address(), made.encode(), ALICE.sign_statement(made)).address == ALICE.address()


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("address", statement(address=ALICE.address(1))),
        ("address", statement(address="LLDMii8GzCbbveb6aka78Go79cCX2BZ65t")),
        ("chain", statement(chain=NETWORKS["test"].chain_id)),
        ("chain", statement(chain="bip122:000000000019d6689c085ae165831e93")),
    ],
)
def test_a_statement_of_another_wallet_or_network_is_not_signed(field: str, changed: Statement) -> None:
    with pytest.raises(UnsafeError) as refused:
        ALICE.sign_statement(changed)
    assert (refused.value.code, refused.value.field) == (SafetyCode.FIELD_MISMATCH, field)
    with pytest.raises(UnsafeError) as again:
        ALICE.sign(changed.encode(), allow_statement=True)
    assert again.value.field == field


def test_a_value_outside_its_grammar_is_not_signed() -> None:
    with pytest.raises(Malformed):
        ALICE.sign_statement(statement(domain=Domain("bank.example\nNonce: 1")))


def test_a_program_that_compared_the_fields_itself_may_have_an_exact_statement_signed() -> None:
    made = statement()
    assert ALICE.sign(made.encode(), allow_statement=True) == ALICE.sign_statement(made)
