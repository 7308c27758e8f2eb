"""``pteri wallet audit`` and ``receipt``, and what ``sign-in`` says of the log: as somebody who has read the guide."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from insiders import Insider, insider_of, logged, with_log
from leaves import sha
from notes import INDEXES, LOG, WITNESSES, log_signer
from phones import EMAIL, Hand, Owner, client
from pteri.core.log.rotation import rotation_leaf
from pteri.wallet.server import Reply
from shells import Shell, with_account
from world import LINE, World
from worlds import Worlds

DAY = 86_400
SEEN = [option for signer in WITNESSES[:2] for option in ("--witness", signer.verifier.text)]


@pytest.fixture
def shell(worlds: Worlds) -> Shell:
    """The terminal of somebody whose service has a log with their account in it."""
    made = with_account(with_log(worlds))
    logged(made.world)
    return made


def real_log(shell: Shell) -> Insider:
    """The log as it is, for somebody to change."""
    return insider_of(Hand(shell.world, shell.home, shell.wire, Owner(), "phone"))


def sign_in(shell: Shell, *options: str) -> Any:
    waiting = client(shell.world).start_sign_in(EMAIL)
    told = shell.json("sign-in", waiting.qr, "--line", LINE, "--yes", *options)
    done = client(shell.world).enter_code(waiting.id, told["code"], waiting.session)
    assert done.state == "COMPLETED"
    return told


def test_audit_says_in_words_what_holds(shell: Shell) -> None:
    result = shell.run("audit")
    assert result.exit_code == 0
    for words in (
        "The log log.bank.example/pteri has 1 entries, signed by its key",
        "3 of 3 witnesses that this phone knows have seen it.",
        "1 of them are of your account, without a gap.",
        "1 of these this phone signed.",
    ):
        assert words in result.stdout


def test_audit_tells_a_program_the_same(shell: Shell) -> None:
    shell.json("freeze", "--yes")
    told = shell.json("audit")
    assert (told["log_key"], told["needed"], told["seen"]) == (LOG.verifier.text, 2, 3)
    assert (told["size"], told["seq"], told["found"], told["expected"]) == (2, 2, 2, 0)
    assert (told["older"], told["news"]) == (0, [])
    assert told["checkpoint"].startswith("log.bank.example/pteri\n2\n")


def test_a_sign_in_says_nothing_of_a_log_where_all_is_well(shell: Shell) -> None:
    sent = len(shell.wire.sent)
    assert not {name for name in sign_in(shell) if name.startswith("log")}
    assert shell.wire.places[sent:] == ["response", "log"]


def test_a_sign_in_with_an_alarm_counts_and_is_loud(shell: Shell) -> None:
    shell.json("audit")
    real = real_log(shell)
    shell.wire.forge = replace(real, leaves=(sha("another tree"), *real.leaves[1:])).answer
    told = sign_in(shell)
    assert told["log_alarm"]["code"] == "SPLIT_VIEW"
    assert told["log_alarm"]["evidence"] == str(shell.home / "evidence-1.json")
    waiting = client(shell.world).start_sign_in(EMAIL)
    result = shell.run("sign-in", waiting.qr, "--line", LINE, "--yes")
    assert result.exit_code == 0
    assert result.stdout.index("Type this code") < result.stdout.index("ALARM. Your sign-in counts")
    for words in ("two different logs", "The proof is in ", "evidence-1.json", "(SPLIT_VIEW)"):
        assert words in result.stdout


def test_a_clock_that_is_behind_is_told_as_that_and_not_as_a_lie_of_the_service(shell: Shell) -> None:
    shell.json("audit")
    shell.wire.forge = replace(real_log(shell), at=shell.world.clock.now() + 400).answer
    assert sign_in(shell)["log_alarm"]["code"] == "PHONE_CLOCK"
    waiting = client(shell.world).start_sign_in(EMAIL)
    result = shell.run("sign-in", waiting.qr, "--line", LINE, "--yes")
    assert "Something about the time does not fit." in result.stdout
    assert "clock seems to be behind" in result.stdout
    assert "ALARM" not in result.stdout
    assert shell.refusal("audit") == "PHONE_CLOCK"


def test_audit_ends_with_1_and_the_proof_on_an_alarm(shell: Shell) -> None:
    shell.json("audit")
    real = real_log(shell)
    shell.wire.forge = replace(real, leaves=(sha("another tree"), *real.leaves[1:])).answer
    told = shell.json("audit", code=1)
    assert (told["code"], told["evidence"]) == ("SPLIT_VIEW", str(shell.home / "evidence-1.json"))
    result = shell.run("audit")
    assert result.exit_code == 1
    assert "The proof is in " in result.stderr
    verify = [sys.executable, "-m", "pteri", "verify", "split", told["evidence"], "--log-key", LOG.verifier.text]
    assert subprocess.run(verify, capture_output=True, timeout=60, check=False).returncode == 0
    shell.wire.forge = replace(real, witnesses=0).answer
    assert shell.refusal("audit") == "UNWITNESSED"


def test_keys_that_are_given_count_and_are_remembered(shell: Shell) -> None:
    enemy = log_signer("an enemy").verifier.text
    assert shell.refusal("audit", "--log-key", enemy) == "OTHER_KEY"
    told = shell.json("audit", "--log-key", LOG.verifier.text, *SEEN, "--needed", "2")
    assert (told["needed"], told["seen"], len(told["witnesses"])) == (2, 2, 2)
    assert shell.json("audit")["witnesses"] == told["witnesses"]


def test_a_log_that_hands_over_to_a_new_key_is_followed_and_told(shell: Shell) -> None:
    shell.json("audit")
    real, new = real_log(shell), log_signer("the next key")
    handover = rotation_leaf(LOG, new, place=len(real.leaves))
    moved = replace(real, leaves=(*real.leaves, handover), signer=new, handovers=(handover,))
    shell.wire.forge = moved.answer
    result = shell.run("audit")
    assert result.exit_code == 0
    assert "has handed over to a new key" in result.stdout
    assert new.verifier.text in result.stdout
    assert shell.json("audit")["log_key"] == new.verifier.text
    shell.wire.forge = replace(moved, handovers=(), signer=LOG).answer
    assert shell.refusal("audit") == "OTHER_KEY"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--log-key", "nonsense"], "NOTE"),
        (["--witness", "nonsense"], "NOTE"),
        (["--witness", LOG.verifier.text], "WITNESSES"),
        (["--needed", "2"], "WITNESSES"),
        ([*SEEN, "--needed", "3"], "WITNESSES"),
    ],
)
def test_mistyped_keys_are_refused_as_that_and_are_no_alarm(shell: Shell, options: list[str], code: str) -> None:
    sent = len(shell.wire.sent)
    assert shell.refusal("audit", *options) == code
    assert len(shell.wire.sent) == sent


def test_what_another_phone_did_is_told_with_what_to_do(shell: Shell) -> None:
    shell.json("audit")
    before = (shell.home / "log.json").read_bytes()
    sign_in(shell)
    logged(shell.world)
    # As if another phone had signed it: this one does not remember it.
    (shell.home / "log.json").write_bytes(before)
    result = shell.run("audit")
    assert "a sign-in; signed by another phone of yours" in result.stdout
    assert "pteri wallet freeze" in result.stdout


def test_a_phone_without_notes_begins_anew_and_counts_what_is_older(shell: Shell) -> None:
    shell.json("freeze", "--yes")
    (shell.home / "log.json").unlink()
    shell.world.clock.advance(60)
    result = shell.run("audit")
    assert result.exit_code == 0
    assert "2 are from before this phone began to remember what it signs." in result.stdout
    assert "another phone of yours" not in result.stdout


def test_a_sign_in_tells_what_is_new(shell: Shell) -> None:
    shell.json("audit")
    before = (shell.home / "log.json").read_bytes()
    sign_in(shell)
    logged(shell.world)
    (shell.home / "log.json").write_bytes(before)
    [news] = sign_in(shell)["log_news"]
    assert (news["words"], news["by"], news["seq"]) == ("a sign-in", "phone", 2)


def test_a_service_without_a_log_is_no_alarm_and_audit_says_so(world: World) -> None:
    shell = with_account(world)
    assert "log_alarm" not in sign_in(shell)
    assert shell.refusal("audit") == "NOT_FOUND"
    assert "keeps no log" in shell.run("audit").stderr


def test_a_phone_that_has_not_seen_the_log_for_long_says_so_at_a_sign_in(shell: Shell) -> None:
    shell.json("audit")
    shell.world.clock.advance(8 * DAY)
    shell.wire.forge = lambda request: None if not request.target_uri.endswith("/log") else _busy()
    waiting = client(shell.world).start_sign_in(EMAIL)
    result = shell.run("sign-in", waiting.qr, "--line", LINE, "--yes")
    assert result.exit_code == 0
    assert "has not been able to look at the service's log since" in result.stdout
    assert shell.refusal("audit") == "PENDING_LOG"
    assert "No witness has seen" in shell.run("audit").stderr


def _busy() -> Reply:
    return Reply(503, b'{"code":"PENDING_LOG","detail":"Later."}')


def test_a_receipt_is_a_closed_file_that_verifies_as_it_says(shell: Shell) -> None:
    shell.json("freeze", "--yes")
    path = shell.world.directory / "receipt.json"
    told = shell.json("receipt", "--out", str(path))
    assert told == {
        "ok": True,
        "file": str(path),
        "seq": 2,
        "log_key": LOG.verifier.text,
        "index_key": INDEXES.public.text,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert shell.refusal("receipt", "--out", str(path)) == "EXISTS"
    verify = [sys.executable, "-m", "pteri", "verify", "receipt", str(path), "--log-key", told["log_key"]]
    verify += ["--index-key", told["index_key"]]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()[0].startswith("AccountContested")) == (0, True)
    other = shell.world.directory / "first.json"
    assert f"pteri verify receipt '{other}' --log-key" in shell.run("receipt", "1", "--out", str(other)).stdout
    assert shell.refusal("receipt", "9", "--out", str(shell.world.directory / "none.json")) == "NOT_FOUND"
