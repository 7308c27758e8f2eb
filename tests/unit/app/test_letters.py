"""What an owner reads in a mail."""

from __future__ import annotations

import pytest

from pteri.app.letters import letter_text
from pteri.core.ids import AccountId, Domain, TenantId
from pteri.core.statement import instant_text
from pteri.domain.records import Notice, NoticeKind

AT = 1_795_000_000
LINK = "https://id.example/v1/bank/stop-links/token"


def letter(kind: NoticeKind) -> str:
    notice = Notice("one", TenantId("bank"), AccountId("acc_one"), AT, kind, "four words of it", until=AT + 60)
    return letter_text(Domain("bank.example"), [notice], LINK)


@pytest.mark.parametrize("kind", NoticeKind)
def test_whatever_is_told_has_a_sentence_of_its_own(kind: NoticeKind) -> None:
    # A kind without one would stop the loop, and with it the mail of everybody.
    told = letter(kind).splitlines()[2]
    assert told.startswith(f"{instant_text(AT)}: ")
    assert [other for other in NoticeKind if letter(other).splitlines()[2] == told] == [kind]
