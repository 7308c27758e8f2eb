"""Events that an operator sends unasked: by whom, when, about what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operators import NUMBER, OTHER
from pteri.adapters.telecom.camara.exchange import NoReply
from pteri.adapters.telecom.camara.webhooks import read_event, read_found, read_made, subscription_body
from pteri.app.subscription_ports import EventMessage, Found, Made, UnaskedEvent
from pteri.core.errors import Code, Malformed, OutOfWindow, ProtocolError
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding, Question, Signal

AT = 1_789_997_600  # 2026-09-21T13:33:20Z
BEARER, KIND = "Bearer our-own-token", "application/cloudevents+json"
EVENT: dict[str, Any] = {
    "id": "event-1",
    "source": "https://operator.example/sim-swap",
    "type": "org.camaraproject.sim-swap-subscriptions.v0.swapped",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "time": "2026-09-21T13:33:20.000Z",
    "data": {"subscriptionId": "sub-1"},
}


def read(bearer: str = BEARER, kind: str = KIND, *, at: int = AT, **changes: object) -> UnaskedEvent:
    return read_bytes(json.dumps({**EVENT, **changes}).encode(), bearer, kind, at=at)


def read_bytes(body: bytes, bearer: str = BEARER, kind: str = KIND, *, at: int = AT) -> UnaskedEvent:
    return read_event(EventMessage(bearer, kind, body), operator="alpha", token=Secret(b"our-own-token"), at=at)


def test_a_swap_is_a_signal_of_its_time() -> None:
    told = read(at=AT + 60)
    signal = Signal(
        operator="alpha",
        question=Question.SIM_SWAP,
        finding=Finding.CHANGED,
        code="SIM_SWAPPED",
        asked_at=AT + 60,
        changed_at=AT,
    )
    assert told == UnaskedEvent("event-1", EVENT["source"], "sub-1", None, signal, is_end=False)


def test_the_event_of_the_documents_counts() -> None:
    """The example of sim-swap-subscriptions 0.3.0, with our subscription and its time."""
    data = {"phoneNumber": "+123456788", "subscriptionId": "sub-1"}
    told = read(id="123655", source="supertelco.notificationSendServer12", data=data)
    assert (told.signal is not None, told.number) == (True, "+123456788")


@pytest.mark.parametrize(("what", "is_end"), [("started", False), ("updated", False), ("ended", True), ("ends", True)])
def test_what_a_subscription_tells_of_itself_says_nothing_of_the_line(what: str, is_end: bool) -> None:
    of_itself = f"org.camaraproject.sim-swap-subscriptions.v0.subscription-{what}"
    told = read(type=of_itself, data={"subscriptionId": "sub-1", "terminationReason": "SUBSCRIPTION_EXPIRED"})
    assert (told.signal, told.is_end) == (None, is_end)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_may_be_written_as_the_documents_write_it(scheme: str) -> None:
    assert read(f"{scheme} our-own-token").signal is not None


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer another-token",
        "Basic our-own-token",
        "Bearer  our-own-token",
        "our-own-token",
        "Bearer our-own-token ",
    ],
)
def test_te_07_who_does_not_show_our_token_is_nobody(bearer: str) -> None:
    with pytest.raises(ProtocolError):
        read(bearer)


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain"])
def test_another_media_type_is_refused(kind: str) -> None:
    with pytest.raises(Malformed):
        read(kind=kind)
    assert read(kind=f"{KIND.upper()}; charset=utf-8").signal is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {}},
        {"data": None},
        {"type": "org.camaraproject.sim-swap-subscriptions.v0.unswapped"},
        {"specversion": "0.3"},
        {"id": ""},
        {"id": None},
        {"id": "x" * 257},
        {"time": "yesterday"},
        {"time": "2026-09-21T13:33:20"},
        {"time": "2026-13-21T13:33:20Z"},
        {"source": "x" * 16_384},
        {"source": ""},
        {"datacontenttype": "text/plain"},
        {"data": {"subscriptionId": "sub-1", "phoneNumber": 4915112345678}},
    ],
)
def test_te_07_an_event_of_another_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        read_bytes(json.dumps({**EVENT, **changes}).encode())


def test_te_06_an_event_of_more_than_16_kib_is_not_read() -> None:
    for size, code in ((16_384, Code.BODY), (16_385, Code.TOO_LARGE)):
        with pytest.raises(Malformed) as refused:
            read_bytes(b" " * size)
        assert refused.value.code is code


@pytest.mark.parametrize("at", [AT + 86_401, AT - 301])
def test_te_04_an_event_of_another_time_is_refused(at: int) -> None:
    with pytest.raises(OutOfWindow):
        read(at=at)


@pytest.mark.parametrize("at", [AT + 86_400, AT - 300])
def test_an_event_of_a_day_ago_counts_and_of_a_clock_that_is_five_minutes_ahead(at: int) -> None:
    signal = read(at=at).signal
    assert signal is not None
    assert (signal.asked_at, signal.changed_at) == (at, min(AT, at))


def test_neither_a_token_nor_a_number_is_shown() -> None:
    message = EventMessage(BEARER, KIND, b'{"phoneNumber": "+4915112345678"}')
    told = read(data={"subscriptionId": "sub-1", "phoneNumber": NUMBER.reveal()})
    assert "our-own-token" not in repr(message)
    assert NUMBER.reveal() not in repr(message) + repr(told)


# --- subscriptions --------------------------------------------------------------------------------------------------

TOLD: dict[str, Any] = {"token": Secret(b"t"), "ends_at": AT}


def test_a_subscription_is_asked_for_as_the_documents_say() -> None:
    body = json.loads(subscription_body(NUMBER, sink="https://pteri.example/hook", **TOLD))
    assert body == {
        "protocol": "HTTP",
        "sink": "https://pteri.example/hook",
        "sinkCredential": {
            "credentialType": "ACCESSTOKEN",
            "accessToken": "t",
            "accessTokenExpiresUtc": "2026-09-21T13:33:20Z",
            "accessTokenType": "bearer",
        },
        "types": ["org.camaraproject.sim-swap-subscriptions.v0.swapped"],
        "config": {
            "subscriptionDetail": {"phoneNumber": NUMBER.reveal()},
            "subscriptionExpireTime": "2026-09-21T13:33:20Z",
        },
    }
    unnamed = json.loads(subscription_body(None, sink="https://pteri.example/hook", **TOLD))
    assert unnamed["config"]["subscriptionDetail"] == {}
    assert OTHER.reveal() not in str(unnamed)


@pytest.mark.parametrize(
    "sink", ["http://pteri.example/hook", "https://", "https://x y", "http://127.0.0.1:80/x", "ftp://127.0.0.1/x"]
)
def test_events_come_over_tls(sink: str) -> None:
    with pytest.raises(ValueError, match="https"):
        subscription_body(NUMBER, sink=sink, **TOLD)


@pytest.mark.parametrize(
    "sink", ["http://pteri.example/x", "http://127.0.0.1.pteri.example/x", "http://10.0.0.1/x", "http://localhost:80"]
)
def test_without_tls_they_come_from_this_machine_to_this_machine_only(sink: str) -> None:
    assert b"127.0.0.1" in subscription_body(NUMBER, sink="http://127.0.0.1:8080/x", **TOLD, on_loopback=True)
    with pytest.raises(ValueError, match="https"):
        subscription_body(NUMBER, sink=sink, **TOLD, on_loopback=True)


def test_what_an_operator_has_made_and_has() -> None:
    assert read_made(b'{"id": "sub-1"}') == Made("sub-1", None)
    assert read_made(b'{"id": "sub-1", "expiresAt": "2026-09-21T13:33:20Z", "sink": "x"}') == Made("sub-1", AT)
    assert read_found(b'[{"id": "sub-1", "sink": "x", "status": "ACTIVE"}]') == (Found("sub-1", "x", None),)
    assert read_found(b"[]") == ()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id": "a/../b"}', b'{"id": ""}', b'{"id": "s", "expiresAt": "soon"}'])
def test_what_says_it_otherwise_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoReply):
        read_made(body)
    with pytest.raises(NoReply):
        read_found(b"[" + body + b"," + body + b"]" if body else b"{}")
