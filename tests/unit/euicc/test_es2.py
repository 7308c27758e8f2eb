"""What an SM-DP+ tells an operator: words, and sometimes evidence."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

import chip_cases
import chips as c
from pteri.core.errors import Code, Malformed, MalformedEvidence
from pteri.core.euicc.es2 import (
    ACKNOWLEDGED,
    HandleDownloadProgressInfo,
    HandleOrderNotification,
    OrderNotified,
    Progress,
)
from pteri.core.euicc.installation import verify_installation_result
from pteri.http.strictjson import decode

BODY: dict[str, Any] = {
    "header": {"functionRequesterIdentifier": "smdp", "functionCallIdentifier": "7"},
    "eid": c.EID,
    "iccid": "8949020000123456780F",
    "profileType": "consumer",
    "timestamp": "2026-09-21T12:00:00Z",
    "notificationPointId": 4,
    "notificationPointStatus": {"status": "Executed-Success"},
}


def read(**changes: Any) -> Progress:
    body = {name: value for name, value in (BODY | changes).items() if value is not None}
    return decode(msgspec.json.encode(body), HandleDownloadProgressInfo).progress()


def test_a_step_of_a_download_is_read() -> None:
    found = read()
    assert (found.eid, found.iccid, found.step, found.succeeded) == (c.EID, c.OTHER_ICCID, 4, True)
    assert found.said_at == 1_789_992_000
    assert found.evidence is None


def test_a_failure_is_one() -> None:
    code = {"subjectCode": "8.1", "reasonCode": "6.1", "subjectIdentifier": "x", "message": "y"}
    assert not read(notificationPointStatus={"status": "Failed", "statusCodeData": code}).succeeded
    assert not read(notificationPointStatus={"status": "executed-success"}).succeeded


def test_without_a_chip_and_with_a_phone() -> None:
    found = read(eid=None, imei="350000000000000", tac="35000000", iccid="89490200001234567894")
    assert (found.eid, found.iccid) == (None, c.ICCID)


def test_an_instant_has_a_zone() -> None:
    assert read(timestamp="2026-09-21T14:00:00+02:00").said_at == read().said_at


def test_the_chips_own_word_is_verified_and_not_believed() -> None:
    found = read(resultData=base64.b64encode(chip_cases.result()).decode())
    assert found.evidence is not None
    event = verify_installation_result(
        found.evidence,
        anchors=c.trusting(),
        at=c.AT,
        chip_certificate=c.CHIP.der(),
        manufacturer_certificate=c.EUM.der(),
        expected_transaction_id=c.TRANSACTION,
    )
    # The words around it name another profile: what the chip signed is what counts.
    assert (event.iccid, found.iccid) == (c.ICCID, c.OTHER_ICCID)
    assert read(resultData="").evidence is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"eid": c.EID[:-1]}, Code.EID),
        ({"eid": c.EID[:-2] + "21"}, Code.EID_CHECK_DIGITS),
        ({"iccid": "894902000012345678FF"}, Code.ICCID),
        ({"iccid": "894902000012345678F"}, Code.ICCID),
        ({"iccid": "x"}, Code.ICCID),
        ({"resultData": "not base64"}, Code.ENCODING),
        ({"timestamp": "2026-09-21T12:00:00"}, Code.FIELD),
        ({"timestamp": "2026-09-21"}, Code.FIELD),
        ({"timestamp": "2026-13-21T12:00:00Z"}, Code.FIELD),
        ({"timestamp": "2026-09-21T12:00:00+99:00"}, Code.FIELD),
        ({"timestamp": "0001-01-01T00:00:00+23:00"}, Code.FIELD),
        ({"timestamp": 1}, None),
        ({"notificationPointId": "4"}, None),
        ({"notificationPointId": -1}, None),
        ({"surprise": "x"}, None),
        ({"header": None}, None),
    ],
)  # fmt: skip
def test_another_form_is_refused(changes: dict[str, Any], code: Code | None) -> None:
    with pytest.raises(Malformed) as refused:
        read(**changes)
    if code is None:
        assert refused.value.code is Code.BODY
    else:
        assert isinstance(refused.value, MalformedEvidence)
        assert refused.value.code is code


NOTIFIED: dict[str, Any] = {
    "header": BODY["header"],
    "eid": c.EID,
    "iccid": BODY["iccid"],
    "profileType": "consumer",
    "timestamp": BODY["timestamp"],
    "notificationEvent": 4,
    "notificationEventStatus": {"status": "Executed-Success"},
    "notificationReceiverIdentifier": "1.3.6.1.4.1.1",
    "notificationIdentifier": "17",
}
"""Version 3."""


def notified(**changes: Any) -> OrderNotified:
    body = {name: value for name, value in (NOTIFIED | changes).items() if value is not None}
    return decode(msgspec.json.encode(body), HandleOrderNotification).notified()


def test_version_3_tells_of_an_order_in_the_same_values() -> None:
    found = notified()
    assert (found.eid, found.iccid, found.event, found.succeeded) == (c.EID, c.OTHER_ICCID, "4", True)
    assert (found.said_at, found.evidence) == (1_789_992_000, None)
    assert notified(notificationEvent="Enable").event == "Enable"
    assert not notified(notificationEventStatus={"status": "Failed"}).succeeded


def test_of_an_order_only_event_and_time_must_be_told() -> None:
    may_miss = ("eid", "iccid", "profileType", "notificationEventStatus", "notificationReceiverIdentifier")
    found = notified(**dict.fromkeys((*may_miss, "notificationIdentifier")))
    assert (found.eid, found.iccid, found.succeeded) == (None, None, True)


def test_what_the_chip_signed_of_an_order_comes_out_as_it_was() -> None:
    assert notified(resultData=base64.b64encode(c.an_event()).decode()).evidence == c.an_event()
    assert notified(resultData="").evidence is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"eid": c.EID[:-1]}, Code.EID),
        ({"iccid": "894902000012345678F"}, Code.ICCID),
        ({"resultData": "AAA"}, Code.ENCODING),
        ({"timestamp": "2026-09-21"}, Code.FIELD),
        ({"timestamp": None}, None),
        ({"notificationEvent": None}, None),
        ({"notificationEvent": -1}, None),
        ({"notificationEvent": 10_000}, None),
        ({"notificationEvent": ""}, None),
        ({"notificationEvent": "x" * 65}, None),
        ({"notificationEvent": True}, None),
        ({"notificationEventStatus": "Executed-Success"}, None),
        ({"notificationReceiverIdentifier": "x" * 256}, None),
        ({"notificationPointId": 4}, None),
        ({"header": None}, None),
    ],
)  # fmt: skip
def test_an_order_in_another_form_is_refused(changes: dict[str, Any], code: Code | None) -> None:
    with pytest.raises(Malformed) as refused:
        notified(**changes)
    assert refused.value.code is (code or Code.BODY)


def test_it_is_acknowledged_and_no_more() -> None:
    assert msgspec.json.encode(ACKNOWLEDGED) == b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}'


def test_neither_shows_a_number() -> None:
    body = decode(msgspec.json.encode(BODY), HandleDownloadProgressInfo)
    shown = repr(body) + repr(body.progress())
    assert c.EID not in shown
    assert "8949020000" not in shown
    order = decode(msgspec.json.encode(NOTIFIED), HandleOrderNotification)
    shown = repr(order) + repr(order.notified())
    assert c.EID not in shown
    assert "8949020000" not in shown
