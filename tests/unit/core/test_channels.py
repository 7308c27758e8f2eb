"""Addresses for warnings: one spelling each, and digests that say nothing without their salt."""

from __future__ import annotations

import hashlib

import pytest

from builders import OTHER_TENANT, TENANT, account_id
from pteri.core.channels import channel_address, channel_digest, channel_digests, masked_channel
from pteri.core.errors import Code, Malformed
from pteri.core.ids import digest_text

SALT = bytes(range(32))
HOST = "mail.example"
LONGEST_LOCAL = "a" * 64
LONGEST = f"mailto:{LONGEST_LOCAL}@" + ".".join(["b" * 63, "c" * 63, "d" * 61])


@pytest.mark.parametrize(
    "address",
    [
        "mailto:alice@mail.example",
        "mailto:a@b.c",
        "mailto:alice.b+warnings_2-x@xn--bcher-kva.example",
        "mailto:0@0.example",
        LONGEST,
    ],
)
def test_a_plain_address_in_small_letters_is_one(address: str) -> None:
    assert channel_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mailto:",
        "alice@mail.example",
        "MAILTO:alice@mail.example",
        "mailto:Alice@mail.example",
        "mailto:alice@Mail.example",
        "mailto:alice@mail",
        "mailto:alice@mail.example.",
        "mailto:alice@.example",
        "mailto:alice@mail..example",
        "mailto:alice@-mail.example",
        "mailto:alice@mail-.example",
        "mailto:.alice@mail.example",
        "mailto:alice.@mail.example",
        "mailto:al..ice@mail.example",
        "mailto:@mail.example",
        "mailto:alice@@mail.example",
        "mailto:alice@mail.example,bob@mail.example",
        "mailto:alice@mail.example?subject=hello",
        "mailto:alice@mail.example\n",
        "mailto:alice@mail.example\r\nBcc: thief@mail.example",
        "mailto:alice\n@mail.example",
        "mailto:alice@mail.example ",
        " mailto:alice@mail.example",
        'mailto:"alice"@mail.example',
        "mailto:<alice@mail.example>",
        "mailto:al%69ce@mail.example",
        "mailto:al(ice)@mail.example",
        "mailto:alice@[127.0.0.1]",
        "mailto:älice@mail.example",
        "mailto:alice@mäil.example",
        "mailto:alice@mail.example\0",
        "https://mail.example",
        f"mailto:{LONGEST_LOCAL}a@mail.example",
        f"{LONGEST}d",
        f"mailto:alice@{'b' * 64}.example",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        channel_address(text)
    assert refused.value.code is Code.FIELD


def test_a_digest_is_over_salt_tenant_account_and_address() -> None:
    named = f"{TENANT}\0{account_id()}\0mailto:alice@{HOST}".encode()
    expected = digest_text(hashlib.sha256(b"PTERI-CHANNEL-v1\0" + SALT + named).digest())
    assert channel_digest(f"mailto:alice@{HOST}", salt=SALT, tenant=TENANT, account=account_id()) == expected


def test_another_salt_tenant_account_or_address_is_another_digest() -> None:
    address = f"mailto:alice@{HOST}"
    digests = {
        channel_digest(address, salt=SALT, tenant=TENANT, account=account_id()),
        channel_digest(address, salt=bytes(32), tenant=TENANT, account=account_id()),
        channel_digest(address, salt=SALT, tenant=OTHER_TENANT, account=account_id()),
        channel_digest(address, salt=SALT, tenant=TENANT, account=account_id(2)),
        channel_digest(f"mailto:bob@{HOST}", salt=SALT, tenant=TENANT, account=account_id()),
    }
    assert len(digests) == 5


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_has_32_bytes(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        channel_digest(f"mailto:alice@{HOST}", salt=bytes(size), tenant=TENANT, account=account_id())
    assert refused.value.code is Code.LENGTH


def test_digests_of_a_list_are_sorted_whatever_its_order() -> None:
    named = tuple(f"mailto:{name}@{HOST}" for name in ("a", "b", "c", "d"))
    found = channel_digests(named, salt=SALT, tenant=TENANT, account=account_id())
    assert list(found) == sorted(found)
    assert channel_digests(named[::-1], salt=SALT, tenant=TENANT, account=account_id()) == found


@pytest.mark.parametrize("names", ["abcde", "aa"])
def test_a_fifth_address_or_one_twice_is_refused(names: str) -> None:
    with pytest.raises(Malformed):
        channel_digests(
            tuple(f"mailto:{name}@{HOST}" for name in names), salt=SALT, tenant=TENANT, account=account_id()
        )


def test_a_mask_leaves_the_first_letter_and_the_host() -> None:
    assert masked_channel("mailto:alice.b@mail.example") == "a...@mail.example"
