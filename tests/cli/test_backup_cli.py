"""``pteri wallet backup``, ``restore``, ``backups``, ``drill``: what a person types, reads and may get wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from backup_places import describe, make_bucket, s3, serving, webdav
from backups import WORDS, backup
from pteri.core.ids import digest_text
from pteri.core.keys.hashes import sha256
from pteri.wallet.cli import app
from pteri.wallet.desk import Machine
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import LIGHT
from pteri.wallet.server import Transport
from pteri.wallet.wallet import Wallet
from unit.wallet.test_keystore import STATE
from world import SimEntropy

PASSPHRASE = "correct horse battery"
AT = 1_790_000_000
SECRETS = ("abandon", PASSPHRASE)


@dataclass
class Standing:
    """A clock that moves when a test says so."""

    at: int = AT

    def now(self) -> int:
        return self.at


@dataclass
class Shell:
    """A terminal with a home directory, and no network."""

    home: Path
    machine: Machine
    clock: Standing
    calls: int = 0

    def run(self, *words: str, typed: str = "", **changes: Any) -> Result:
        self.calls += 1
        machine = replace(self.machine, entropy=SimEntropy(f"{self.home} {self.calls}"), **changes)
        return CliRunner().invoke(app, list(words), input=typed, obj=machine, catch_exceptions=False)

    def json(self, *words: str, code: int = 0, typed: str = "", **changes: Any) -> dict[str, Any]:
        result = self.run(*words, "--json", typed=typed, **changes)
        assert result.exit_code == code, result.output
        told = json.loads(result.stdout)
        assert told["ok"] is (code == 0)
        return dict(told)

    def refusal(self, *words: str, typed: str = "", **changes: Any) -> str:
        told = self.json(*words, code=1, typed=typed, **changes)
        assert told["message"].endswith(".")
        return str(told["code"])


def nobody(_: str) -> str:
    raise WalletError(WalletCode.NO_PASSPHRASE, "There is nobody to ask.")


def no_network() -> Transport:
    raise AssertionError("no command here speaks to a service")


def shell_at(home: Path, passphrase: str = PASSPHRASE) -> Shell:
    home.parent.mkdir(parents=True, exist_ok=True)
    file = home.with_suffix(".passphrase")
    file.touch(mode=0o600)
    file.write_text(passphrase + "\n")
    clock = Standing()
    machine = Machine(
        home=home,
        passphrase_file=file,
        no_color=True,
        is_interactive=False,
        clock=clock,
        entropy=SimEntropy("machine"),
        connect=no_network,
        keychain=lambda: None,
        prompt=nobody,
        cost=LIGHT,
    )
    return Shell(home, machine, clock)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A phone with a wallet."""
    made = shell_at(tmp_path / "phone")
    made.json("restore", typed=WORDS + "\n")
    return made


@pytest.fixture
def other(tmp_path: Path) -> Shell:
    """A phone without a wallet."""
    return shell_at(tmp_path / "other")


ADDRESS = Wallet.from_mnemonic(WORDS).address()


# --- there and back -------------------------------------------------------------------------------------------------


def test_a_backup_goes_to_a_folder_and_the_newest_comes_back(shell: Shell, other: Shell, stick: Path) -> None:
    told = shell.json("backup", "--to", str(stick))
    assert told["file"] == str(stick / told["name"])
    assert told["digest"] == digest_text(sha256((stick / told["name"]).read_bytes()))
    assert (told["removed"], told["unremoved"], told["place"]) == (0, 0, str(stick))
    assert other.json("restore", "--from", str(stick))["address"] == ADDRESS
    assert other.json("address")["address"] == ADDRESS


def test_a_restored_phone_goes_on_in_the_same_series(shell: Shell, other: Shell, stick: Path) -> None:
    shell.json("backup", "--to", str(stick))
    other.json("restore", "--from", str(stick))
    other.json("backup", "--to", str(stick))
    assert len({path.name.split("-")[3] for path in stick.iterdir()}) == 1


