"""Abuse cases TE-01, 02, 05 and 08 to 11: whoever gets the number, the SIM or the operator gets nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lines
from ledger import DAY, HOUR
from mobile import Mobile, claim, kinds, line, signed_in, waits
from operators import NUMBER, OTHER
from phones import hand, linked, linked_also
from pteri.adapters.telecom.simulated import Lie
from pteri.app.letters import letter_text
from pteri.core import ids, wire
from pteri.core.channels import channel_address
from pteri.core.errors import Malformed
from pteri.core.esim import line_commitment
from pteri.domain.decisions import Hold
from pteri.domain.rules import FLOORS
from pteri.wallet.account_words import NEVER_ASKED
from pteri.wallet.refusals import ServerError, UnsafeError
from stories import grown
from thieves import Stand, assert_denied, digest, standing
from world import LINE, MALLORY_WORDS
from worlds import Worlds

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mobile(worlds: Worlds) -> Mobile:
    return Mobile(worlds)


# --- TE-01: a SIM swap --------------------------------------------------------------------------------------------


def test_te_01_after_a_sim_swap_the_owner_signs_in_at_the_lower_level_and_hears_of_it(mobile: Mobile) -> None:
    held = linked(mobile.world, line=LINE)
    mobile.swap()
    for _ in range(3):
        told = signed_in(mobile.world, held)
        assert (told.level, told.line, told.line_state) == ("REDUCED", "CHANGED", "SUSPECT")
        mobile.clock.advance(DAY)
    assert kinds(held).count("LINE_SUSPECT") == 1


def test_te_01_the_swapper_has_no_phone_of_the_account_and_waits_longer_with_its_words(mobile: Mobile) -> None:
    held = linked(mobile.world, line=LINE)
    mobile.swap()
    swapper = hand(mobile.world, "thief's phone")
    with pytest.raises(UnsafeError):
        swapper.phone().prove_line(mobile.token("thief's phone", "t1"))
    assert waits(mobile.world) == 7 * DAY
    assert line(held).state == "SUSPECT"


# --- TE-02: a recycled number -------------------------------------------------------------------------------------


def test_te_02_the_next_person_with_the_number_can_do_nothing_with_it(mobile: Mobile) -> None:
    held = linked(mobile.world, line=LINE)
    mobile.network.recycle(NUMBER, "somebody's phone", at=mobile.clock.at + DAY)
    mobile.clock.advance(2 * DAY)
    assert signed_in(mobile.world, held).line_state == "DETACHED"
    somebody = mobile.world.phone("somebody's phone", MALLORY_WORDS)
    # Sign-in, recovery, objection and proof: none has anything to do with who has the number.
    assert_denied(
        somebody.post("/prompts", wire.Nothing()),
        somebody.post("/vetoes", wire.Veto(digest("anything"))),
        somebody.prove_line(mobile.token("somebody's phone", "t1").reveal().decode()),
        somebody.start_rebinding(LINE),
    )
    set_up = somebody.post("/code-setups", wire.SetUpCodes(somebody.sec1_text, somebody.wallet.pinned.address))
    # A decoy, as for every wallet that no account has: it leads to nothing.
    assert set_up.status == 201
    with pytest.raises(ServerError) as gone:
        held.phone().rebind_line(LINE)
    assert gone.value.code == "LINE_GONE"


# --- TE-05: an operator that says of everybody that nothing ever happened -----------------------------------------


def test_te_05_a_lying_operator_shortens_no_wait(mobile: Mobile) -> None:
    held = linked(mobile.world, line=LINE)
    mobile.network.lie = Lie.NEVER_SWAPPED
    mobile.swap()
    thief, case = claim(mobile.world)
    assert case.held_until - case.opened_at == FLOORS["recovery_hold_s"]
    mobile.clock.advance(FLOORS["recovery_hold_s"] - 1)
    with pytest.raises(ServerError) as held_up:
        thief.phone().activate()
    assert held_up.value.code == "HELD"
    held.phone().object_to(case.case)


@given(answers=st.lists(st.sampled_from(["clear", "proof"]), max_size=6), wait=st.sampled_from([0, HOUR, DAY]))
def test_te_05_no_good_word_brings_a_claim_below_the_floor_of_its_evidence(answers: list[str], wait: int) -> None:
    ledger = grown()
    for answer in answers:
        if answer == "clear":
            lines.hear(ledger, lines.clear(ledger))
        else:
            lines.see(ledger, 1)
        ledger.wait(wait)
    decision = ledger.recover(3)
    assert isinstance(decision, Hold)
    assert decision.until - ledger.at >= FLOORS["recovery_hold_s"]


# --- TE-08: the owner moves ---------------------------------------------------------------------------------------


def test_te_08_an_owner_whose_sim_moved_with_the_phone_rebinds_it_and_was_never_locked_out(mobile: Mobile) -> None:
    old = linked(mobile.world, line=LINE)
    new = linked_also(mobile.world, old)
    mobile.clock.advance(4 * DAY)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    mobile.clock.advance(HOUR)
    assert signed_in(mobile.world, new).line_state == "SUSPECT"
    before = new.phone().devices().esim
    signed = new.phone().rebind_line(LINE)
    act = signed.statement.act
    assert (act.purpose, signed.decision) == ("rebind-esim", "permit")
    assert (getattr(act, "esim", None), getattr(act, "new_esim", None)) == (before, new.phone().devices().esim)
    assert signed_in(mobile.world, new).line_state == "PROBATION"
    mobile.clock.advance(7 * DAY)
    assert signed_in(mobile.world, new).level == "FULL"


# --- TE-09: another line, with the operator's consent only --------------------------------------------------------


def test_te_09_a_line_is_rebound_by_wallet_and_verified_phone_and_by_nobody_else(mobile: Mobile) -> None:
    world = mobile.world
    owner = world.enrolled()
    esim = owner.devices().esim
    mobile.swap()
    swapper = world.phone("thief's phone", MALLORY_WORDS)
    assert_denied(swapper.start_rebinding(OTHER.reveal()))
    # With the wallet's words, too: his phone is none of the account, though his SIM passes.
    with_words = world.phone("thief's phone")
    with_words.start_recovery()
    assert_denied(with_words.start_rebinding(OTHER.reveal()))
    assert_denied(with_words.prove_line(mobile.token("thief's phone", "t1").reveal().decode()))
    # What the owner's phone asked for is answered by the owner's phone only.
    asked = standing(world, owner, owner.start_rebinding(OTHER.reveal()))
    assert_denied(with_words.claim(asked.statement.request_id), swapper.claim(asked.statement.request_id))
    assert_denied(Stand(world, with_words, asked.statement).honest())
    assert owner.devices().esim == esim


# --- TE-10: guessing a line from its commitment -------------------------------------------------------------------


def test_te_10_without_the_deployment_key_a_commitment_tells_no_number(mobile: Mobile) -> None:
    """Whoever has the whole database, the log and the number itself cannot tell that they belong together."""
    linked(mobile.world, line=LINE)
    files = mobile.world.stolen()
    everything = b"\0".join(files.values())
    guesses = (
        LINE.encode(),
        hashlib.sha256(LINE.encode()).digest(),
        hashlib.sha256(f"PTERI-ESIM-v1\0{'0' * 32}bank\0{LINE}".encode()).digest(),
        ids.digest_bytes(line_commitment(LINE, salt=bytes(32), tenant=ids.tenant_id("bank"))),
    )
    for guess in guesses:
        for spelt in (guess, guess.hex().encode(), base64.urlsafe_b64encode(guess).rstrip(b"=")):
            assert spelt not in everything


def test_te_10_the_salt_is_another_one_for_each_account_and_in_no_table(mobile: Mobile) -> None:
    first = linked(mobile.world, line=LINE)
    salt = line(first).salt
    assert len(ids.from_base64url(salt)) == 32
    everything = b"\0".join(mobile.world.stolen().values())
    for spelt in (salt.encode(), ids.from_base64url(salt), ids.from_base64url(salt).hex().encode()):
        assert spelt not in everything
    # The same number of another account has another salt, so the two commitments say nothing of each other.
    other = mobile.world.enrolled("friend's phone", "bob@example.com", words=MALLORY_WORDS)
    seen = other.devices()
    assert seen.line is not None
    assert (seen.line.salt, seen.esim) != (salt, first.phone().devices().esim)


# --- TE-11: a message that asks for a code ------------------------------------------------------------------------


def test_te_11_no_way_leads_to_a_text_message() -> None:
    """There is no gateway to speak to, and a channel of warnings is a mail address or nothing."""
    said = [
        line.strip()
        for path in (ROOT / "src").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bsms\b|smpp|text message", line, re.IGNORECASE)
    ]
    assert len(said) == 4
    assert all(re.search(r"no SMS|No password, no SMS|ever asks for", line) for line in said)
    for address in ("tel:+4915112345678", "sms:+4915112345678", "+4915112345678"):
        with pytest.raises(Malformed):
            channel_address(address)


def test_te_11_a_person_is_told_so_on_the_first_day_and_in_every_mail() -> None:
    assert "text message" in NEVER_ASKED
    assert "your words" in NEVER_ASKED
    letter = letter_text(ids.domain("bank.example"), [], "https://bank.example/link")
    assert "will ask you for your words, your codes" in letter
