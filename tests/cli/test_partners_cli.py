"""A service with a port for SM-DP+ partners: ES2+ is answered there, to those who are known, and nowhere else."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from partner_certs import Held, client_tls, held
from pteri.adapters.system import SystemClock, SystemEntropy
from pteri.adapters.telecom.lab_chain import LabChain
from pteri.core import ids
from pteri.esim_settings import EsimSettings
from pteri.partner_settings import PartnerSettings, PartnersSettings
from pteri.provision import provision
from pteri.serving import partner_port
from pteri.settings import Settings, SettingsError, load_settings, write_settings

ADDRESS = "esim.bank.example"
ES2 = "/gsma/rsp2/es2plus/handleNotification"
ORDER: dict[str, Any] = {
    "header": {"functionRequesterIdentifier": "1", "functionCallIdentifier": "2"},
    "timestamp": "2026-11-25T12:00:00Z",
    "notificationEvent": 5,
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def service(directory: Path, authority: Held, partner: Held) -> Settings:
    """A service with a lab's chips and one partner; not written yet."""
    port = free_port()
    made = provision(directory / "service", domain="bank.example", tenant="bank", network="main", port=port)
    chain = LabChain(at=SystemClock().now(), entropy=SystemEntropy())
    certificate, key = chain.server(ADDRESS)
    (directory / "ci.der").write_bytes(chain.anchor)
    (directory / "dp.der").write_bytes(certificate)
    (directory / "dp.key").touch(mode=0o600)
    (directory / "dp.key").write_text(ids.to_base64url(key.reveal()) + "\n")
    ours = held(directory, "ours", by=authority)
    return msgspec.structs.replace(
        load_settings(made.settings),
        esim=EsimSettings(
            address=ADDRESS,
            anchors=(directory / "ci.der",),
            certificate=directory / "dp.der",
            key_file=directory / "dp.key",
            lab=True,
        ),
        partners=PartnersSettings(
            port=free_port(),
            certificate=ours.certificate_file,
            key_file=ours.key_file,
            authorities=(authority.certificate_file,),
            known=(PartnerSettings(name="smdp-one", certificates=(partner.fingerprint,)),),
        ),
    )


@contextmanager
def serving(settings: Path) -> Iterator[None]:
    serve = [sys.executable, "-m", "pteri", "serve", "--config", str(settings)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line)["event"] == "listening":
                    break
            yield
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


@pytest.mark.slow
def test_es2_is_answered_to_known_partners_on_their_port_and_to_nobody_elsewhere(tmp_path: Path) -> None:
    authority = held(tmp_path, "authority")
    partner, neighbour = held(tmp_path, "partner", by=authority), held(tmp_path, "neighbour", by=authority)
    made = service(tmp_path, authority, partner)
    assert made.partners is not None
    file = tmp_path / "service" / "with-partners.toml"
    write_settings(file, made)
    assert load_settings(file) == made
    plain = f"http://127.0.0.1:{made.server.port}"
    apart = f"https://127.0.0.1:{made.partners.port}"
    with serving(file):
        assert httpx2.post(plain + ES2, json=ORDER).status_code == 404
        with httpx2.Client(verify=client_tls(authority, partner)) as client:
            told = client.post(apart + ES2, json=ORDER)
            assert told.json()["header"]["functionExecutionStatus"]["status"] == "Executed-Success"
            assert client.post(apart + ES2, json={}).status_code == 400
            for elsewhere in ("/healthz", "/gsma/rsp2/es9plus/handleNotification", "/v1/bank/challenges"):
                assert client.post(apart + elsewhere, json=ORDER).status_code == 404
        for shows in (neighbour, None):
            with httpx2.Client(verify=client_tls(authority, shows)) as client, pytest.raises(httpx2.TransportError):
                client.post(apart + ES2, json=ORDER)


def test_processes_of_a_group_share_the_port_and_nobody_else_gets_it(tmp_path: Path) -> None:
    authority = held(tmp_path, "authority")
    partners = service(tmp_path, authority, held(tmp_path, "partner", by=authority)).partners
    assert partners is not None
    ports = [partner_port(partners, shared=True) for _ in range(2)]
    with pytest.raises(SettingsError, match=r"\[partners\]"):
        partner_port(partners, shared=False)
    for port in ports:
        port.stop()


def test_partners_without_chips_are_a_mistake(tmp_path: Path) -> None:
    authority = held(tmp_path, "authority")
    made = service(tmp_path, authority, held(tmp_path, "partner", by=authority))
    file = tmp_path / "service" / "half.toml"
    whole = tmp_path / "service" / "whole.toml"
    write_settings(whole, made)
    text = whole.read_text()
    start, end = text.index("[esim]"), text.index("[partners]")
    file.touch(mode=0o600)
    file.write_text(text[:start] + text[end:])
    with pytest.raises(SettingsError, match=r"\[partners\]"):
        load_settings(file)
