"""Where the commands of the wallet sit: one keystore, one screen, and the machine's ports, all handed in.

:func:`command` gives every command the same options and the same manners: a refusal is a sentence and a stable code,
exit status 1; with ``--json`` it is one JSON object on standard output.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

import typer

from pteri.core.errors import ProtocolError
from pteri.core.keys.secret import Secret
from pteri.wallet.answering import Network
from pteri.wallet.ceremony import Review
from pteri.wallet.errors import WalletError
from pteri.wallet.keystore import STANDARD, KdfCost, Keystore
from pteri.wallet.memory import is_linked, remembered
from pteri.wallet.new_phone import NewPhone
from pteri.wallet.passphrase import (
    Keychain,
    Prompt,
    find_passphrase,
    new_passphrase,
    read_passphrase_file,
    remember_passphrase,
)
from pteri.wallet.phone import Phone
from pteri.wallet.ports import Beacon, Clock, Entropy
from pteri.wallet.refusals import SafetyCode, UnsafeError
from pteri.wallet.screen import Screen, Told
from pteri.wallet.server import NoNetwork, Transport
from pteri.wallet.session import OPEN_FOR_S
from pteri.wallet.wallet import Wallet

__all__ = ["Desk", "Machine", "command"]


def _no_pause(seconds: float) -> None:
    """The pause of a machine whose clock somebody else moves."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the program finds around it. ``connect`` opens a connection when a command needs one."""

    home: Path
    passphrase_file: Path | None
    no_color: bool
    is_interactive: bool
    clock: Clock
    entropy: Entropy
    connect: Callable[[], Transport]
    keychain: Callable[[], Keychain | None]
    prompt: Prompt
    cost: KdfCost = STANDARD
    pause: Callable[[float], None] = _no_pause
    """Lets so many seconds go by, for commands that wait for another phone."""
    beacon: Beacon | None = None


