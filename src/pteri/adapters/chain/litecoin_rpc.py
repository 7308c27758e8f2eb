"""A Litecoin Core node and its wallet by JSON-RPC (docs/spec/anchors.md section 9).

What no call here does: ``bumpfee`` and ``psbtbumpfee``, which end a node of 0.21 that is asked for a transaction with
OP_RETURN; ``send``, which can say that all is well and have sent nothing. A transaction is funded, signed, asked about
and sent in four calls, and whoever sends it looks for it in the mempool afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from pteri.adapters.chain.json_rpc import RpcError, amount, answers_of, lit, request, vbyte_rate
from pteri.adapters.chain.psbt_files import PsbtFiles, unsigned_of
from pteri.app.anchor_ports import (
    Built,
    ChainRefused,
    ChainUnavailable,
    HandedOut,
    MinedBlock,
    Purse,
    Seen,
    Trouble,
    Whereabouts,
)
from pteri.core.anchor.branch import MAX_TRANSACTIONS
from pteri.core.anchor.headers import HEADER_BYTES, MAX_HEADERS
from pteri.core.anchor.proof import Block, read_block
from pteri.core.anchor.transaction import parse_transaction
from pteri.core.errors import ProtocolError
from pteri.domain.anchoring import Anchor, Child

__all__ = ["LEAST_MAIN_VERSION", "LitecoinNode", "Transport"]

LEAST_MAIN_VERSION: Final = 210_505
"""0.21.5.5: nodes before it may follow another chain than the network."""
_BATCH: Final = 500
_NOT_FOUND: Final = -5
_IN_CHAIN: Final = -27
_HELD: Final = frozenset({"txn-already-in-mempool", "txn-already-known"})
_SMALLEST: Final = 10_000
"""Lit that must be left of a coin: far above what the network calls dust."""
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){1,100000}")
_REASON: Final = re.compile(r"[a-zA-Z0-9 (),.-]{1,80}")
_BECH32_SCRIPT: Final = re.compile(r"0014[0-9a-f]{40}")


_T = TypeVar("_T")


class Transport(Protocol):
    """Carries one body to the node."""

    async def post(self, path: str, body: bytes) -> bytes:
        """What it answers. Raises ``ChainUnavailable`` and ``ChainRefused``."""
        ...


class LitecoinNode:
    """A ``Chain``. ``wallet``: its name on the node; ``signed_elsewhere``: where its transactions wait for that.

    Without a wallet it is a ``HeaderSource``, and good for what only asks about the chain.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        network: str,
        wallet: str | None = None,
        signed_elsewhere: PsbtFiles | None = None,
    ) -> None:
        self._transport = transport
        self._network = network
        self._path = "/" if wallet is None else f"/wallet/{wallet}"
        self._elsewhere = signed_elsewhere

    @property
    def network(self) -> str:
        """As promised."""
        return self._network

    # --- the chain ------------------------------------------------------------------------------------------------

    async def tip(self) -> Block:
        """As promised."""
        chain, about = await self._answers(("getblockchaininfo", ()), ("getnetworkinfo", ()))
        if _field(chain, "chain", str) != self._network:
            raise ChainRefused(Trouble.WRONG_NETWORK, f"the node is of {_shown(_of(chain, 'chain'))}")
        version = _field(about, "version", int)
        if self._network == "main" and version < LEAST_MAIN_VERSION:
            raise ChainRefused(Trouble.NODE_TOO_OLD, f"version {version}; 0.21.5.5 is the least")
        if _field(chain, "initialblockdownload", bool):
            raise ChainRefused(Trouble.NODE_BEHIND)
        return _block(_of(chain, "blocks"), _of(chain, "bestblockhash"))

    async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
        """As promised."""
        if first_height < 0 or not 0 <= count <= MAX_HEADERS:
            raise ValueError("not a range of headers")
        newest = _number(await self._answer("getblockcount"))
        heights = range(first_height, min(newest + 1, first_height + count))
        found: list[bytes] = []
        for start in range(0, len(heights), _BATCH):
            names = await self._answers(*(("getblockhash", (height,)) for height in heights[start : start + _BATCH]))
            headers = await self._answers(*(("getblockheader", (_hash(name), False)) for name in names))
            found += map(_header, headers)
        return tuple(found)

    async def block(self, shown_id: str) -> MinedBlock:
        """As promised."""
        block = await self._answer("getblock", shown_id, 1)
        txids = _field(block, "tx", list)
        if not 1 <= len(txids) <= MAX_TRANSACTIONS:
            raise ChainUnavailable("the node shows a block with too many transactions")
        return MinedBlock(_number(_of(block, "height")), tuple(map(_hash, txids)))

    async def whereabouts(self, txid: str) -> Whereabouts:
        """As promised."""
        try:
            known = await self._answer("gettransaction", txid)
        except RpcError as error:
            if error.number != _NOT_FOUND:
                raise
        else:
            blocks = _field(known, "confirmations", int)
            if blocks > 0:
                return Whereabouts(
                    Seen.MINED, blocks, _hash(_of(known, "blockhash")), _number(_of(known, "blockheight"))
                )
            if blocks < 0:
                return Whereabouts(Seen.CONFLICTED, -blocks)
        try:
            await self._answer("getmempoolentry", txid)
        except RpcError as error:
            if error.number != _NOT_FOUND:
                raise
            return Whereabouts(Seen.NOWHERE)
        return Whereabouts(Seen.WAITING)

    async def least_rate(self) -> int:
        """As promised."""
        pool = await self._answer("getmempoolinfo")
        return max(vbyte_rate(_of(pool, "mempoolminfee")), vbyte_rate(_of(pool, "minrelaytxfee")))

    # --- the wallet -----------------------------------------------------------------------------------------------

    async def purse(self) -> Purse:
        """As promised: keys exactly where they should be, and only bech32 coins are spent."""
        wallet, coins = await self._answers(("getwalletinfo", ()), ("listunspent", (0, 9_999_999, [], False)))
        if _field(wallet, "private_keys_enabled", bool) is (self._elsewhere is not None):
            where = "must have none" if self._elsewhere is not None else "has none"
            raise ChainRefused(Trouble.WALLET_UNFIT, f"the wallet {where} of its keys")
        if type(coins) is not list:
            raise ChainUnavailable("the node's answer has another form")
        spendable, others = 0, []
        for coin in coins:
            script = coin.get("scriptPubKey") if isinstance(coin, dict) else None
            # A coin in the extension block has no script at all. Funded with one, a transaction has no inputs, or is
            # in no mempool, and the node says that all is well.
            if type(script) is not str:
                raise ChainRefused(Trouble.WALLET_UNFIT, "the wallet holds coins in the extension block (MWEB)")
            if _BECH32_SCRIPT.fullmatch(script):
                spendable += lit(_of(coin, "amount"))
            else:
                others.append({"txid": _hash(_of(coin, "txid")), "vout": _number(_of(coin, "vout"))})
        if others:
            # Whoever has seen one of our keys can pay to it in the old form, and a wallet of 0.21 takes that for its
            # own. Spent in an anchor, it would let others change the id; refused as a whole, one of them could stop
            # all anchors. So it is put aside, as far as the node remembers: until its next start.
            await self._answer("lockunspent", False, others)
        # The field is there when the wallet is encrypted; 0: it is locked.
        return Purse(
            spendable,
            is_locked=self._elsewhere is None and isinstance(wallet, dict) and wallet.get("unlocked_until") == 0,
        )

    async def build(self, payload: bytes, *, rate: int) -> Built | HandedOut:
        """As promised. No two calls of this depend on each other: what was funded and not sent binds nothing."""
        terms = {"change_type": "bech32", "changePosition": 1, "feeRate": amount(1000 * rate), "replaceable": False}
        if self._elsewhere is not None:
            made = await self._answer(
                "walletcreatefundedpsbt", [], [{"data": payload.hex()}], 0, {**terms, "includeWatching": True}, True
            )
            psbt = _field(made, "psbt", str)
            return HandedOut(psbt, unsigned_of(psbt), _fee(made))
        empty = await self._answer("createrawtransaction", [], [{"data": payload.hex()}])
        funded = await self._answer("fundrawtransaction", empty, terms)
        fee = _fee(funded)
        return Built(await self._signed(_of(funded, "hex")), fee)

    async def collect(self, anchor: Anchor) -> bytes | None:
        """As promised."""
        if self._elsewhere is None:
            raise ChainRefused(Trouble.WALLET_UNFIT, "this anchor was to be signed elsewhere, and nothing says where")
        path = self._elsewhere.put_out(anchor)
        signed = self._elsewhere.signed(anchor)
        if signed is None:
            return None
        try:
            # Refused where it is another transaction; and whoever signed may have left out what we put in.
            combined = await self._answer("combinepsbt", [anchor.psbt, signed])
            final = await self._answer("finalizepsbt", combined)
        except RpcError as error:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"beside {path}: error {error.number}") from error
        if _field(final, "complete", bool) is not True:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"a signature is missing beside {path}")
        return _bytes(_of(final, "hex"))

    async def raise_fee(self, anchor: Anchor, *, fee: int) -> Child | None:
        """As promised (CPFP): spends our change, or the output of the child before."""
        if self._elsewhere is not None:
            return None
        last = anchor.children[-1] if anchor.children else None
        raw, txid, place = (anchor.raw, anchor.txid, anchor.change) if last is None else (last.raw, last.txid, 0)
        left = parse_transaction(raw).outputs[place].value - fee
        if left < _SMALLEST:
            raise ChainRefused(Trouble.NO_FUNDS, "the change of the anchor is too small to raise its fee")
        address = await self._answer("getrawchangeaddress", "bech32")
        coin = {"txid": txid, "vout": place, "sequence": 0xFFFFFFFE}
        unsigned = await self._answer("createrawtransaction", [coin], [{_text(address): amount(left)}])
        child = await self._signed(unsigned)
        return Child(raw=child, txid=_parsed_txid(child), fee=fee)

    async def _signed(self, unsigned: object) -> bytes:
        signed = await self._answer("signrawtransactionwithwallet", _bytes(unsigned).hex())
        if _field(signed, "complete", bool) is not True:
            raise ChainRefused(Trouble.WALLET_UNFIT, "the wallet does not have the keys of its coins")
        return _bytes(_of(signed, "hex"))

    async def send(self, raws: Sequence[bytes]) -> None:
        """As promised."""
        for raw in raws:
            verdict = _first(await self._answer("testmempoolaccept", [raw.hex()]))
            if _field(verdict, "allowed", bool) is not True:
                reason = _of(verdict, "reject-reason")
                if reason in _HELD:
                    continue
                raise ChainRefused(Trouble.TRANSACTION_REFUSED, _shown(reason))
            try:
                await self._answer("sendrawtransaction", raw.hex())
            except RpcError as error:
                if error.number != _IN_CHAIN:
                    raise

    # --- the wire -------------------------------------------------------------------------------------------------

    async def _answer(self, method: str, *parameters: object) -> object:
        [answer] = await self._answers((method, parameters))
        return answer

    async def _answers(self, *calls: tuple[str, Sequence[object]]) -> list[object]:
        if not calls:
            return []
        body = await self._transport.post(self._path, request(calls))
        return answers_of(body, [method for method, _ in calls])


