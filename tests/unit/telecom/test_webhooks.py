"""Events that an operator sends unasked: whose, when, about what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operators import NUMBER, OTHER
from pteri.adapters.telecom.camara.webhooks import ANSWERED, Subscription, read_event, subscription_body
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding, Question, Signal

AT = 1_789_997_600  # 2026-09-21T13:33:20Z
OURS = Subscription("alpha", "sub-1", Secret(b"our-own-token"))
HEADERS = {"authorization": "Bearer our-own-token", "content-type": "application/cloudevents+json"}
EVENT: dict[str, Any] = {
    "id": "event-1",
    "source": "https://operator.example/sim-swap",
    "type": "org.camaraproject.sim-swap-subscriptions.v0.swapped",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "time": "2026-09-21T13:33:20.000Z",
    "data": {"subscriptionId": "sub-1"},
}


def read(headers: dict[str, str] | None = None, *, at: int = AT, **changes: object) -> object:
    body = json.dumps({**EVENT, **changes}).encode()
    return read_event(HEADERS if headers is None else headers, body, expected=OURS, at=at)


def test_a_swap_is_a_signal_of_its_time() -> None:
    signal = read_event(HEADERS, json.dumps(EVENT).encode(), expected=OURS, at=AT + 60)
    assert signal is not None
    assert (signal.question, signal.finding, signal.changed_at) == (Question.SIM_SWAP, Finding.CHANGED, AT)
    assert ANSWERED == 204


def test_the_event_of_the_documents_counts() -> None:
    """The example of sim-swap-subscriptions 0.3.0, with our subscription and its time."""
    data = {"phoneNumber": "+123456788", "subscriptionId": "sub-1"}
    assert read(id="123655", source="supertelco.notificationSendServer12", data=data) is not None


@pytest.mark.parametrize("what", ["started", "updated", "ended", "ends"])
def test_what_a_subscription_tells_of_itself_says_nothing_of_the_line(what: str) -> None:
    of_itself = f"org.camaraproject.sim-swap-subscriptions.v0.subscription-{what}"
    assert read(type=of_itself, data={"subscriptionId": "sub-1", "terminationReason": "SUBSCRIPTION_EXPIRED"}) is None


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_may_be_written_as_the_documents_write_it(scheme: str) -> None:
    assert read({**HEADERS, "authorization": f"{scheme} our-own-token"}) is not None


def test_te_07_an_event_of_another_number_is_refused_where_the_number_is_known() -> None:
    def of(number: str | None) -> object:
        data = {"subscriptionId": "sub-1"} if number is None else {"subscriptionId": "sub-1", "phoneNumber": number}
        body = json.dumps({**EVENT, "data": data}).encode()
        return read_event(HEADERS, body, expected=OURS, at=AT, number=NUMBER)

    assert of(NUMBER.reveal()) is not None
    assert of(None) is not None
    with pytest.raises(NotAuthentic):
        of(OTHER.reveal())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**HEADERS, "authorization": ""},
        {**HEADERS, "authorization": "Bearer "},
        {**HEADERS, "authorization": "Bearer another-token"},
        {**HEADERS, "authorization": "Basic our-own-token"},
        {**HEADERS, "authorization": "Bearer  our-own-token"},
        {**HEADERS, "authorization": "our-own-token"},
        {**HEADERS, "authorization": "Bearer our-own-token "},
        {**HEADERS, "content-type": "application/json"},
        {**HEADERS, "content-type": ""},
    ],
)
def test_te_07_who_does_not_show_our_token_is_nobody(headers: dict[str, str]) -> None:
    with pytest.raises(ProtocolError):
        read(headers)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"subscriptionId": "sub-2"}},
        {"data": {}},
        {"data": None},
        {"type": "org.camaraproject.sim-swap-subscriptions.v0.unswapped"},
        {"specversion": "0.3"},
        {"id": ""},
        {"id": None},
        {"time": "yesterday"},
        {"time": "2026-09-21T13:33:20"},
        {"time": "2026-13-21T13:33:20Z"},
        {"source": "x" * 16_384},
        {"source": ""},
        {"datacontenttype": "text/plain"},
        {"data": {"subscriptionId": "sub-1", "phoneNumber": 4915112345678}},
    ],
)
def test_te_07_an_event_of_another_line_or_form_is_refused(changes: dict[str, object]) -> None:
    body = json.dumps({**EVENT, **changes}).encode()
    with pytest.raises(ProtocolError):
        read_event(HEADERS, body, expected=OURS, at=AT)


def test_te_06_an_event_of_more_than_16_kib_is_not_read() -> None:
    for size, code in ((16_384, Code.BODY), (16_385, Code.TOO_LARGE)):
        with pytest.raises(Malformed) as refused:
            read_event(HEADERS, b" " * size, expected=OURS, at=AT)
        assert refused.value.code is code


@pytest.mark.parametrize("at", [AT + 86_401, AT - 301])
def test_te_04_an_event_of_another_time_is_refused(at: int) -> None:
    with pytest.raises(OutOfWindow):
        read(at=at)


@pytest.mark.parametrize("at", [AT + 86_400, AT - 300])
def test_an_event_of_a_day_ago_counts_and_of_a_clock_that_is_five_minutes_ahead(at: int) -> None:
    signal = read(at=at)
    assert isinstance(signal, Signal)
    assert (signal.asked_at, signal.changed_at) == (at, min(AT, at))


def test_a_subscription_names_the_number_where_the_token_does_not_and_an_https_sink_only() -> None:
    told: dict[str, Any] = {
        "token": Secret(b"t"),
        "token_until": "2026-09-22T00:00:00Z",
        "ends_at": "2026-09-22T00:00:00Z",
    }
    body = json.loads(subscription_body(NUMBER, sink="https://pteri.example/hook", **told))
    assert body["config"]["subscriptionDetail"] == {"phoneNumber": NUMBER.reveal()}
    assert (
        json.loads(subscription_body(None, sink="https://pteri.example/hook", **told))["config"]["subscriptionDetail"]
        == {}
    )
    for sink in ("http://pteri.example/hook", "https://", "https://x y"):
        with pytest.raises(ValueError, match="https"):
            subscription_body(NUMBER, sink=sink, **told)
