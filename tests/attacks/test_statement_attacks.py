"""Abuse cases PR-11 to PR-16: what else a wallet signs, what else a statement could say, and when it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core import ids, wire
from pteri.core.acts import ACTS
from pteri.core.errors import Code, Malformed, OutOfWindow
from pteri.core.guardians import MAX_GUARDIANS, Guardians
from pteri.core.keys import secp256k1
from pteri.core.keys.message import SignatureType, message_digest, verify_message
from pteri.core.statement import Statement, parse
from pteri.core.verify import Enrolment, WalletSignature, check_window
from pteri.domain.rules import Rules
from thieves import EMAIL, Stand, assert_denied, digest, double_sha256, is_untouched, refusal, sign_digest, signing_in
from world import ALICE_WORDS, MALLORY_WORDS, Answered, Browser, SimWallet, World, with_act
from worlds import Worlds

PURPOSES = sorted(ACTS)


# --- PR-11, PR-12: other things a Litecoin key signs --------------------------------------------------------------


def bip143_preimage(outpoint: bytes, script_hash: bytes, amount: int, hash_type: int) -> bytes:
    """What a segwit transaction signature signs (BIP-143): ends with the hash type, four bytes little-endian."""
    script_code = b"\x19\x76\xa9\x14" + script_hash + b"\x88\xac"
    hashes = double_sha256(outpoint) + double_sha256(b"\xff" * 4)
    spent = amount.to_bytes(8, "little") + b"\xff" * 4 + double_sha256(b"an output")
    return b"\x02\0\0\0" + hashes + outpoint + script_code + spent + b"\0" * 4 + hash_type.to_bytes(4, "little")


def test_pr_11_a_transaction_signature_is_no_message_signature(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    for hash_type in (0x01, 0x02, 0x03, 0x81, 0x83):
        preimage = bip143_preimage(b"\x11" * 36, b"\x22" * 20, 10**8, hash_type)
        signature = sign_digest(stand.phone.wallet, double_sha256(preimage))
        spend = WalletSignature(SignatureType.P2PKH, signature)
        assert_denied(stand.submit(stand.payload(stand.statement, wallet_signature=spend)))
    assert is_untouched(stand)


ID_CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGESTS = st.binary(min_size=32, max_size=32).map(ids.digest_text)
NUMBERS = st.integers(0, 2**53 - 1)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "account": st.text(ID_CHARACTERS, min_size=12, max_size=26).map(lambda text: f"acct_{text}"),
    "esim": st.none() | DIGESTS,
    "chain_end": st.none() | DIGESTS,
    "new_esim": DIGESTS,
    "to_device": DIGESTS,
    "until": NUMBERS,
    "epoch": NUMBERS,
    "length": NUMBERS,
    "start": NUMBERS,
    "step": NUMBERS,
    "code": st.integers(0, 99).map(lambda number: f"{number:02d}"),
    "revoke_old": st.booleans(),
    "evidence": st.sets(st.sampled_from("ACDGW"), min_size=1).map(lambda found: tuple(sorted(found))),
    "lost": st.none() | st.sets(DIGESTS, min_size=1, max_size=1).map(tuple),
    "new_wallet": st.sampled_from(["same", "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t"]),
    "guardians": st.none()
    | st.sets(st.text(ID_CHARACTERS, min_size=26, max_size=64), min_size=2, max_size=MAX_GUARDIANS).map(
        lambda wallets: Guardians(2, tuple(sorted(wallets)))
    ),
    "channels": st.sets(DIGESTS, max_size=4).map(lambda found: tuple(sorted(found))),
}
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    kind = ACTS[draw(st.sampled_from(PURPOSES))]
    act = kind(**{name: draw(FIELDS.get(name, DIGESTS)) for name in kind.__struct_fields__})
    issued_at = draw(st.integers(0, 253402300799 - 300))
    return Statement(
        domain=ids.domain(".".join(draw(st.lists(LABELS, min_size=1, max_size=4)))),
        address=draw(st.text(ID_CHARACTERS, min_size=26, max_size=64)),
        chain=f"bip122:{draw(st.binary(min_size=16, max_size=16)).hex()}",
        nonce=ids.nonce(draw(st.text(ID_CHARACTERS, min_size=32, max_size=32))),
        issued_at=issued_at,
        expires_at=issued_at + draw(st.integers(0, 300)),
        request_id=ids.request_id(f"lgn_{draw(st.text(ID_CHARACTERS, min_size=12, max_size=26))}"),
        act=act,
    )


@settings(max_examples=100, deadline=None)
@given(statements(), st.binary(min_size=36, max_size=36), st.sampled_from([0x01, 0x02, 0x03, 0x81, 0x82, 0x83]))
def test_pr_11_no_statement_is_what_a_transaction_signature_signs(
    statement: Statement, outpoint: bytes, hash_type: int
) -> None:
    text = statement.encode()
    # A sighash preimage, legacy and BIP-143 alike, ends with a hash type whose upper three bytes are zero.
    assert int.from_bytes(text[-4:], "little") > 0x20202020
    wallet = SimWallet(ALICE_WORDS)
    signed = verify_message(wallet.pinned.address, text, wallet.sign(text))
    sighash = double_sha256(bip143_preimage(outpoint, b"\x22" * 20, 10**8, hash_type))
    assert sighash != message_digest(text)
    assert not secp256k1.verify(signed.public_key, sighash, signed.rs)


@pytest.mark.parametrize(
    "magic",
    [
        b"\x18Bitcoin Signed Message:\n",
        b"\x18Litecoin Signed Message:\n",
        b"\x19Dogecoin Signed Message:\n",
        b"\x1aEthereum Signed Message:\n",
        b"Litecoin Signed Message:\n",
        b"",
    ],
)
def test_pr_12_the_magic_of_another_coin_is_denied(world: World, magic: bytes) -> None:
    stand = signing_in(world, world.enrolled())
    text = stand.statement.encode()
    length = b"\xfd" + len(text).to_bytes(2, "little")
    signature = sign_digest(stand.phone.wallet, double_sha256(magic + length + text))
    foreign = WalletSignature(SignatureType.P2PKH, signature)
    assert_denied(stand.submit(stand.payload(stand.statement, wallet_signature=foreign)))
    assert is_untouched(stand)
    ours = sign_digest(stand.phone.wallet, double_sha256(b"\x19Litecoin Signed Message:\n" + length + text))
    assert ours == stand.phone.wallet.sign(text)


# --- PR-13, PR-14, PR-15: the grammar ----------------------------------------------------------------------------

SMUGGLED = (
    *("\r\n", "\n", "\r", "\t", " ", "\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028"),
    *("\ufeff", "\u200b", "\u202e", "\u0430", "\u0391", "\uff10", "\u0660", "\u00e9", "\U0001d7ce"),
    *("\nNonce: K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G", "\n- pteri:epoch:1"),
)


def text_fields(statement: Statement) -> list[str]:
    parts: list[msgspec.Struct] = [statement, statement.act]
    return [name for part in parts for name in part.__struct_fields__ if isinstance(getattr(part, name), str)]


def smuggled(statement: Statement, name: str, value: str) -> Statement:
    if name in Statement.__struct_fields__:
        return msgspec.structs.replace(statement, **{name: value})
    return with_act(statement, **{name: value})


def value_of(statement: Statement, name: str) -> str:
    owner = statement if name in Statement.__struct_fields__ else statement.act
    return str(getattr(owner, name))


@settings(max_examples=200, deadline=None)
@given(statements(), st.data())
def test_pr_13_no_field_takes_a_character_outside_its_grammar(statement: Statement, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(text_fields(statement)))
    value = value_of(statement, name)
    place = data.draw(st.integers(0, len(value)))
    smuggler = data.draw(st.sampled_from(SMUGGLED))
    for bad in (value[:place] + smuggler + value[place:], value + smuggler, smuggler + value):
        with pytest.raises(Malformed):
            smuggled(statement, name, bad).encode()


@settings(max_examples=200, deadline=None)
@given(statements(), st.data())
def test_pr_13_no_text_with_a_smuggled_character_is_a_statement(statement: Statement, data: st.DataObject) -> None:
    text = statement.encode().decode()
    place = data.draw(st.integers(0, len(text)))
    smuggler = data.draw(st.sampled_from(SMUGGLED))
    with pytest.raises(Malformed):
        parse((text[:place] + smuggler + text[place:]).encode())


def fields_a_client_fills(world: World, smuggler: str) -> dict[str, tuple[Answered, int]]:
    """Every text of a client that would end up in a statement, with the status it is refused with.

    A key or an address in an enrolment is refused like any other failed proof: by then somebody has to be one.
    """
    site, phone, new = world.site(), world.enrolled(), world.phone("new phone", MALLORY_WORDS)
    session, target = Browser("desk").session + smuggler, phone.thumbprint + smuggler
    started = site.start_binding("bob@example.com", Browser("bob"))
    wallet = new.wallet.pinned
    swapped = msgspec.structs.replace(wallet, address=wallet.address + smuggler)
    in_wallet, in_key = Enrolment(new.sec1_text, swapped), Enrolment(new.sec1_text + smuggler, wallet)
    address = wallet.address + smuggler
    return {
        "login session": (site.call("POST", "/logins", wire.StartSignIn(EMAIL, ids.Digest(session))), 400),
        "bind session": (site.call("POST", "/bindings", wire.StartBinding("b@c.d", ids.Digest(session))), 400),
        "removed phone": (phone.post("/revocations", wire.Revoke(ids.Thumbprint(target))), 400),
        "offer": (phone.start_migration(new.offer() + smuggler), 400),
        "restored address": (new.post("/code-setups", wire.SetUpCodes(new.sec1_text, address)), 400),
        "restored key": (new.post("/code-setups", wire.SetUpCodes(new.sec1_text + smuggler, wallet.address)), 401),
        "bound address": (new.claim(started.id, enrolment=in_wallet), 401),
        "bound key": (new.claim(started.id, enrolment=in_key), 401),
    }


@pytest.mark.parametrize("smuggler", SMUGGLED)
def test_pr_13_no_request_smuggles_a_character_into_a_statement(world: World, smuggler: str) -> None:
    answers = fields_a_client_fills(world, smuggler)
    assert {what: answer.status for what, (answer, _) in answers.items()} == {
        what: status for what, (_, status) in answers.items()
    }


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with closing(World(tmp_path_factory.mktemp("standing"))) as world:
        yield signing_in(world, world.enrolled())


TEXTS = st.text(st.characters(codec="utf-8"), max_size=120) | st.sampled_from(SMUGGLED)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_pr_13_no_text_in_a_payload_is_more_than_a_refusal(standing: Stand, signature: str, text: str) -> None:
    honest = standing.payload(standing.statement)
    in_signature = msgspec.structs.replace(
        honest, wallet_signature=WalletSignature(SignatureType.P2PKH, signature), client=text
    )
    assert_denied(standing.submit(in_signature))
    # What is no digest at all is malformed, before any key work.
    in_digest = msgspec.structs.replace(honest, statement_sha256=ids.Digest(text))
    assert refusal(standing.submit(in_digest)) == (400, "FIELD")
    assert is_untouched(standing)


@settings(max_examples=100, deadline=None)
@given(statements())
def test_pr_14_what_is_built_parses_back_to_the_same_statement(statement: Statement) -> None:
    text = statement.encode()
    assert parse(text) == statement
    assert parse(text).encode() == text


FORGED = (
    "Nonce: K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G",
    "Version: 1",
    "URI: https://evil.example",
    "- pteri:epoch:9",
)


@settings(max_examples=100, deadline=None)
@given(statements(), st.data())
def test_pr_14_a_value_cannot_write_a_line_of_its_own(statement: Statement, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(text_fields(statement)))
    line = data.draw(st.sampled_from(FORGED))
    for ending in ("\n", "\r\n", "\r", "\\n", "%0a"):
        with pytest.raises(Malformed):
            smuggled(statement, name, f"{value_of(statement, name)}{ending}{line}").encode()


@pytest.mark.parametrize("label", ["Nonce", "Version", "Issued At", "Request ID", "URI", "Resources"])
def test_pr_14_a_line_that_comes_twice_makes_no_statement(world: World, label: str) -> None:
    stand = signing_in(world, world.enrolled())
    lines = stand.statement.encode().decode().split("\n")
    [at] = [number for number, line in enumerate(lines) if line.startswith(f"{label}:")]
    doubled = "\n".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]).encode()
    with pytest.raises(Malformed):
        parse(doubled)
    signature = WalletSignature(SignatureType.P2PKH, stand.phone.wallet.sign(doubled))
    assert_denied(stand.submit(stand.payload(stand.statement, wallet_signature=signature)))


LONGEST: dict[str, Any] = {
    "account": f"acct_{'Z' * 26}",
    "esim": digest("esim"),
    "chain_end": digest("chain"),
    "new_esim": digest("another line"),
    "to_device": digest("another phone"),
    "until": 2**53 - 1,
    "epoch": 2**53 - 1,
    "length": 2**53 - 1,
    "start": 2**53 - 1,
    "step": 2**53 - 1,
    "code": "99",
    "revoke_old": True,
    "evidence": ("A", "C", "D", "G", "W"),
    "lost": (digest("lost"),),
    "new_wallet": "L" * 64,
    "guardians": Guardians(2, tuple(f"{'L' * 63}{number}" for number in range(1, MAX_GUARDIANS + 1))),
    "channels": tuple(sorted(digest(f"address {number}") for number in range(4))),
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_pr_15_the_longest_values_of_every_purpose_fit_and_longer_ones_do_not_exist(purpose: str) -> None:
    kind = ACTS[purpose]
    longest = Statement(
        domain=ids.domain(f"{'a' * 58}.wide"),
        address="L" * 64,
        chain=f"bip122:{'0' * 32}",
        nonce=ids.nonce("Z" * 32),
        issued_at=0,
        expires_at=300,
        request_id=ids.request_id(f"lgn_{'Z' * 26}"),
        act=kind(**{name: LONGEST.get(name, digest(name)) for name in kind.__struct_fields__}),
    )
    assert len(longest.encode()) <= 1024
    for name in text_fields(longest):
        with pytest.raises(Malformed):
            smuggled(longest, name, value_of(longest, name) * 20).encode()


def test_pr_15_a_text_over_1024_bytes_is_no_statement(world: World) -> None:
    text = signing_in(world, world.enrolled()).statement.encode()
    for size in (1025, 4096, 10**6):
        with pytest.raises(Malformed) as refused:
            parse(text + b"A" * (size - len(text)))
        assert refused.value.code is Code.TOO_LARGE


def test_pr_15_a_payload_that_could_carry_a_longer_one_is_refused_before_any_key_work(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    answer = stand.submit(stand.payload(stand.statement, client="A" * 3072))
    assert refusal(answer) == (400, "TOO_LARGE")
    assert is_untouched(stand)


# --- PR-16: time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved_s", "status"), [(-90, 200), (-91, 401), (0, 200), (119, 200), (120, 401), (121, 401)])
def test_pr_16_server_time_decides_to_the_second(world: World, moved_s: int, status: int) -> None:
    stand = signing_in(world, world.enrolled())
    world.clock.advance(moved_s)
    answer = stand.honest()
    assert answer.status == status
    if status == 401:
        assert_denied(answer)
        assert is_untouched(stand)


@pytest.mark.parametrize(("sign_in_s", "status"), [(300, 200), (301, 401)])
def test_pr_16_a_statement_that_would_live_longer_than_300_s_is_denied(
    worlds: Worlds, sign_in_s: int, status: int
) -> None:
    world = worlds(rules=Rules(sign_in_s=sign_in_s))
    assert signing_in(world, world.enrolled()).honest().status == status


@pytest.mark.parametrize(("skew_s", "status"), [(-299, 200), (-300, 401), (90, 200), (91, 401)])
def test_pr_16_a_request_signed_by_another_clock_counts_inside_the_window_only(
    world: World, skew_s: int, status: int
) -> None:
    stand = signing_in(world, world.enrolled())
    body = msgspec.json.encode(stand.payload(stand.statement))
    path = f"/v1/bank{stand.path}"
    request = stand.phone.key.request("POST", path, body, at=world.clock.now() + skew_s)
    assert world.send(request).status == status


@pytest.mark.parametrize(
    ("issued", "expires", "at", "code"),
    [
        (1000, 1300, 910, None),
        (1000, 1300, 909, Code.NOT_YET_VALID),
        (1000, 1300, 1299, None),
        (1000, 1300, 1300, Code.EXPIRED),
        (1000, 1300, 1301, Code.EXPIRED),
        (1000, 1120, 1119, None),
        (1000, 1120, 1120, Code.EXPIRED),
        (1000, 1301, 1000, Code.LIFETIME),
        (1000, 1000, 1000, Code.LIFETIME),
        (1000, 999, 1000, Code.LIFETIME),
    ],
)
def test_pr_16_the_window_has_exact_edges(world: World, issued: int, expires: int, at: int, code: Code | None) -> None:
    statement = signing_in(world, world.enrolled()).statement
    statement = msgspec.structs.replace(statement, issued_at=issued, expires_at=expires)
    if code is None:
        check_window(statement, at)
        return
    with pytest.raises(OutOfWindow) as refused:
        check_window(statement, at)
    assert refused.value.code is code
