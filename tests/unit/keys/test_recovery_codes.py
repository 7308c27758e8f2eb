"""Recovery codes as keys: found again from paper alone, worth nothing at another tenant, silent about themselves."""

from __future__ import annotations

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import TenantId, to_base64url
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.recovery import MEMORY_KIB, PASSES, codes_digest, recovery_key, sign_with_code, verify_code
from pteri.core.keys.secret import Secret

BANK, SHOP = TenantId("bank"), TenantId("shop")
PAPER = b"7K2M9PQXW3T6Z4J8N9R2"
TEXT = b"a statement"


def cheap(paper: bytes = PAPER, tenant: TenantId = BANK, *, memory_kib: int = 64, passes: int = 1) -> DevicePrivateKey:
    return recovery_key(Secret(paper), tenant=tenant, memory_kib=memory_kib, passes=passes)


def test_the_same_paper_gives_the_same_key_wherever_it_is_typed() -> None:
    assert cheap().public == cheap().public


def test_each_of_the_things_that_make_a_key_makes_another_key() -> None:
    keys = [cheap(), cheap(PAPER[:-1] + b"3"), cheap(tenant=SHOP), cheap(memory_kib=128), cheap(passes=2)]
    assert len({key.public.thumbprint for key in keys}) == len(keys)


def test_a_guess_costs_what_it_says() -> None:
    assert (MEMORY_KIB, PASSES) == (64 * 1024, 3)
    dear = recovery_key(Secret(PAPER), tenant=BANK)
    assert dear.public == cheap(memory_kib=64 * 1024, passes=3).public


def test_who_holds_the_public_key_can_check_that_the_code_was_shown() -> None:
    verify_code(cheap().public, TEXT, sign_with_code(cheap(), TEXT))


@pytest.mark.parametrize(
    ("signer", "text"),
    [(cheap(PAPER[::-1]), TEXT), (cheap(), TEXT + b"!"), (cheap(tenant=SHOP), TEXT)],
    ids=["another code", "another text", "at another tenant"],
)
def test_nothing_else_shows_it(signer: DevicePrivateKey, text: bytes) -> None:
    with pytest.raises(NotAuthentic) as refused:
        verify_code(cheap().public, TEXT, sign_with_code(signer, text))
    assert refused.value.code is Code.DEVICE_SIGNATURE


def test_what_the_key_signs_as_a_code_it_never_signs_as_a_phone() -> None:
    key = cheap()
    with pytest.raises(NotAuthentic):
        verify_code(key.public, TEXT, key.sign(TEXT))
    with pytest.raises(NotAuthentic):
        key.public.verify(TEXT, sign_with_code(key, TEXT))


@pytest.mark.parametrize("size", [0, 63, 65, 72])
def test_a_signature_has_64_bytes(size: int) -> None:
    with pytest.raises(Malformed):
        verify_code(cheap().public, TEXT, b"\1" * size)


def test_neither_code_nor_key_prints() -> None:
    code = Secret(PAPER)
    assert PAPER.decode() not in f"{code!r} {code} {cheap()!r}"


def test_a_statement_names_these_codes_in_this_order_and_no_others() -> None:
    first, second = (to_base64url(cheap(paper).public.sec1) for paper in (PAPER, PAPER[::-1]))
    assert codes_digest(()) is None
    named = [codes_digest(keys) for keys in ((first,), (second,), (first, second), (second, first))]
    assert len(set(named)) == len(named)
    assert codes_digest((first, second)) == named[2]
