"""JSON-RPC as Litecoin Core speaks it: requests and answers as bytes, amounts as whole lit. Pure.

Source: the help texts of Litecoin Core 0.21. A field that we do not know is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from pteri.app.anchor_ports import ChainRefused, ChainUnavailable, Trouble

__all__ = ["MAX_ANSWER_BYTES", "RpcError", "amount", "answers_of", "lit", "request", "vbyte_rate"]

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""A block's ids, or two thousand headers. More is not read."""
_LIT: Final = 100_000_000
_MAX_LIT: Final = 84_000_000 * _LIT
_MAX_DIGITS: Final = 32

_TROUBLES: Final = {
    -4: Trouble.WALLET_UNFIT,
    -6: Trouble.NO_FUNDS,
    -13: Trouble.WALLET_LOCKED,
    -18: Trouble.WALLET_UNFIT,
    -19: Trouble.WALLET_UNFIT,
    -25: Trouble.TRANSACTION_REFUSED,
    -26: Trouble.TRANSACTION_REFUSED,
}
_STARTING: Final = -28
_WALLET: Final = -4
_POOR: Final = "Insufficient funds"
"""The one thing of many under this number that money mends. Only the text tells it from the others."""


class RpcError(ChainRefused):
    """The node answered with an error of this number. Its text is not kept: it may hold what was asked."""

    def __init__(self, method: str, number: int, *, is_poor: bool = False) -> None:
        trouble = Trouble.NO_FUNDS if is_poor else _TROUBLES.get(number, Trouble.NODE_REFUSED)
        super().__init__(trouble, f"{method}: error {number}")
        self.number = number


def request(calls: Sequence[tuple[str, Sequence[object]]]) -> bytes:
    """One body for these calls, in their order."""
    return json.dumps(
        [
            {"jsonrpc": "1.0", "id": place, "method": method, "params": list(parameters)}
            for place, (method, parameters) in enumerate(calls)
        ]
    ).encode()


def answers_of(body: bytes, methods: Sequence[str]) -> list[object]:
    """The results, in the order of the calls; numbers with a point as ``Decimal``.

    Raises ``ChainUnavailable`` for what is no such answer, or of a node that is still starting, and :class:`RpcError`
    for the first call that it said no to.
    """
    try:
        tree = json.loads(body, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError, InvalidOperation):
        raise ChainUnavailable("the node's answer is not JSON") from None
    if not isinstance(tree, list) or len(tree) != len(methods):
        raise ChainUnavailable("the node's answer has another form")
    found: dict[int, dict[str, object]] = {}
    for each in tree:
        if not isinstance(each, dict) or type(each.get("id")) is not int:
            raise ChainUnavailable("the node's answer has another form")
        found[each["id"]] = each
    if found.keys() != set(range(len(methods))):
        raise ChainUnavailable("the node answers another question")
    return [_result(found[place], method) for place, method in enumerate(methods)]


def _result(answer: dict[str, object], method: str) -> object:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    number = error.get("code") if isinstance(error, dict) else None
    if type(number) is not int or number == _STARTING:
        raise ChainUnavailable("the node is starting, or says no without a number")
    raise RpcError(method, number, is_poor=number == _WALLET and _text_of(error) == _POOR)


def _text_of(error: object) -> object:
    return error.get("message") if isinstance(error, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def lit(value: object) -> int:
    """Whole lit of an amount in litecoin, as a number or as a string: exact, or ``ChainUnavailable``."""
    if type(value) in {int, str} and len(str(value)) <= _MAX_DIGITS:
        try:
            value = Decimal(str(value))
        except InvalidOperation:
            value = None
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _MAX_DIGITS:
        whole = value * _LIT
        if whole == whole.to_integral_value() and abs(whole) <= _MAX_LIT:
            return int(whole)
    raise ChainUnavailable("the node names an amount that there is not")


def amount(value: int) -> str:
    """Litecoin with eight places, as the node takes it: a string, which nobody rounds."""
    if not 0 <= value <= _MAX_LIT:
        raise ValueError("not an amount")
    return f"{value // _LIT}.{value % _LIT:08d}"


def vbyte_rate(value: object) -> int:
    """Lit for a virtual byte, rounded up, of a rate in litecoin for a thousand."""
    return -(-lit(value) // 1000)