def _of(answer: object, name: str) -> object:
    if not isinstance(answer, dict) or name not in answer:
        raise ChainUnavailable("the node's answer has another form")
    return answer[name]


def _field(answer: object, name: str, kind: type[_T]) -> _T:
    value = _of(answer, name)
    # Of exactly this type: true is an int to Python, and to nobody else.
    if type(value) is not kind:
        raise ChainUnavailable("the node's answer has another form")
    return value


def _first(value: object) -> object:
    if type(value) is not list or len(value) != 1:
        raise ChainUnavailable("the node's answer has another form")
    return value[0]


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ChainUnavailable("the node's answer has another form")
    return value


def _hash(value: object) -> str:
    if type(value) is not str or not _HEX32.fullmatch(value):
        raise ChainUnavailable("the node's answer has another form")
    return value


def _bytes(value: object) -> bytes:
    if type(value) is not str or not _HEX.fullmatch(value):
        raise ChainUnavailable("the node's answer has another form")
    return bytes.fromhex(value)


def _text(value: object) -> str:
    if type(value) is not str:
        raise ChainUnavailable("the node's answer has another form")
    return value


def _header(value: object) -> bytes:
    raw = _bytes(value)
    if len(raw) != HEADER_BYTES:
        raise ChainUnavailable("the node's answer has another form")
    return raw


def _block(height: object, shown_id: object) -> Block:
    try:
        return read_block(height, shown_id)
    except ProtocolError as error:
        raise ChainUnavailable("the node's answer has another form") from error


def _parsed_txid(raw: bytes) -> str:
    try:
        return parse_transaction(raw).shown_txid
    except ProtocolError as error:
        raise ChainRefused(Trouble.WALLET_UNFIT, f"no child was made: {error.code}") from error


def _fee(made: object) -> int:
    if _of(made, "changepos") != 1:
        raise ChainRefused(Trouble.WALLET_UNFIT, "no change comes back, or it is not in its place")
    return lit(_of(made, "fee"))


def _shown(value: object) -> str:
    """A word of the node for an operator, when it is one."""
    return value if isinstance(value, str) and _REASON.fullmatch(value) else "something that is no word"
