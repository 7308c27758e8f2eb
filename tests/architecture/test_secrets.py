"""Convention 7: what is secret has a type that does not show it, wherever it is kept."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import pytest

import pteri
from pteri.core.keys.secret import Secret

_NAMES: Final = ("private", "secret", "seed", "mnemonic", "words", "passphrase", "password", "key_material", "share")
"""How fields are named that hold what must not be seen."""


class Field(NamedTuple):
    module: str
    kept_in: type
    name: str
    type: str


def records() -> Iterator[type]:
    for found in pkgutil.walk_packages(pteri.__path__, "pteri."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            is_record = isinstance(value, type) and (
                issubclass(value, msgspec.Struct) or dataclasses.is_dataclass(value)
            )
            if is_record and value.__module__ == module.__name__:
                yield value


def fields() -> list[Field]:
    found = []
    for record in records():
        for name, annotated in inspect.get_annotations(record).items():
            bare = str(annotated)
            # The hash of a secret is shown on purpose, and a function holds none.
            holds = ("bytes" in bare or "str" in bare) and "Callable" not in bare and not name.endswith("_sha256")
            if holds and any(word in name for word in _NAMES):
                found.append(Field(record.__module__, record, name, bare))
    return found


def is_shown(field: Field) -> bool:
    own = vars(field.kept_in).get("__repr__")
    if own is None:
        return True
    # That of a dataclass was written by nobody.
    if not hasattr(own, "__wrapped__"):
        return False
    return {each.name: each.repr for each in dataclasses.fields(field.kept_in)}[field.name]


def test_this_test_sees_fields() -> None:
    assert len(fields()) >= 3


@pytest.mark.parametrize("field", fields(), ids=lambda field: f"{field.module}.{field.kept_in.__name__}.{field.name}")
def test_a_field_that_holds_a_secret_has_the_type_or_its_record_does_not_show_it(field: Field) -> None:
    assert not is_shown(field), f"{field} is shown by whoever prints it: make it a {Secret.__name__}"
