"""What the demo is played on: a real server process, phone processes with their own keys, a Web2 site, a network.

Everything listens on loopback and ends with the stage. The mobile operator is a simulator. The clock is simulated, too:
a waiting time of three days is shown and then stepped over, in the clocks of server, phones and operator.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import msgspec

from pteri.adapters.system import SteppedClock, SystemEntropy, advance, monotonic_s
from pteri.adapters.telecom.lab_chain import LabChain
from pteri.core import ids
from pteri.demo.commands import Commands
from pteri.demo.operator import SimulatedOperator
from pteri.demo.wiretap import Wiretap
from pteri.esim_settings import EsimSettings
from pteri.provision import provision
from pteri.sdk import BrowserSession, Client
from pteri.settings import OfficerSettings, Settings, child_environment, load_settings, write_settings
from pteri.wallet.client import Waiting
from pteri.wallet.refusals import ServerError

__all__ = ["CHIP_ADDRESS", "DOMAIN", "TENANT", "Answer", "Phone", "Site", "Stage"]

DOMAIN: Final = "bank.example"
TENANT: Final = "bank"
CHIP_ADDRESS: Final = "esim.bank.example"
"""As chips sign it."""
_START_S: Final = 30
_STOP_S: Final = 15
_COMMAND_S: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody was told: ``ok``, a stable code for a refusal, and everything else as it came."""

    ok: bool
    code: str
    told: dict[str, Any]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON of a command
        return self.told[name]


class Phone:
    """A phone: a directory with its own keys. Every act is a process of its own, ``pteri wallet ...``."""

    def __init__(self, stage: Stage, owner: str) -> None:
        self._stage = stage
        self.home = stage.directory / "phones" / owner.replace(" ", "-")
        self.passphrase_file = stage.directory / "phones" / f"{self.home.name}.passphrase"
        self.home.parent.mkdir(mode=0o700, exist_ok=True)
        secret = ids.to_base64url(SystemEntropy().draw(18))
        self.passphrase_file.touch(mode=0o600)
        self.passphrase_file.write_text(secret + "\n")

    def use_passphrase_of(self, other: Phone) -> None:
        """The person remembers one passphrase: a sealed backup opens with the one it was sealed with."""
        self.passphrase_file.write_text(other.passphrase_file.read_text())

    def do(self, *arguments: str, typed: str = "") -> Answer:
        """Run one wallet command to its end. ``typed`` goes to its standard input."""
        said = self._stage.commands.run([*arguments, *self._own, "--json"], typed)
        try:
            told = json.loads(said.out)
        except json.JSONDecodeError:
            raise RuntimeError(f"pteri wallet {arguments[0]} said: {said.out}{said.errors}") from None
        # For an act that went well, "code" is the one-time code and no reason.
        ok = bool(told.get("ok"))
        return Answer(ok, "" if ok else str(told.get("code", "")), told)

    def screen(self, *arguments: str) -> list[str]:
        """What a person reads on it, line by line, where a program would be told JSON."""
        return self._stage.commands.run([*arguments, *self._own], "").out.splitlines()

    @property
    def _own(self) -> tuple[str, ...]:
        return ("--home", str(self.home), "--passphrase-file", str(self.passphrase_file))


class Site:
    """The Web2 back end: it knows an e-mail, and nothing of wallets. Its requests are signed with its own key."""

    def __init__(self, origin: str, key: str, clock: SteppedClock) -> None:
        self._client = Client(origin, TENANT, key, clock=clock)

    def link(self, login: str, line: str) -> Waiting:
        """Start linking an account that this site has just authenticated."""
        return self._client.start_binding(login, BrowserSession.new(), line=line)

    def sign_in(self, login: str, *, prompt: bool = True) -> Waiting:
        """Start a sign-in in a new browser session, to be scanned; ``prompt``: and shown on the phones unasked."""
        return self._client.start_sign_in(login, BrowserSession.new(), prompt=prompt)

    def code(self, waiting: Waiting, code: str) -> Answer:
        """What the browser hears after the code was typed into it."""
        try:
            signed_in = self._client.enter_code(waiting.id, code, waiting.session)
        except ServerError as error:
            return Answer(False, str(error.code), {"message": error.message})
        return Answer(True, "", msgspec.to_builtins(signed_in))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


