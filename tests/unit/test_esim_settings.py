"""The table [esim] of the settings: which chips are believed, and who we are to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chips as c
from pteri.core import ids
from pteri.esim_settings import EsimSettings
from pteri.settings import SettingsError
from pteri.wiring import chip_desk_of

KEY = ids.to_base64url((0x1000 + 5).to_bytes(32, "big"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The certificates and the key of a place to which chips come."""
    (tmp_path / "ci.der").write_bytes(c.CI.der())
    (tmp_path / "other.der").write_bytes(replace(c.CI, subject_key_id=c.key_id(0xC9)).der())
    (tmp_path / "dp.der").write_bytes(c.SERVER.der())
    (tmp_path / "chip.der").write_bytes(c.CHIP.der())
    (tmp_path / "large.der").write_bytes(bytes(5000))
    for name, content in (("dp.key", KEY), ("other.key", ids.to_base64url(bytes(31) + b"\1"))):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content + "\n")
    return tmp_path


def settings(files: Path, **changes: Any) -> EsimSettings:
    told = {"anchors": ["ci.der"], "certificate": "dp.der", "key_file": "dp.key"} | changes
    places: dict[str, Any] = {
        "anchors": tuple(files / name for name in told.pop("anchors")),
        "certificate": files / told.pop("certificate"),
        "key_file": files / told.pop("key_file"),
    }
    return EsimSettings(**({"address": "esim.bank.example"} | places | told))


def test_a_desk_believes_its_issuers_and_signs_with_its_key(files: Path) -> None:
    desk = chip_desk_of(settings(files, anchors=["ci.der", "other.der", "ci.der"]))
    assert desk.address == "esim.bank.example"
    assert list(desk.issuers) == [c.CI.subject_key_id, c.key_id(0xC9)]
    assert all(map(desk.anchors.trusts, desk.issuers))
    [identity] = desk.identities
    assert identity.certificate == c.SERVER.der()


def test_who_is_revoked_is_believed_no_more(files: Path) -> None:
    desk = chip_desk_of(settings(files, revoked_keys=(c.CI.subject_key_id.hex(),), revoked_eids=(c.EID,)))
    assert not desk.anchors.trusts(c.CI.subject_key_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "https://esim.bank.example"},
        {"address": "Esim.bank.example"},
        {"address": "localhost"},
        {"anchors": []},
        {"revoked_keys": ("AB",)},
        {"revoked_eids": ("8904",)},
    ],
)
def test_what_cannot_be_meant_does_not_start(files: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        settings(files, **wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"anchors": ["none.der"]}, "none.der"),
        ({"anchors": ["large.der"]}, "large.der"),
        ({"anchors": ["chip.der"]}, "esim: "),
        ({"certificate": "chip.der"}, "CERTIFICATE_ROLE"),
        ({"key_file": "other.key"}, "esim: "),
        ({"key_file": "none.key"}, "none.key"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(files: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        chip_desk_of(settings(files, **wrong))
