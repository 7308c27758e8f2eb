"""``pteri wallet``: what looks after an account, as it is typed: removals, officers, guardians, a wallet that waits."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from phones import EMAIL, HOUR, client
from pteri.core.acts import phone_name
from pteri.provision import provision
from pteri.settings import load_settings
from pteri.wallet.server import Reply, Request
from shells import SERVICE, Shell, shell_of, shell_of_officer, with_account, with_wallet
from world import LINE, OFFICERS, World


def with_second_phone(world: World, first: Shell) -> tuple[Shell, str]:
    """Another verified phone of the account, and its name."""
    second = shell_of(world, "second phone")
    offer = second.json("migrate", "offer", *SERVICE)["offer"]
    first.json("migrate", "approve", offer, "--yes")
    second.json("migrate", "answer")
    second.json("migrate", "code", first.json("migrate", "approve", offer, "--yes")["code"])
    first.json("migrate", "approve", offer, "--yes")
    world.clock.advance(HOUR)
    first.json("migrate", "hand-over", "--yes")
    return second, str(second.json("migrate", "finish", "--yes")["phone"])


def state_of(shell: Shell, name: str) -> Any:
    return {phone_name(one["thumbprint"]): one["state"] for one in shell.json("devices")["phones"]}[name]


def test_the_old_phone_waits_for_the_new_one_longer_than_its_keys_are_open_otherwise(world: World) -> None:
    old, new = with_account(world), shell_of(world, "new phone")
    offer = new.json("migrate", "offer", *SERVICE)["offer"]
    steps = iter((lambda: new.json("migrate", "answer"), lambda: new.json("migrate", "code", _code(old, offer))))

    def slow_person(_: float) -> None:
        world.clock.advance(200)
        next(steps)()

    result = old.run("migrate", "approve", offer, "--yes", "--wait", "599", pause=slow_person)
    assert result.exit_code == 0, result.output
    assert "is let in" in result.stdout


def _code(old: Shell, offer: str) -> str:
    return str(old.json("migrate", "approve", offer, "--yes", "--wait", "0")["code"])


# --- removing a phone ---------------------------------------------------------------------------------------------


def test_another_phone_is_suspended_for_a_day_and_the_person_hears_how_to_remove_it_at_once(world: World) -> None:
    first = with_account(world)
    _, name = with_second_phone(world, first)
    said = first.run("revoke", name, "--yes").stdout
    assert "nothing but object, and is removed for ever at" in said
    assert "--code removes it at once" in said
    assert state_of(first, name) == "SUSPENDED"
    again = first.json("revoke", name, "--yes", code=1)
    assert again["code"] == "HELD"
    assert "--code removes it at once" in again["message"]
    assert again["until"] == world.clock.now() + 24 * HOUR


def test_with_a_recovery_code_another_phone_goes_at_once(world: World) -> None:
    first = with_account(world)
    code = first.json("protect", "--yes")["recovery_codes"][0]
    second, name = with_second_phone(world, first)
    assert "can do nothing any more" in first.run("revoke", name, "--code", "--yes", typed=code + "\n").stdout
    assert state_of(first, name) == "REVOKED"
    assert second.refusal("devices") == "DENIED"


def test_with_a_recovery_code_a_suspended_phone_goes_at_once_too(world: World) -> None:
    first = with_account(world)
    file = world.directory / "code"
    file.write_text(first.json("protect", "--yes")["recovery_codes"][1])
    _, name = with_second_phone(world, first)
    first.json("revoke", name, "--yes")
    assert first.json("revoke", name, "--code-file", str(file), "--yes")["decision"] == "permit"
    assert state_of(first, name) == "REVOKED"


def test_a_wrong_recovery_code_removes_nobody(world: World) -> None:
    first = with_account(world)
    codes = first.json("protect", "--yes")["recovery_codes"]
    _, name = with_second_phone(world, first)
    first.json("protect", "--code", "--yes", typed=codes[0] + "\n")  # the old ones are void from here on
    assert first.json("revoke", name, "--code", "--yes", typed=codes[1] + "\n", code=1)["code"] == "WRONG_CODE_KEY"
    assert state_of(first, name) == "ACTIVE"


def test_a_removal_that_counts_is_told_as_such_also_when_nobody_can_look_what_came_of_it(world: World) -> None:
    first = with_account(world)
    _, name = with_second_phone(world, first)
    asked = 0

    def deaf(request: Request) -> Reply | None:
        nonlocal asked
        asked += request.target_uri.endswith("/devices")
        return Reply(503, b"") if asked == 2 else None

    first.wire.forge = deaf
    result = first.run("revoke", name, "--yes")
    assert result.exit_code == 0
    assert "The removal of the phone" in result.stdout
    first.wire.forge = lambda _: None
    assert state_of(first, name) == "SUSPENDED"


# --- who may help -------------------------------------------------------------------------------------------------


def test_a_new_account_says_that_nobody_can_help_yet_until_somebody_can(world: World) -> None:
    shell, site = with_wallet(world), client(world)
    waiting = site.start_binding(EMAIL, line=LINE)
    said = shell.run("enroll", waiting.qr, "--line", LINE, "--yes").stdout
    assert "Nobody can help you yet" in said
    assert "pteri wallet protect" in said
    site.enter_code(waiting.id, said.split("started: ")[1].split("\n")[0], waiting.session)
    assert "Nobody can help you yet" in shell.run("devices").stdout
    assert shell.json("sign-in", site.start_sign_in(EMAIL).qr, "--yes")["decision"] == "permit"
    shell.json("protect", "--yes")
    assert "Nobody can help you yet" not in shell.run("devices").stdout


def test_a_program_hears_the_same_after_the_link(world: World) -> None:
    shell = with_wallet(world)
    waiting = client(world).start_binding(EMAIL, line=LINE)
    assert shell.json("enroll", waiting.qr, "--line", LINE, "--yes")["protected"] is False


def test_guardians_are_changed_and_the_codes_on_paper_stay(world: World) -> None:
    owner = with_account(world)
    codes = owner.json("protect", "--yes")["recovery_codes"]
    friends = [shell_of(world, name).json("create")["address"] for name in ("friend", "aunt")]
    change = ("protect", "--guardian", friends[0], "--guardian", friends[1], "--keep-codes", "--code", "--yes")
    result = owner.run(*change, typed=codes[0] + "\n")
    assert "The recovery codes that you have on paper stay." in result.stdout
    assert "Write these" not in result.stdout
    seen = owner.json("devices")
    assert (seen["recovery_codes"], seen["guardians"]["wallets"]) == (2, sorted(friends))
    told = owner.json("protect", "--keep-codes", "--code", "--yes", typed=codes[1] + "\n")
    assert (told["decision"], told["recovery_codes"], told["guardians"]) == ("permit", [], sorted(friends))


def test_there_must_be_codes_that_can_stay(world: World) -> None:
    owner = with_account(world)
    assert owner.refusal("protect", "--keep-codes", "--yes") == "NOT_FOUND"
    assert owner.run("protect", "--keep-codes", "--no-codes", "--yes").exit_code == 2


# --- officers -----------------------------------------------------------------------------------------------------


def test_two_officers_let_in_who_lost_everything(world: World) -> None:
    owner, new = with_account(world), shell_of(world, "new phone")
    account = owner.json("devices")["account"]
    address = new.json("create")["address"]
    name = new.json("recover", "name")
    speaking = ("attest", *SERVICE, "--account", account, "--phone", name["thumbprint"], "--yes")
    claim = ("recover", "start", *SERVICE, "--account", account, "--officers", "--yes")
    first, second = (shell_of_officer(world, officer) for officer in OFFICERS[:2])
    assert f"You have spoken for the phone {name['phone']}." in first.run(*speaking, "--index", "50").stdout
    assert new.json(*claim, code=1)["code"] == "WEAK_EVIDENCE"
    told = second.json(*speaking, "--index", "51")
    assert (told["decision"], told["purpose"], told["account"]) == ("permit", "attest", account)
    assert new.json(*claim)["until"] == world.clock.now() + 72 * HOUR
    world.clock.advance(72 * HOUR)
    finished = new.json("recover", "finish", "--yes")
    assert (finished["decision"], finished["new_wallet"]) == ("permit", True)
    assert new.json("devices")["wallet"] == address


def test_an_officer_speaks_once_for_a_phone(world: World) -> None:
    owner, new = with_account(world), shell_of(world, "new phone")
    account = owner.json("devices")["account"]
    new.json("create")
    name = new.json("recover", "name")["thumbprint"]
    officer = shell_of_officer(world, OFFICERS[0])
    speaking = ("attest", *SERVICE, "--account", account, "--phone", name, "--index", "50", "--yes")
    officer.json(*speaking)
    assert officer.json(*speaking, code=1)["code"] == "ALREADY_SPOKEN"


@pytest.mark.parametrize("pseudonym", ["desk one", 'she says "no"', "Büro 2\x7f"])
def test_an_officers_entry_is_what_the_settings_of_a_service_take(world: World, pseudonym: str) -> None:
    shells = (shell_of(world, "first"), shell_of(world, "second"))
    lines = []
    for shell in shells:
        shell.json("create")
        lines.append(shell.run("officer-entry", "--name", f"{pseudonym} {shell.home.name}").stdout.splitlines()[-1])
    assert (
        shells[0].json("officer-entry", "--name", "x")["officer"]
        == tomllib.loads("officer = " + shells[0].run("officer-entry", "--name", "x").stdout.splitlines()[-1])[
            "officer"
        ]
    )
    settings = _service(world.directory / "service")
    settings.write_text(settings.read_text().replace("officers = []", f"officers = [{', '.join(lines)}]"))
    [tenant] = load_settings(settings).tenants
    assert [officer.name for officer in tenant.officers] == [f"{pseudonym} first", f"{pseudonym} second"]


def _service(directory: Path) -> Path:
    return provision(directory, domain="bank.example", tenant="bank", network="main", port=8750).settings


# --- after a recovery ---------------------------------------------------------------------------------------------


def test_who_is_back_hears_what_the_new_wallet_needs(world: World) -> None:
    owner, new = with_account(world), with_wallet(world, "new phone")
    code = owner.json("protect", "--yes")["recovery_codes"][0]
    new.json("recover", "start", *SERVICE, "--code", "--yes", typed=code + "\n")
    world.clock.advance(48 * HOUR)
    said = new.run("recover", "finish", "--yes").stdout
    for text in ("has a new wallet", "pteri wallet backup FOLDER", "pteri wallet protect"):
        assert text in said


def test_with_the_wallet_alone_there_is_no_new_one_to_speak_of(world: World) -> None:
    with_account(world)
    new = with_wallet(world, "new phone")
    new.json("recover", "start", *SERVICE, "--yes")
    world.clock.advance(72 * HOUR)
    assert new.json("recover", "finish", "--yes")["new_wallet"] is False


def test_a_new_wallet_that_came_to_nothing_is_discarded_and_one_in_use_is_not(world: World) -> None:
    shell = with_account(world)
    assert shell.refusal("discard-new-wallet") == "NOT_FOUND"
    shell.json("replace-wallet", "--yes")
    world.clock.advance(HOUR)
    assert shell.refusal("discard-new-wallet") == "WALLET_IN_USE"
    shell.json("object", "--yes")
    assert "is gone. No account has it." in shell.run("discard-new-wallet").stdout


def test_a_claimant_whose_claim_was_stopped_keeps_a_sealed_copy(world: World) -> None:
    owner, new = with_account(world), with_wallet(world, "new phone")
    code = owner.json("protect", "--yes")["recovery_codes"][0]
    new.json("recover", "start", *SERVICE, "--code", "--yes", typed=code + "\n")
    owner.json("object", "--yes")
    new.json("forget", "--yes")
    told = new.json("discard-new-wallet")
    assert Path(told["copy"]).exists()
    assert new.refusal("discard-new-wallet") == "NOT_FOUND"