def test_after_the_first_backup_nobody_need_say_where(shell: Shell, stick: Path) -> None:
    for words in (("backup",), ("backups",), ("drill",)):
        assert shell.refusal(*words) == "PLACE"
    shell.json("backup", "--to", str(stick))
    assert shell.json("backup")["place"] == str(stick)
    assert len(shell.json("backups")["backups"]) == 2
    assert shell.json("drill")["place"] == str(stick)


def test_a_relative_folder_is_remembered_by_its_whole_name(
    shell: Shell, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stick.parent)
    assert shell.json("backup", "--to", "stick")["place"] == str(stick)
    monkeypatch.chdir(stick)
    assert shell.json("backup")["place"] == str(stick)


def test_a_backup_goes_to_a_new_file_and_overwrites_none(shell: Shell, other: Shell, tmp_path: Path) -> None:
    file = str(tmp_path / "own name")
    assert shell.json("backup", file)["file"] == file
    before = Path(file).read_bytes()
    assert shell.refusal("backup", file) == "EXISTS"
    assert Path(file).read_bytes() == before
    assert other.json("restore", "--backup", file)["address"] == ADDRESS


def test_five_are_kept(shell: Shell, stick: Path) -> None:
    told = [shell.json("backup", "--to", str(stick)) for _ in range(6)]
    assert [one["removed"] for one in told] == [0, 0, 0, 0, 0, 1]
    assert sorted(path.name for path in stick.iterdir()) == [one["name"] for one in told[1:]]


def test_an_absent_folder_is_told_and_nothing_is_noted(shell: Shell, tmp_path: Path) -> None:
    assert shell.refusal("backup", "--to", str(tmp_path / "absent")) == "NOT_FOUND"
    assert shell.refusal("backup") == "PLACE"


# --- older copies ---------------------------------------------------------------------------------------------------


def test_a_plain_copy_of_an_earlier_release_stays_restorable(shell: Shell, other: Shell, tmp_path: Path) -> None:
    shutil.copy(shell.home / "wallet.json", tmp_path / "pteri-wallet-00000000-0001.json")
    told = other.json("restore", "--backup", str(tmp_path / "pteri-wallet-00000000-0001.json"))
    assert told["address"] == ADDRESS
    assert (other.home / "wallet.json").read_bytes() == (shell.home / "wallet.json").read_bytes()


def test_what_is_neither_is_refused_and_makes_no_wallet(other: Shell, tmp_path: Path) -> None:
    (tmp_path / "strange").write_bytes(b"a photo")
    assert other.refusal("restore", "--backup", str(tmp_path / "strange")) == "NOT_A_KEYSTORE"
    (tmp_path / "cut").write_bytes(backup()[:100])
    assert other.refusal("restore", "--backup", str(tmp_path / "cut")) == "NOT_A_BACKUP"
    assert not (other.home / "wallet.json").exists()


# --- codes and phones -----------------------------------------------------------------------------------------------


def test_a_backup_code_opens_when_the_passphrase_is_forgotten(shell: Shell, tmp_path: Path, stick: Path) -> None:
    code = shell.json("backup", "--to", str(stick), "--code")["code"]
    forgetful = shell_at(tmp_path / "new", "another passphrase")
    assert forgetful.refusal("restore", "--from", str(stick)) == "WRONG_PASSPHRASE_OR_DAMAGED"
    mistyped = ("1" if code[0] == "0" else "0") + code[1:]
    assert forgetful.refusal("restore", "--from", str(stick), "--code", typed=mistyped) == "BACKUP_CODE"
    told = forgetful.json("restore", "--from", str(stick), "--code", typed=code.lower().replace("-", " ") + "\n")
    assert told["address"] == ADDRESS
    assert forgetful.json("address")["address"] == ADDRESS


