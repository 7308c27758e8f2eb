"""A new deployment key: nobody gets a second account by it, nothing comes back, and nothing is counted anew."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from pteri.adapters.key_ring import KeyRing
from pteri.adapters.vault import DeploymentVault
from pteri.app.ports import Claim, Claimed, ClaimKind
from pteri.core import wire
from pteri.core.ids import TenantId
from pteri.settings import SettingsError
from pteri.wiring import check_key, keys_in_use
from rotation import FIRST, SECOND, Keys, report_of, whole
from searching import EMAIL, assert_nowhere, lived_through, text_spellings
from thieves import rewired, second_phone
from world import ALICE_WORDS, LINE, MALLORY_WORDS, OTHER_LINE, Browser, SimEntropy, SimPhone, SimWallet, World
from worlds import Worlds

if TYPE_CHECKING:
    from pteri.app.ports import Store

BANK = TenantId("bank")
NEW = KeyRing.of(SECOND)


def sign_in(world: World, phone: SimPhone, label: str = "desk", login: str = "alice@example.com") -> int:
    browser = Browser(label)
    started = world.site().start_sign_in(login, browser, prompt=False)
    return world.site().enter_code("logins", started.id, phone.scan(started).code, browser).status


def binds(world: World, label: str, login: str, *, index: int = 0, words: str = MALLORY_WORDS) -> int:
    """Somebody links a login with a wallet of theirs."""
    answer = world.site().call("POST", "/bindings", wire.StartBinding(login, Browser(label).session, LINE))
    if answer.status != 201:
        return answer.status
    started, phone = answer.as_(wire.Started), world.phone(label, words, index=index)
    statement = phone.claim(started.id, enrolment=phone.enrolment(), line=LINE).as_(wire.Claimed).statement
    shown = phone.answer(statement, enrolment=phone.enrolment())
    if shown.decided.status >= 400:
        return shown.decided.status
    return world.site().enter_code("bindings", started.id, shown.code, Browser(label)).status


def test_who_was_linked_before_a_rotation_signs_in_at_every_step_of_it(world: World) -> None:
    phone = world.enrolled()
    keys = Keys(world)
    for number, step in enumerate((keys.new, keys.rotate, keys.rekey)):
        step()
        assert sign_in(world, phone, f"desk {number}") == 200
        keys.settle()
        whole(world)
    assert keys.needed().rows == 0
    keys.retire()
    assert sign_in(world, phone, "the last desk") == 200
    whole(world)


def test_who_is_linked_between_the_steps_signs_in_after_the_old_key_is_gone(world: World) -> None:
    keys = Keys(world).new()
    phone = world.enrolled()
    keys.rotate()
    other = world.enrolled("other phone", "robert@example.net", words=MALLORY_WORDS)
    keys.rekey()
    whole(world)
    assert keys.needed().rows == 0
    keys.retire()
    assert sign_in(world, phone) == 200
    assert sign_in(world, other, "other desk", "robert@example.net") == 200
    whole(world)


@pytest.mark.parametrize(
    "steps", [("new",), ("new", "rotate"), ("new", "rotate", "distrust"), ("new", "rotate", "rekey")]
)
def test_a_login_is_not_linked_a_second_time_under_another_key(world: World, steps: tuple[str, ...]) -> None:
    world.enrolled()
    keys = Keys(world)
    for step in steps:
        getattr(keys, step)()
    assert binds(world, "mallory's phone", "alice@example.com") == 409
    assert binds(world, "mallory's phone", "ALICE@example.com") == 409


def test_of_two_processes_with_other_keys_one_links_the_login(worlds: Worlds) -> None:
    """One has not heard yet that the new key writes. Both read that the login is free before either writes."""
    world = worlds()
    Keys(world).new()
    beside = worlds.beside(world)
    ahead = Keys(beside, Keys(world).new().ring).rotate()
    assert ahead.ring.current.name != DeploymentVault(KeyRing.of(FIRST), SimEntropy("x")).name
    begun = []
    for place, label, words in ((world, "alice's phone", ALICE_WORDS), (beside, "mallory's phone", MALLORY_WORDS)):
        browser, phone = Browser(label), place.phone(label, words)
        started = place.site().start_binding("alice@example.com", browser)
        begun.append((place, started, phone.bind(started), browser))
    statuses = [
        place.site().enter_code("bindings", started.id, shown.code, browser).status
        for place, started, shown, browser in begun
    ]
    assert statuses == [200, 409]


def test_a_link_that_began_before_the_rotation_ends_after_it_and_counts_under_both_keys(world: World) -> None:
    keys, browser, phone = Keys(world).new(), Browser("desk"), world.phone("old phone")
    started = world.site().start_binding("alice@example.com", browser)
    keys.rotate()
    shown = phone.bind(started)
    assert world.site().enter_code("bindings", started.id, shown.code, browser).status == 200
    whole(world)
    assert binds(world, "mallory's phone", "alice@example.com") == 409
    keys.retire()
    assert sign_in(world, phone) == 200


def test_a_wallet_that_was_replaced_does_not_come_back_under_another_key(world: World) -> None:
    phone = world.enrolled()
    phone.rotate(SimWallet(ALICE_WORDS, 1))
    world.clock.advance(30 * 86_400)
    phone.wallet = SimWallet(ALICE_WORDS, 1)
    keys = Keys(world).new()
    for step in (keys.rotate, keys.rekey):
        assert binds(world, f"a phone after {step.__name__}", "robert@example.net", words=ALICE_WORDS) == 409
        step()
    sign_in(world, phone)
    keys.settle()
    keys.retire()
    assert binds(world, "a phone at last", "robert@example.net", words=ALICE_WORDS) == 409


def test_a_removed_phone_does_not_come_back_after_a_rotation(world: World) -> None:
    old = world.enrolled()
    new = second_phone(world, old, "new phone")
    new.revoke(old.thumbprint)
    keys = Keys(world).new().rotate()
    keys.rekey()
    assert new.start_migration(old.offer()).status == 403
    assert sign_in(world, new) == 200


def test_prompts_are_not_counted_anew_under_another_key(world: World) -> None:
    phone, keys = world.enrolled(), Keys(world)

    def asked(times: int) -> int:
        for number in range(times):
            world.site().start_sign_in("alice@example.com", Browser(f"{number}"))
        return len(phone.prompts().prompts)

    most = world.deployment.rules.prompts_per_hour
    assert asked(most + 1) == most
    for step in (keys.new, keys.rotate, keys.distrust):
        step()
        assert asked(1) == most
        assert phone.prompts().unasked > 0


def test_a_nobody_stays_the_same_nobody_while_the_old_key_is_trusted(world: World) -> None:
    """Or whoever asks before and after would learn which wallets are linked."""
    stranger, keys = world.phone("stranger", MALLORY_WORDS), Keys(world)
    shown = [msgspec.json.decode(stranger.start_set_up().body)["statement"]["act"]["account"]]
    for step in (keys.new, keys.rotate, keys.rekey):
        step()
        world.clock.advance(1)
        shown.append(msgspec.json.decode(stranger.start_set_up().body)["statement"]["act"]["account"])
    assert len(set(shown)) == 1


def test_known_and_unknown_logins_cost_the_same_look_ups_during_a_rotation(world: World) -> None:
    world.enrolled()
    Keys(world).new().rotate()
    looked: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            looked.append(name)
            return getattr(world.store, name)

    rewired(world, store=cast("Store", Counting()))
    work = []
    for login in ("alice@example.com", "nobody@example.org"):
        looked.clear()
        world.site().start_sign_in(login, Browser(login), prompt=False)
        work.append(list(looked))
    assert work[0] == work[1]
    assert len(work[0]) >= 3
    assert len(world.deployment.presented) == 1


# --- what a thief has ------------------------------------------------------------------------------------------------


def test_the_database_and_the_new_key_alone_open_nothing_of_before(world: World) -> None:
    phone = world.enrolled()
    Keys(world).new().rotate()
    vault = DeploymentVault(NEW, SimEntropy("thief"))
    spelling = vault.spellings("login", BANK, "alice@example.com")[0]
    assert world.run(world.store.owner(BANK, Claim(ClaimKind.LOGIN, spelling.digest))) is None
    account = world.account_of(phone)
    found = world.run(world.store.line(BANK, account.id))
    assert found is not None
    with pytest.raises(ValueError, match="a key of ours"):
        vault.open(found[0].sealed, f"line:bank:{account.id}:{account.esim}")
    assert found[0].mac != vault.spellings("line", BANK, LINE)[0].digest
    with pytest.raises(SettingsError, match="needs the deployment key"):
        world.run(check_key(replace(world.deployment, vault=vault)))


def test_after_re_keying_the_old_key_opens_no_line_that_is_kept(world: World) -> None:
    phone, keys = world.enrolled(), Keys(world).new().rotate()
    account = world.account_of(phone)
    assert keys.rekey().lines == 1
    assert keys.rekey().lines == 0
    found = world.run(world.store.line(BANK, account.id))
    assert found is not None
    assert found[0].mac_key == keys.second
    with pytest.raises(ValueError, match="a key of ours"):
        DeploymentVault(KeyRing.of(FIRST), SimEntropy("thief")).open(
            found[0].sealed, f"line:bank:{account.id}:{account.esim}"
        )


def test_under_a_distrusted_key_no_link_and_no_token_is_good(world: World) -> None:
    vault, keys = DeploymentVault(KeyRing.of(FIRST), SimEntropy("thief")), Keys(world).new().rotate()
    forged = vault.seal(b"anything", "freeze-link:bank")
    now = world.deployment.vault
    assert now.open_token(forged, "freeze-link:bank") == b"anything"
    keys.distrust()
    now = world.deployment.vault
    assert now.open(forged, "freeze-link:bank") == b"anything"
    nameless = b"\x01" + forged[7:]
    for token in (forged, nameless):
        with pytest.raises(ValueError, match="a key of ours"):
            now.open_token(token, "freeze-link:bank")
    assert now.tag("client-token", BANK, "x") != vault.tag("client-token", BANK, "x")
    assert now.tag("client-token", BANK, "x") == DeploymentVault(NEW, SimEntropy("y")).tag("client-token", BANK, "x")


def test_a_sign_in_that_began_under_a_key_that_is_distrusted_now_ends_nowhere(world: World) -> None:
    """Whoever has that key could have made its terms."""
    phone, keys, browser = world.enrolled(), Keys(world).new().rotate(), Browser("desk")
    started = world.site().start_sign_in("alice@example.com", browser, prompt=False)
    statement, invited = phone.scanned(started)
    keys.distrust()
    assert phone.answer(statement, invited=invited).decided.status == 401
    assert sign_in(world, phone, "another desk") == 200


def test_a_claim_that_was_led_to_another_account_is_found(world: World) -> None:
    """Whoever writes into the database, and has no key, leads Alice's login to Mallory's account."""
    alice = world.enrolled()
    mallory = world.enrolled("mallory's phone", "mallory@example.net", words=MALLORY_WORDS)
    keys = Keys(world).new().rotate()
    keys.rekey()
    whole(world)
    spelt = world.deployment.vault.spellings("login", BANK, "alice@example.com")[0]
    theirs = world.account_of(mallory)
    stolen = Claimed(BANK, Claim(ClaimKind.LOGIN, spelt.digest, spelt.key, spelt.digest), theirs.id)
    assert world.run(world.store.keys.claim([stolen])) == 1
    assert [finding.code for finding in report_of(world).findings] == ["CLAIM_UNBACKED"]
    assert world.account_of(alice).id != theirs.id


def test_what_was_retired_is_ignored_in_a_file_that_has_it_still(world: World) -> None:
    world.enrolled()
    keys = Keys(world).new().rotate()
    both = keys.ring
    keys.retire()
    assert [held.name for held in world.run(keys_in_use(world.store, both))] == [keys.second]
    with pytest.raises(SettingsError, match="has retired"):
        world.run(keys_in_use(world.store, KeyRing.of(FIRST)))


def test_a_key_that_the_database_does_not_list_starts_no_service(world: World) -> None:
    keys = Keys(world)
    world.run(check_key(world.deployment))
    coming = keys.ring.with_next(SECOND)
    with pytest.raises(SettingsError, match="pteri key new"):
        world.run(check_key(replace(world.deployment, vault=DeploymentVault(coming, SimEntropy("x")))))
    keys.new()
    world.run(check_key(world.deployment))


# --- least data ------------------------------------------------------------------------------------------------------


def test_no_login_and_no_line_is_in_the_database_after_a_rotation(world: World) -> None:
    phones = lived_through(world)
    keys = Keys(world).new().rotate()
    second = world.enrolled("a phone of the new key", "susan@example.com", words=MALLORY_WORDS, index=7)
    second.rebind_line(OTHER_LINE)
    sign_in(world, second, "susan's desk", "susan@example.com")
    keys.rekey()
    keys.settle()
    files = world.stolen()
    assert any(phones[0].thumbprint.encode() in content for content in files.values())
    for text in (EMAIL, "robert@example.net", "susan@example.com", LINE, OTHER_LINE, "8901260000000000001"):
        assert_nowhere(files, text_spellings(text))
    for secret in (FIRST, SECOND):
        assert_nowhere(
            files, iter([secret.reveal(), secret.reveal().hex().encode(), base64.b64encode(secret.reveal())])
        )
    for text in (EMAIL, LINE):
        assert_nowhere(
            files, iter([hashlib.sha256(text.encode()).digest(), hashlib.sha256(text.encode()).hexdigest().encode()])
        )


# --- lines -----------------------------------------------------------------------------------------------------------


def test_a_line_keeps_the_salt_of_its_commitment_when_its_key_is_gone(world: World) -> None:
    phone, keys = world.enrolled(), Keys(world)
    before = phone.devices().line
    keys.new().rotate()
    assert phone.devices().line == before
    keys.rekey()
    sign_in(world, phone)
    keys.settle()
    assert keys.needed().rows == 0
    keys.retire()
    assert phone.devices().line == before


def test_a_line_is_found_under_one_key_only_and_by_its_own_account(world: World) -> None:
    phone, keys = world.enrolled(), Keys(world).new().rotate()
    account = world.account_of(phone)
    old, new = (
        next(
            spelling.digest for spelling in world.deployment.vault.spellings("line", BANK, LINE) if spelling.key == name
        )
        for name in (keys.first, keys.second)
    )
    assert world.run(world.store.accounts_of_line(BANK, old, 9)) == [account.id]
    keys.rekey()
    assert world.run(world.store.accounts_of_line(BANK, old, 9)) == []
    assert world.run(world.store.accounts_of_line(BANK, new, 9)) == [account.id]
    phone.rebind_line(OTHER_LINE)
    assert world.run(world.store.accounts_of_line(BANK, new, 9)) == []
    whole(world)
