"""Every vector of vectors/litecoin/messages.json comes out as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.address import (
    NETWORKS,
    AddressKind,
    address_of,
    decode_wif,
    encode_wif,
    parse_address,
)
from pteri.core.keys.derivation import PURPOSES, ExtendedKey, account_path
from pteri.core.keys.message import (
    SignatureType,
    VerifiedMessage,
    message_digest,
    sign_message,
    verify_message,
    verify_pinned,
)
from pteri.core.keys.mnemonic import normalise_mnemonic, seed

_FILE = Path(__file__).parents[2] / "vectors" / "litecoin" / "messages.json"
_VECTORS = json.loads(_FILE.read_text("utf-8"))
_WALLETS = {wallet["id"]: wallet for wallet in _VECTORS["wallets"]}
_POLICY = {vector["id"]: vector for vector in _VECTORS["policy"]}

# Codes that mean "no key was used to find this out"; every other refusal is about the key.
_BY_KEY = {Code.RECOVER, Code.MISMATCH, Code.SIGNATURE}
_TYPES = {
    ("p2pkh", "legacy"): SignatureType.P2PKH,
    ("p2sh-p2wpkh", "legacy"): SignatureType.BIP137,
    ("p2sh-p2wpkh", "bip137"): SignatureType.BIP137,
    ("p2wpkh", "legacy"): SignatureType.BIP137,
    ("p2wpkh", "bip137"): SignatureType.BIP137,
    ("p2wpkh", "bip322-simple"): SignatureType.BIP322_SIMPLE,
    ("p2tr", "bip322-simple"): SignatureType.BIP322_SIMPLE,
}


def _by_id(vector: dict[str, Any]) -> str:
    return str(vector["id"])


def _check(vector: dict[str, Any], signature: str) -> VerifiedMessage:
    message = vector["message"].encode("utf-8")
    return verify_message(vector["address"], message, signature, network=vector["network"])


def test_the_file_has_all_its_vectors() -> None:
    assert (len(_VECTORS["positive"]), len(_VECTORS["negative"]), len(_VECTORS["policy"])) == (146, 188, 7)


@pytest.mark.parametrize("vector", _VECTORS["positive"], ids=_by_id)
def test_a_good_signature_is_accepted_with_its_key(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["message_hex"])
    assert vector["message"].encode("utf-8") == message
    addresses = {vector["network"]: vector["address"], **vector.get("also_valid_for", {})}
    for network, text in addresses.items():
        verified = verify_message(text, message, vector["signature"], network=network)
        assert (verified.address, verified.network, verified.kind) == (text, network, vector["address_type"])
        assert verified.signature_type is _TYPES[vector["address_type"], vector["scheme"]]
        address = parse_address(text, network=network)
        if address.kind is AddressKind.P2TR:
            assert verified.public_key == address.program
            assert address == address_of(bytes.fromhex(vector["public_key"]), address.kind, network)
        else:
            assert verified.public_key.hex() == vector["public_key"]
        pinned = verify_pinned(
            address,
            verified.public_key,
            message,
            vector["signature"],
            signature_type=verified.signature_type,
        )
        assert pinned == verified


@pytest.mark.parametrize("vector", [v for v in _VECTORS["positive"] if v["message_hash"]], ids=_by_id)
def test_the_digest_is_the_one_that_wallets_sign(vector: dict[str, Any]) -> None:
    assert message_digest(bytes.fromhex(vector["message_hex"])).hex() == vector["message_hash"]


@pytest.mark.parametrize(
    "vector",
    [v for v in _VECTORS["positive"] if v["deterministic"] and (v["address_type"], v["scheme"])
     in {("p2pkh", "legacy"), ("p2sh-p2wpkh", "bip137"), ("p2wpkh", "bip322-simple"), ("p2tr", "bip322-simple")}],
    ids=_by_id,
)  # fmt: skip
def test_we_sign_byte_for_byte_as_the_wallet_did(vector: dict[str, Any]) -> None:
    wallet = _WALLETS[vector["wallet"]]
    key = ExtendedKey.from_seed(seed(wallet["mnemonic"], wallet["passphrase"])).derive(vector["path"])
    message = bytes.fromhex(vector["message_hex"])
    kind = AddressKind(vector["address_type"])
    assert sign_message(key.secret, message, kind=kind, network=vector["network"]) == vector["signature"]


@pytest.mark.parametrize("vector", _VECTORS["negative"], ids=_by_id)
def test_a_bad_signature_is_refused_for_its_reason(vector: dict[str, Any]) -> None:
    message = bytes.fromhex(vector["message_hex"])
    with pytest.raises(ProtocolError) as refused:
        verify_message(vector["address"], message, vector["signature"], network=vector["network"])
    assert refused.value.code == vector["reference_code"]
    expected = NotAuthentic if refused.value.code in _BY_KEY else Malformed
    assert type(refused.value) is expected


def test_what_litecoin_core_lets_through_is_refused_all_the_same() -> None:
    lenient = [v for v in _VECTORS["negative"] if v["litecoind_verifymessage"] is True]
    assert len(lenient) == _VECTORS["counts"]["negative_that_litecoind_accepts"]
    assert {v["reference_code"] for v in lenient} == {"ADDRESS", "HIGH_S", "HEADER"}


@pytest.mark.parametrize("vector", [v for v in _VECTORS["negative"] if "magic: " in v["why"]], ids=_by_id)
def test_a_wrong_magic_is_named_to_the_person_who_chose_the_wallet(vector: dict[str, Any]) -> None:
    with pytest.raises(NotAuthentic) as refused:
        _check(vector, vector["signature"])
    said = refused.value.detail
    assert ("Bitcoin's magic" in said) == ("Bitcoin" in vector["why"])
    assert ("length byte 18" in said) == ("0x18" in vector["why"])
    assert refused.value.code is Code.MISMATCH


def test_policy_a_message_over_the_limit_is_refused_however_good_its_signature() -> None:
    vector = _POLICY["d147"]
    message = (vector["message_repeat"]["unit"] * vector["message_repeat"]["times"]).encode("ascii")
    with pytest.raises(Malformed) as refused:
        verify_message(vector["address"], message, vector["signature"])
    assert vector["recommend"] == f"reject: {refused.value.code}"


def test_policy_an_uncompressed_key_is_refused() -> None:
    vector = _POLICY["d336"]
    with pytest.raises(Malformed) as refused:
        _check(vector, vector["signature"])
    assert vector["recommend"].startswith(f"reject: {refused.value.code} ")


def test_policy_bip322_is_accepted_without_its_prefix() -> None:
    vector = _POLICY["d337"]
    verified = _check(vector, vector["signature"])
    assert verified == _check(vector, "smp" + vector["signature"])
    assert vector["recommend"] == "accept for p2wpkh/p2tr"


def test_policy_an_upper_case_address_is_accepted_and_becomes_lower_case() -> None:
    vector = _POLICY["d338"]
    assert _check(vector, vector["signature"]).address == vector["address"].lower()


def test_policy_bip322_does_not_bind_the_chain_so_that_the_address_must() -> None:
    vector = _POLICY["d339"]
    assert _check(vector, vector["signature"]).address == vector["address"]
    with pytest.raises(Malformed) as refused:
        verify_message(vector["bitcoin_address"], vector["message"].encode("utf-8"), vector["signature"])
    assert refused.value.code is Code.ADDRESS


def test_policy_the_server_pins_its_network_by_the_address() -> None:
    vector = _POLICY["d340"]
    message = vector["message"].encode("utf-8")
    main = _check(vector, vector["signature"])
    regtest = verify_message(vector["regtest_address"], message, vector["signature"], network="regtest")
    assert main.public_key == regtest.public_key
    with pytest.raises(Malformed) as refused:
        verify_message(vector["regtest_address"], message, vector["signature"], network="main")
    assert refused.value.code is Code.ADDRESS


def test_policy_two_signatures_of_one_message_are_both_good() -> None:
    vector = _POLICY["d341"]
    first, second = (_check(vector, signature) for signature in vector["signatures"])
    assert first.rs != second.rs
    assert first.public_key == second.public_key


def test_the_published_example_of_the_pteri_family_verifies() -> None:
    verified = verify_message(
        "LZaJcrXLPQAqUdjjjnuz7obyCP8hszgedX",
        b"Lets test Pteri Node sign a Signature",
        "IAdyZtI2VXRpxi8pYwW29YJeimwwTNPlro1A1Ce9mTQXS1BO21Tb6j3BoXky4mOOPk/uPMV+BeT2JTC3nFsLBIA=",
    )
    assert verified.signature_type is SignatureType.P2PKH


@pytest.mark.parametrize("wallet", _VECTORS["wallets"], ids=_by_id)
def test_a_wallet_has_its_seed_keys_addresses_and_scripts(wallet: dict[str, Any]) -> None:
    assert normalise_mnemonic(wallet["mnemonic"]) == wallet["mnemonic"]
    root = ExtendedKey.from_seed(seed(wallet["mnemonic"], wallet["passphrase"]))
    assert seed(wallet["mnemonic"], wallet["passphrase"]).reveal().hex() == wallet["seed_hex"]
    assert root.fingerprint.hex() == wallet["master_fingerprint"]
    for account in wallet["accounts"]:
        kind = PURPOSES[account["purpose"]]
        assert (kind, account_path(account["purpose"], "main")) == (account["address_type"], account["path"])
        assert root.derive(account["path"]).xpub() == account["xpub_core_0488b21e"]
        for expected in account["keys"]:
            _assert_key(root.derive(expected["path"]), kind, expected)


def _assert_key(key: ExtendedKey, kind: AddressKind, expected: dict[str, Any]) -> None:
    assert key.secret.reveal().hex() == expected["private_key_hex"]
    assert key.public_key.hex() == expected["public_key"]
    wifs = {
        "main": expected["wif_main"],
        "test": expected["wif_testnet_regtest"],
        "regtest": expected["wif_testnet_regtest"],
    }
    for network in NETWORKS:
        address = address_of(key.public_key, kind, network)
        assert address.text == expected["address"][network]
        assert address.script_pub_key.hex() == expected["script_pub_key"]
        assert parse_address(address.text, network=network) == address
        assert encode_wif(key.secret, network).reveal().decode("ascii") == wifs[network]
        assert decode_wif(wifs[network], network=network) == key.secret
    for network, old in expected.get("address_old_version_byte", {}).items():
        with pytest.raises(Malformed) as refused:
            parse_address(old, network=network)
        assert refused.value.code is Code.ADDRESS
