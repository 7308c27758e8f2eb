"""A node that is wrong, or lies: each answer is held to its form, and nothing is built on another one."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from anchored import anchor_in, planned
from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.psbt_files import PsbtFiles, unsigned_of
from pteri.adapters.chain.transport import CookieFile, NodeTransport, PasswordFile
from pteri.app.anchor_ports import ChainRefused, ChainUnavailable, Seen, Trouble
from pteri.domain.anchoring import AnchorState

HASH = "ab" * 32
MAIN: dict[str, Any] = {
    "getblockchaininfo": {"chain": "main", "initialblockdownload": False, "blocks": 7, "bestblockhash": HASH},
    "getnetworkinfo": {"version": 210_505},
}
COIN = {"scriptPubKey": "0014" + "00" * 20, "amount": "1.5"}
PURSE: dict[str, Any] = {"getwalletinfo": {"private_keys_enabled": True}, "listunspent": [COIN]}


class Scripted:
    """Answers each method with what it was told; a number is an error of this code."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def post(self, path: str, body: bytes) -> bytes:
        assert path == "/wallet/anchors"
        return json.dumps([self._answer(call) for call in json.loads(body)]).encode()

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(call["method"])
        found = self.answers[call["method"]]
        error = {"code": found, "message": ""} if type(found) is int and found < 0 else None
        return {"id": call["id"], "result": None if error else found, "error": error}


def node(answers: dict[str, Any], *, network: str = "main", files: Path | None = None) -> LitecoinNode:
    elsewhere = None if files is None else PsbtFiles(files)
    return LitecoinNode(Scripted(answers), network=network, wallet="anchors", signed_elsewhere=elsewhere)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_a_node_of_the_main_network_is_as_new_as_its_last_fix_of_consensus() -> None:
    assert run(node(MAIN).tip()).height == 7
    with pytest.raises(ChainRefused) as refused:
        run(node(MAIN | {"getnetworkinfo": {"version": 210_504}}).tip())
    assert refused.value.trouble is Trouble.NODE_TOO_OLD
    assert "0.21.5.5" in refused.value.detail


@pytest.mark.parametrize(
    ("change", "trouble"),
    [({"chain": "test"}, Trouble.WRONG_NETWORK), ({"initialblockdownload": True}, Trouble.NODE_BEHIND)],
)
def test_a_node_of_another_network_or_behind_is_refused(change: dict[str, Any], trouble: Trouble) -> None:
    with pytest.raises(ChainRefused) as refused:
        run(node(MAIN | {"getblockchaininfo": MAIN["getblockchaininfo"] | change}).tip())
    assert refused.value.trouble is trouble


@pytest.mark.parametrize(
    ("asking", "answers"),
    [
        (lambda it: it.tip(), MAIN | {"getblockchaininfo": {}}),
        (lambda it: it.tip(), MAIN | {"getblockchaininfo": MAIN["getblockchaininfo"] | {"bestblockhash": "AB" * 32}}),
        (lambda it: it.tip(), MAIN | {"getblockchaininfo": MAIN["getblockchaininfo"] | {"initialblockdownload": 0}}),
        (lambda it: it.tip(), MAIN | {"getnetworkinfo": {"version": True}}),
        (lambda it: it.headers(0, 9), {"getblockcount": -0.5}),
        (lambda it: it.headers(0, 9), {"getblockcount": 0, "getblockhash": "x", "getblockheader": "00" * 80}),
        (lambda it: it.headers(0, 9), {"getblockcount": 0, "getblockhash": HASH, "getblockheader": "00" * 81}),
        (lambda it: it.headers(0, 9), {"getblockcount": 0, "getblockhash": HASH, "getblockheader": {}}),
        (lambda it: it.block(HASH), {"getblock": {"height": 1, "tx": []}}),
        (lambda it: it.block(HASH), {"getblock": {"height": 1, "tx": [HASH] * 65_537}}),
        (lambda it: it.block(HASH), {"getblock": {"height": "1", "tx": [HASH]}}),
        (lambda it: it.whereabouts(HASH), {"gettransaction": {"confirmations": "1"}}),
        (lambda it: it.whereabouts(HASH), {"gettransaction": {"confirmations": 1, "blockhash": HASH}}),
        (lambda it: it.least_rate(), {"getmempoolinfo": {"mempoolminfee": "0.1"}}),
        (lambda it: it.purse(), PURSE | {"listunspent": {}}),
        (lambda it: it.purse(), PURSE | {"listunspent": [COIN | {"amount": "x"}]}),
        (lambda it: it.send([b"\0"]), {"testmempoolaccept": []}),
        (lambda it: it.send([b"\0"]), {"testmempoolaccept": [{"allowed": 1}]}),
    ],
)
def test_an_answer_of_another_form_is_no_answer(
    asking: Callable[[LitecoinNode], Coroutine[Any, Any, Any]], answers: dict[str, Any]
) -> None:
    with pytest.raises(ChainUnavailable):
        run(asking(node(answers)))


