"""A case without what belongs to a person: keys, addresses and digests become names, the same one for the same value.

Policy asks of these only whether they are equal, so it decides the named case as it decides the recorded one.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["with_names"]

_KINDS: Final = (
    dict.fromkeys(("device", "thumbprint", "new_device", "old_device", "target", "to_device", "confirmed_on"), "phone")
    | dict.fromkeys(("address", "wallets"), "wallet")
    | dict.fromkeys(("key", "public_key", "code_key", "code_keys"), "key")
)
_RANDOM: Final = re.compile(r"[A-Za-z0-9_-]{26,90}")
_ID: Final = re.compile(r"[a-z]{3,4}_[0-9A-Z]{12,26}")


def with_names(tree: object) -> object:
    """The same tree with names in the place of everything that is long and random, but ids of accounts and requests."""
    names: dict[str, str] = {}
    _name_by_place(tree, names)
    return _named(tree, names)


def _name_by_place(tree: object, names: dict[str, str]) -> None:
    """First what its place tells of, since a thumbprint looks like any other digest."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            for one in value if isinstance(value, list | tuple) else (value,):
                if key in _KINDS and isinstance(one, str) and _RANDOM.fullmatch(one):
                    _name(one, _KINDS[key], names)
                else:
                    _name_by_place(one, names)
    elif isinstance(tree, list | tuple):
        for value in tree:
            _name_by_place(value, names)


def _named(tree: object, names: dict[str, str]) -> object:
    match tree:
        case dict():
            return {key: _named(value, names) for key, value in tree.items()}
        case list() | tuple():
            return [_named(value, names) for value in tree]
        case str() if _RANDOM.fullmatch(tree) and not _ID.fullmatch(tree):
            return _name(tree, "digest", names)
        case _:
            return tree


def _name(value: str, kind: str, names: dict[str, str]) -> str:
    if value not in names:
        number = 1 + sum(name.startswith(f"{kind} ") for name in names.values())
        names[value] = f"{kind} {number}"
    return names[value]
