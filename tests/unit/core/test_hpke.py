"""The port over HPKE: places in a channel, exports, and keys that are none. The figures are in vectors/hpke.json."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from pteri.core import hpke
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.hpke import Receiver, Sender
from pteri.core.keys.secret import Secret


def secret(name: str) -> Secret:
    return Secret(hashlib.sha256(name.encode()).digest())


BOB = secret("bob")
PSK = secret("shared")


def sender(*, info: bytes = b"a test", psk: Secret | None = PSK, psk_id: bytes = b"name", sequence: int = 0) -> Sender:
    return hpke.sender(
        hpke.public_of(BOB), info=info, ephemeral=secret("once"), psk=psk, psk_id=psk_id, sequence=sequence
    )


def receiver(enc: bytes, *, info: bytes = b"a test", sequence: int = 0) -> Receiver:
    return hpke.receiver(enc, BOB, info=info, psk=PSK, psk_id=b"name", sequence=sequence)


def test_messages_open_in_their_order_and_once() -> None:
    alice = sender()
    first, second = alice.seal(b"one", b""), alice.seal(b"two", b"")
    bob = receiver(alice.enc)
    with pytest.raises(NotAuthentic):
        bob.open(second, b"")
    assert bob.open(first, b"") == b"one"
    with pytest.raises(NotAuthentic):
        bob.open(first, b"")
    assert bob.open(second, b"") == b"two"


def test_what_does_not_open_leaves_the_channel_as_it_was() -> None:
    alice = sender()
    sealed, bob = alice.seal(b"one", b"place"), receiver(alice.enc)
    for forged in (b"", b"\0" * 16, sealed[:-1], sealed + b"\0"):
        with pytest.raises(NotAuthentic) as refused:
            bob.open(forged, b"place")
        assert refused.value.code is Code.SEALED
        assert bob.sequence == 0
    assert bob.open(sealed, b"place") == b"one"


def test_a_channel_goes_on_where_it_was_after_a_restart() -> None:
    alice = sender()
    sealed = [alice.seal(bytes((number,)), b"") for number in range(3)]
    assert sender(sequence=2).seal(bytes((2,)), b"") == sealed[2]
    assert receiver(alice.enc, sequence=2).open(sealed[2], b"") == bytes((2,))


def test_two_contexts_export_two_secrets_and_both_ends_the_same() -> None:
    alice = sender()
    bob = receiver(alice.enc)
    assert alice.export(b"code", 16) == bob.export(b"code", 16)
    assert alice.export(b"code", 16) != alice.export(b"mailbox", 16)
    assert len(alice.export(b"code", 8160)) == 8160


@pytest.mark.parametrize("length", [-1, 0, 8161])
def test_an_export_of_no_or_too_many_bytes_is_refused(length: int) -> None:
    with pytest.raises(Malformed) as refused:
        sender().export(b"code", length)
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("sequence", [-1, 2**32])
def test_a_place_that_no_channel_has_is_refused(sequence: int) -> None:
    with pytest.raises(Malformed) as refused:
        sender(sequence=sequence)
    assert refused.value.code is Code.RANGE


@pytest.mark.parametrize(
    "call",
    [
        lambda: hpke.public_of(Secret(bytes(31))),
        lambda: hpke.sender(bytes(31), info=b"", ephemeral=secret("once")),
        lambda: hpke.sender(hpke.public_of(BOB), info=b"", ephemeral=Secret(bytes(33))),
        lambda: hpke.receiver(hpke.public_of(BOB), Secret(b""), info=b""),
        lambda: sender(psk=None),
        lambda: sender(psk_id=b""),
        lambda: sender(psk=Secret(bytes(31))),
    ],
)
def test_a_key_of_another_size_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(Malformed) as refused:
        call()
    assert refused.value.code is Code.KEY