@pytest.mark.parametrize("coin", [{"amount": "1.5", "address": "tmweb1q"}, COIN | {"scriptPubKey": None}, "a coin"])
def test_a_wallet_with_one_coin_in_the_extension_block_is_refused(coin: object) -> None:
    assert run(node(PURSE).purse()).spendable == 150_000_000
    with pytest.raises(ChainRefused) as refused:
        run(node(PURSE | {"listunspent": [COIN, coin]}).purse())
    assert refused.value.trouble is Trouble.WALLET_UNFIT


@pytest.mark.parametrize("script", ["76a914" + "00" * 20 + "88ac", "5120" + "00" * 32, "0020" + "00" * 32])
def test_a_coin_of_another_kind_is_put_aside_and_does_not_count(script: str) -> None:
    other = COIN | {"scriptPubKey": script, "txid": HASH, "vout": 1}
    scripted = Scripted(PURSE | {"listunspent": [COIN, other], "lockunspent": True})
    it = LitecoinNode(scripted, network="main", wallet="anchors")
    assert run(it.purse()).spendable == 150_000_000
    assert scripted.asked[-1] == "lockunspent"
    for wrong in ({"txid": "x"}, {"vout": -1}):
        with pytest.raises(ChainUnavailable):
            run(node(PURSE | {"listunspent": [other | wrong]}).purse())


def test_a_wallet_is_locked_when_it_says_so() -> None:
    for until, is_locked in ((0, True), (99, False)):
        told = {"getwalletinfo": {"private_keys_enabled": True, "unlocked_until": until}}
        assert run(node(PURSE | told).purse()).is_locked is is_locked


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ({"gettransaction": {"confirmations": 3, "blockhash": HASH, "blockheight": 9}}, Seen.MINED),
        ({"gettransaction": {"confirmations": -2}}, Seen.CONFLICTED),
        ({"gettransaction": {"confirmations": 0}, "getmempoolentry": {}}, Seen.WAITING),
        ({"gettransaction": {"confirmations": 0}, "getmempoolentry": -5}, Seen.NOWHERE),
        ({"gettransaction": -5, "getmempoolentry": {}}, Seen.WAITING),
        ({"gettransaction": -5, "getmempoolentry": -5}, Seen.NOWHERE),
    ],
)
def test_a_transaction_is_where_the_node_sees_it(answers: dict[str, Any], seen: Seen) -> None:
    assert run(node(answers).whereabouts(HASH)).seen is seen


@pytest.mark.parametrize("answers", [{"gettransaction": -18}, {"gettransaction": -5, "getmempoolentry": -18}])
def test_another_error_is_not_taken_for_a_transaction_that_is_nowhere(answers: dict[str, Any]) -> None:
    with pytest.raises(ChainRefused) as refused:
        run(node(answers).whereabouts(HASH))
    assert refused.value.trouble is Trouble.WALLET_UNFIT


@pytest.mark.parametrize("place", [-1, 0])
def test_a_transaction_without_our_change_in_its_place_is_not_signed(place: int) -> None:
    scripted = Scripted(
        {"createrawtransaction": "00", "fundrawtransaction": {"hex": "00", "fee": "0.1", "changepos": place}}
    )
    with pytest.raises(ChainRefused) as refused:
        run(LitecoinNode(scripted, network="main", wallet="anchors").build(b"payload", rate=10))
    assert refused.value.trouble is Trouble.WALLET_UNFIT
    assert "signrawtransactionwithwallet" not in scripted.asked


