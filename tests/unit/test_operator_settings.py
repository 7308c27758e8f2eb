"""The tables [[operators]]: whom to ask, and what refuses to start."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from operators import OUR_KEY
from pteri.core.ids import to_base64url
from pteri.operator_settings import OperatorSettings, read_client_key, require_distinct, require_reachable

POINT = to_base64url(OUR_KEY.public.sec1)
GOOD: dict[str, Any] = {
    "name": "alpha",
    "api_url": "https://api.operator.example/camara",
    "token_url": "https://auth.operator.example/token",
    "client_id": "pteri",
    "key_file": Path("/keys/alpha.key"),
    "audience": "https://auth.operator.example",
}
CIBA: dict[str, Any] = {
    **GOOD,
    "possession": "ciba",
    "start_url": "https://auth.operator.example/bc-authorize",
    "keys": (POINT,),
}


def test_without_more_it_asks_for_every_tenant_and_sees_no_tokens() -> None:
    told = OperatorSettings(**GOOD)
    assert told.serves("bank")
    assert (told.access, told.possession, told.deadline_ms) == ("client", "none", 1500)
    assert (told.assertions_for, told.purpose) == ("endpoint", "dpv:FraudPreventionAndDetection")
    assert OperatorSettings(**GOOD, purpose="").purpose == ""
    assert not OperatorSettings(**GOOD, tenants=("shop",)).serves("bank")
    assert OperatorSettings(**CIBA).keys == (POINT,)
    assert OperatorSettings(**{**GOOD, "api_url": "http://127.0.0.1:8790"}).api_url


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"purpose": "FraudPreventionAndDetection"},
        {"purpose": "dpv:"},
        {"purpose": "dpv:A dpv:B"},
        {"name": "Alpha"},
        {"name": "a" * 33},
        {"api_url": "http://api.operator.example"},
        {"api_url": "https://api.operator.example/"},
        {"api_url": "https://user@api.operator.example"},
        {"api_url": "https://api.operator.example?x=1"},
        {"api_url": "https://"},
        {"api_url": "ftp://127.0.0.1"},
        {"api_url": "https://api.operator.example:99999"},
        {"token_url": "http://10.0.0.1/token"},
        {"client_id": ""},
        {"client_id": "a b"},
        {"audience": ""},
        {"tenants": ("No Tenant",)},
        {"start_url": "https://auth.operator.example/bc-authorize"},
        {"keys": (POINT,)},
        {"possession": "ciba"},
        {**CIBA, "keys": ()},
        {**CIBA, "keys": (POINT[:-2],)},
        {**CIBA, "start_url": ""},
        {**CIBA, "start_url": "http://auth.operator.example"},
    ],
)
def test_what_cannot_be_meant_does_not_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        OperatorSettings(**{**GOOD, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"deadline_ms": 1901},
        {"deadline_ms": 99},
        {"access": "both"},
        {"assertions_for": "both"},
        {"possession": "sms"},
        {"extra": 1},
    ],
)
def test_what_the_decoder_sees_does_not_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**GOOD, **wrong}, OperatorSettings, dec_hook=lambda _, value: value)


def test_together_they_have_names_of_their_own_and_tokens_go_to_one() -> None:
    one, two = OperatorSettings(**CIBA), OperatorSettings(**{**CIBA, "name": "beta"})
    require_distinct((one, OperatorSettings(**{**GOOD, "name": "beta"})), ("bank",))
    apart = [OperatorSettings(**{**CIBA, "name": name, "tenants": (name,)}) for name in ("bank", "shop")]
    require_distinct(tuple(apart), ("bank", "shop"))
    for wrong, why in (((one, one), "same name"), ((one, two), "see the tokens"), (tuple(apart), "there is not: shop")):
        with pytest.raises(ValueError, match=why):
            require_distinct(wrong, ("bank",))


@pytest.mark.parametrize(
    ("origin", "api_url", "why"),
    [
        ("https://pteri.example", "https://api.operator.example", ""),
        ("https://pteri.example", "http://127.0.0.1:8790", ""),
        ("http://127.0.0.1:8750", "http://127.0.0.1:8790", ""),
        ("http://127.0.0.1:8750", "https://api.operator.example", "alpha would send its events to http://127"),
    ],
)
def test_events_come_over_tls_but_for_those_of_the_simulator(origin: str, api_url: str, why: str) -> None:
    asked = OperatorSettings(**{**GOOD, "api_url": api_url})
    require_reachable((asked,), origin)
    telling = OperatorSettings(**{**GOOD, "api_url": api_url, "subscribe": True})
    with pytest.raises(ValueError, match=why) if why else nullcontext():
        require_reachable((telling,), origin)


def test_a_client_key_is_read_from_a_closed_file_only(tmp_path: Path) -> None:
    path = tmp_path / "alpha.key"
    path.write_text(to_base64url(OUR_KEY.secret.reveal()) + "\n")
    path.chmod(0o600)
    assert read_client_key(path).public == OUR_KEY.public
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        read_client_key(path)
    path.chmod(0o600)
    path.write_text("no key\n")
    with pytest.raises(ValueError, match="no P-256 client key"):
        read_client_key(path)
