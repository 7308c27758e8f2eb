"""How to go on when the story is over: the bank's page and Alice's phone, ready for a person's own hands."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from pteri.demo.stage import TENANT, Phone, Stage

__all__ = ["write_by_hand"]

_PAGE: Final = '''"""The bank's page: starts a sign-in for Alice, shows what her browser shows, asks for the code."""

from pathlib import Path

from pteri import Client, ServerError
from pteri.adapters.system import SteppedClock

key = Path({key!r}).read_text().strip()
site = Client({origin!r}, {tenant!r}, key, clock=SteppedClock(Path({clock!r})))
waiting = site.start_sign_in("alice@example.com")
print("number:", waiting.number)
print("now, as the phone: pteri wallet sign-in", repr(waiting.qr), flush=True)
try:
    print(site.enter_code(waiting.id, input("code on the phone: "), waiting.session))
except ServerError as error:
    print("no:", error)
'''


def write_by_hand(stage: Stage, phone: Phone) -> Path:
    """A shell file to be read with ``.``: it makes the commands of the guides work on what the demo left."""
    page = stage.directory / "bank.py"
    page.write_text(
        _PAGE.format(key=str(stage.client_key_file), origin=stage.origin, tenant=TENANT, clock=str(stage.clock_file)),
        encoding="utf-8",
    )
    variables = {
        "PTERI_CONFIG": stage.settings,
        "PTERI_CLOCK_FILE": stage.clock_file,
        "PTERI_WALLET_HOME": phone.home,
        "PTERI_PASSPHRASE_FILE": phone.passphrase_file,
    }
    lines = [f"export {name}={shlex.quote(str(path.absolute()))}" for name, path in variables.items()]
    lines.append(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    script = stage.directory / "by-hand.sh"
    script.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return script