def test_the_code_is_shown_once_and_only_when_asked_for(shell: Shell, stick: Path) -> None:
    assert "code" not in shell.json("backup", "--to", str(stick))
    result = shell.run("backup", "--to", str(stick), "--code")
    [line] = [line for line in result.stdout.splitlines() if line.count("-") == 4 and len(line) == 29]
    assert line not in shell.run("backups").stdout
    assert not any(secret in result.output for secret in SECRETS)


def test_a_person_types_the_code_unseen(shell: Shell, other: Shell, stick: Path) -> None:
    code = shell.json("backup", "--to", str(stick), "--code")["code"]
    result = other.run("restore", "--from", str(stick), "--code", is_interactive=True, prompt=lambda _: code)
    assert result.exit_code == 0, result.output
    assert code not in result.output


def test_another_own_phone_opens_the_backup_that_was_made_for_it(shell: Shell, tmp_path: Path, stick: Path) -> None:
    tablet, stranger = (
        shell_at(tmp_path / "tablet", "the tablet's own words"),
        shell_at(tmp_path / "stranger", "quite a stranger"),
    )
    key = tablet.json("backup-key")["key"]
    assert tablet.json("backup-key")["key"] == key
    stranger.json("backup-key")
    assert shell.refusal("backup", "--to", str(stick), "--phone", "no key") == "ENCODING"
    shell.json("backup", "--to", str(stick), "--phone", key)
    assert stranger.refusal("restore", "--from", str(stick), "--by-phone") == "WRONG_KEY_OR_DAMAGED"
    assert tablet.json("restore", "--from", str(stick), "--by-phone")["address"] == ADDRESS
    assert tablet.json("drill", "--from", str(stick), "--by-phone")["address"] == ADDRESS


