from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec
import pytest

from pteri.core.keys.secret import Secret

_VALUE = b"correct horse battery staple 32!"


@pytest.mark.parametrize("show", [repr, str, format, lambda s: f"{s}", lambda s: f"{s!r:>40}", lambda s: f"{[s]}"])
def test_a_secret_shows_only_its_size(show: Callable[[Secret], str]) -> None:
    assert show(Secret(_VALUE)).strip("[] ") == "Secret(32 bytes)"


@pytest.mark.parametrize(
    "leak",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        hash,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        bytes,
        vars,
        list,
        lambda s: s.__getstate__(),
        lambda s: s.__reduce__(),
        lambda s: format(s, "x"),
        lambda s: f"{s:d}",
        lambda s: {s: 1},
        lambda s: b"" + s,
    ],
)
def test_a_secret_does_not_leave_by_any_other_door(leak: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        leak(Secret(_VALUE))
    assert "correct horse" not in str(refused.value)


def test_a_secret_inside_a_dataclass_is_not_copied_out() -> None:
    @dataclass(frozen=True)
    class Holder:
        secret: Secret

    assert "correct" not in repr(Holder(Secret(_VALUE)))
    with pytest.raises(TypeError):
        asdict(Holder(Secret(_VALUE)))


def test_a_secret_equals_only_a_secret_of_the_same_bytes() -> None:
    assert Secret(_VALUE) == Secret(bytes(_VALUE))
    assert Secret(_VALUE) != Secret(_VALUE + b"!")
    assert Secret(_VALUE) != Secret(b"")
    assert (Secret(_VALUE) == _VALUE) is False
    assert _VALUE.__eq__(Secret(_VALUE)) is NotImplemented


def test_a_secret_is_revealed_on_purpose() -> None:
    assert Secret(_VALUE).reveal() == _VALUE
    assert len(Secret(_VALUE)) == 32


def test_a_wiped_secret_is_gone_and_never_taken_for_a_key_of_zeros() -> None:
    secret = Secret(bytes(range(1, 33)))
    secret.wipe()
    with pytest.raises(ValueError, match="wiped"):
        secret.reveal()
    assert len(secret) == 32
    assert secret != Secret(bytes(32))
    assert Secret(bytes(32)) != secret
    secret.wipe()
    assert repr(secret) == "Secret(32 bytes)"


def test_wiping_reaches_the_bytes_that_are_held() -> None:
    secret = Secret(b"a seed of some length")
    held = secret._Secret__value  # type: ignore[attr-defined]  # the buffer itself
    secret.wipe()
    assert bytes(held) == bytes(21)


def test_wiping_one_secret_leaves_what_was_revealed_and_other_secrets_alone() -> None:
    value = bytes(range(32))
    first, second = Secret(value), Secret(value)
    revealed = first.reveal()
    first.wipe()
    assert revealed == value == second.reveal()
