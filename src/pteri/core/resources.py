"""Resource lines: how each field of an act is spelt in a statement (docs/spec section 3.2).

The lines of a purpose are the fields of its type, in order, ``_`` spelt ``-``. Each field has one :class:`Grammar`,
found by its name, so that one word means and is spelt the same in every purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from pteri.core import ids
from pteri.core.acts import ACTS, ALL_PHONES, SAME_WALLET, StatementAct
from pteri.core.channels import MAX_CHANNELS
from pteri.core.errors import Code, Malformed
from pteri.core.guardians import Guardians, parse_guardians

__all__ = ["act_from_resources", "resources_of"]

_MAX_NUMBER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""
_NO_VALUE: Final = "none"
_SHORTEST_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_TWO_DIGITS = re.compile(r"[0-9]{2}")
_YES_OR_NO = re.compile(r"yes|no")
_EVIDENCE = re.compile(r"[ACDGW](?:,[ACDGW]){0,4}")


class Grammar(NamedTuple):
    """One field's spelling. ``read`` refuses what is outside the grammar; ``write`` need not: it is read back."""

    write: Callable[..., str]
    read: Callable[[str], object]


def _as_it_is(value: str) -> str:
    return value


def _optional(read: Callable[[str], str]) -> Grammar:
    return Grammar(
        lambda value: _NO_VALUE if value is None else value,
        lambda text: None if text == _NO_VALUE else read(text),
    )


def _write_number(value: int) -> str:
    # The bound comes before str(), which refuses numbers of thousands of digits with an error of its own.
    if not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise Malformed(Code.FIELD, "not a number from 0 to 2**53 - 1")
    return str(value)


def _number(text: str) -> int:
    number = int(ids.matching(_SHORTEST_NUMBER, text, "a number in its shortest form"))
    if number > _MAX_NUMBER:
        raise Malformed(Code.FIELD, "not a number from 0 to 2**53 - 1")
    return number


def _two_digits(text: str) -> str:
    return ids.matching(_TWO_DIGITS, text, "a two-digit number")


def _yes_or_no(text: str) -> bool:
    return ids.matching(_YES_OR_NO, text, "yes or no") == "yes"


def _write_evidence(values: tuple[str, ...]) -> str:
    return ",".join(map(str, values)) if isinstance(values, tuple) else ""


def _evidence(text: str) -> tuple[str, ...]:
    """Comma-separated, ascending, no repeats: the one spelling of a set."""
    letters = tuple(ids.matching(_EVIDENCE, text, "letters of recovery evidence").split(","))
    if any(left >= right for left, right in pairwise(letters)):
        raise Malformed(Code.FIELD, "not a sorted list without repeats")
    return letters


def _write_lost(values: tuple[str, ...] | None) -> str:
    if values is None:
        return ALL_PHONES
    return values[0] if isinstance(values, tuple) and len(values) == 1 else ""


def _lost(text: str) -> tuple[str, ...] | None:
    """``all`` or one phone: a list of more would not leave room for the rest of a statement."""
    return None if text == ALL_PHONES else (ids.thumbprint(text),)


def _write_guardians(value: Guardians | None) -> str:
    if value is None:
        return _NO_VALUE
    return value.encode() if isinstance(value, Guardians) and isinstance(value.wallets, tuple) else ""


def _guardians(text: str) -> Guardians | None:
    return None if text == _NO_VALUE else parse_guardians(text)


def _wallet_or_same(text: str) -> str:
    return text if text == SAME_WALLET else ids.address_text(text)


def _write_channels(values: tuple[str, ...]) -> str:
    return (",".join(map(str, values)) or _NO_VALUE) if isinstance(values, tuple) else ""


def _channels(text: str) -> tuple[str, ...]:
    """Comma-separated digests, ascending, no repeats: the one spelling of a set."""
    if text == _NO_VALUE:
        return ()
    # Bounded first: a comma more than there may be is enough to refuse.
    digests = tuple(ids.digest(part) for part in text.split(",", MAX_CHANNELS))
    if len(digests) > MAX_CHANNELS or any(left >= right for left, right in pairwise(digests)):
        raise Malformed(Code.FIELD, "not a sorted list of at most four digests without repeats")
    return digests


_NUMBER: Final = Grammar(_write_number, _number)
_THUMBPRINT: Final = Grammar(_as_it_is, ids.thumbprint)
_DIGEST: Final = Grammar(_as_it_is, ids.digest)
_ANY_DIGEST: Final = _optional(ids.digest)

_GRAMMARS: Final[dict[str, Grammar]] = {
    "account": Grammar(_as_it_is, ids.account_id),
    "device": _THUMBPRINT,
    "esim": _ANY_DIGEST,
    "epoch": _NUMBER,
    "session": _DIGEST,
    "recovery": _DIGEST,
    "code": Grammar(_as_it_is, _two_digits),
    "new_device": _THUMBPRINT,
    "offer": _DIGEST,
    "transcript": _DIGEST,
    "revoke_old": Grammar(lambda value: "yes" if value else "no", _yes_or_no),
    "approval": _DIGEST,
    "evidence": Grammar(_write_evidence, _evidence),
    "lost": Grammar(_write_lost, _lost),
    "new_wallet": Grammar(_as_it_is, _wallet_or_same),
    "target": _THUMBPRINT,
    "chain_end": _ANY_DIGEST,
    "length": _NUMBER,
    "start": _NUMBER,
    "step": _NUMBER,
    "guardians": Grammar(_write_guardians, _guardians),
    "codes": _ANY_DIGEST,
    "case": _DIGEST,
    "backup": _DIGEST,
    "channels": Grammar(_write_channels, _channels),
    "new_esim": _DIGEST,
    "to_device": _THUMBPRINT,
    "until": _NUMBER,
}

_PREFIXES: Final = {name: f"pteri:{name.replace('_', '-')}:" for name in _GRAMMARS}


def resources_of(act: StatementAct) -> list[str]:
    """The resource lines of a statement, without their ``- ``; ``Malformed(FIELD)`` for a value with no spelling."""
    return [_PREFIXES[name] + _spelt(name, getattr(act, name)) for name in act.__struct_fields__]


def act_from_resources(purpose: str, lines: list[str]) -> StatementAct:
    """The inverse of :func:`resources_of` for a known purpose."""
    kind = ACTS.get(purpose)
    if kind is None:
        raise Malformed(Code.STATEMENT, "no such purpose")
    names = kind.__struct_fields__
    if len(lines) != len(names):
        raise Malformed(Code.STATEMENT, "resources missing or too many")
    values: list[object] = []
    for name, line in zip(names, lines, strict=True):
        if not line.startswith(_PREFIXES[name]):
            raise Malformed(Code.STATEMENT, "resources are not the ones of this purpose, in order")
        values.append(_GRAMMARS[name].read(line.removeprefix(_PREFIXES[name])))
    # One decoder for all purposes: types are checked once more, against the fields' annotations.
    return msgspec.convert({"purpose": purpose, **dict(zip(names, values, strict=True))}, kind)


def _spelt(name: str, value: object) -> str:
    """Write a value, and read it back: two values with one spelling would be two acts with one signature.

    So ``True`` is no 1, ``"7"`` no 7, ``"no"`` no false, ``("all",)`` no phone, and ``("A,C",)`` not two letters.
    """
    grammar = _GRAMMARS[name]
    text = grammar.write(value)
    found = grammar.read(text)
    if found is value:
        return text
    if type(found) is not type(value) or found != value:
        raise Malformed(Code.FIELD, f"not a value of {name}")
    return text
