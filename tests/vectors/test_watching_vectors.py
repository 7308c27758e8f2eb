"""vectors/watching.json: what a phone takes of a log, and at what it cries."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from pteri.core.ids import AccountId, TenantId
from pteri.core.log.page import LogPage
from pteri.wallet.log_notes import LogNotes
from pteri.wallet.log_words import NOT_OF_THE_LOG, AlarmCode
from pteri.wallet.watching import Given, News, Whose, check_page
from vectors import make_watching


class PageCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: AlarmCode | None = None
    notes: LogNotes
    page: LogPage
    at: int
    given: Given | None = None
    after: LogNotes | None = None
    news: list[News] = []
    older: int = 0


class Pages(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-watching-vectors-1"]
    note: str
    tenant: TenantId
    account: AccountId
    pages: list[PageCase]


FILE = msgspec.json.decode(make_watching.WATCHING.read_bytes(), type=Pages)


def test_the_file_is_what_the_program_writes() -> None:
    assert make_watching.WATCHING.read_text(encoding="utf-8") == make_watching.content()


def test_more_is_refused_than_accepted_and_every_alarm_about_a_page_is_there() -> None:
    refused = [case.code for case in FILE.pages if case.expect == "reject"]
    assert 2 * len(refused) > len(FILE.pages)
    # The others are about an answer that is no page, the phone's own notes, and what another phone tells.
    elsewhere = {AlarmCode.LOG_GONE, AlarmCode.NOTES_CHANGED, AlarmCode.PHONES_DISAGREE}
    assert {*refused} == {*AlarmCode} - elsewhere


@pytest.mark.parametrize("case", FILE.pages, ids=lambda case: case.why)
def test_a_phone_takes_a_page_or_cries_as_it_says(case: PageCase) -> None:
    whose = Whose(FILE.tenant, FILE.account)
    found = check_page(case.notes, case.page, whose=whose, at=case.at, given=case.given)
    if case.expect == "accept":
        assert (found.alarm, found.notes, list(found.news), found.older) == (None, case.after, case.news, case.older)
        return
    assert found.alarm is not None
    assert found.alarm.code is case.code
    assert found.notes == case.notes or case.code in NOT_OF_THE_LOG
