"""Terminals with ``pteri wallet`` in front of the small world's service: what a person types, what a program reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from phones import EMAIL, Wire, client
from pteri.core.keys.secret import Secret
from pteri.wallet.cli import app
from pteri.wallet.desk import Machine
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import LIGHT, Keystore
from world import ALICE_WORDS, LINE, ORIGIN, SimEntropy, World

PASSPHRASE = "correct horse battery"
SERVICE = ("--server", ORIGIN, "--tenant", "bank")


@dataclass
class Shell:
    """A terminal with a home directory, in front of the world's service."""

    world: World
    home: Path
    wire: Wire
    machine: Machine
    calls: int = 0

    def run(self, *words: str, typed: str = "", **changes: Any) -> Result:
        self.calls += 1
        entropy = SimEntropy(f"{self.home} {self.calls}")
        machine = replace(self.machine, entropy=entropy, **changes)
        return CliRunner().invoke(app, list(words), input=typed, obj=machine, catch_exceptions=False)

    def json(self, *words: str, code: int = 0, typed: str = "", **changes: Any) -> dict[str, Any]:
        """The one JSON object on standard output."""
        result = self.run(*words, "--json", typed=typed, **changes)
        assert result.exit_code == code, result.output
        # The service of this world lives in the same process and logs to the same standard output.
        [line] = [line for line in result.stdout.splitlines() if line.startswith("{")]
        told = json.loads(line)
        assert told["ok"] is (code == 0)
        return dict(told)

    def refusal(self, *words: str, **changes: Any) -> str:
        told = self.json(*words, code=1, **changes)
        assert told["message"]
        plain = self.run(*words, **changes)
        assert plain.exit_code == 1
        assert told["code"] in plain.stderr
        return str(told["code"])


def shell_of(world: World, name: str) -> Shell:
    """A terminal of somebody's own, without a wallet."""
    file = world.directory / f"{name}.passphrase"
    file.touch(mode=0o600)
    file.write_text(PASSPHRASE + "\n")
    wire = Wire(world)

    def nobody(_: str) -> str:
        raise WalletError(WalletCode.NO_PASSPHRASE, "There is nobody to ask.")

    home = world.directory / name
    machine = Machine(
        home=home,
        passphrase_file=file,
        no_color=True,
        is_interactive=False,
        clock=world.clock,
        entropy=SimEntropy(name),
        connect=lambda: wire,
        keychain=lambda: None,
        prompt=nobody,
        cost=LIGHT,
    )
    return Shell(world, home, wire, machine)


def with_wallet(world: World, name: str = "phone") -> Shell:
    """A terminal with Alice's wallet."""
    made = shell_of(world, name)
    made.json("restore", typed=ALICE_WORDS + "\n")
    return made


def with_account(world: World) -> Shell:
    """The same, linked to her account."""
    made = with_wallet(world)
    waiting = client(world).start_binding(EMAIL, line=LINE)
    told = made.json("enroll", waiting.qr, "--line", LINE, "--yes")
    client(world).enter_code(waiting.id, told["code"], waiting.session)
    return made


def shell_of_officer(world: World, name: str) -> Shell:
    """The terminal of somebody whom the service knows as an officer."""
    made, officer = shell_of(world, name), world.officer(name)
    keystore, entropy, passphrase = Keystore(made.home), SimEntropy(f"keys of {name}"), Secret(PASSPHRASE.encode())
    keystore.create_wallet(Secret(officer.wallet.words.encode()), passphrase, entropy=entropy, cost=LIGHT)
    keystore.create_device(officer.key.private.secret, passphrase, entropy=entropy, cost=LIGHT)
    return made
