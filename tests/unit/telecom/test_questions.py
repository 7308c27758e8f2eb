"""What goes out to an operator, and what each of its answers says: to the second, to the hour, to the byte."""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import json
from typing import Any

import pytest

from operators import AT, DAY, NUMBER
from pteri.adapters.telecom.camara import questions
from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply, Reply
from pteri.adapters.telecom.camara.oauth import Refused
from pteri.adapters.telecom.camara.questions import APIS, AnotherAnswer, Told, read_answer, read_date, read_instant
from pteri.domain.signals import Finding

HOUR = 3600
SIM, DEVICE = APIS
SINCE = AT - 30 * DAY


# --- what goes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ago_s", "hours"), [(0, 1), (1, 1), (HOUR, 1), (HOUR + 1, 2), (2 * HOUR, 2), (2400 * HOUR, 2400)]
)
def test_the_hours_reach_back_to_the_binding_and_no_further_than_they_must(ago_s: int, hours: int) -> None:
    assert questions.hours_since(AT - ago_s, AT) == hours


def test_bodies_are_those_of_the_documents() -> None:
    number = NUMBER.reveal()
    assert json.loads(questions.check_body(NUMBER, 240)) == {"phoneNumber": number, "maxAge": 240}
    assert json.loads(questions.check_body(None, 1)) == {"maxAge": 1}
    assert json.loads(questions.date_body(NUMBER)) == {"phoneNumber": number}
    assert json.loads(questions.date_body(None)) == {}
    assert json.loads(questions.verify_body(NUMBER)) == {"phoneNumber": number}


@pytest.mark.parametrize(
    ("since", "day"), [(1_795_478_399, "2026-11-23"), (1_795_478_400, "2026-11-24"), (0, "1970-01-01")]
)
def test_recycling_is_asked_with_the_day_in_utc(since: int, day: str) -> None:
    assert json.loads(questions.recycling_body(None, since)) == {"specifiedDate": day}


# --- an answer to this very question, given now -----------------------------------------------------------------------


def reply(**changes: Any) -> Reply:
    headers = {"x-correlator": "mine", "date": email.utils.formatdate(AT, usegmt=True)}
    return dataclasses.replace(Reply(200, headers, b"{}"), **changes)


def dated(off_s: int, **more: str) -> dict[str, str]:
    return {"x-correlator": "mine", "date": email.utils.formatdate(AT + off_s, usegmt=True), **more}


@pytest.mark.parametrize("off_s", [-300, 0, 300])
def test_an_answer_of_five_minutes_before_or_after_is_one(off_s: int) -> None:
    assert read_answer(reply(headers=dated(off_s)), correlator="mine", at=AT) == b"{}"


@pytest.mark.parametrize(
    "headers",
    [dated(-301), dated(301), dated(0, age="301"), dated(0, age="-1"), dated(0, age=""), dated(0, age="1.0")],
)
def test_te_04_an_answer_of_another_time_is_stale(headers: dict[str, str]) -> None:
    with pytest.raises(NoReply) as failed:
        read_answer(reply(headers=headers), correlator="mine", at=AT)
    assert failed.value.code == "STALE_ANSWER"


def test_an_answer_may_have_lain_in_a_cache_for_five_minutes() -> None:
    assert read_answer(reply(headers=dated(0, age="300")), correlator="mine", at=AT) == b"{}"


@pytest.mark.parametrize("echo", ["", "theirs", "MINE", "mine, mine", "mine "])
def test_te_07_another_correlator_is_another_answer(echo: str) -> None:
    with pytest.raises(AnotherAnswer):
        read_answer(reply(headers={**dated(0), "x-correlator": echo}), correlator="mine", at=AT)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "MALFORMED_ANSWER"),
        (404, "MALFORMED_ANSWER"),
        (499, "MALFORMED_ANSWER"),
        (500, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
    ],
)
def test_te_06_without_a_correlator_it_is_a_gateway_that_speaks(status: int, code: str) -> None:
    with pytest.raises(NoReply) as failed:
        read_answer(reply(status=status, headers={"date": dated(0)["date"]}), correlator="mine", at=AT)
    assert failed.value.code == code


def test_a_refusal_says_its_status_twice_and_its_code() -> None:
    body = json.dumps({"status": 404, "code": "IDENTIFIER_NOT_FOUND", "message": "m"}).encode()
    with pytest.raises(Refused) as refused:
        read_answer(reply(status=404, body=body), correlator="mine", at=AT)
    assert (refused.value.status, refused.value.code) == (404, "IDENTIFIER_NOT_FOUND")
    assert str(refused.value) == "404 IDENTIFIER_NOT_FOUND"


@pytest.mark.parametrize("code", ["X", "X" * 96])
def test_a_code_has_one_to_96_characters(code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_answer(
            reply(status=404, body=json.dumps({"status": 404, "code": code}).encode()), correlator="mine", at=AT
        )
    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        {"status": 403, "code": "IDENTIFIER_NOT_FOUND"},
        {"status": "404", "code": "IDENTIFIER_NOT_FOUND"},
        {"code": "IDENTIFIER_NOT_FOUND"},
        {"status": 404},
        {"status": 404, "code": ""},
        {"status": 404, "code": "X" * 97},
    ],
)
def test_te_06_a_refusal_of_another_form_is_none(body: dict[str, object]) -> None:
    with pytest.raises(NoReply) as failed:
        read_answer(reply(status=404, body=json.dumps(body).encode()), correlator="mine", at=AT)
    assert failed.value.code == "MALFORMED_ANSWER"


# --- when it changed --------------------------------------------------------------------------------------------------


