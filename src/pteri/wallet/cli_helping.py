"""``pteri wallet``: the commands of guardians and officers, who speak for somebody else's phone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from pteri.core.acts import phone_name
from pteri.core.ids import account_id, thumbprint
from pteri.wallet.answering import Network
from pteri.wallet.desk import Desk, command
from pteri.wallet.phone import Phone
from pteri.wallet.screen import Told, signed_told

if TYPE_CHECKING:
    from collections.abc import Callable

    from pteri.wallet.ceremony import Signed

__all__ = ["add_helping_commands"]

_commands = typer.Typer()

_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]
_Server = Annotated[str, typer.Option("--server", help="Address of the server, such as https://id.bank.example.")]
_Tenant = Annotated[str, typer.Option("--tenant", help="Name of the service on that server.")]
_Account = Annotated[str, typer.Option("--account", help="Id of the account, as its owner tells it: acct_...")]
_PhoneId = Annotated[str, typer.Option("--phone", help="Id of the new phone, as its owner's 'recover name' shows it.")]
_Net = Annotated[Network, typer.Option("--network", help="Litecoin network.")]
_Index = Annotated[int, typer.Option("--index", min=0, max=2**31 - 1, help="Number of the service: each has its key.")]


def add_helping_commands(app: typer.Typer) -> None:
    """Put these commands beside those of an account's owner."""
    app.add_typer(_commands)


def _speaks(name: str, act: Callable[..., Signed], about: str, then: str) -> None:
    """A command by which somebody speaks for a phone that is not theirs; ``about``: what --help says of it."""

    def run(
        desk: Desk,
        *,
        server: _Server,
        tenant: _Tenant,
        account: _Account,
        phone_id: _PhoneId,
        index: _Index = 0,
        network: _Net = "main",
        yes: _Yes = False,
        details: _Details = False,
    ) -> Told:
        phone = desk.phone(yes=yes, details=details, network=network, index=index, may_make_key=True)
        newcomer = thumbprint(phone_id)
        signed = act(phone, server, tenant, account_id(account), newcomer)
        desk.screen.say(f"You have spoken for the phone {phone_name(newcomer)}. {then}")
        return signed_told(phone, signed, details=details)

    run.__doc__ = about
    command(_commands, name)(run)


_speaks(
    "vouch",
    Phone.vouch,
    "As a guardian: help somebody who lost their phone. See them first, and read the four words on their new one.",
    "It counts for seven days.",
)
_speaks(
    "attest",
    Phone.attest,
    "As an officer: confirm who holds a claimant's phone, after seeing their papers. It takes two officers.",
    "A second officer has to do the same.",
)


@command(_commands, "officer-entry")
def officer_entry(
    desk: Desk,
    *,
    name: Annotated[str, typer.Option("--name", help="Pseudonym of the officer: it stands in the log for ever.")],
    index: _Index = 0,
    network: _Net = "main",
) -> Told:
    """As an officer: show what the settings of the service must say of you. There is no secret in it."""
    key, wallet = desk.phone(network=network, index=index, may_make_key=True).officer_entry()
    told: dict[str, object] = {"name": name, "phone_key": key, "wallet": to_builtins(wallet)}
    desk.screen.say(
        "Put this between the brackets of officers = [] in the settings of the service, beside that of a second "
        "officer, and start it again:",
        _inline_table(told),
    )
    return {"officer": told}


def _inline_table(values: dict[str, object]) -> str:
    """TOML: a JSON string is a basic string of it, but for DEL."""
    pairs = (
        f"{key} = "
        + (
            _inline_table(value)
            if isinstance(value, dict)
            else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        )
        for key, value in values.items()
    )
    return "{ " + ", ".join(pairs) + " }"
