"""oidc-provider (Node.js) as an operator's authorization server, and APIs that take its tokens only.

The server is ``entitlement/authorization_server``; npm installs it by its lock file into a folder that is thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from operators import CountingEntropy
from pteri.adapters.telecom.camara.exchange import Reply, Request
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.adapters.telecom.simulated import SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import SimulatedCamara, _Grant, _No
from pteri.core.ids import from_base64url, to_base64url
from pteri.core.keys.device import DeviceKey
from pteri.core.phone_number import PhoneNumber

__all__ = ["API", "AuthorizationServer", "BehindTokens", "IntrospectingCamara", "installed", "jwk_of", "key_of", "now"]

_FILES: Final = Path(__file__).parent / "entitlement" / "authorization_server"
_API_SECRET: Final = "the-api-asks-what-a-token-is-good-for"
_LIFETIME_S: Final = 240
API: Final = "https://api.operator.example"


def now() -> int:
    """The server goes by the clock of the machine, and so must whoever shows it an assertion."""
    return int(time.time())


def installed(folder: Path) -> Path:
    """The server with what it needs, in ``folder``. Where there is no npm, CI fails and others skip."""
    npm = shutil.which("npm")
    if npm is None:
        absent = "npm is not installed (Node.js 20.19 or later): nothing was checked against oidc-provider"
        if os.environ.get("CI") == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    for name in ("package.json", "package-lock.json", "server.mjs"):
        shutil.copy(_FILES / name, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "server.mjs"


class AuthorizationServer:
    """A running one. ``issuer`` is its address; it ends with us, and by itself after four minutes."""

    def __init__(self, program: Path, client_key: DeviceKey, entitlement_url: str) -> None:
        self._log_file = program.parent / "server.log"
        self._log = self._log_file.open("wb")
        self._process = subprocess.Popen(
            ["node", str(program)],
            cwd=program.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        settings = {
            "client_id": "pteri",
            "client_key": jwk_of(client_key),
            "api_secret": _API_SECRET,
            "entitlement_url": entitlement_url,
            "lifetime_s": _LIFETIME_S,
        }
        try:
            self.issuer: str = self._order(settings)["issuer"]
        except BaseException:
            self.close()
            raise

    def people(self, manners: str) -> None:
        """How people behave from now on: ``at once``, ``denies``, ``after a poll``, ``hurried`` or ``never``."""
        self._order({"manners": manners})

    def polls(self) -> int:
        """How often the token of a backchannel authentication was asked for since ``people`` was said."""
        polls: int = self._order({})["polls"]
        return polls

    def keys(self) -> tuple[DeviceKey, ...]:
        """What it publishes for identity tokens."""
        where = _get(f"{self.issuer}/.well-known/openid-configuration")["jwks_uri"]
        return tuple(key_of(jwk) for jwk in _get(where)["keys"])

    def says_of(self, token: str) -> dict[str, Any]:
        """What a token is good for (RFC 7662)."""
        answer = httpx.post(
            f"{self.issuer}/token/introspection", data={"token": token}, auth=("api", _API_SECRET), trust_env=False
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def close(self) -> None:
        self._process.communicate(timeout=10)
        self._log.close()

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log_file.read_text(errors="replace")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def running(program: Path, client_key: DeviceKey, entitlement_url: str) -> Iterator[AuthorizationServer]:
    server = AuthorizationServer(program, client_key, entitlement_url)
    try:
        yield server
    finally:
        server.close()


class IntrospectingCamara(SimulatedCamara):
    """The simulated operator's APIs for whoever has a token of the authorization server; it gives none itself."""

    def __init__(self, network: SimulatedNetwork, server: AuthorizationServer) -> None:
        super().__init__(network, issuer=API, clients={}, random=bytes([2]) * 48, entropy=CountingEntropy())
        self._server = server
        self._spent: set[str] = set()

    def _grant_of(self, request: Request, scope: str, at: int) -> _Grant:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        told = self._server.says_of(token)
        if not told["active"] or token in self._spent:
            raise _No(401, "UNAUTHENTICATED")
        if scope == "number-verification:verify":
            self._spent.add(token)
        scopes = frozenset(told.get("scope", "").split(" "))
        if scope not in scopes:
            raise _No(403, "PERMISSION_DENIED")
        number = told.get("phone_number")
        return _Grant(scopes, at + 300, None if number is None else PhoneNumber(number), client="pteri")


class BehindTokens:
    """Tokens come from the authorization server, over HTTP; what they open is answered without a socket."""

    def __init__(self, camara: IntrospectingCamara) -> None:
        self._camara = camara
        self._http = HttpTransport(timeout_s=10)
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)
        if request.url.startswith(API):
            return self._camara.handle(request, at=now())
        return await self._http.send(request)

    async def close(self) -> None:
        await self._http.close()


def jwk_of(key: DeviceKey) -> dict[str, str]:
    """RFC 7517, as an operator registers it."""
    x, y = to_base64url(key.sec1[1:33]), to_base64url(key.sec1[33:])
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.thumbprint, "x": x, "y": y}


def key_of(jwk: dict[str, str]) -> DeviceKey:
    assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
    return DeviceKey.from_sec1(b"\x04" + from_base64url(jwk["x"]) + from_base64url(jwk["y"]))


def _get(url: str) -> dict[str, Any]:
    answer = httpx.get(url, trust_env=False)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told
