"""What a thief of the whole database gets: no e-mail, no line, no mnemonic, no key and no session of anybody."""

from __future__ import annotations

import base64

import msgspec
import pytest

from pteri.core import wire
from pteri.core.keys.mnemonic import seed
from searching import EMAIL, assert_nowhere, lived_through, spellings, text_spellings
from thieves import all_at_once, crowded, wallet_secret
from world import ALICE_WORDS, LINE, MALLORY_WORDS, Browser, SimPhone, World


@pytest.fixture
def phones(world: World) -> list[SimPhone]:
    return lived_through(world)


@pytest.fixture
def files(world: World, phones: list[SimPhone]) -> dict[str, bytes]:
    found = world.stolen()
    # The search is worth something: public values are found where they should be.
    assert any(phones[0].thumbprint.encode() in content for content in found.values())
    return found


@pytest.mark.parametrize("login", [EMAIL, "robert@example.net", "nobody@example.org"])
def test_no_e_mail_address_is_in_the_database(files: dict[str, bytes], login: str) -> None:
    assert_nowhere(files, text_spellings(login))
    name, _, host = login.partition("@")
    assert_nowhere(files, iter([name.encode(), name.lower().encode(), f"@{host}".lower().encode()]))


@pytest.mark.parametrize("line", [LINE, "8901260000000000001"])
def test_no_line_identifier_is_in_the_database(files: dict[str, bytes], line: str) -> None:
    assert_nowhere(files, text_spellings(line))
    assert_nowhere(files, iter([line.strip("+")[-8:].encode()]))


def test_the_salt_that_would_open_a_line_commitment_is_not_in_the_database(world: World) -> None:
    phone, browser = world.phone("old phone"), Browser("desk")
    started = world.site().start_binding(EMAIL, browser)
    claimed = phone.claim(started.id, enrolment=phone.enrolment(), line=LINE).as_(wire.Claimed)
    assert claimed.line_salt is not None
    salt = base64.urlsafe_b64decode(claimed.line_salt + "=")
    assert len(salt) == 32
    assert_nowhere(world.stolen(), spellings(salt))


def test_a_photographed_invitation_does_not_open_the_line_to_guessing(world: World) -> None:
    """Commitment and salt together would let a thief try all numbers at home; asked here he has a few guesses."""
    thief = world.phone("thief's phone", MALLORY_WORDS)
    started = world.site().start_binding(EMAIL, Browser("desk"))
    assert thief.claim(started.id, enrolment=thief.enrolment()).as_(wire.Claimed).line_salt is None
    for guess in range(5):
        claimed = thief.claim(started.id, enrolment=thief.enrolment(), line=f"+4915100000{guess}")
        assert claimed.as_(wire.Claimed).line_salt is None
    assert thief.claim(started.id, enrolment=thief.enrolment(), line="+49151000009").status == 429
    # Not even the right one, or the limit would only be another word for "wrong".
    assert thief.claim(started.id, enrolment=thief.enrolment(), line=LINE).status == 429


def test_of_a_hundred_guesses_at_a_line_at_once_five_are_looked_at(world: World) -> None:
    started = crowded(world).site().start_binding(EMAIL, Browser("desk"))
    thief = world.phone("thief's phone", MALLORY_WORDS)
    path = f"/challenges/{started.id}/claim"
    claims = [wire.Claim(thief.enrolment(), f"+49151{number:06d}") for number in range(99)]
    bodies = [msgspec.json.encode(claim) for claim in (*claims, wire.Claim(thief.enrolment(), LINE))]
    answers = all_at_once(world, [thief.request_to(path, body) for body in bodies])
    assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 95


def test_a_phone_may_ask_for_its_own_line_again(world: World) -> None:
    phone, started = world.phone("old phone"), world.site().start_binding(EMAIL, Browser("desk"))
    first, again = (phone.claim(started.id, enrolment=phone.enrolment(), line=LINE).as_(wire.Claimed) for _ in range(2))
    assert first == again
    assert first.line_salt is not None


def test_a_line_is_told_with_an_enrolment_only(world: World) -> None:
    phone, browser = world.enrolled(), Browser("morning")
    started = world.site().start_sign_in(EMAIL, browser)
    assert phone.claim(started.id, line=LINE).status == 401


def test_no_mnemonic_seed_or_wallet_key_is_in_the_database(files: dict[str, bytes], phones: list[SimPhone]) -> None:
    for words in (ALICE_WORDS, MALLORY_WORDS):
        listed = words.split()
        assert_nowhere(files, iter([words.encode(), " ".join(listed[:3]).encode(), ",".join(listed[:3]).encode()]))
        assert_nowhere(files, spellings(seed(words).reveal()))
    for phone in phones:
        assert_nowhere(files, spellings(wallet_secret(phone.wallet)))


def test_no_device_or_site_key_is_in_the_database(
    world: World, files: dict[str, bytes], phones: list[SimPhone]
) -> None:
    for key in (*(phone.key for phone in phones), *world.sites.values()):
        assert_nowhere(files, spellings(key.private.secret.reveal()))


def test_no_session_secret_is_in_the_database(files: dict[str, bytes]) -> None:
    for label in ("old phone browser", "desk", "nobody", "bob"):
        assert_nowhere(files, spellings(Browser(label).secret))


def test_the_deployment_key_is_not_in_the_database(world: World, files: dict[str, bytes]) -> None:
    """It opens sealed evidence and tests guesses of e-mails and lines: it lies elsewhere."""
    vault = world.deployment.vault
    assert "DeploymentVault" in repr(vault)
    for working in vars(vault)["_all"]:
        assert_nowhere(files, spellings(working.held.secret.reveal()))
        for key in working.kinds.values():
            assert_nowhere(files, spellings(key))


def test_the_same_person_looks_different_at_every_site(world: World) -> None:
    """Logins and wallets are hashed apart per tenant: rows of two sites cannot be joined."""
    bank = world.enrolled("bank phone", EMAIL)
    shop = world.enrolled("shop phone", EMAIL, tenant="shop", index=1)
    at_bank, at_shop = world.account_of(bank), world.account_of(shop)
    assert at_bank.login != at_shop.login
    assert at_bank.esim != at_shop.esim
    assert at_bank.id != at_shop.id


@pytest.mark.parametrize("kept_in", ["sqlite"])
def test_the_files_of_the_database_are_readable_by_their_owner_only(files: dict[str, bytes], world: World) -> None:
    modes = {name: (world.directory / name).stat().st_mode & 0o077 for name in files}
    assert set(modes.values()) == {0}, modes
