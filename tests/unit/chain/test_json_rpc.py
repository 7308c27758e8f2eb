"""JSON-RPC of a node: amounts are whole lit or nothing, and an answer of another form is none."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from pteri.adapters.chain.json_rpc import RpcError, amount, answers_of, lit, request, vbyte_rate
from pteri.app.anchor_ports import ChainUnavailable, Trouble


def answer(result: object = None, *, error: object = None, number: object = 0) -> dict[str, object]:
    return {"result": result, "error": error, "id": number}


def read(*answers: object, methods: tuple[str, ...] = ("getblockcount",)) -> list[object]:
    return answers_of(json.dumps(list(answers)).encode(), methods)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("0.00001660"), 1660),
        (Decimal("1E-8"), 1),
        (Decimal("84000000.00000000"), 8_400_000_000_000_000),
        (Decimal("-0.00001660"), -1660),
        ("0.29", 29_000_000),
        ("0", 0),
        (5, 500_000_000),
    ],
)
def test_an_amount_is_whole_lit(value: object, expected: int) -> None:
    assert lit(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        True,
        None,
        [],
        "",
        "x",
        "NaN",
        "Infinity",
        Decimal("NaN"),
        Decimal("0.000000001"),
        Decimal("84000000.00000001"),
        Decimal("1E+999999"),
        Decimal("1E-999999"),
        "1" * 40,
    ],
)
def test_what_is_no_whole_lit_is_refused(value: object) -> None:
    with pytest.raises(ChainUnavailable):
        lit(value)


def test_an_amount_is_written_with_all_its_places_and_read_as_the_same() -> None:
    for value in (0, 1, 99_999_999, 100_000_000, 8_400_000_000_000_000):
        assert lit(amount(value)) == value
    assert amount(1660) == "0.00001660"
    for wrong in (-1, 8_400_000_000_000_001):
        with pytest.raises(ValueError):
            amount(wrong)


def test_a_rate_is_rounded_up() -> None:
    assert [vbyte_rate(Decimal(text)) for text in ("0.00001000", "0.00001001", "0")] == [1, 2, 0]


def test_calls_travel_together_and_answers_come_in_the_order_of_the_calls() -> None:
    body = json.loads(request([("getblockhash", (7,)), ("getblockcount", ())]))
    assert [(each["id"], each["method"], each["params"]) for each in body] == [
        (0, "getblockhash", [7]),
        (1, "getblockcount", []),
    ]
    assert read(answer("b", number=1), answer("a", number=0), methods=("x", "y")) == ["a", "b"]


def test_numbers_with_a_point_are_never_floats() -> None:
    [found] = answers_of(b'[{"result": {"fee": 0.00001660}, "error": null, "id": 0}]', ["x"])
    assert found == {"fee": Decimal("0.00001660")}
    assert isinstance(found, dict)
    assert type(found["fee"]) is Decimal


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"{}",
        b"[]",
        b"[1]",
        b"null",
        b"[" * 100_000,
        b'[{"result": 1, "error": null}]',
        b'[{"result": 1, "error": null, "id": "0"}]',
        b'[{"result": 1, "error": null, "id": true}]',
        b'[{"result": 1, "error": null, "id": 1}]',
        b'[{"result": 1, "error": null, "id": 0}, {"result": 2, "error": null, "id": 0}]',
        b'[{"result": 1, "result": 2, "error": null, "id": 0}]',
        b'[{"result": NaN, "error": null, "id": 0}]',
        b'[{"result": null, "error": {"code": -28, "message": "Loading"}, "id": 0}]',
        b'[{"result": null, "error": {"code": "-1"}, "id": 0}]',
        b'[{"result": null, "error": "no", "id": 0}]',
    ],
)
def test_an_answer_of_another_form_is_none(body: bytes) -> None:
    with pytest.raises(ChainUnavailable):
        answers_of(body, ["x"])


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        ({"code": -4, "message": "Insufficient funds"}, Trouble.NO_FUNDS),
        ({"code": -4, "message": "Transaction needs a change address"}, Trouble.WALLET_UNFIT),
        ({"code": -6, "message": "x"}, Trouble.NO_FUNDS),
        ({"code": -13, "message": "x"}, Trouble.WALLET_LOCKED),
        ({"code": -18}, Trouble.WALLET_UNFIT),
        ({"code": -26, "message": "x"}, Trouble.TRANSACTION_REFUSED),
        ({"code": -32601, "message": "Insufficient funds"}, Trouble.NODE_REFUSED),
    ],
)
def test_what_a_node_refuses_has_a_name_and_its_text_is_not_kept(error: dict[str, Any], trouble: Trouble) -> None:
    with pytest.raises(RpcError) as refused:
        read(answer(error={"message": ""} | error | {"data": "rltc1qsecret"}))
    assert (refused.value.trouble, refused.value.number) == (trouble, error["code"])
    assert str(refused.value) == f"{trouble}: getblockcount: error {error['code']}"
