"""A case in a file, to be tried without a database (docs/spec/policy.md section 3).

What ``pteri policy explain --json`` says of a recorded case under ``case`` is such a file. Whatever policy does not
look at may be left out, and names may stand where the registry has digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from pteri.core.acts import ACTS, StatementAct
from pteri.domain.account import Account
from pteri.domain.facts import Circumstances, Facts, Signer

__all__ = ["CASE_FORMAT", "CaseRefused", "case_tree", "read_case"]

CASE_FORMAT: Final = "pteri policy case 1"
_WALLET: Final = {"address": "the wallet of the account", "public_key": "", "signature_type": "ltc-msg-bip137"}
_ACT_DEFAULTS: Final = {
    "device": "phone 1",
    "session": "",
    "recovery": "",
    "offer": "",
    "transcript": "",
    "code": "00",
    "backup": "",
}
_ACCOUNT_DEFAULTS: Final[dict[str, Any]] = {
    "id": "acct_000000000000",
    "tenant": "site",
    "state": "OPEN",
    "version": 1,
    "epoch": 1,
    "login": "",
    "wallet": _WALLET,
    "esim": None,
    "recovery_terms": "",
    "bound_at": 0,
}
_DEVICE_DEFAULTS: Final = {"key": "", "state": "ACTIVE", "created_at": 0, "last_seen_at": 0}
PartT = TypeVar("PartT")


class CaseRefused(ValueError):
    """What is no case. The message names the place and what is wrong."""


def case_tree(act: StatementAct, facts: Facts) -> dict[str, Any]:
    """The case as a file has it; :func:`read_case` reads the same from it."""
    return {
        "format": CASE_FORMAT,
        "act": msgspec.to_builtins(act),
        "account": msgspec.to_builtins(facts.account),
        "circumstances": msgspec.to_builtins(facts.circumstances),
        "signer": msgspec.to_builtins(facts.signer),
    }


def read_case(text: bytes) -> tuple[StatementAct, Facts]:
    """Act and facts of a case file, or ``CaseRefused``."""
    tree = _object(text)
    for name in tree:
        if name not in {"format", "act", "account", "circumstances", "signer"}:
            raise CaseRefused(
                f"{_plain(name)}: no part of a case; they are format, act, account, circumstances, signer"
            )
    if tree.get("format") != CASE_FORMAT:
        raise CaseRefused(f'format: must be "{CASE_FORMAT}"')
    account = _account(tree)
    act = _act(tree, account)
    circumstances = _part("circumstances", {"line": "UNKNOWN", "line_checked_at": None}, tree, Circumstances)
    own = _WALLET if account is None else msgspec.to_builtins(account.wallet)
    signer = _part("signer", {"wallet": own}, tree, Signer)
    return act, Facts(account, circumstances, signer)


def _object(text: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except CaseRefused:
        raise
    except RecursionError as error:
        raise CaseRefused("is nested too deeply") from error
    except ValueError as error:
        raise CaseRefused(f"is not JSON: {error}") from error
    if not isinstance(tree, dict):
        raise CaseRefused("is not a JSON object")
    return tree


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise CaseRefused("a name stands twice in one object")
    return tree


def _no_constant(name: str) -> NoReturn:
    raise CaseRefused(f"{name} is no number of a case")


def _account(tree: Mapping[str, Any]) -> Account | None:
    given = tree.get("account")
    if given is None:
        return None
    if isinstance(given, dict) and isinstance(given.get("devices"), list):
        devices = [_DEVICE_DEFAULTS | one if isinstance(one, dict) else one for one in given["devices"]]
        given = given | {"devices": devices}
    return _part("account", _ACCOUNT_DEFAULTS | {"devices": []}, {"account": given}, Account)


def _act(tree: Mapping[str, Any], account: Account | None) -> StatementAct:
    about: dict[str, Any] = {"account": "acct_000000000000", "epoch": 0, "esim": None}
    if account is not None:
        about = {"account": account.id, "epoch": account.epoch, "esim": account.esim}
    given = tree.get("act")
    if not isinstance(given, dict) or not isinstance(given.get("purpose"), str):
        raise CaseRefused("act: must be an object with a purpose")
    kind = ACTS.get(given["purpose"])
    if kind is None:
        raise CaseRefused(f"act.purpose: {_plain(given['purpose'])} is none of {', '.join(sorted(ACTS))}")
    defaults = {name: value for name, value in (_ACT_DEFAULTS | about).items() if name in kind.__struct_fields__}
    return _part("act", defaults, tree, kind)


def _part(name: str, defaults: Mapping[str, Any], tree: Mapping[str, Any], kind: type[PartT]) -> PartT:
    """This part of the case with the defaults for what is left out, and nothing in it that means nothing."""
    given = tree.get(name, {})
    if not isinstance(given, dict):
        raise CaseRefused(f"{name}: must be an object")
    try:
        part = msgspec.convert({**defaults, **given}, kind)
    except msgspec.ValidationError as error:
        raise CaseRefused(f"{name}: {error}") from error
    _require_known(given, msgspec.to_builtins(part), name)
    return part


def _require_known(given: object, taken: object, place: str) -> None:
    """Refuse a name that was read over: a misspelt fact would otherwise be none."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            if name not in taken:
                raise CaseRefused(f"{place}.{_plain(name)}: there is no such fact; known are {', '.join(taken)}")
            _require_known(value, taken[name], f"{place}.{name}")
    elif isinstance(given, list) and isinstance(taken, list | tuple):
        for number, (one, other) in enumerate(zip(given, taken, strict=True)):
            _require_known(one, other, f"{place}[{number}]")


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:60])
