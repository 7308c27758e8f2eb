"""privacyIDEA's ``POST /validate/check``: PIN and one-time password of a user, three ways it can be set up."""

from __future__ import annotations

import hmac
import subprocess
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

from bench.cache import environment_for
from bench.peers.driving import Client, PeerFigures, drive, serving

__all__ = ["SETTINGS", "Setting", "measure"]

_HERE = Path(__file__).parent
_PEOPLE = 16
_CLIENTS = 4
_SETUP_S = 300

Setting = Literal["as shipped", "cheapest PIN hash", "cheapest PIN hash, keys not checked"]

_CHEAP_PIN: Final = (
    # argon2 takes no less: one pass over 8 KiB, one lane.
    "PI_HASH_ALGO_PARAMS = {'argon2__rounds': 1, 'argon2__memory_cost': 8, 'argon2__parallelism': 1}\n"
)
_UNCHECKED_KEYS: Final = "PI_AUDIT_NO_PRIVATE_KEY_CHECK = True\nPI_RESPONSE_NO_PRIVATE_KEY_CHECK = True\n"
SETTINGS: Final[dict[Setting, str]] = {
    "as shipped": "",
    "cheapest PIN hash": _CHEAP_PIN,
    "cheapest PIN hash, keys not checked": _CHEAP_PIN + _UNCHECKED_KEYS,
}

DOES = (
    "one request: user looked up in a file resolver, argon2 of the PIN, HOTP value, counter kept, a signed row in the "
    "audit log, the answer signed with RSA; SQLite with its own defaults (rollback journal, FULL)"
)
LACKS = "a signature of the person (the secret is shared), a challenge, a code bound to a session, a phone"


class _Holder:
    """A person with a HOTP token."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._user = f"person{number}"
        self._secret = bytes.fromhex(f"{number:040x}")
        self._counter = 0

    async def sign_in(self) -> None:
        password = "1234" + _hotp(self._secret, self._counter)
        self._counter += 1
        body = urlencode({"user": self._user, "pass": password}).encode()
        answer = await self._client.post("/validate/check", body, kind="application/x-www-form-urlencoded")
        assert b'"value": true' in answer, answer


def _hotp(secret: bytes, counter: int) -> str:
    mac = hmac.digest(secret, counter.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


async def measure(setting: Setting, sign_ins: int) -> PeerFigures:
    """CPU of the server per check, set up like this."""
    binaries = environment_for(_HERE / "privacyidea.txt")

    def env(directory: Path) -> dict[str, str]:
        variables = {"PRIVACYIDEA_CONFIGFILE": str(_config(directory, SETTINGS[setting])), "HOME": str(directory)}
        manage = binaries / "pi-manage"
        commands: list[list[str | Path]] = [
            *([manage, "setup", what] for what in ("create_enckey", "create_audit_keys", "create_tables")),
            [binaries / "python", _HERE / "servers" / "privacyidea_setup.py", directory, str(_PEOPLE)],
        ]
        for words in commands:
            subprocess.run(words, env=variables, check=True, capture_output=True, timeout=_SETUP_S, cwd=directory)
        return variables

    async with serving(
        lambda port: [binaries / "gunicorn", "-w", "1", "-b", f"127.0.0.1:{port}", "privacyidea_wsgi:application"],
        env=env,
        cwd=_HERE / "servers",
    ) as served:
        # Four clients keep its one worker busy; each has people of its own, or two could use one counter.
        people = [_Holder(Client(served.target), number) for number in range(_CLIENTS)]
        return await drive(
            served,
            [person.sign_in for person in people],
            name=f"privacyIDEA validate/check, {setting}",
            version="privacyIDEA 3.14",
            sign_ins=sign_ins,
            does=DOES,
            lacks=LACKS,
        )


def _config(directory: Path, extra: str) -> Path:
    places = {
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{directory / 'peer.sqlite3'}",
        "PI_ENCFILE": str(directory / "enckey"),
        "PI_AUDIT_KEY_PRIVATE": str(directory / "private.pem"),
        "PI_AUDIT_KEY_PUBLIC": str(directory / "public.pem"),
        "PI_LOGFILE": str(directory / "peer.log"),
        "SECRET_KEY": "a secret of this run and of no other",
        "PI_PEPPER": "a pepper of this run",
    }
    config = directory / "pi.cfg"
    lines = "".join(f"{name} = {value!r}\n" for name, value in places.items())
    config.write_text(f"{lines}SUPERUSER_REALM = ['super']\nPI_LOGLEVEL = 30\n{extra}")
    return config
