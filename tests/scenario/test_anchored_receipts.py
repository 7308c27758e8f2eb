"""A phone's receipt has the anchor of its event, from a service that anchors its log in a chain of regtest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from insiders import logged, with_log
from notes import INDEXES, LOG, TWO_OF_THREE
from phones import EMAIL, Hand, client, linked
from pteri.app.anchor_ports import Trouble
from pteri.audit import Trusted, verify_receipt
from pteri.audit.receipts import Check, Finding, Verdict
from pteri.core.anchor.proof import Block
from pteri.core.log.page import AnchorAsked, AnchorTold
from pteri.core.log.receipt import Receipt, encode_receipt, parse_receipt
from pteri.wallet.anchored import Anchored
from pteri.wallet.server import Reply
from shells import shell_of
from simulated_chain import SimulatedChain
from world import MALLORY_WORDS, World
from worlds import Worlds

HOUR = 3600


@pytest.fixture
def chain() -> SimulatedChain:
    made = SimulatedChain()
    made.mine(40)

    async def always(_: bytes) -> bool:
        return True

    made.is_recorded = always
    return made


@pytest.fixture
def held(worlds: Worlds, chain: SimulatedChain) -> Hand:
    """A phone whose account is linked and has signed in, in the log of a service that anchors it."""
    made = linked(with_log(worlds, network="regtest", chain=chain))
    signed_in(made)
    return made


def signed_in(held: Hand) -> None:
    site = client(held.world)
    waiting = site.start_sign_in(EMAIL)
    site.enter_code(waiting.id, held.phone().approve(waiting.qr).code, waiting.session)
    logged(held.world)


def anchored(world: World, chain: SimulatedChain, *, blocks: int) -> None:
    """The newest head is on its way into Litecoin, and so many blocks have come since."""
    at_work(world)
    chain.mine(blocks)
    at_work(world)


def at_work(world: World) -> None:
    worker = world.deployment.anchoring
    assert worker is not None
    for _ in range(40):
        if not world.run(worker.turn(world.clock.now())):
            return
    raise AssertionError("a worker that never rests")


def known(chain: SimulatedChain, height: int) -> Block:
    return Block(height, chain.blocks[height][0].shown_id)


def receipt(held: Hand, seq: int = 0) -> Anchored:
    phone = held.phone()
    return phone.anchored(phone.log_receipt(seq))


def verified(held: Hand, made: Receipt, block: Block | None, **more: Any) -> Finding:
    """What an auditor without a network finds of the anchor; of all else nothing fails."""
    trusted = Trusted(
        log=LOG.verifier,
        index_key=INDEXES.public,
        quorum=TWO_OF_THREE,
        at=held.world.clock.now(),
        network="regtest",
        block=block,
        **more,
    )
    found = verify_receipt(encode_receipt(made), trusted=trusted).found
    assert not [each for each in found if each.verdict is Verdict.FAILS and each.check is not Check.ANCHOR]
    [anchor] = [each for each in found if each.check is Check.ANCHOR]
    return anchor


def test_a_receipt_has_the_anchor_of_its_event_and_verifies_offline_from_a_known_block(
    held: Hand, chain: SimulatedChain
) -> None:
    anchored(held.world, chain, blocks=6)
    made = receipt(held)
    assert (made.wrong, made.at and made.at.confirmations) == (None, 6)
    assert made.at is not None
    assert made.known == known(chain, made.at.height - 24)
    for height in (made.at.height - 24, made.at.height - 1):
        found = verified(held, made.receipt, known(chain, height))
        assert found.verdict is Verdict.HOLDS
        assert found.detail.startswith(f"the event was in Litecoin's block {made.at.height} ({made.at.block}) at 20")
        assert found.detail.endswith("with 6 confirmations when this was proved")
    # Nobody else's block does, nor one behind the anchor's, nor does it count for who asks for more.
    for block in (Block(made.at.height - 1, "00" * 32), known(chain, made.at.height), known(chain, 3)):
        assert verified(held, made.receipt, block).code == "BLOCK_LINK"
    assert verified(held, made.receipt, made.known, confirmations=7).code == "CONFIRMATIONS"
    assert verified(held, made.receipt, None).verdict is Verdict.UNKNOWN
    # Later events are in no anchor yet, and earlier ones in the same.
    assert receipt(held, 1).at == msgspec.structs.replace(made.at, leaf_index=0)
    signed_in(held)
    assert receipt(held).at is None


def test_a_receipt_without_an_anchor_is_as_good_as_before(held: Hand, chain: SimulatedChain) -> None:
    assert receipt(held).at is None
    anchored(held.world, chain, blocks=5)
    # With five confirmations it would fail for whoever asks for six.
    made = receipt(held)
    assert (made.at, made.wrong, made.receipt.anchor) == (None, None, msgspec.Raw(b"null"))
    assert verified(held, made.receipt, known(chain, 3)).verdict is Verdict.UNKNOWN
    chain.mine()
    assert receipt(held).at is not None
    chain.down = True
    assert receipt(held).at is None
    chain.down, chain.refuses = False, Trouble.NODE_BEHIND
    assert receipt(held).at is None
    chain.refuses = None
    held.wire.forge = lambda request: Reply(404, b"{}") if request.target_uri.endswith("/anchors") else None
    assert receipt(held).wrong is None


def test_after_a_reorganisation_the_next_receipt_has_the_proof_of_the_block_that_counts(
    held: Hand, chain: SimulatedChain
) -> None:
    anchored(held.world, chain, blocks=6)
    first = receipt(held)
    assert first.at is not None
    chain.reorganise(6)
    # The worker has not looked: the node has another block there, and nobody is shown one that does not count.
    assert receipt(held).at is None
    at_work(held.world)
    assert receipt(held).at is None
    chain.mine(6)
    at_work(held.world)
    again = receipt(held)
    assert again.at is not None
    assert again.at.height > first.at.height
    assert verified(held, again.receipt, known(chain, again.at.height - 1)).verdict is Verdict.HOLDS
    # The first one is of a block that nobody has any more, for whoever knows a block from after the fork.
    assert verified(held, first.receipt, known(chain, first.at.height)).code == "BLOCK_LINK"


def test_the_anchor_is_the_oldest_one_that_has_the_event(held: Hand, chain: SimulatedChain) -> None:
    anchored(held.world, chain, blocks=6)
    before = receipt(held, 2).at
    signed_in(held)
    held.world.clock.advance(2 * HOUR)
    anchored(held.world, chain, blocks=6)
    newer = receipt(held).at
    assert before is not None
    assert newer is not None
    again = receipt(held, 2).at
    assert again is not None
    assert (again.height, again.confirmations) == (before.height, 12)
    assert newer.height == before.height + 6


def test_a_sign_in_asks_for_no_anchor(held: Hand) -> None:
    sent = len(held.wire.sent)
    signed_in(held)
    held.phone().look_at_log()
    assert "anchors" not in held.wire.places[sent:]


def test_only_phones_of_the_account_are_told_and_only_of_its_events(worlds: Worlds, chain: SimulatedChain) -> None:
    world = with_log(worlds, chain=chain)
    alice = world.enrolled()
    bob = world.enrolled("bob's phone", "bob@example.com", words=MALLORY_WORDS)
    logged(world)
    anchored(world, chain, blocks=6)
    told = [phone.post("/anchors", AnchorAsked(1)).as_(AnchorTold).proof for phone in (alice, bob)]
    assert [msgspec.json.decode(proof)["leaf_index"] for proof in told] == [0, 1]
    assert world.phone("a stranger").post("/anchors", AnchorAsked(1)).status == 401
    assert bob.post("/anchors", AnchorAsked(2)).status == 404


def test_a_service_without_a_log_or_without_a_node_has_no_anchor(worlds: Worlds) -> None:
    assert worlds().enrolled().post("/anchors", AnchorAsked(1)).status == 404
    world = with_log(worlds)
    phone = world.enrolled()
    logged(world)
    assert phone.post("/anchors", AnchorAsked(1)).as_(AnchorTold).proof == ""


def test_the_command_says_what_the_anchor_counts_from(held: Hand, chain: SimulatedChain) -> None:
    shell = shell_of(held.world, "old-phone")
    path = held.world.directory / "receipt.json"
    assert "It has no anchor in Litecoin" in shell.run("receipt", "--out", f"{path}.1").stdout
    anchored(held.world, chain, blocks=6)
    said = shell.run("receipt", "--out", f"{path}.2").stdout
    told = shell.json("receipt", "--out", f"{path}.3")["anchor"]
    assert f"It has an anchor in Litecoin: block {told['height']}, " in said
    height, _, name = told["known_block"].partition(":")
    assert f"look block {height} up in a Litecoin node" in said
    assert f"add its hash: --known-block {height}:HASH. It should be {name}." in said
    # Not in the command that is ready to be copied: then nobody would compare it.
    command = said[said.index("pteri verify receipt") :]
    assert "--known-block" not in command
    assert "--network regtest" in command
    assert (told["block"], told["confirmations"]) == (known(chain, told["height"]).shown_id, 6)


# --- a service that lies ------------------------------------------------------------------------------------------


def lied(held: Hand, change: Any) -> Anchored:
    """What a phone keeps when the service changes the proof on its way."""

    def forge(request: Any) -> Reply | None:
        if not request.target_uri.endswith("/anchors"):
            return None
        told = msgspec.json.decode(held.wire._answer(request).body, type=AnchorTold)
        proof = change(msgspec.json.decode(told.proof))
        text = proof if isinstance(proof, str) else msgspec.json.encode(proof).decode()
        return Reply(200, msgspec.json.encode(AnchorTold(text)))

    held.wire.forge = forge
    made = receipt(held)
    held.wire.forge = lambda _: None
    return made


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda proof: proof | {"leaf_data": "00" * 199}, "ANCHOR"),
        (lambda proof: proof | {"leaf_index": 0}, "ANCHOR"),
        (lambda proof: proof | {"op_return_payload": proof["op_return_payload"][:-2] + "00"}, "PAYLOAD"),
        (lambda proof: proof | {"tree_size": 1}, "TREE"),
        (lambda proof: proof | {"headers": proof["headers"][:-1]}, "CONFIRMATIONS"),
        (lambda proof: proof | {"txid": "00" * 32}, "TRANSACTION"),
        (lambda proof: proof | {"headers": proof["headers"][::-1]}, "BLOCK_LINK"),
        (lambda _: "[" * 10_000, "ANCHOR"),
        (lambda _: "{", "ANCHOR"),
        (lambda _: "null", "ANCHOR"),
    ],
)
def test_an_anchor_that_does_not_hold_is_left_out_and_named_and_the_receipt_holds(
    held: Hand, chain: SimulatedChain, change: Any, code: str
) -> None:
    anchored(held.world, chain, blocks=6)
    made = lied(held, change)
    assert (made.wrong, made.at) == (code, None)
    assert made.receipt.anchor == msgspec.Raw(b"null")
    assert verified(held, made.receipt, known(chain, 3)).verdict is Verdict.UNKNOWN


def test_the_command_names_an_anchor_that_was_left_out(held: Hand, chain: SimulatedChain) -> None:
    anchored(held.world, chain, blocks=6)
    shell = shell_of(held.world, "old-phone")
    path = held.world.directory / "receipt.json"
    shell.wire.forge = lambda request: (
        Reply(200, b'{"proof":"{}"}') if request.target_uri.endswith("/anchors") else None
    )
    assert "an anchor in Litecoin that does not hold (ANCHOR)" in shell.run("receipt", "--out", f"{path}.1").stdout
    assert shell.json("receipt", "--out", f"{path}.2")["anchor_wrong"] == "ANCHOR"
    assert parse_receipt(path.with_name("receipt.json.2").read_bytes()).anchor == msgspec.Raw(b"null")


def test_what_comes_twice_in_a_proof_is_kept_as_it_was_checked(held: Hand, chain: SimulatedChain) -> None:
    anchored(held.world, chain, blocks=6)
    made = lied(held, lambda proof: '{"leaf_index":0,' + msgspec.json.encode(proof).decode()[1:])
    assert made.wrong is None
    assert made.known is not None
    assert bytes(made.receipt.anchor).count(b'"leaf_index"') == 1
    assert parse_receipt(encode_receipt(made.receipt)) == made.receipt
    assert verified(held, made.receipt, made.known).verdict is Verdict.HOLDS
