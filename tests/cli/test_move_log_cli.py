"""``pteri wallet migrate`` where the service keeps a log: what a person reads, and the proof as anybody checks it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from insiders import insider_of, logged, with_log
from notes import LOG
from peers import nothing, silent, with_another_first
from phones import Hand, Owner
from shells import Shell, shell_of, with_account
from world import ORIGIN
from worlds import Worlds

HOUR = 3600


@pytest.fixture
def old(worlds: Worlds) -> Shell:
    """The terminal of somebody whose service has a log with their account in it, and who has looked at it."""
    made = with_account(with_log(worlds))
    logged(made.world)
    made.json("audit")
    return made


@pytest.fixture
def new(old: Shell) -> Shell:
    return shell_of(old.world, "new phone")


def offered(old: Shell, new: Shell) -> tuple[str, ...]:
    """Both, as far as the new phone's answer; what the old one says next."""
    offer = new.json("migrate", "offer", "--server", ORIGIN, "--tenant", "bank")["offer"]
    approve = ("migrate", "approve", offer, "--yes")
    old.json(*approve)
    new.json("migrate", "answer")
    return approve


def let_in(old: Shell, new: Shell) -> dict[str, Any]:
    approve = offered(old, new)
    new.json("migrate", "code", old.json(*approve)["code"])
    return old.json(*approve)


def test_a_move_says_that_both_were_shown_one_log(old: Shell, new: Shell) -> None:
    assert let_in(old, new)["compared"] == "same"
    old.world.clock.advance(HOUR)
    assert old.json("migrate", "hand-over", "--yes")["compared"] == "same"
    new.json("migrate", "finish", "--yes")
    assert "This one may be emptied" in old.run("migrate", "hand-over").stdout
    assert old.json("migrate", "wipe", "--yes")["ok"]


def test_a_service_with_two_faces_ends_it_and_pteri_verify_split_takes_the_proof(old: Shell, new: Shell) -> None:
    new.wire.forge = with_another_first(insider_of(Hand(old.world, old.home, old.wire, Owner(), "phone"))).show
    told = old.json(*offered(old, new), code=1)
    assert (told["code"], told["evidence"]) == ("PHONES_DISAGREE", str(old.home / "evidence-1.json"))
    for words in ("two different logs", "the old phone is not emptied", "Keep the file that proves it"):
        assert words in told["message"]
    verify = [sys.executable, "-m", "pteri", "verify", "split", told["evidence"], "--log-key", LOG.verifier.text]
    checked = subprocess.run([*verify, "--json"], capture_output=True, timeout=60, check=False)
    assert (checked.returncode, json.loads(checked.stdout)["kind"]) == (0, "SPLIT_VIEW")


def test_a_silent_service_is_told_at_every_step_and_the_old_phone_is_not_emptied(old: Shell, new: Shell) -> None:
    new.wire.forge = old.wire.forge = silent
    approve = offered(old, new)
    new.json("migrate", "code", old.json(*approve)["code"])
    result = old.run(*approve)
    assert "could not compare" in result.stdout
    assert "tried again before the wallet is handed over" in result.stdout
    old.world.clock.advance(HOUR)
    assert "until it could be, this phone is not emptied" in old.run("migrate", "hand-over", "--yes").stdout
    new.json("migrate", "finish", "--yes")
    result = old.run("migrate", "hand-over", "--yes")
    assert "this phone keeps its wallet" in result.stdout
    assert "may be emptied" not in result.stdout
    # The new phone said what it saw of the log itself; of the tiles behind it, nobody has seen anything.
    assert old.refusal("migrate", "wipe", "--yes") == "NOT_COMPARED"
    old.wire.forge = nothing
    assert old.json("migrate", "hand-over")["compared"] == "same"
    assert old.json("migrate", "wipe", "--yes")["ok"]
