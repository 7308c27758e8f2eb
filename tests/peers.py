"""Two phones in a move, and services that show the log to one of them, to both, or to nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from insiders import Insider, logged
from leaves import sha
from notes import LOG
from phones import EMAIL, Hand, client
from pteri.core.log.following import Suspicion, verify_suspicion
from pteri.wallet.keystore import Keystore
from pteri.wallet.log_notes import Notebook
from pteri.wallet.log_words import AlarmCode, LogAlarm
from pteri.wallet.refusals import UnsafeError
from pteri.wallet.server import Reply, Request
from world import ORIGIN


def signed_in(held: Hand) -> None:
    """One event more, and the log has it."""
    site = client(held.world)
    waiting = site.start_sign_in(EMAIL)
    shown = held.phone().approve(waiting.qr)
    site.enter_code(waiting.id, shown.code, waiting.session)
    logged(held.world)


def nothing(_: Request) -> Reply | None:
    """The service itself answers."""
    return None


def silent(request: Request) -> Reply | None:
    """It does not show its log to anybody; to phones of an account it does."""
    return Reply(503, b"") if f"{ORIGIN}/log/" in request.target_uri else None


def tiles_withheld(request: Request) -> Reply | None:
    """It shows what it signed, and not what is behind it."""
    return Reply(404, b"") if f"{ORIGIN}/log/tile/" in request.target_uri else None


def with_another_first(real: Insider) -> Insider:
    """The same log, but for one entry of somebody else."""
    return replace(real, leaves=(sha("another entry"), *real.leaves[1:]))


def grown(insider: Insider, more: int = 1) -> Insider:
    """Some entries later."""
    return replace(insider, leaves=(*insider.leaves, *(sha(f"later {number}") for number in range(more))))


def proof_in(held: Hand, number: int = 1) -> Suspicion:
    """What this phone keeps, as anybody verifies it who has the key of the log."""
    raw = (held.directory / f"evidence-{number}.json").read_bytes()
    return verify_suspicion(raw, expected_logs=[LOG.verifier])


def alarmed(step: Callable[[], object], code: AlarmCode = AlarmCode.PHONES_DISAGREE) -> LogAlarm:
    with pytest.raises(LogAlarm) as cried:
        step()
    assert cried.value.code == code
    return cried.value


def wipe_refused(held: Hand) -> str:
    with pytest.raises(UnsafeError) as refused:
        held.phone().wipe_after_move()
    assert Keystore(held.directory).has_wallet()
    return refused.value.code


def remembered_of(held: Hand) -> tuple[str, int]:
    """Key of the log that this phone believes, and how many events of its account it has found."""
    phone = held.phone()
    notes = Notebook(held.directory, lambda: phone._session.device.secret).read(0)
    assert notes.believed is not None
    return notes.believed.log_key, notes.seq
