"""``pteri wallet``: what a person types, what a person reads, what a program reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chains import DAY, OFFERED
from phones import EMAIL, Wire, client, unasked
from pteri.core.keys.message import verify_message
from pteri.core.keys.secret import Secret
from pteri.core.offline import spaced_offline_code
from pteri.domain.rules import rules_from
from pteri.wallet.cli import app, this_machine
from pteri.wallet.keystore import Keystore
from pteri.wallet.transfer_notes import TransferNotes
from pteri.wallet.wallet import Wallet
from shells import PASSPHRASE, Shell, shell_of, with_account, with_wallet
from world import ALICE_WORDS, LINE, ORIGIN, SimEntropy, World
from worlds import Worlds

HOUR = 3600
SECRETS = ("abandon", PASSPHRASE)


class FakeKeychain:
    """Keeps what it is given, as the one of an operating system does."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.entries[service, username] = password


@pytest.fixture
def shell(world: World) -> Shell:
    """A terminal without a wallet."""
    return shell_of(world, "phone")


# --- keys --------------------------------------------------------------------------------------------------------


def test_create_makes_a_wallet_and_shows_no_word_unasked(shell: Shell) -> None:
    told = shell.json("create")
    assert set(told) == {"ok", "address", "path", "kind", "network"}
    assert told["path"] == "m/44'/2'/85'/0/0"
    assert shell.json("address") == told
    assert sorted(path.name for path in shell.home.iterdir()) == [".lock", "wallet.json"]


def test_create_shows_the_words_when_asked(shell: Shell) -> None:
    told = shell.json("create", "--words", "24", "--show-words", "--network", "regtest")
    assert len(told["words"].split()) == 24
    assert Wallet.from_mnemonic(told["words"], network="regtest").address() == told["address"]


def test_create_advises_a_sealed_copy(shell: Shell) -> None:
    result = shell.run("create")
    assert "pteri wallet backup" in result.stdout
    assert result.stderr == ""


def test_create_overwrites_no_wallet(shell: Shell) -> None:
    before = shell.json("create")
    assert shell.refusal("create") == "EXISTS"
    assert shell.refusal("restore", typed=ALICE_WORDS) == "EXISTS"
    assert shell.json("address") == before


@pytest.mark.parametrize("words", ["11", "15", "0"])
def test_create_makes_wallets_of_12_or_24_words(shell: Shell, words: str) -> None:
    assert shell.refusal("create", "--words", words) == "MNEMONIC"
    assert not shell.home.exists()


def test_restore_takes_words_from_standard_input(shell: Shell) -> None:
    assert shell.json("restore", typed=f"  {ALICE_WORDS}\n")["address"] == Wallet.from_mnemonic(ALICE_WORDS).address()


def test_restore_asks_a_person_without_showing_what_is_typed(shell: Shell) -> None:
    answers = iter([ALICE_WORDS])
    result = shell.run("restore", is_interactive=True, prompt=lambda _: next(answers))
    assert result.exit_code == 0
    assert not any(secret in result.output for secret in SECRETS)


@pytest.mark.parametrize("words", ["", "abandon", "abandon " * 12, "x" * 5000])
def test_restore_refuses_what_are_no_words_and_does_not_repeat_them(shell: Shell, words: str) -> None:
    result = shell.run("restore", typed=words)
    assert result.exit_code == 1
    assert "MNEMONIC" in result.stderr
    assert not any(secret in result.output for secret in SECRETS)
    assert not shell.home.exists()


def test_backup_and_restore_bring_the_wallet_and_no_phone(world: World, shell: Shell) -> None:
    address = shell.json("create")["address"]
    folder = world.directory / "usb stick"
    folder.mkdir()
    first = shell.json("backup", str(folder))["file"]
    second = shell.json("backup", str(folder))["file"]
    assert sorted(str(path) for path in folder.iterdir()) == [first, second]
    assert shell.json("backup", str(folder / "own name"))["file"] == str(folder / "own name")
    assert shell.refusal("backup", str(folder / "own name")) == "EXISTS"
    other = shell_of(world, "other computer")
    assert other.json("restore", "--backup", first)["address"] == address
    assert other.refusal("devices") == "NOT_ENROLLED"
    assert shell_of(world, "third").refusal("restore", "--backup", str(folder / "nothing")) == "NOT_FOUND"


