"""What was acknowledged is in the file, line by line, whoever dies when."""

from __future__ import annotations

import stat
from pathlib import Path

from pteri.checkup import read_ledger
from pteri.core import ids
from pteri.load.ledger import Acknowledged, Ledger


def acknowledged(number: int) -> Acknowledged:
    request = ids.new_request_id("lgn", 1_795_557_090, bytes((number,)) * 12)
    return Acknowledged(request, ids.new_account_id(bytes((number,)) * 13), 1_795_557_090 + number)


def seen(path: Path) -> list[Acknowledged]:
    """As ``pteri fsck`` reads it."""
    return [Acknowledged(act.request, act.account, act.at) for act in read_ledger(path)]


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        for number in range(5):
            ledger.write(acknowledged(number))
    assert seen(tmp_path / "ledger") == [acknowledged(number) for number in range(5)]


def test_a_second_writer_adds_to_the_file(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as first, Ledger(tmp_path / "ledger") as second:
        first.write(acknowledged(1))
        second.write(acknowledged(2))
        first.write(acknowledged(3))
    assert len(seen(tmp_path / "ledger")) == 3


def test_it_says_who_signed_in_so_it_is_the_owners_alone(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger").close()
    assert stat.S_IMODE((tmp_path / "ledger").stat().st_mode) == 0o600


def test_a_line_that_was_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.write(acknowledged(1))
        ledger.write(acknowledged(2))
    whole = (tmp_path / "ledger").read_bytes()
    (tmp_path / "ledger").write_bytes(whole[:-5])
    assert seen(tmp_path / "ledger") == [acknowledged(1)]
