"""What a phone remembers of the log: bounded, old or new, and nobody's but the phone's."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from leaves import sha
from phones import EMAIL, Hand, client, linked
from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.log_notes import (
    CHANGE_LOGGED_S,
    LOG_NOTES_FILE,
    MOST_ACTS,
    SIGN_IN_LOGGED_S,
    FollowedHandover,
    LogNotes,
    Notebook,
    SignedAct,
    answered,
    signed,
)
from statements import EXAMPLES, statement
from world import World

KEY = Secret(sha("a device key"))


def notebook(directory: Path, key: Secret = KEY) -> Notebook:
    return Notebook(directory, lambda: key)


def kept(held: Hand) -> LogNotes:
    return held.phone()._notebook.read(held.now())


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    book, notes = notebook(tmp_path), LogNotes(since=7, acts=(SignedAct(sha("s"), sha("w"), 8, 9),), seq=3)
    assert book.read(5) == LogNotes(since=5)
    book.write(notes)
    assert book.read(99) == notes
    assert (tmp_path / LOG_NOTES_FILE).stat().st_mode & 0o077 == 0
    book.forget()
    assert book.read(5) == LogNotes(since=5)


def test_notes_that_somebody_changed_are_refused_letter_by_letter(tmp_path: Path) -> None:
    book, path = notebook(tmp_path), tmp_path / LOG_NOTES_FILE
    book.write(LogNotes(since=7, seq=3, checkpoint="a note\n"))
    good = path.read_bytes()
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes((good[place] ^ 1,)) + good[place + 1 :])
        with pytest.raises(WalletError) as refused:
            book.read(7)
        assert refused.value.code in {WalletCode.NOT_A_STATE, WalletCode.NEWER_VERSION}
        assert "seq" not in refused.value.message or "damaged" in refused.value.message
    # Of another phone, also a whole one.
    notebook(tmp_path, Secret(sha("another device key"))).write(LogNotes(since=7))
    with pytest.raises(WalletError, match=r"delete log\.json"):
        book.read(7)


def test_notes_of_a_program_that_knew_no_hand_overs_verify(tmp_path: Path) -> None:
    book, path = notebook(tmp_path), tmp_path / LOG_NOTES_FILE
    book.write(LogNotes(since=7, seq=3))
    assert b"handovers" not in path.read_bytes()
    followed = LogNotes(since=7, seq=3, handovers=(FollowedHandover("a key", b"an entry"),))
    book.write(followed)
    assert book.read(7) == followed
    # Taken out again, they are missed: whoever writes here makes the phone follow no second one.
    path.write_bytes(re.sub(rb',"handovers":\[\[.*?\]\]', b"", path.read_bytes()))
    with pytest.raises(WalletError, match="Somebody has changed"):
        book.read(7)


def test_an_act_is_due_by_the_time_of_its_statement(tmp_path: Path) -> None:
    """What this phone's clock says when the answer comes makes nothing due early or late."""
    book, signed_one = notebook(tmp_path), statement(EXAMPLES["stop the account"])
    for skew in (-500, 0, 10**6):
        at = signed_one.issued_at + skew
        book.forget()
        book.signed(signed_one, "a signature", at)
        book.answered(signed_one, at)
        assert [act.due_at for act in book.read(at).acts] == [signed_one.issued_at + CHANGE_LOGGED_S]


def test_the_newest_thousand_acts_are_remembered_and_that_some_are_not() -> None:
    notes = LogNotes(since=10)
    for number in range(MOST_ACTS + 3):
        notes = signed(notes, SignedAct(sha(f"s{number}"), sha(f"w{number}"), 100 + number))
    assert (len(notes.acts), notes.acts[0].signed_at, notes.since) == (MOST_ACTS, 103, 102)


def test_an_act_is_due_once_it_is_answered_and_an_answer_of_nothing_makes_none() -> None:
    notes = signed(LogNotes(since=0), SignedAct(sha("s"), sha("w"), 1))
    assert answered(notes, sha("s"), 55).acts[0].due_at == 55
    assert answered(notes, sha("another"), 55) == notes
    # Signed once more, it is one act.
    assert len(signed(notes, SignedAct(sha("s"), sha("w"), 2)).acts) == 1


def test_a_phone_notes_what_it_signs_and_when_the_log_must_have_it(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    shown = held.phone().approve(waiting.qr)
    stopped = held.phone().freeze()
    binding, sign_in, freeze = kept(held).acts
    assert [act.due_at for act in (binding, sign_in, freeze)] == [
        0,
        world.clock.now() + SIGN_IN_LOGGED_S,
        world.clock.now() + CHANGE_LOGGED_S,
    ]
    assert (sign_in.statement, freeze.statement) == (shown.statement.sha256(), stopped.statement.sha256())
    sent = msgspec.json.decode(held.wire.responses[-1].body)["wallet_signature"]["signature"]
    assert freeze.wallet_signature == hashlib.sha256(sent.encode()).digest()


def test_an_act_whose_answer_was_lost_is_noted_before_it_is_sent(world: World) -> None:
    held, waiting = linked(world), client(world).start_sign_in(EMAIL)
    phone = held.phone()
    held.wire.answers_to_lose = 4
    with pytest.raises(WalletError, match="lost on the way back"):
        phone.approve(waiting.qr)
    assert kept(held).acts[-1].due_at == 0
    held.wire.answers_to_lose = 0
    held.phone().approve(waiting.qr)
    assert kept(held).acts[-1].due_at > 0


def test_an_answer_shown_to_a_camera_is_noted_and_never_due(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL, prompt=False)
    shown = held.phone().answer_offline(waiting.qr)
    assert (kept(held).acts[-1].statement, kept(held).acts[-1].due_at) == (shown.statement.sha256(), 0)


def test_notes_that_cannot_be_read_keep_nobody_from_signing_in(world: World) -> None:
    held, site = linked(world), client(world)
    path = held.directory / LOG_NOTES_FILE
    path.write_bytes(b"nonsense")
    waiting = site.start_sign_in(EMAIL)
    shown = held.phone().approve(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"
    # Nor are they written over: what was changed is told when the phone looks at the log.
    assert path.read_bytes() == b"nonsense"


def test_a_phone_that_forgets_its_account_forgets_its_notes(world: World) -> None:
    held = linked(world)
    assert (held.directory / LOG_NOTES_FILE).exists()
    held.phone().forget()
    assert not (held.directory / LOG_NOTES_FILE).exists()