def said(latest: str | None, *, days: int | None = None, since: int = SINCE, yes_h: int | None = None) -> Told:
    answer = {"latestSimChange": latest, **({} if days is None else {"monitoredPeriod": days})}
    return read_date(SIM, json.dumps(answer).encode(), since=since, at=AT, yes_h=yes_h)


def instant(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat()


def test_at_the_second_of_the_binding_it_has_changed_and_before_it_has_not() -> None:
    assert said(instant(SINCE)) == Told(Finding.CHANGED, "SIM_SWAPPED", changed_at=SINCE)
    assert said(instant(SINCE - 1)) == Told(Finding.CLEAR, "NO_SIM_SWAP", watched_s=30 * DAY + 1)


def test_a_date_that_is_ahead_is_taken_for_now() -> None:
    assert said(instant(AT + 2 * HOUR)) == Told(Finding.CHANGED, "SIM_SWAPPED", changed_at=AT)


def test_after_a_yes_only_a_date_inside_its_hours_and_before_the_binding_is_clear() -> None:
    since = AT - 90 * 60
    assert said(instant(since - 1), since=since, yes_h=2).finding is Finding.CLEAR
    edge = AT - 2 * HOUR - 300
    assert said(instant(edge), since=since, yes_h=2).finding is Finding.CLEAR
    assert said(instant(edge - 1), since=since, yes_h=2) == Told(Finding.CHANGED, "SIM_SWAPPED")
    assert said(instant(edge - 1), since=since).finding is Finding.CLEAR


def test_after_a_yes_no_date_is_no_comfort() -> None:
    assert said(None, yes_h=720) == Told(Finding.CHANGED, "SIM_SWAPPED")
    assert said(None, days=3650, yes_h=720) == Told(Finding.CHANGED, "SIM_SWAPPED")


def test_te_04_null_reaches_as_far_as_it_says() -> None:
    assert said(None) == Told(Finding.UNKNOWN, "NO_DATE")
    assert said(None, days=30) == Told(Finding.CLEAR, "NO_SIM_SWAP", watched_s=30 * DAY)
    assert said(None, days=29) == Told(Finding.UNKNOWN, "WINDOW_TOO_SHORT", watched_s=29 * DAY)
    assert said(None, days=30, since=SINCE - 1).finding is Finding.UNKNOWN
    assert said(None, days=0).finding is Finding.UNKNOWN
    assert said(None, days=36_525).finding is Finding.CLEAR
    body = b'{"latestDeviceChange":null,"monitoredPeriod":30}'
    assert read_date(DEVICE, body, since=SINCE, at=AT, yes_h=None).code == "NO_DEVICE_SWAP"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"latestDeviceChange": null, "monitoredPeriod": 3650}',
        b'{"latestSimChange": null, "monitoredPeriod": -1}',
        b'{"latestSimChange": null, "monitoredPeriod": 36526}',
        b'{"latestSimChange": null, "monitoredPeriod": "120"}',
        b'{"latestSimChange": 1795000000}',
    ],
)
def test_te_06_a_date_of_another_form_is_none(body: bytes) -> None:
    with pytest.raises(NoReply):
        read_date(SIM, body, since=SINCE, at=AT, yes_h=None)


def test_each_api_has_its_own_names() -> None:
    body = json.dumps({"latestDeviceChange": instant(AT)}).encode()
    assert read_date(DEVICE, body, since=SINCE, at=AT, yes_h=None).code == "DEVICE_SWAPPED"
    assert questions.read_check(DEVICE, b'{"swapped":false}', hours=3) == Told(
        Finding.CLEAR, "NO_DEVICE_SWAP", watched_s=3 * HOUR
    )
    assert questions.read_check(SIM, b'{"swapped":true}', hours=3) is None


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1),
        ("1970-01-01T00:00:00.999999999Z", 0),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("2026-11-18T12:26:40.000Z", 1_795_004_800),
    ],
)
def test_an_instant_is_read_with_its_offset(text: str, second: int) -> None:
    assert read_instant(text) == second


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01T00:00Z",
        "1970-01-01T24:00:01Z",
        "1970-02-30T00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00+0200",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00Z ",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_what_is_no_instant_is_no_answer(text: str) -> None:
    with pytest.raises(NoReply) as failed:
        read_instant(text)
    assert failed.value.code == "MALFORMED_ANSWER"


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_recycling_and_verification_say_one_thing_each() -> None:
    assert questions.read_recycled(b'{"phoneNumChanged":true}', since=SINCE, at=AT) == Told(Finding.CHANGED, "RECYCLED")
    assert questions.read_recycled(b'{"phoneNumChanged":false}', since=SINCE, at=AT) == Told(
        Finding.CLEAR, "NOT_RECYCLED", watched_s=30 * DAY
    )
    assert questions.read_verified(b'{"devicePhoneNumberVerified":true}') == Told(Finding.CLEAR, "NUMBER_VERIFIED")
    assert questions.read_verified(b'{"devicePhoneNumberVerified":false}') == Told(
        Finding.CONTRADICTED, "ANOTHER_NUMBER"
    )


def test_te_06_the_largest_body_is_read_and_one_byte_more_is_not() -> None:
    frame = b'{"devicePhoneNumberVerified":true,"x":""}'
    fits = frame[:-2] + b"x" * (MAX_REPLY_BYTES - len(frame)) + frame[-2:]
    assert len(fits) == MAX_REPLY_BYTES
    assert questions.read_verified(fits).finding is Finding.CLEAR
    with pytest.raises(NoReply):
        questions.read_verified(fits + b" ")