class Desk:
    """One command at work."""

    def __init__(self, machine: Machine, *, home: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
        self.machine = machine
        self.keystore = Keystore(machine.home if home is None else home)
        self.screen = Screen(as_json=as_json, no_color=machine.no_color, is_interactive=machine.is_interactive)
        self._passphrase_file = machine.passphrase_file if passphrase_file is None else passphrase_file
        self._transport: Transport | None = None
        self._phone: Phone | None = None

    @cached_property
    def passphrase(self) -> Secret:
        """The passphrase of the wallet that is there: from the file, the keychain or the person."""
        return find_passphrase(
            self._wallet_name,
            file=self._passphrase_file,
            keychain=self.machine.keychain(),
            prompt=self.machine.prompt,
        )

    def chosen_passphrase(self) -> Secret:
        """The passphrase of a wallet that is to be made."""
        file = self._passphrase_file
        return new_passphrase(self.machine.prompt) if file is None else read_passphrase_file(file)

    def keep(self, wallet: Wallet, passphrase: Secret, *, keystore_id: bytes | None = None) -> None:
        """Seal a wallet in the keystore."""
        machine = self.machine
        self.keystore.create_wallet(
            wallet.mnemonic(), passphrase, entropy=machine.entropy, cost=machine.cost, keystore_id=keystore_id
        )

    def remember(self, passphrase: Secret) -> None:
        """Let the keychain of this computer open the wallet from now on."""
        keychain = self.machine.keychain()
        if keychain is None:
            self.screen.say("This computer has no keychain that keeps secrets: the passphrase was not remembered.")
        else:
            remember_passphrase(keychain, self._wallet_name, passphrase)

    def wallet(self, network: Network) -> Wallet:
        """The wallet that is there."""
        return Wallet.from_mnemonic(self.keystore.open_wallet(self.passphrase), network=network)

    def phone(
        self,
        *,
        yes: bool = False,
        details: bool = False,
        network: Network = "main",
        index: int = 0,
        may_make_key: bool = False,
        offline: bool = False,
        open_for_s: int = OPEN_FOR_S,
    ) -> Phone:
        """The phone that is there. ``yes``: the person has said yes beforehand to what this one command asks.

        ``offline``: it has no connection, and whatever would need one fails. Its keys are open for ``open_for_s``
        seconds: longer only where the command itself waits for another phone.
        """
        transport = self._transport = NoNetwork() if offline else self.machine.connect()
        self._phone = Phone.open(
            self.keystore,
            self.passphrase,
            transport=transport,
            confirm=lambda review: self._confirm(review, yes=yes, details=details),
            clock=self.machine.clock,
            entropy=self.machine.entropy,
            network=network,
            index=index,
            may_make_key=may_make_key,
            cost=self.machine.cost,
            beacon=self.machine.beacon,
            open_for_s=open_for_s,
        )
        return self._phone

    def new_phone(self) -> NewPhone:
        """The phone that is on its way in. Its passphrase is that of what is here, or chosen now."""
        is_new = not (self.keystore.has_wallet() or self.keystore.has_device())
        if is_new:
            self.passphrase = self.chosen_passphrase()
        self._transport = self.machine.connect()
        return NewPhone.open(
            self.keystore,
            self.passphrase,
            transport=self._transport,
            clock=self.machine.clock,
            entropy=self.machine.entropy,
            beacon=self.machine.beacon,
            cost=self.machine.cost,
        )

    def is_linked(self) -> bool:
        """Whether there is a phone of an account here."""
        return is_linked(remembered(self.keystore))

    def close(self) -> None:
        """Let go of connections and keys."""
        if self._phone is not None:
            self._phone.lock()
        if self._transport is not None:
            self._transport.close()

    @property
    def _wallet_name(self) -> str:
        return str(self.keystore.directory.absolute())

    def _confirm(self, review: Review, *, yes: bool, details: bool) -> bool:
        if yes:
            if not self.screen.as_json:
                self.screen.show_review(review, details=details)
            return True
        self.screen.show_review(review, details=details)
        if not self.screen.is_interactive:
            raise UnsafeError(
                SafetyCode.DECLINED,
                "There is nobody to ask, so nothing was signed. Read what is asked; if you agree, add --yes.",
            )
        return typer.confirm("Sign this?", err=self.screen.as_json)


_CTX: Final = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
_COMMON: Final = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("home", None, Annotated[Path | None, typer.Option("--home", help="Directory of the wallet.")]),
        (
            "passphrase_file",
            None,
            Annotated[Path | None, typer.Option("--passphrase-file", help="File that holds the passphrase.")],
        ),
        ("as_json", False, Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]),
    )
)


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., Told]], Callable[..., Told]]:
    """Make a function of a :class:`Desk` and its own options a command of ``app``, with the common options.

    What it returns is the answer for a program; for a person it speaks to ``desk.screen`` itself.
    """

    def register(run: Callable[..., Told]) -> Callable[..., Told]:
        own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]

        def entry(ctx: typer.Context, **given: object) -> None:
            _run(ctx, run, given)

        entry.__doc__ = run.__doc__
        entry.__signature__ = inspect.Signature([_CTX, *own, *_COMMON])  # type: ignore[attr-defined]  # PEP 362
        app.command(name)(entry)
        return run

    return register


def _run(ctx: typer.Context, run: Callable[..., Told], given: dict[str, object]) -> None:
    machine = ctx.find_object(Machine)
    assert machine is not None, "the group's callback provides it"
    home, file, as_json = (given.pop(parameter.name) for parameter in _COMMON)
    assert isinstance(home, Path | None)
    assert isinstance(file, Path | None)
    desk = Desk(machine, home=home, passphrase_file=file, as_json=bool(as_json))
    try:
        desk.screen.tell(run(desk, **given))
    except WalletError as error:
        desk.screen.fail(error, error.message)
        raise typer.Exit(1) from error
    except ProtocolError as error:
        desk.screen.fail(error, f"This cannot be used: {error.detail}.")
        raise typer.Exit(1) from error
    finally:
        desk.close()