def test_address_and_sign_know_four_kinds(world: World) -> None:
    shell = with_wallet(world)
    for kind in ("p2pkh", "p2sh-p2wpkh", "p2wpkh", "p2tr"):
        told = shell.json("sign", "grüezi", "--kind", kind, "--index", "3")
        assert verify_message(told["address"], "grüezi".encode(), told["signature"]).address == told["address"]
        assert shell.json("address", "--kind", kind, "--index", "3")["address"] == told["address"]
    assert shell.run("sign", "grüezi").stdout.strip() == shell.json("sign", "grüezi")["signature"]


def test_sign_refuses_what_looks_like_a_sign_in(world: World) -> None:
    text = "bank.example wants you to sign in with your Litecoin account:"
    assert with_wallet(world).refusal("sign", text) == "LOOKS_LIKE_STATEMENT"


@pytest.mark.parametrize(
    "words",
    [
        ("address", "--kind", "p2wsh"),
        ("address", "--index", "-1"),
        ("address", "--network", "bitcoin"),
        ("address", "--nonsense"),
        ("sign",),
        ("migrate", "offer"),
        ("recover", "start", "--server", ORIGIN),
        ("nonsense",),
    ],
)
def test_a_command_line_that_is_wrong_is_exit_code_2(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words).exit_code == 2


# --- passphrases -------------------------------------------------------------------------------------------------


def test_another_passphrase_opens_nothing(world: World) -> None:
    shell = with_wallet(world)
    other = world.directory / "other.passphrase"
    other.touch(mode=0o600)
    other.write_text("another passphrase")
    assert shell.refusal("address", "--passphrase-file", str(other)) == "WRONG_PASSPHRASE_OR_DAMAGED"
    other.chmod(0o644)
    assert shell.refusal("address", "--passphrase-file", str(other)) == "EXPOSED"


def test_without_a_passphrase_and_without_anybody_there_is_a_refusal(shell: Shell) -> None:
    assert shell.refusal("create", passphrase_file=None) == "NO_PASSPHRASE"


def test_a_person_types_a_new_passphrase_twice(shell: Shell) -> None:
    questions: list[str] = []

    def person(question: str) -> str:
        questions.append(question)
        return PASSPHRASE

    assert shell.run("create", passphrase_file=None, prompt=person).exit_code == 0
    assert len(questions) == 2
    assert shell.run("address", passphrase_file=None, prompt=person).exit_code == 0
    assert len(questions) == 3


def test_the_keychain_remembers_when_asked(shell: Shell) -> None:
    keychain = FakeKeychain()
    shell.json("create", "--remember", keychain=lambda: keychain)
    [name] = {name for _, name in keychain.entries}
    assert name == str(shell.home)
    assert shell.run("address", passphrase_file=None, keychain=lambda: keychain).exit_code == 0
    assert shell.refusal("create", "--remember", keychain=lambda: keychain) == "EXISTS"


def test_the_keychain_remembers_a_restored_wallet_too(world: World) -> None:
    sealed = with_wallet(world).json("backup", str(world.directory / "copy"))["file"]
    keychain, other = FakeKeychain(), shell_of(world, "other computer")
    other.json("restore", "--backup", sealed, "--remember", keychain=lambda: keychain)
    assert other.run("address", passphrase_file=None, keychain=lambda: keychain).exit_code == 0


def test_a_computer_without_a_keychain_says_so(shell: Shell) -> None:
    assert "no keychain" in shell.run("create", "--remember").stdout


def test_home_may_be_given_for_one_command(world: World) -> None:
    shell = with_wallet(world)
    elsewhere = str(world.directory / "elsewhere")
    assert shell.refusal("address", "--home", elsewhere) == "NOT_FOUND"
    assert shell.json("create", "--home", elsewhere)["address"] != shell.json("address")["address"]


# --- the phone ---------------------------------------------------------------------------------------------------


