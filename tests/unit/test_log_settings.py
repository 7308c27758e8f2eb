"""The table ``[log]`` names witnesses that can be asked, and no more of them than there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from notes import LOG, ORIGIN, WITNESSES
from pteri.log_settings import LogSettings, WitnessSettings

KEYS = [signer.verifier.text for signer in WITNESSES]


def log(*witnesses: WitnessSettings, needed: int) -> LogSettings:
    keys = Path("log.key"), Path("index.key")
    return LogSettings(origin=ORIGIN, key_file=keys[0], index_key_file=keys[1], witnesses=witnesses, needed=needed)


def test_two_of_three_is_a_quorum() -> None:
    quorum = log(*(WitnessSettings(key=key, url="https://watch.example") for key in KEYS), needed=2).quorum
    assert quorum is not None
    assert (quorum.needed, len(quorum.witnesses)) == (2, 3)
    assert log(needed=0).quorum is None


@pytest.mark.parametrize("url", ["https://watch.example", "https://watch.example:8443/w1", "http://127.0.0.1:8791"])
def test_a_witness_is_asked_over_tls_or_on_this_machine(url: str) -> None:
    assert WitnessSettings(key=KEYS[0], url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "watch.example",
        "http://watch.example",
        "http://10.0.0.1:8791",
        "ftp://watch.example",
        "https://",
        "https://watch.example/",
        "https://user:word@watch.example",
        "https://watch.example?log=1",
        "https://watch.example#here",
        "https://watch.example:0",
        "https://watch.example:port",
        "https://watch example",
    ],
)
def test_no_other_address_is_one(url: str) -> None:
    with pytest.raises(ValueError, match="url is"):
        WitnessSettings(key=KEYS[0], url=url)


@pytest.mark.parametrize(("keys", "needed"), [([], 1), (KEYS, 0), (KEYS, 4), ([KEYS[0]] * 2, 1)])
def test_a_quorum_that_cannot_be_is_refused_at_the_start(keys: list[str], needed: int) -> None:
    with pytest.raises(ValueError, match=r"quorum|of its own"):
        log(*(WitnessSettings(key=key, url="https://watch.example") for key in keys), needed=needed)


def test_a_log_does_not_witness_itself() -> None:
    with pytest.raises(ValueError, match="not that of a log"):
        log(WitnessSettings(key=LOG.verifier.text, url="https://watch.example"), needed=1)