def test_a_transaction_that_is_half_signed_is_none() -> None:
    answers = {
        "createrawtransaction": "00",
        "fundrawtransaction": {"hex": "00", "fee": "0.1", "changepos": 1},
        "signrawtransactionwithwallet": {"hex": "00", "complete": False},
    }
    with pytest.raises(ChainRefused) as refused:
        run(node(answers).build(b"payload", rate=10))
    assert refused.value.trouble is Trouble.WALLET_UNFIT


def test_what_the_node_holds_is_not_sent_and_what_it_refuses_neither() -> None:
    scripted = Scripted({"testmempoolaccept": [{"allowed": False, "reject-reason": "txn-already-in-mempool"}]})
    it = LitecoinNode(scripted, network="main", wallet="anchors")
    run(it.send([b"\0", b"\1"]))
    scripted.answers = {"testmempoolaccept": [{"allowed": False, "reject-reason": "min relay fee not met"}]}
    with pytest.raises(ChainRefused, match="TRANSACTION_REFUSED: min relay fee not met"):
        run(it.send([b"\0"]))
    scripted.answers = {"testmempoolaccept": [{"allowed": True}], "sendrawtransaction": -27}
    run(it.send([b"\0"]))
    scripted.answers["sendrawtransaction"] = -26
    with pytest.raises(ChainRefused):
        run(it.send([b"\0"]))
    assert scripted.asked.count("sendrawtransaction") == 2


def test_words_of_a_node_that_are_no_words_are_not_shown() -> None:
    answers = {"testmempoolaccept": [{"allowed": False, "reject-reason": "\x1b[2J" * 9}]}
    with pytest.raises(ChainRefused, match="something that is no word"):
        run(node(answers).send([b"\0"]))


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, -1), (0, 100_001)])
def test_a_range_of_headers_that_there_is_not_is_a_bug(first: int, count: int) -> None:
    with pytest.raises(ValueError):
        run(node({}).headers(first, count))


def test_headers_beyond_the_tip_are_none() -> None:
    assert run(node({"getblockcount": 3}).headers(9, 5)) == ()


# --- signed elsewhere -----------------------------------------------------------------------------------------------


def psbt(unsigned: bytes, *, magic: bytes = b"psbt\xff", key: bytes = b"\1\0") -> str:
    size = bytes((len(unsigned),)) if len(unsigned) < 0xFD else b"\xfd" + len(unsigned).to_bytes(2, "little")
    return base64.b64encode(magic + key + size + unsigned + b"\0" * 3).decode()


def test_the_transaction_of_a_psbt_is_found() -> None:
    for unsigned in (b"\2" * 90, b"\3" * 600):
        assert unsigned_of(psbt(unsigned)) == unsigned


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        psbt(b"\2" * 90, magic=b"PSBT\xff"),
        psbt(b"\2" * 90, key=b"\1\1"),
        base64.b64encode(b"psbt\xff\1\0\xff\0\0\0").decode(),
        psbt(b"\2" * 90)[:40],
    ],
)
def test_what_is_no_psbt_has_no_transaction(text: str) -> None:
    with pytest.raises(ChainRefused):
        unsigned_of(text)


def test_a_transaction_lies_there_once_and_is_awaited_in_both_spellings(tmp_path: Path) -> None:
    files = PsbtFiles(tmp_path)
    anchor = planned(7).handed_out("cHNidP8=", txid="0a1b2c3d" + "00" * 28, fee=1, change=1)
    for _ in range(2):
        assert files.put_out(anchor).name == "anchor-7-0a1b2c3d.psbt"
    assert files.signed(anchor) is None
    back = tmp_path / "anchor-7-0a1b2c3d.signed.psbt"
    for content in (b"cHNidP8=\n", b"psbt\xff"):
        back.write_bytes(content)
        assert files.signed(anchor) == "cHNidP8="
    for wrong in (b"***", b"\xff", b"A" * 300_000):
        back.write_bytes(wrong)
        with pytest.raises(ChainRefused):
            files.signed(anchor)
    with pytest.raises(ChainRefused):
        PsbtFiles(tmp_path / "nowhere").put_out(anchor)