def test_flowchart_1_by_command_line(world: World) -> None:
    shell, site = with_account(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    listed = shell.json("prompts")
    assert listed == {"ok": True, "prompts": [{"id": waiting.id, "expires_at": waiting.expires_at}], "unasked": 0}
    told = shell.json("sign-in", waiting.id, "--number", waiting.number, "--yes", "--details")
    assert set(told) == {
        *("ok", "code", "decision", "reason", "until", "purpose", "domain", "account", "request", "phone"),
        *("statement", "statement_sha256"),
    }
    assert told["statement_sha256"] == told["statement_sha256"].upper()
    assert told["statement"].startswith("bank.example wants you to sign in")
    assert site.enter_code(waiting.id, told["code"], waiting.session).account == told["account"]
    [phone] = shell.json("devices")["phones"]
    assert (phone["name"], phone["this_phone"], phone["state"]) == (told["phone"], True, "ACTIVE")


def test_a_scanned_sign_in_is_one_request_by_command_line(world: World) -> None:
    shell, waiting = with_account(world), unasked(world)
    sent = len(shell.wire.sent)
    told = shell.json("sign-in", waiting.qr, "--number", waiting.number, "--line", LINE, "--yes")
    # The look at the log comes after the answer, and nothing waits for it.
    assert shell.wire.places[sent:] == ["response", "log"]
    assert client(world).enter_code(waiting.id, told["code"], waiting.session).account == told["account"]


def test_flowchart_2_by_command_line(world: World) -> None:
    old, new = with_account(world), shell_of(world, "new phone")
    offer = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")
    approve = ("migrate", "approve", offer["offer"], "--revoke-old", "--yes")
    assert new.json("migrate", "answer") == {"ok": True, "answered": False}
    assert old.json(*approve) == {"ok": True, "step": "greeted", "new_phone": offer["phone"]}
    assert "has not answered yet" in old.run(*approve).stdout
    assert new.json("migrate", "answer") == {"ok": True, "answered": True}
    shown = old.json(*approve)
    assert new.json("migrate", "code", "123 456", code=1)["code"] == "WRONG_MOVE_CODE"
    assert new.json("migrate", "code", shown["code"])["confirmed"]
    told = old.json(*approve)
    assert (told["decision"], told["purpose"], told["until"]) == ("hold", "migrate", world.clock.now() + HOUR)
    assert old.refusal("migrate", "hand-over", "--yes") == "NOT_YET_VALID"
    assert new.refusal("migrate", "finish", "--yes") == "NO_MOVE"
    assert old.refusal("migrate", "wipe", "--yes") == "MOVE_UNDER_WAY"
    assert old.refusal("migrate", "give-up") == "MOVE_UNDER_WAY"
    world.clock.advance(HOUR)
    assert old.json("migrate", "hand-over", "--yes")["step"] == "delivered"
    assert new.json("migrate", "finish", "--yes")["decision"] == "permit"
    assert old.json("migrate", "hand-over", "--yes")["step"] == "completed"
    assert old.json("devices", code=1)["status"] == 401
    assert old.json("migrate", "wipe", "--yes") == {"ok": True, "wiped": told["phone"]}
    assert old.refusal("address") == "NOT_FOUND"


def test_two_terminals_wait_for_each_other(world: World) -> None:
    old, new = with_account(world), shell_of(world, "new phone")
    typed: list[str] = []

    def nobody_comes(seconds: float) -> None:
        world.clock.advance(round(seconds))

    shown = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank", "--wait", "2", pause=nobody_comes)
    assert "answered" not in shown

    def answered(_: float) -> None:
        """While the old phone waits, the new one answers, and its owner types what he reads."""
        world.clock.advance(1)
        if not typed:
            new.json("migrate", "answer")
            typed.append("answered")
        elif len(typed) == 1:
            typed.append(old.json("migrate", "approve", shown["offer"], "--yes", "--wait", "0")["code"])
            new.json("migrate", "code", typed[1])

    result = old.run("migrate", "approve", shown["offer"], "--yes", "--wait", "30", pause=answered)
    assert result.exit_code == 0
    assert f"Type this code on the new phone: {typed[1][:3]} {typed[1][3:]}" in result.stdout
    assert "is let in" in result.stdout


def test_a_person_types_the_code_as_soon_as_the_old_phone_shows_it(world: World) -> None:
    old, new = with_account(world), shell_of(world, "new phone")

    def old_phone_at_work(seconds: float) -> None:
        world.clock.advance(round(seconds))
        notes = TransferNotes(Keystore(new.home), lambda: Secret(PASSPHRASE.encode()), entropy=SimEntropy("camera"))
        newcomer = notes.newcomer()
        assert newcomer is not None
        old.run("migrate", "approve", newcomer.keys.offer.encode(), "--yes")

    words = ("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")
    result = new.run(*words, typed="000 000\n000 000\n000 000\n", is_interactive=True, pause=old_phone_at_work)
    assert result.exit_code == 1
    assert "Tries left: 2." in result.stdout
    assert "Tries left: 1." in result.stdout
    assert "third wrong code" in result.stderr


def test_a_move_that_came_to_nothing_is_given_up_on_both_phones(world: World) -> None:
    old, new = with_account(world), shell_of(world, "new phone")
    offer = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")["offer"]
    old.json("migrate", "approve", offer, "--yes")
    assert "forgotten" in new.run("migrate", "give-up").stdout
    assert old.json("migrate", "give-up")["given_up"]
    assert new.refusal("migrate", "answer") == "NO_MOVE"
    assert old.refusal("migrate", "hand-over", "--yes") == "NO_MOVE"
    assert old.json("devices")["phones"]


def test_the_lost_phone_by_command_line(world: World) -> None:
    lost, new = with_account(world), with_wallet(world, "new phone")
    begun = new.json("recover", "start", "--server", ORIGIN, "--tenant", "bank", "--yes")
    assert (begun["decision"], begun["until"]) == ("hold", world.clock.now() + 72 * HOUR)
    status = new.json("recover", "status")
    assert (status["recovery"]["held_until"], status["this_phone"]) == (begun["until"], "PENDING")
    assert "RECOVERY_STARTED" in {notice["kind"] for notice in lost.json("devices")["notices"]}
    assert new.refusal("recover", "finish", "--yes") == "HELD"
    world.clock.advance(72 * HOUR)
    assert new.json("recover", "finish", "--yes")["decision"] == "permit"
    assert lost.refusal("prompts") == "DENIED"


def test_the_owner_objects_to_a_thief(world: World) -> None:
    owner, thief = with_account(world), with_wallet(world, "thief")
    thief.json("recover", "start", "--server", ORIGIN, "--tenant", "bank", "--yes")
    case = owner.json("devices")["recovery"]["case"]
    assert f"pteri wallet object {case}" in owner.run("devices").stdout
    assert owner.refusal("revoke", "zoo zoo zoo zoo", "--yes") == "UNKNOWN_PHONE"
    told = owner.json("object", "--yes")
    assert (told["reason"], told["decision"]) == ("STOPPED", "permit")
    assert owner.refusal("object", "--yes") == "NOTHING_SINGLE"
    world.clock.advance(72 * HOUR)
    assert thief.json("recover", "finish", "--yes", code=1)["status"] in {401, 403}
    assert owner.refusal("revoke", "this", "--yes") == "LAST_DEVICE"


def test_addresses_for_warnings_are_named_shown_and_taken_away_after_a_wait(world: World) -> None:
    owner = with_account(world)
    assert "phones only" in owner.run("channels", "show").stdout
    assert owner.json("channels", "set", "Alice@Mail.example", "--yes")["decision"] == "permit"
    assert "alice@mail.example" not in owner.run("channels", "show").stdout
    assert owner.json("channels", "show")["addresses"] == ["a...@mail.example"]
    for wrong in ("alice@mail", "alice@mail.example, bob@mail.example", "alice@mail.example\nBcc: x@y.example"):
        assert owner.refusal("channels", "set", wrong, "--yes") == "NO_ADDRESS"
    assert owner.refusal("channels", "set", "a@mail.example", "mailto:A@mail.example", "--yes") == "NO_ADDRESS"
    assert owner.run("channels", "set").exit_code == 2
    assert owner.run("channels", "set", "a@mail.example", "--none").exit_code == 2
    asked = owner.run("channels", "set", "--none", "--yes").stdout
    assert "those of now hear everything" in asked
    shown = owner.run("channels", "show").stdout
    assert "go to: no address" in shown
    assert "hear, too: 1." in owner.run("devices").stdout
    told = owner.json("channels", "show")
    assert (told["waiting"], told["held_until"]) == ([], world.clock.now() + 72 * HOUR)
    assert f"pteri wallet object {told['case']}" in owner.run("devices").stdout
    assert owner.json("object", "--yes")["reason"] == "STOPPED"
    assert owner.json("channels", "show")["waiting"] is None


def test_codes_are_shown_once_and_a_wallet_is_replaced_with_one(world: World) -> None:
    shell = with_account(world)
    codes = shell.json("protect", "--yes")["recovery_codes"]
    assert [len(code) for code in codes] == [29, 29]
    assert shell.json("protect", "--show-again")["recovery_codes"] == []
    old = shell.json("address")["address"]
    wrong = shell.json("replace-wallet", "--code", "--yes", typed=codes[0][:-1] + "\n", code=1)
    assert wrong["code"] == "RECOVERY_CODE"
    assert codes[0] not in wrong["message"]
    file = world.directory / "code"
    file.write_text(codes[0])
    told = shell.json("replace-wallet", "--code-file", str(file), "--yes")
    assert (told["decision"], told["until"]) == ("permit", None)
    assert shell.json("address")["address"] == shell.json("devices")["wallet"] != old


def test_a_wallet_is_replaced_after_a_wait_by_the_same_command_twice(world: World) -> None:
    shell = with_account(world)
    assert "give this command again" in shell.run("replace-wallet", "--yes").stdout
    assert shell.refusal("replace-wallet", "--yes") == "HELD"
    world.clock.advance(72 * HOUR)
    assert "pteri wallet backup" in shell.run("replace-wallet", "--yes").stdout
    assert shell.json("address")["address"] == shell.json("devices")["wallet"]


def test_who_lost_everything_is_helped_by_guardians_and_a_code(world: World) -> None:
    owner, service = with_account(world), ("--server", ORIGIN, "--tenant", "bank")
    helpers = [shell_of(world, name) for name in ("friend", "aunt")]
    addresses = [helper.json("create")["address"] for helper in helpers]
    named = [word for address in addresses for word in ("--guardian", address)]
    told = owner.json("protect", *named, "--needed", "2", "--yes")
    assert sorted(addresses) == told["guardians"]
    account, code = told["account"], told["recovery_codes"][0]
    new = shell_of(world, "new phone")
    address = new.json("create")["address"]
    name = new.json("recover", "name")
    for helper in helpers:
        spoken = helper.json("vouch", *service, "--account", account, "--phone", name["thumbprint"], "--yes")
        assert spoken["decision"] == "permit"
    claim = ("recover", "start", *service, "--account", account, "--guardians", "--code", "--yes")
    assert new.json(*claim, typed=code + "\n")["until"] == world.clock.now() + 24 * HOUR
    world.clock.advance(24 * HOUR)
    assert new.json("recover", "finish", "--yes")["decision"] == "permit"
    assert new.json("devices")["wallet"] == address


def test_the_account_is_stopped_from_elsewhere_and_opened_again_with_a_code(world: World) -> None:
    owner, elsewhere = with_account(world), with_wallet(world, "elsewhere")
    code = owner.json("protect", "--yes")["recovery_codes"][0]
    service = ("--server", ORIGIN, "--tenant", "bank")
    assert elsewhere.run("stop", *service, "--code", "--yes").exit_code == 2
    assert "for a day" in elsewhere.run("stop", *service, "--yes").stdout
    assert "FROZEN" in owner.run("devices").stdout
    assert "open again" in owner.run("unfreeze", "--yes", typed=code + "\n").stdout
    assert owner.json("freeze", "--yes")["reason"] == "CONTESTED"
    assert "two guardians or officers" in owner.run("devices").stdout


def test_only_an_officer_attests(world: World) -> None:
    owner, new = with_account(world), shell_of(world, "new phone")
    account = owner.json("devices")["account"]
    new.json("create")
    name = new.json("recover", "name")["thumbprint"]
    service = ("--server", ORIGIN, "--tenant", "bank")
    stranger = new.json("attest", *service, "--account", account, "--phone", name, "--yes", code=1)
    assert stranger["status"] == 401


def test_a_drill_is_recorded_with_the_account_when_its_owner_wants(world: World) -> None:
    shell = with_account(world)
    folder = world.directory / "usb stick"
    folder.mkdir()
    shell.json("backup", "--to", str(folder))
    assert shell.json("drill")["recorded"] is False
    assert shell.json("devices")["backup_verified_at"] == 0
    assert shell.json("drill", "--record")["recorded"] is True
    assert shell.json("devices")["backup_verified_at"] == world.clock.now()


def test_who_has_not_tried_a_backup_for_long_is_told_with_the_code(worlds: Worlds) -> None:
    world = worlds(rules=rules_from({"backup_check_s": 90 * DAY}))
    shell = with_account(world)
    folder = world.directory / "usb stick"
    folder.mkdir()
    shell.json("backup", "--to", str(folder))

    def says_so() -> bool:
        waiting = unasked(world)
        told = shell.run("sign-in", waiting.qr, "--number", waiting.number, "--line", LINE, "--yes").stdout
        assert "Type this code on the other screen" in told
        return "pteri wallet drill --record" in told

    assert not says_so()
    world.clock.advance(90 * DAY)
    assert says_so()
    shell.json("drill", "--record")
    assert not says_so()


def test_recover_status_without_a_recovery(world: World) -> None:
    shell = with_account(world)
    assert shell.json("recover", "status") == {"ok": True, "recovery": None, "this_phone": "ACTIVE"}
    assert "No recovery" in shell.run("recover", "status").stdout


# --- what a person sees ------------------------------------------------------------------------------------------


def test_a_person_reads_what_is_asked_and_says_yes(world: World) -> None:
    shell, site = with_account(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    result = shell.run("sign-in", waiting.qr, typed="y\n", is_interactive=True)
    assert result.exit_code == 0
    for text in ("sign in", "bank.example", waiting.number, "Type this code on the other screen: "):
        assert text in result.stdout
    assert "SHA-256" not in result.stdout
    code = result.stdout.split("other screen: ")[-1].splitlines()[0].strip()
    assert site.enter_code(waiting.id, code, waiting.session).state == "COMPLETED"


def test_details_show_the_exact_text_and_its_digest(world: World) -> None:
    shell = with_account(world)
    waiting = client(world).start_sign_in(EMAIL)
    result = shell.run("sign-in", waiting.qr, "--details", "--yes")
    assert "Nonce: " in result.stdout
    assert "SHA-256: " in result.stdout


@pytest.mark.parametrize("typed", ["n\n", "\n"])
def test_a_person_says_no(world: World, typed: str) -> None:
    shell = with_account(world)
    waiting = client(world).start_sign_in(EMAIL)
    sent = len(shell.wire.responses)
    result = shell.run("sign-in", waiting.qr, typed=typed, is_interactive=True)
    assert (result.exit_code, len(shell.wire.responses)) == (1, sent)
    assert "DECLINED" in result.stderr
    assert client(world).progress(waiting.id).state == "WAITING"


def let_in(world: World, old: Shell) -> Shell:
    """A second phone, beside the first one."""
    new = shell_of(world, "new phone")
    offer = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")["offer"]
    old.json("migrate", "approve", offer, "--yes")
    new.json("migrate", "answer")
    new.json("migrate", "code", old.json("migrate", "approve", offer, "--yes")["code"])
    old.json("migrate", "approve", offer, "--yes")
    world.clock.advance(HOUR)
    old.json("migrate", "hand-over", "--yes")
    new.json("migrate", "finish", "--yes")
    return new


AGAIN = "Asked once more: the phones of your account have changed"


def test_a_person_hears_why_the_phone_asks_twice(world: World) -> None:
    shell = with_account(world)
    let_in(world, shell)
    waiting = unasked(world)
    result = shell.run("sign-in", waiting.qr, typed="y\ny\n", is_interactive=True)
    assert result.exit_code == 0
    assert result.stdout.count("Sign this?") == 2
    before, _, after = result.stdout.partition(AGAIN)
    assert "Number on the other screen" in before
    assert f"Number on the other screen: {waiting.number}" in after
    again = shell.run("sign-in", unasked(world).qr, typed="y\n", is_interactive=True)
    assert (again.exit_code, AGAIN in again.stdout) == (0, False)


def test_a_person_may_say_no_when_the_phone_asks_again(world: World) -> None:
    shell = with_account(world)
    let_in(world, shell)
    sent = len(shell.wire.responses)
    result = shell.run("sign-in", unasked(world).qr, typed="y\nn\n", is_interactive=True)
    assert (result.exit_code, len(shell.wire.responses)) == (1, sent + 1)
    assert "DECLINED" in result.stderr


def test_a_denied_sign_in_says_what_to_do(world: World) -> None:
    shell = with_account(world)
    told = shell.json("sign-in", unasked(world, "nobody@example.com").qr, "--yes", code=1)
    assert (told["code"], told["status"]) == ("DENIED", 401)
    assert "Start it again on the other screen" in told["message"]
    new = let_in(world, shell)
    world.clock.advance(72 * HOUR)
    gone = shell.json("devices")["phones"][0]["name"]
    new.json("revoke", gone, "--yes")
    told = shell.json("sign-in", unasked(world).qr, "--yes", code=1)
    assert "it was removed" in told["message"]


def test_a_program_is_not_taken_for_a_person(world: World) -> None:
    shell = with_account(world)
    waiting = client(world).start_sign_in(EMAIL)
    assert shell.refusal("sign-in", waiting.qr) == "DECLINED"
    assert shell.refusal("sign-in", waiting.id, "--yes") == "NUMBER_NEEDED"
    assert client(world).progress(waiting.id).state == "WAITING"


def test_a_lie_names_its_field(world: World) -> None:
    shell = with_account(world)
    waiting = client(world).start_sign_in(EMAIL)
    told = shell.json("sign-in", waiting.qr, "--number", "xx", "--yes", code=1)
    assert (told["code"], told["field"]) == ("FIELD_MISMATCH", "code")


def test_a_server_that_is_away_is_told_plainly(world: World) -> None:
    shell = with_account(world)
    shell.wire.requests_to_lose = 100
    assert shell.refusal("prompts") == "UNREACHABLE"


def test_the_recovery_terms_are_shown_before_a_phone_is_linked(world: World) -> None:
    shell = with_wallet(world)
    waiting = client(world).start_binding(EMAIL)
    result = shell.run("enroll", waiting.qr, "--yes", "--network", "main")
    assert "PTERI recovery terms" in result.stdout
    assert "This phone is called: " in result.stdout


def test_lists_are_readable(world: World) -> None:
    shell, site = with_account(world), client(world)
    assert "Nobody is signing in." in shell.run("prompts").stdout
    for _ in range(6):
        waiting = site.start_sign_in(EMAIL)
    shown = shell.run("prompts").stdout
    assert "1 more were too many" in shown
    assert waiting.id not in shown
    assert "(this phone)" in shell.run("devices").stdout


def test_the_offer_is_a_picture_in_a_terminal_only(world: World) -> None:
    words = ("migrate", "offer", "--server", ORIGIN, "--tenant", "bank", "--wait", "0")
    shell = with_wallet(world)
    assert "\u2588" in shell.run(*words, is_interactive=True).stdout
    assert "\u2588" not in shell.run(*words).stdout
    assert "\u2588" not in shell.run(*words, "--json", is_interactive=True).stdout


def test_notices_are_listed_with_their_time(world: World) -> None:
    owner, thief = with_account(world), with_wallet(world, "thief")
    thief.json("recover", "start", "--server", ORIGIN, "--tenant", "bank", "--yes")
    assert "RECOVERY_STARTED" in owner.run("devices").stdout
    assert "waiting time ends" in thief.run("recover", "status").stdout


def test_forget_asks_first(world: World) -> None:
    shell = with_account(world)
    assert shell.run("forget", typed="n\n", is_interactive=True).exit_code == 1
    assert shell.json("devices")["phones"]
    assert shell.run("forget", typed="y\n", is_interactive=True).exit_code == 0
    assert shell.refusal("devices") == "NOT_ENROLLED"


def test_no_output_of_a_whole_story_shows_a_secret(world: World) -> None:
    shell, new = with_account(world), with_wallet(world, "new phone")
    offer = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")["offer"]
    runs: list[Callable[[], Result]] = [
        lambda: shell.run("address"),
        lambda: shell.run("devices", "--json"),
        lambda: shell.run("migrate", "approve", offer, "--yes", "--details"),
        lambda: new.run("migrate", "answer"),
        lambda: shell.run("migrate", "approve", offer, "--yes", "--details"),
        lambda: new.run("migrate", "code", "000000"),
        lambda: new.run("migrate", "finish", "--yes"),
        lambda: shell.run("sign", "hello"),
    ]
    for run in runs:
        result = run()
        assert not any(secret in result.output for secret in SECRETS)


# --- this machine ------------------------------------------------------------------------------------------------


def test_this_machine_follows_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = tmp_path / "clock.json"
    clock.write_text('{"offset_s":86400}\n')
    monkeypatch.setenv("PTERI_WALLET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PTERI_CLOCK_FILE", raising=False)
    real = this_machine()
    monkeypatch.setenv("PTERI_CLOCK_FILE", str(clock))
    stepped = this_machine()
    assert real.home == tmp_path / "home"
    assert 86_000 < stepped.clock.now() - real.clock.now() < 87_000
    stepped.connect().close()
    assert CliRunner().invoke(app, ["address", "--json"]).exit_code == 1


# --- without a network ----------------------------------------------------------------------------------------------


def test_codes_are_prepared_with_a_network_and_shown_without_one(worlds: Worlds) -> None:
    world = worlds(rules=OFFERED)
    shell = with_account(world)
    prepared = shell.json("offline-codes", "prepare", "--days", "2", "--yes")
    assert prepared["ends_at"] == world.clock.now() + 2 * DAY
    assert "can sign in without a network until" in shell.run("devices").stdout
    sent = len(shell.wire.sent)
    shown = shell.json("offline-codes", "show")
    assert len(shell.wire.sent) == sent
    plain = shell.run("offline-codes", "show").stdout
    assert spaced_offline_code(shown["code"]) in plain
    waiting = unasked(world)
    typed = spaced_offline_code(shown["code"])
    signed_in = client(world).enter_offline_code(waiting.qr, typed, waiting.session)
    assert (signed_in.acr, signed_in.level) == ("pteri:offline", "REDUCED")
    world.clock.advance(2 * DAY)
    assert shell.refusal("offline-codes", "show") == "NO_OFFLINE_CODES"


def test_a_service_without_offline_codes_says_so_on_the_command_line(world: World) -> None:
    shell = with_account(world)
    assert shell.refusal("offline-codes", "prepare", "--yes") == "NOT_OFFERED"
    assert shell.refusal("offline-codes", "show") == "NO_OFFLINE_CODES"


# --- without a network, and with a camera --------------------------------------------------------------------------


def no_network() -> Wire:
    raise AssertionError("a phone that was told to use no network has asked for one")


def test_a_sign_in_without_a_network_by_command_line(world: World) -> None:
    shell, waiting, site = with_account(world), unasked(world), client(world)
    told = shell.json("sign-in", waiting.qr, "--offline", "--line", LINE, "--yes", "--details", connect=no_network)
    assert set(told) == {
        *("ok", "answer", "signed_at", "clock", "expires_at", "purpose", "domain", "account", "request", "phone"),
        *("statement", "statement_sha256"),
    }
    assert (told["clock"], told["signed_at"], told["expires_at"]) == ("own", world.clock.now(), waiting.expires_at)
    assert site.bring_answer(waiting.qr, told["answer"], waiting.session).account == told["account"]


def test_a_person_without_a_network_reads_what_to_do_with_the_answer(world: World) -> None:
    shell, waiting, site = with_account(world), unasked(world), client(world)
    result = shell.run("sign-in", waiting.qr, "--offline", typed="y\n", is_interactive=True, connect=no_network)
    assert result.exit_code == 0
    for said in (
        "Show this to the camera of the other screen",
        "there is no code to type",
        "Show it to no other screen",
        "this phone's own clock: ",
        "pteri wallet devices",
    ):
        assert said in result.stdout
    assert "\u2588" in result.stdout  # a code for a camera
    [answer] = [line for line in result.stdout.splitlines() if line.startswith("PTERI1R:")]
    assert site.bring_answer(waiting.qr, answer, waiting.session).acr == "pteri:airgap"


def test_without_a_network_only_a_scanned_code_is_answered(world: World) -> None:
    shell, waiting = with_account(world), unasked(world)
    assert shell.refusal("sign-in", waiting.qr, "--offline", connect=no_network) == "DECLINED"
    for request in (waiting.id, client(world).start_binding("bob@example.com").qr):
        told = shell.json("sign-in", request, "--offline", "--yes", code=1, connect=no_network)
        assert told["code"] == "NEEDS_NETWORK"
        assert "Connect the phone" in told["message"]


def test_a_line_is_shown_named_announced_and_accepted(world: World) -> None:
    owner = with_account(world)
    assert (owner.json("line", "show")["state"], owner.json("line", "show")["level"]) == ("BOUND", 0)
    assert "nothing has changed there" in owner.run("line", "show").stdout
    told = owner.run("line", "rebind", "+49 151 12345678", "--yes").stdout
    assert "pteri wallet line accept" in told
    shown = owner.json("line", "show")
    assert (shown["state"], shown["level"]) == ("PROBATION", 0)
    assert "your words alone wait longer" in " ".join(owner.run("line", "show").stdout.split())
    assert owner.json("line", "announce", "this", "--days", "2", "--yes")["decision"] == "permit"
    assert owner.json("line", "show")["until"] == world.clock.now() + 48 * HOUR
    assert "It is to move to the phone" in owner.run("devices").stdout
    assert owner.json("line", "accept", "+4915112345678")["accepted"]
    assert owner.refusal("line", "accept", "+4915187654321") == "OTHER_LINE"
    assert owner.refusal("line", "rebind", "0151 12345678", "--yes") == "NO_ADDRESS"
    assert owner.refusal("line", "announce", "zoo zoo zoo zoo", "--yes") == "UNKNOWN_PHONE"
    assert owner.run("line", "announce", "this", "--days", "15").exit_code == 2


def test_a_token_that_no_operator_takes_says_so(world: World, tmp_path: Path) -> None:
    owner = with_account(world)
    owner.json("line", "rebind", "+4915112345678", "--yes")
    file = tmp_path / "token"
    file.write_text("a temporary token\n")
    told = owner.json("line", "prove", "--token-file", str(file))
    assert (told["accepted"], told["code"], told["state"]) == (False, "NOT_OFFERED", "PROBATION")
    assert "NOT_OFFERED" in owner.run("line", "prove", "--token-file", str(file)).stdout
    assert owner.refusal("line", "prove", "--token-file", str(tmp_path / "none")) == "NOT_FOUND"


def test_a_service_that_asks_no_chips_says_so(world: World) -> None:
    assert with_account(world).refusal("line", "chip") == "NOT_OFFERED"