class Stage:
    """Set up in ``directory``; use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock_file = directory / "clock.json"
        self.clock = SteppedClock(self.clock_file)
        self._port = _free_port()
        self.wiretap = Wiretap(self._port)
        self.origin = f"http://127.0.0.1:{self.wiretap.port}"
        made = provision(
            directory / "service",
            domain=DOMAIN,
            tenant=TENANT,
            network="main",
            port=self.wiretap.port,
            clock_file=self.clock_file,
        )
        self.settings = made.settings
        self.client_key_file = made.client_key_file
        begun = self.command("log", "new", "--config", str(self.settings))
        self.log_key, self.index_key = str(begun["log_key"]), str(begun["index_key"])
        self.commands = Commands(child_environment({"PTERI_CLOCK_FILE": str(self.clock_file), "NO_COLOR": "1"}))
        self.operator = SimulatedOperator(directory / "simulated-operator", self.clock_file)
        self.log = directory / "service" / "server.log"
        self._log_seen = 0
        self._server: subprocess.Popen[bytes] | None = None
        self.site = Site(self.origin, self.client_key_file.read_text().strip(), self.clock)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        database = load_settings(self.settings).server.database
        assert isinstance(database, Path), "the stage is set up with a file"
        return database

    def __enter__(self) -> Self:
        try:
            self._serve()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.site.close()
        self._stop_server()
        self.operator.close()
        self.commands.close()
        self.wiretap.close()

    def command(self, *arguments: str) -> Answer:
        """What a command of the service, or of an auditor, says in the end."""
        command = [sys.executable, "-m", "pteri", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_S, check=False)  # noqa: S603 - our own program
        try:
            told = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(f"pteri {' '.join(arguments[:2])} said: {done.stdout}{done.stderr}") from None
        return Answer(done.returncode == 0, "" if done.returncode == 0 else "DOES_NOT_HOLD", told)

    def appoint(self, officers: list[dict[str, object]]) -> None:
        """What an operator does: put officers into the settings, and start the server again."""
        settings = load_settings(self.settings)
        [tenant] = settings.tenants
        named = msgspec.structs.replace(tenant, officers=msgspec.convert(officers, tuple[OfficerSettings, ...]))
        self._serve_with(msgspec.structs.replace(settings, tenants=(named,)))

    def join_operator(self) -> None:
        """The same for the mobile operator, which is a SIMULATOR: from now on the service asks it."""
        self._serve_with(msgspec.structs.replace(load_settings(self.settings), operators=self.operator.settings()))

    def until_told_of(self, number: str) -> None:
        """Wait until the operator has been asked to tell of this number."""
        deadline = monotonic_s() + _START_S
        while monotonic_s() < deadline:
            if self.operator.do("subscriptions", number=number)["subscriptions"]:
                return
            self._pause()
        raise RuntimeError("the service did not ask its operator to tell of the line")

    def meet_chips(self, chain: LabChain) -> None:
        """The same for eSIM chips of a LAB, which are believed nowhere else."""
        place = self.directory / "lab-chips"
        place.mkdir(mode=0o700)
        certificate, key = chain.server(CHIP_ADDRESS)
        (place / "ci.der").write_bytes(chain.anchor)
        (place / "dpauth.der").write_bytes(certificate)
        (place / "dpauth.key").touch(mode=0o600)
        (place / "dpauth.key").write_text(ids.to_base64url(key.reveal()) + "\n")
        esim = EsimSettings(
            address=CHIP_ADDRESS,
            anchors=(place / "ci.der",),
            certificate=place / "dpauth.der",
            key_file=place / "dpauth.key",
            lab=True,
        )
        self._serve_with(msgspec.structs.replace(load_settings(self.settings), esim=esim))

    def _serve_with(self, settings: Settings) -> None:
        self._stop_server()
        self.settings.unlink()
        write_settings(self.settings, settings)
        self._serve()

    def _serve(self) -> None:
        # The relay stands where a reverse proxy would: the server listens behind it, under the relay's public origin.
        settings = load_settings(self.settings)
        behind = msgspec.structs.replace(settings.server, port=self._port)
        behind_file = self.settings.with_name("behind-relay.toml")
        behind_file.unlink(missing_ok=True)
        write_settings(behind_file, msgspec.structs.replace(settings, server=behind))
        command = [sys.executable, "-m", "pteri", "serve", "--config", str(behind_file)]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own program
        self._wait_until_ready()

    def advance(self, seconds: int) -> None:
        """Step the simulated clock of everybody forward."""
        advance(self.clock_file, seconds)

    def why(self) -> str:
        """Reason of the latest refusal in the server's log since the last time: its operator reads it, no caller."""
        with self.log.open("rb") as log:
            log.seek(self._log_seen)
            lines = log.readlines()
            self._log_seen = log.tell()
        reasons = [str(json.loads(line).get("why", "")) for line in lines if line.startswith(b"{")]
        return next((reason for reason in reversed(reasons) if reason), "")

    def _wait_until_ready(self) -> None:
        assert self._server is not None
        deadline = monotonic_s() + _START_S
        # Looking again at once is bounded by the connection attempt itself; nothing sleeps.
        with httpx2.Client(base_url=self.origin, timeout=0.5) as client:
            while self._server.poll() is None and monotonic_s() < deadline:
                try:
                    if client.get("/healthz").status_code == httpx2.codes.OK:
                        return
                except httpx2.TransportError:
                    self._pause()
        raise RuntimeError(f"the server did not start; it said:\n{self.log.read_text()[-2000:]}")

    def _pause(self) -> None:
        assert self._server is not None
        try:
            self._server.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            return

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