@pytest.mark.parametrize(
    "answers", [{"combinepsbt": -8}, {"combinepsbt": "x", "finalizepsbt": {"complete": False, "psbt": "x"}}]
)
def test_what_came_back_and_is_not_ours_or_not_whole_is_refused(tmp_path: Path, answers: dict[str, Any]) -> None:
    anchor = planned(7).handed_out("cHNidP8=", txid="0a1b2c3d" + "00" * 28, fee=1, change=1)
    (tmp_path / "anchor-7-0a1b2c3d.signed.psbt").write_bytes(b"psbt\xff")
    with pytest.raises(ChainRefused) as refused:
        run(node(answers, files=tmp_path).collect(anchor))
    assert refused.value.trouble is Trouble.WRONG_SIGNED


def test_nothing_is_collected_where_keys_are_here_and_no_fee_is_raised_where_they_are_not(tmp_path: Path) -> None:
    with pytest.raises(ChainRefused):
        run(node({}).collect(planned()))
    assert run(node({}, files=tmp_path).raise_fee(anchor_in(AnchorState.SENT), fee=1)) is None


# --- the way there --------------------------------------------------------------------------------------------------


def test_a_secret_is_read_anew_each_time_and_refused_when_others_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with pytest.raises(ChainUnavailable):
        CookieFile(path).read()
    path.touch(mode=0o600)
    with pytest.raises(ChainRefused, match="is empty"):
        CookieFile(path).read()
    for secret in (b"__cookie__:one", b"__cookie__:two"):
        path.write_bytes(secret + b"\n")
        assert CookieFile(path).read() == secret
    assert PasswordFile("pteri", path).read() == b"pteri:__cookie__:two"
    path.chmod(0o644)
    with pytest.raises(ChainRefused) as refused:
        CookieFile(path).read()
    assert refused.value.trouble is Trouble.NODE_UNAUTHORISED
    assert "two" not in str(refused.value)


def test_a_node_that_is_not_there_is_unavailable_and_no_secret_is_in_what_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"user:hunter2")

    async def ask() -> None:
        transport = NodeTransport("http://127.0.0.1:9", CookieFile(path), timeout_s=5)
        try:
            with pytest.raises(ChainUnavailable) as failed:
                await transport.post("/", b"{}")
            assert failed.value.__cause__ is None
            assert "hunter2" not in repr(failed.value)
        finally:
            await transport.close()

    asyncio.run(ask())


@contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one request with these bytes, or waits until whoever asks has gone; and what was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65_536)
            asked.append(head)
            if answer is not None:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        server = Thread(target=serve)
        server.start()
        yield listener.getsockname()[1], asked
        server.join(30)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ChainRefused),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", ChainRefused),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", ChainUnavailable),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", ChainUnavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 9_000_000, ChainUnavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[", ChainUnavailable),
        (b"no HTTP\r\n\r\n", ChainUnavailable),
        (b"", ChainUnavailable),
    ],
    ids=["401", "403", "redirect", "busy", "too long", "broken off", "no HTTP", "nothing"],
)
def test_an_answer_that_is_none_over_http_is_refused_and_no_secret_follows_it(
    tmp_path: Path, answer: bytes, kind: type[Exception]
) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"user:hunter2")

    async def ask(port: int) -> None:
        transport = NodeTransport(f"http://127.0.0.1:{port}", CookieFile(path), timeout_s=10)
        try:
            with pytest.raises(kind) as failed:
                await transport.post("/wallet/anchors", b"[]")
            assert "hunter2" not in repr(failed.value)
        finally:
            await transport.close()

    with answering(answer) as (port, asked):
        asyncio.run(ask(port))
    [head] = asked
    assert head.startswith(b"POST /wallet/anchors HTTP/1.1\r\n")
    assert base64.b64encode(b"user:hunter2") in head


def test_a_node_that_never_answers_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"user:hunter2")

    async def ask(port: int) -> None:
        transport = NodeTransport(f"http://127.0.0.1:{port}", CookieFile(path), timeout_s=0.2)
        with pytest.raises(ChainUnavailable, match="in time"):
            await transport.post("/", b"[]")
        await transport.close()

    with answering(None) as (port, _):
        asyncio.run(ask(port))
