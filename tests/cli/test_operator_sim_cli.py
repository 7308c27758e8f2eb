"""``pteri operator-sim``: a process on a port of its own, on the clock of the service that asks it."""

from __future__ import annotations

import asyncio
import email.utils
import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from pteri.adapters.system import SteppedClock, SystemClock, SystemEntropy, advance
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import Terms
from pteri.adapters.telecom.camara.subscribing import CamaraSubscriptions
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.operator_settings import OperatorSettings, read_client_key

DAY = 86_400
NUMBER = {"number": "+4915112345678", "phone": "a"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pteri", "operator-sim", *words]


@contextmanager
def simulating(*words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command(*words, "--for", "60"), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def test_it_finds_a_free_port_and_says_which_with_the_settings_that_ask_it(tmp_path: Path) -> None:
    places = [str(tmp_path / name) for name in ("one", "other")]
    with simulating(places[0], "--port", "0", "--json") as one, simulating(places[1], "--port", "0") as other:
        told = first_line(one)
        assert told["simulator"].startswith("THIS IS A SIMULATOR.")
        [table] = told["operators"]
        settings = msgspec.convert(table, OperatorSettings, dec_hook=lambda kind, value: kind(value))
        read_client_key(settings.key_file)
        desk = httpx2.post(told["desk"] + "/connect", json=NUMBER)
        assert (desk.status_code, desk.json()["phone"]) == (200, "a")
        assert "simulator" in desk.headers["x-simulator"]
        assert other.stdout is not None
        said = "".join(takewhile(lambda line: not line.startswith("At the desk"), other.stdout))
        assert said.startswith("THIS IS A SIMULATOR.")
        [printed] = tomllib.loads(said[said.index("[[operators]]") :])["operators"]
        assert printed.keys() == table.keys()
        assert printed["api_url"] != table["api_url"]
        assert httpx2.post(printed["api_url"] + "/desk/connect", json=NUMBER).status_code == 200


def test_its_answers_are_of_the_time_of_a_stepped_clock(tmp_path: Path) -> None:
    clock_file = tmp_path / "clock.json"
    words = (str(tmp_path / "operator"), "--port", "0", "--clock-file", str(clock_file), "--json")
    with simulating(*words) as process:
        [table] = first_line(process)["operators"]
        before = SteppedClock(clock_file).now()
        advance(clock_file, 30 * DAY)
        answer = httpx2.post(table["api_url"] + "/sim-swap/v2/check", json={})
        answered_at = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
        assert 30 * DAY <= answered_at - before < 31 * DAY


class _Sink(BaseHTTPRequestHandler):
    """Takes one event, on this machine."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append((self.path, self.headers["authorization"], body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_its_desk_tells_of_a_swap_whoever_has_subscribed_before_it_answers(tmp_path: Path) -> None:
    with simulating(str(tmp_path / "one"), "--port", "0", "--json") as process:
        told = first_line(process)
        settings = msgspec.convert(told["operators"][0], OperatorSettings, dec_hook=lambda kind, value: kind(value))
        assert settings.subscribe
        httpx2.post(told["desk"] + "/connect", json=NUMBER).raise_for_status()
        with HTTPServer(("127.0.0.1", 0), _Sink) as server:
            came: list[tuple[str, str, bytes]] = []
            server.came = came  # type: ignore[attr-defined]  # what has come to it
            threading.Thread(target=server.handle_request).start()
            at = SystemClock().now()
            sink = f"http://127.0.0.1:{server.server_port}/sink"
            asyncio.run(_subscribe(settings, sink, at))
            asked = httpx2.post(told["desk"] + "/subscriptions", json={"number": NUMBER["number"]})
            assert asked.json() == {"subscriptions": 1}
            swapped = httpx2.post(told["desk"] + "/swap", json={**NUMBER, "phone": "thief"}, timeout=30)
            assert swapped.status_code == 200
            [(path, bearer, body)] = came
        assert (path, bearer) == ("/sink", "Bearer our-own-token")
        assert json.loads(body)["data"]["phoneNumber"] == NUMBER["number"]


async def _subscribe(settings: OperatorSettings, sink: str, at: int) -> None:
    client = Client(settings.client_id, read_client_key(settings.key_file), settings.audience)
    terms = Terms("alpha", settings.api_url, settings.token_url, client, deadline_s=30)
    transport = HttpTransport(timeout_s=30)
    operator = CamaraSubscriptions(terms, transport, SystemEntropy())
    number = PhoneNumber(NUMBER["number"])
    await operator.create(number, sink=sink, token=Secret(b"our-own-token"), ends_at=at + DAY, at=at)
    await transport.close()


@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_no_clock_file_is_said_before_anything_is_made(tmp_path: Path, as_json: bool) -> None:
    clock_file = tmp_path / "clock.json"
    clock_file.write_text("tomorrow")
    place = str(tmp_path / "operator")
    words = (place, "--port", "0", "--for", "60", "--clock-file", str(clock_file), *(["--json"] * as_json))
    ended = subprocess.run(command(*words), capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    said = json.loads(ended.stdout)["error"] if as_json else ended.stderr
    assert 'is not {"offset_s": N}' in said
    assert not (tmp_path / "operator").exists()