def test_a_backup_key_beside_a_wallet_has_the_passphrase_of_the_wallet(shell: Shell, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("not the passphrase")
    assert shell.refusal("backup-key", "--passphrase-file", str(wrong)) == "WRONG_PASSPHRASE_OR_DAMAGED"
    assert not (shell.home / "backup.json").exists()
    shell.json("backup-key")
    assert (shell.home / "backup.json").exists()


# --- listing --------------------------------------------------------------------------------------------------------


def test_the_list_says_when_how_and_whether_whole(shell: Shell, stick: Path) -> None:
    first = shell.json("backup", "--to", str(stick))
    shell.clock.at += 3600
    second = shell.json("backup", "--to", str(stick), "--code")
    (stick / first["name"]).write_bytes(b"half")
    foreign = shell_at(shell.home.parent / "foreign")
    foreign.json("create")
    foreign.clock.at += 7200
    foreign.json("backup", "--to", str(stick))
    told = shell.json("backups")
    assert [one["state"] for one in told["backups"]] == [
        "whole, of another wallet",
        "whole",
        "unusable: BACKUP_DAMAGED",
    ]
    assert told["backups"][1] == {
        "name": second["name"],
        "made_at": AT + 3600,
        "opens_with": ["passphrase", "code"],
        "state": "whole",
    }
    assert told["drilled_at"] is None
    shown = shell.run("backups").stdout
    for part in ("Opens with", "passphrase, code", "unusable", "never"):
        assert part in shown


def test_a_place_with_two_wallets_asks_which(shell: Shell, other: Shell, stick: Path) -> None:
    mine = shell.json("backup", "--to", str(stick))["name"]
    foreign = shell_at(shell.home.parent / "foreign")
    foreign.json("create")
    foreign.json("backup", "--to", str(stick))
    assert other.refusal("restore", "--from", str(stick)) == "SEVERAL_WALLETS"
    assert other.refusal("restore", "--from", str(stick), "--version", "nonsense") == "NOT_FOUND"
    assert other.json("restore", "--from", str(stick), "--version", mine)["address"] == ADDRESS
    assert shell.json("drill", "--from", str(stick))["name"] == mine


# --- drill ----------------------------------------------------------------------------------------------------------


def test_a_drill_names_the_file_and_shows_no_word(shell: Shell, stick: Path) -> None:
    saved = shell.json("backup", "--to", str(stick), "--code")
    before = {path: path.read_bytes() for path in stick.iterdir()}
    shell.clock.at += 7 * 86400
    told = shell.json("drill")
    assert told == {
        "ok": True,
        "place": str(stick),
        "name": saved["name"],
        "digest": saved["digest"],
        "address": ADDRESS,
        "recorded": False,
    }
    assert shell.json("drill", "--code", typed=saved["code"]) == told
    assert {path: path.read_bytes() for path in stick.iterdir()} == before
    assert shell.json("backups")["drilled_at"] == AT + 7 * 86400
    assert not any(secret in shell.run("drill").output for secret in SECRETS)


def test_a_drill_compares_with_the_account_of_this_phone(shell: Shell, stick: Path) -> None:
    shell.json("backup", "--to", str(stick))
    own = Wallet.from_mnemonic(WORDS).address(7)
    state = msgspec.structs.replace(STATE, address=own, tenant_index=7)
    (shell.home / "state.json").write_bytes(msgspec.json.encode(state) + b"\n")
    assert shell.json("drill")["address"] == own
    state = msgspec.structs.replace(STATE, address=own, tenant_index=8)
    (shell.home / "state.json").write_bytes(msgspec.json.encode(state) + b"\n")
    assert shell.refusal("drill") == "OTHER_WALLET"


def test_a_drill_that_fails_is_not_noted(shell: Shell, stick: Path) -> None:
    name = shell.json("backup", "--to", str(stick))["name"]
    (stick / name).write_bytes(b"")
    assert shell.refusal("drill") == "BACKUP_DAMAGED"
    assert shell.json("backups")["drilled_at"] is None
    assert shell.refusal("drill", "--version", name.replace("2026", "2025")) == "NOT_FOUND"


# --- wrong words ----------------------------------------------------------------------------------------------------


def test_a_wallet_is_not_overwritten_and_nothing_is_asked_in_vain(shell: Shell, stick: Path) -> None:
    shell.json("backup", "--to", str(stick))
    before = (shell.home / "wallet.json").read_bytes()
    for words in (("restore", "--from", str(stick)), ("restore", "--code", "--from", str(stick)), ("restore",)):
        assert shell.refusal(*words) == "EXISTS"
    assert (shell.home / "wallet.json").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "here", "--to", "there"),
        ("restore", "--backup", "a", "--from", "b"),
        ("drill", "--from", "a", "--code", "--by-phone"),
    ],
)
def test_two_answers_to_one_question_are_a_wrong_command_line(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run(*words).exit_code == 2


def test_a_service_that_is_not_described_is_told_by_name(shell: Shell) -> None:
    for place in ("webdav:home", "s3:vault", "gdrive:mine", "webdav:", "s3:Up"):
        assert shell.refusal("backup", "--to", place) == "PLACE"
        assert shell.refusal("backup", place) == "PLACE"


# --- servers --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with serving("dav_server.py", str(tmp_path_factory.mktemp("dav"))) as dav, serving("s3_server.py") as bucket:
        yield dav, bucket


@pytest.mark.parametrize("place", ["webdav:home", "s3:vault"])
def test_the_whole_way_over_a_server(services: tuple[int, int], shell: Shell, other: Shell, place: str) -> None:
    dav, buckets = services
    if place == "s3:vault":
        make_bucket(buckets, "pteri")
    for one in (shell, other):
        describe(one.home, webdav(dav) + s3(buckets, "pteri"))
    saved = shell.json("backup", "--to", place, "--code")
    assert "file" not in saved
    assert [one["name"] for one in shell.json("backups", "--from", place)["backups"]] == [saved["name"]]
    assert shell.json("drill")["digest"] == saved["digest"]
    assert other.json("restore", "--from", place)["address"] == ADDRESS
    output = shell.run("backup").output + shell.run("backups").output + shell.run("drill").output
    assert not any(secret in output for secret in (*SECRETS, "an app password", "a secret access key", "AKIA"))
