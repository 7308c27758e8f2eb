"""Anchors in a real Litecoin Core: sent, mined, proved, replaced, raised; and all that it is known to trip over."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from anchor_worker import Workshop, told
from litecoind import Litecoind
from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.psbt_files import PsbtFiles
from pteri.adapters.chain.transport import CookieFile, NodeTransport, PasswordFile
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.anchor_ports import AnchorStore, Trouble
from pteri.app.anchor_proofs import proof_by_anchor
from pteri.app.anchoring import Schedule
from pteri.audit import verify_anchor
from pteri.core.anchor.ots import timestamp_of, verify_ots
from pteri.core.anchor.proof import Block, read_anchor_proof
from pteri.core.anchor.transaction import anchored_head, parse_transaction
from pteri.core.log.proving import inclusion_proof
from pteri.domain.anchoring import FINAL_S, Anchor, AnchorState
from trees import leaf

pytestmark = [pytest.mark.node, pytest.mark.anyio]

S = AnchorState
LEAF = 3
_BEFORE = 431
"""From the next height on regtest has its extension block."""


class Miner:
    """Whoever finds the blocks, and has money."""

    def __init__(self, node: Litecoind) -> None:
        self.node = node
        self._names = count(1)
        node.wallet("miner")
        self.address = node.rpc("getnewaddress", "", "bech32", wallet="miner")
        self.mine(101)

    def mine(self, blocks: int = 1) -> None:
        self.node.rpc("generatetoaddress", blocks, self.address)

    def mine_nothing(self, blocks: int = 1) -> None:
        """Blocks that leave everything in the mempool."""
        for _ in range(blocks):
            self.node.rpc("generateblock", self.address, [])

    def wallet(self, *options: object, coins: int = 1, kind: str = "bech32") -> str:
        """A new wallet with so many coins of one litecoin each."""
        name = f"anchors{next(self._names)}"
        self.node.wallet(name, *options)
        for _ in range(coins):
            self.node.rpc("sendtoaddress", self.node.rpc("getnewaddress", "", kind, wallet=name), "1", wallet="miner")
        self.mine()
        return name

    def tip(self) -> Block:
        name = self.node.rpc("getbestblockhash")
        return Block(self.node.rpc("getblockheader", name)["height"], name)


@pytest.fixture(scope="module")
def miner(litecoind: Litecoind) -> Iterator[Miner]:
    yield Miner(litecoind)
    # The other tests of the run want one wallet: then none must be named.
    for name in set(litecoind.rpc("listwallets")) - {"pteri"}:
        litecoind.rpc("unloadwallet", name)
    litecoind._wallets[:] = ["pteri"]


@dataclass
class Site:
    """A service that anchors with a wallet of its own."""

    miner: Miner
    wallet: str
    workshop: Workshop
    chain: LitecoinNode
    known: Block
    """What a verifier knows already."""

    @property
    def node(self) -> Litecoind:
        return self.miner.node

    async def sent(self) -> Anchor:
        await self.workshop.turns()
        anchor = await self.workshop.newest()
        assert anchor.state is S.SENT, self.workshop.heard
        assert self.node.rpc("getmempoolentry", anchor.txid)
        return anchor

    async def mined(self, blocks: int = 1) -> Anchor:
        self.miner.mine(blocks)
        await self.workshop.turns()
        return await self.workshop.newest()

    async def proof(self) -> dict[str, Any] | None:
        found = await self.workshop.store.over("log.bank.example", LEAF)
        assert found is not None
        path = inclusion_proof(LEAF, found.head.size, self.workshop.log.tree.read)
        return await proof_by_anchor(
            found, self.chain, leaf=leaf(LEAF), leaf_index=LEAF, audit_path=path, checkpoint=self.known
        )

    def verified(self, proof: dict[str, Any], confirmations: int = 6) -> int:
        """The height that an auditor finds, with no network: from the text of the proof alone."""
        return verify_anchor(
            json.loads(json.dumps(proof)),
            network="regtest",
            checkpoint_height=self.known.height,
            checkpoint_hash=self.known.shown_id,
            min_confirmations=confirmations,
        ).height

    def anchors_on_chain(self) -> set[str]:
        """Every transaction of the wallet that anchors something, wherever it is."""
        seen = self.node.rpc("listtransactions", "*", 1000, 0, True, wallet=self.wallet)
        raws = {
            each["txid"]: bytes.fromhex(self.node.rpc("gettransaction", each["txid"], wallet=self.wallet)["hex"])
            for each in seen
            if each["category"] == "send"
        }
        return {txid for txid, raw in raws.items() if _anchors(raw)}


def _anchors(raw: bytes) -> bool:
    return b"\x6a\x2dPTER\x01" in raw and anchored_head(parse_transaction(raw)).size > 0


class Opened:
    """Makes sites, and closes what they hold."""

    def __init__(self, miner: Miner, place: Path) -> None:
        self._miner, self._place = miner, place
        self._stores: list[SqliteStore] = []
        self._transports: list[NodeTransport] = []

    def __call__(self, wallet: str, *, schedule: Schedule | None = None, elsewhere: Path | None = None) -> Site:
        node = self._miner.node
        store = SqliteStore.open(self._place / f"{wallet}.db")
        transport = NodeTransport(node.url, CookieFile(node.cookie))
        self._stores.append(store)
        self._transports.append(transport)
        files = None if elsewhere is None else PsbtFiles(elsewhere)
        chain = LitecoinNode(transport, network="regtest", wallet=wallet, signed_elsewhere=files)
        return Site(self._miner, wallet, Workshop(store.anchors, chain, schedule), chain, self._miner.tip())

    async def close(self) -> None:
        for transport in self._transports:
            await transport.close()
        for store in self._stores:
            await store.close()


@pytest.fixture
async def opened(miner: Miner, tmp_path: Path) -> AsyncIterator[Opened]:
    made = Opened(miner, tmp_path)
    yield made
    await made.close()


@pytest.fixture
def site(miner: Miner, opened: Opened) -> Site:
    return opened(miner.wallet())


# --- mined and proved -----------------------------------------------------------------------------------------------


async def test_an_anchor_under_six_blocks_is_proved_offline_and_the_node_says_the_same(site: Site) -> None:
    sent = await site.sent()
    anchor = await site.mined(6)
    assert anchor.state is S.MINED
    assert anchor.place is not None
    proof = await site.proof()
    assert proof is not None
    assert site.verified(proof) == anchor.place.height
    shown = site.node.rpc("gettxoutproof", [sent.txid], anchor.place.block)
    assert site.node.rpc("verifytxoutproof", shown) == [sent.txid]
    assert site.node.rpc("getblock", anchor.place.block)["merkleroot"] == proof["merkle_root_displayed"]
    stamped = timestamp_of(read_anchor_proof(proof))
    root = bytes.fromhex(site.node.rpc("getblock", anchor.place.block)["merkleroot"])[::-1]
    digest = hashlib.sha256(b"\0" + leaf(LEAF)).digest()
    verify_ots(stamped.encoded, expected_digest=digest, expected_height=anchor.place.height, expected_root=root)
    assert site.anchors_on_chain() == {sent.txid}


async def test_an_anchor_is_final_after_a_hundred_blocks_and_six_hours(site: Site) -> None:
    await site.sent()
    assert (await site.mined(24)).state is S.CONFIRMED
    assert (await site.mined(76)).state is S.CONFIRMED
    site.workshop.at += FINAL_S
    await site.workshop.turns()
    assert (await site.workshop.newest()).state is S.FINAL
    proof = await site.proof()
    assert proof is not None
    assert site.verified(proof, 100) > site.known.height


async def test_a_replaced_block_takes_the_anchor_back_and_its_proof_is_made_anew(site: Site) -> None:
    await site.sent()
    anchor = await site.mined(2)
    assert anchor.place is not None
    old = await site.proof()
    assert old is not None
    site.node.rpc("invalidateblock", anchor.place.block)
    site.miner.mine_nothing(3)
    assert await site.proof() is None, "no proof of a block that does not count, before the worker looks"
    await site.workshop.turns()
    assert (await site.workshop.newest()).state is S.SENT
    assert told(site.workshop) == {Trouble.REORG: 1}
    again = await site.mined(6)
    assert again.place is not None
    assert (again.state, again.txid) == (S.MINED, anchor.txid)
    proof = await site.proof()
    assert proof is not None
    assert site.verified(proof) == again.place.height > anchor.place.height
    assert proof["block_hash"] != old["block_hash"]
    assert site.anchors_on_chain() == {anchor.txid}


# --- killed, twice, away --------------------------------------------------------------------------------------------


class Stops(Exception):
    """The worker ends on this line."""


class DyingStore:
    """The store of a worker that is killed when it is about to record that it has sent."""

    def __init__(self, inner: AnchorStore) -> None:
        self.begin, self.unsettled, self.newest, self.over = inner.begin, inner.unsettled, inner.newest, inner.over
        self.kept = inner.kept
        self._change = inner.change

    async def change(self, anchor: Anchor) -> bool:
        if anchor.state is S.SENT:
            raise Stops
        return await self._change(anchor)


async def test_killed_between_sending_and_record_with_its_node_there_is_no_second_anchor(site: Site) -> None:
    worker = site.workshop.hire(DyingStore(site.workshop.store))
    with pytest.raises(Stops):
        await site.workshop.turns(worker)
    anchor = await site.workshop.newest()
    assert anchor.state is S.PLANNED
    assert site.anchors_on_chain() == {anchor.txid}
    site.node.rpc(
        "gettxoutsetinfo"
    )  # writes its blocks down; the mempool, and what the wallet knows of it, may be lost
    site.node.kill()
    site.node.start()
    sent = await site.sent()
    assert (sent.txid, sent.raw) == (anchor.txid, anchor.raw)
    mined = await site.mined()
    assert mined.state is S.MINED
    assert site.anchors_on_chain() == {anchor.txid}


async def test_a_worker_that_died_before_it_sent_sends_what_it_recorded(site: Site) -> None:
    await site.workshop.worker.turn(site.workshop.at)
    await site.workshop.worker.turn(site.workshop.at)
    recorded = await site.workshop.newest()
    assert (recorded.state, bool(recorded.raw)) == (S.PLANNED, True)
    assert site.anchors_on_chain() == set()
    await site.workshop.turns(site.workshop.hire())
    assert site.anchors_on_chain() == {recorded.txid}


async def test_two_workers_at_once_make_one_anchor(site: Site) -> None:
    workers = [site.workshop.hire() for _ in range(2)]
    for _ in range(4):
        await asyncio.gather(*(worker.turn(site.workshop.at) for worker in workers))
    assert await site.workshop.states() == [S.SENT]
    assert site.anchors_on_chain() == {(await site.workshop.newest()).txid}


async def test_a_node_that_was_down_for_a_day_gets_one_anchor_of_the_newest_head(site: Site) -> None:
    site.node.stop()
    try:
        for _ in range(24):
            await site.workshop.turns()
            site.workshop.at += 3600
            site.workshop.log.size += 1
        assert await site.workshop.states() == [S.PLANNED]
        assert told(site.workshop) == {Trouble.NODE_DOWN: 1, Trouble.UNMINED_6H: 1}
    finally:
        site.node.start()
    sent = await site.sent()
    assert sent.head.size == 29
    assert site.anchors_on_chain() == {sent.txid}


# --- wallets --------------------------------------------------------------------------------------------------------


async def test_a_locked_wallet_keeps_an_anchor_waiting_until_somebody_opens_it(miner: Miner, opened: Opened) -> None:
    site = opened(miner.wallet(False, False, "a passphrase"))
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.WALLET_LOCKED: 1}
    assert await site.workshop.states() == [S.PLANNED]
    site.node.rpc("walletpassphrase", "a passphrase", 600, wallet=site.wallet)
    await site.sent()


async def test_an_empty_wallet_keeps_an_anchor_waiting(miner: Miner, opened: Opened) -> None:
    site = opened(miner.wallet(coins=0))
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.NO_FUNDS: 1}
    assert site.anchors_on_chain() == set()


async def test_no_anchor_costs_more_than_the_cap(miner: Miner, opened: Opened) -> None:
    site = opened(miner.wallet(), schedule=Schedule(most_fee=1000))
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.FEE_CAP: 1}
    assert site.anchors_on_chain() == set()


async def test_a_coin_that_a_stranger_sends_in_the_old_form_is_not_spent_and_stops_nothing(
    miner: Miner, opened: Opened
) -> None:
    wallet = miner.wallet()
    known = miner.node.rpc(
        "getaddressinfo", miner.node.rpc("getnewaddress", "", "bech32", wallet=wallet), wallet=wallet
    )
    old = miner.node.rpc(
        "deriveaddresses", miner.node.rpc("getdescriptorinfo", f"pkh({known['pubkey']})")["descriptor"]
    )
    miner.node.rpc("sendtoaddress", old[0], "3", wallet="miner")
    miner.mine()
    coins = miner.node.rpc("listunspent", wallet=wallet)
    assert sorted(coin["amount"] for coin in coins) == [1, 3], "a wallet of 0.21 takes it for its own"
    site = opened(wallet)
    sent = await site.sent()
    [spent] = miner.node.rpc("decoderawtransaction", sent.raw.hex())["vin"]
    [ours] = [coin["txid"] for coin in coins if coin["amount"] == 1]
    assert spent["txid"] == ours


async def test_a_wallet_with_nothing_but_coins_of_another_kind_has_no_money(miner: Miner, opened: Opened) -> None:
    site = opened(miner.wallet(kind="legacy"))
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.NO_FUNDS: 1}


async def test_a_node_that_does_not_know_our_password_is_said_so(miner: Miner, opened: Opened, tmp_path: Path) -> None:
    site = opened(miner.wallet())
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("wrong")
    transport = NodeTransport(miner.node.url, PasswordFile("pteri", secret))
    opened._transports.append(transport)
    site.workshop.worker.chain = LitecoinNode(transport, network="regtest", wallet=site.wallet)
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.NODE_UNAUTHORISED: 1}


async def test_a_node_of_another_network_is_refused(miner: Miner, opened: Opened) -> None:
    site = opened(miner.wallet())
    site.workshop.worker.chain = LitecoinNode(site.chain._transport, network="main", wallet=site.wallet)
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.WRONG_NETWORK: 1}
    assert site.anchors_on_chain() == set()


async def test_a_wallet_that_is_not_there_is_refused(opened: Opened) -> None:
    site = opened("nowhere")
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.WALLET_UNFIT: 1}


# --- fees -----------------------------------------------------------------------------------------------------------


async def test_a_child_pays_for_an_anchor_and_the_next_anchor_spends_what_is_left(site: Site) -> None:
    sent = await site.sent()
    site.miner.mine_nothing()
    for children in (1, 2):
        site.workshop.at += 2 * 3600
        await site.workshop.turns()
        anchor = await site.workshop.newest()
        assert len(anchor.children) == children
        last = site.node.rpc("getmempoolentry", anchor.children[-1].txid)
        assert last["ancestorcount"] == 1 + children
        assert round(100_000_000 * last["fees"]["ancestor"]) == anchor.paid >= last["ancestorsize"] * 10 * 2**children
    assert (await site.mined()).state is S.MINED
    assert site.anchors_on_chain() == {sent.txid}
    site.workshop.at += 3600
    site.workshop.log.size += 1
    following = await site.sent()
    [spent] = site.node.rpc("decoderawtransaction", following.raw.hex())["vin"]
    assert spent["txid"] == anchor.children[-1].txid


async def test_no_node_is_ever_asked_to_replace_a_transaction(site: Site) -> None:
    """``bumpfee`` ends a node that is asked for an anchor: not even a wish that it could be replaced is in one."""
    sent = await site.sent()
    assert site.node.rpc("getmempoolentry", sent.txid)["bip125-replaceable"] is False


# --- keys elsewhere -------------------------------------------------------------------------------------------------


async def test_a_transaction_that_is_signed_elsewhere_is_an_anchor_like_any_other(
    miner: Miner, opened: Opened, tmp_path: Path
) -> None:
    keys = miner.wallet(coins=0)
    watching = miner.wallet(True, True, coins=0)
    for change in (False, True):
        address = miner.node.rpc(
            "getrawchangeaddress" if change else "getnewaddress", *([] if change else [""]), "bech32", wallet=keys
        )
        public = miner.node.rpc("getaddressinfo", address, wallet=keys)["desc"]
        wish = {"desc": public, "timestamp": "now", "watchonly": True, "keypool": True, "internal": change}
        assert miner.node.rpc("importmulti", [wish], wallet=watching)[0]["success"]
        if not change:
            miner.node.rpc("sendtoaddress", address, "1", wallet="miner")
    miner.mine()
    place = tmp_path / "to sign"
    place.mkdir()
    site = opened(watching, elsewhere=place)
    await site.workshop.turns()
    assert told(site.workshop) == {Trouble.SIGNATURE_AWAITED: 1}
    [out] = place.iterdir()
    back = out.with_suffix(".signed.psbt")
    for wrong in ("no base64!", out.read_text()):
        back.write_text(wrong)
        await site.workshop.turns()
        assert (await site.workshop.newest()).raw == b""
    assert told(site.workshop)[Trouble.WRONG_SIGNED] == 1
    signed = miner.node.rpc("walletprocesspsbt", out.read_text().strip(), wallet=keys)
    assert signed["complete"]
    back.write_text(signed["psbt"])
    sent = await site.sent()
    site.miner.mine(6)
    await site.workshop.turns()
    proof = await site.proof()
    assert proof is not None
    assert proof["txid"] == sent.txid
    assert site.verified(proof) > site.known.height


async def test_a_wallet_with_keys_is_refused_where_they_should_be_elsewhere_and_the_other_way_round(
    miner: Miner, opened: Opened, tmp_path: Path
) -> None:
    for site in (opened(miner.wallet(), elsewhere=tmp_path), opened(miner.wallet(True, coins=0))):
        await site.workshop.turns()
        assert told(site.workshop) == {Trouble.WALLET_UNFIT: 1}


# --- the extension block: last, because there is no way back --------------------------------------------------------


async def test_a_wallet_with_coins_in_the_extension_block_is_refused_and_blocks_that_have_one_are_proved(
    miner: Miner, opened: Opened
) -> None:
    miner.mine(_BEFORE - miner.tip().height)
    # The first block that may have an extension block must have one: this coin goes into it.
    trapped = opened(miner.wallet(kind="mweb"))
    fit = opened(miner.wallet())
    await trapped.workshop.turns()
    assert told(trapped.workshop) == {Trouble.WALLET_UNFIT: 1}
    assert trapped.anchors_on_chain() == set()
    await fit.sent()
    anchor = await fit.mined(6)
    assert anchor.place is not None
    last = miner.node.rpc("getblock", anchor.place.block, 1)["tx"][-1]
    assert last != anchor.txid, "the last transaction of such a block is that of the extension block"
    proof = await fit.proof()
    assert proof is not None
    assert fit.verified(proof) == anchor.place.height
