"""The tables ``[[operators]]`` of the settings file: who is asked about lines, and for which tenants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from pteri import durable
from pteri.asked_url import require_url
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.keys.device import DeviceKey, DevicePrivateKey
from pteri.core.keys.secret import Secret

__all__ = ["DEADLINE_MS", "OperatorSettings", "read_client_key", "require_distinct", "require_reachable"]

DEADLINE_MS: Final = 1900
"""The most for one operator: less than the 2 s of all together, or they would end what an operator has said so far."""
_MAX_KEY_BYTES: Final = 64
_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")
_PURPOSE: Final = re.compile(r"(dpv:[A-Za-z]{1,64})?")
_VISIBLE: Final = re.compile(r"[!-~]{1,256}")


class OperatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[operators]]`` table: what was agreed with one operator, or with an aggregator of several."""

    name: str
    """Its name in signals and logs: 1 to 32 of a-z, 0-9 and -."""
    api_url: str
    """Where CAMARA's APIs begin, without a slash at the end: ``https://``; ``http://`` for loopback only."""
    token_url: str
    """Its OAuth token endpoint."""
    client_id: str
    key_file: Path
    """The private key of ``private_key_jwt``: P-256, 32 bytes in base64url, mode 0600."""
    audience: str
    """Its issuer: who its identity tokens are from."""
    start_url: str = ""
    """Its backchannel authentication endpoint; for ``possession = "ciba"``."""
    tenants: tuple[str, ...] = ()
    """Whose people it is asked about; empty: those of every tenant."""
    access: Literal["client", "subscriber"] = "client"
    """``subscriber``: three-legged tokens, where the law wants a consent per person."""
    possession: Literal["ciba", "jwt-bearer", "none"] = "none"
    """How a phone's temporary token is exchanged. One operator of a tenant at most: it gets to see the tokens."""
    keys: tuple[str, ...] = ()
    """Keys that sign its identity tokens, base64url of the 65-byte SEC1 point; for ``ciba``."""
    assertions_for: Literal["endpoint", "issuer"] = "endpoint"
    """Whom the assertions that say who we are are made out to: CAMARA recommends the address that they go to."""
    purpose: str = "dpv:FraudPreventionAndDetection"
    """What the questions are for, as ``dpv:`` and a word of W3C's Data Privacy Vocabulary; empty: not said."""
    deadline_ms: Annotated[int, msgspec.Meta(ge=100, le=DEADLINE_MS)] = 1500
    subscribe: bool = False
    """Ask it to tell of SIM swaps as they happen, at an address below the service's own ``public_origin``."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("an operator's name is 1 to 32 of a-z, 0-9 and -")
        for what, url in (("api_url", self.api_url), ("token_url", self.token_url)):
            require_url(what, url)
        for what, text in (("client_id", self.client_id), ("audience", self.audience)):
            if not _VISIBLE.fullmatch(text):
                raise ValueError(f"{what} is 1 to 256 visible characters")
        if not _PURPOSE.fullmatch(self.purpose):
            raise ValueError("purpose is like dpv:FraudPreventionAndDetection, or empty")
        self._require_ciba_whole()
        try:
            for tenant in self.tenants:
                ids.tenant_id(tenant)
            for key in self.keys:
                DeviceKey.from_sec1(ids.from_base64url(key))
        except ProtocolError as error:
            raise ValueError(error.detail) from error

    def _require_ciba_whole(self) -> None:
        if self.possession == "ciba":
            require_url("start_url", self.start_url)
            # With no key nothing is authentic, and with no check everything is.
            if not self.keys:
                raise ValueError('possession = "ciba" needs keys: those that sign the identity tokens of the operator')
        elif self.start_url or self.keys:
            raise ValueError('start_url and keys are for possession = "ciba"')

    def serves(self, tenant: str) -> bool:
        """Whether it is asked about people of this tenant."""
        return not self.tenants or tenant in self.tenants


def require_reachable(operators: tuple[OperatorSettings, ...], public_origin: str) -> None:
    """Events are told over TLS; without it only from an operator on this machine, which is the simulator."""
    for operator in operators:
        if operator.subscribe and public_origin.startswith("http:") and not operator.api_url.startswith("http:"):
            raise ValueError(
                f"operator {operator.name} would send its events to {public_origin}: with subscribe = true the "
                "public_origin is https://"
            )


def require_distinct(operators: tuple[OperatorSettings, ...], tenants: tuple[str, ...]) -> None:
    """One name each, only tenants that there are, one operator a tenant that sees tokens; ``ValueError``."""
    names = [operator.name for operator in operators]
    if len(set(names)) != len(names):
        raise ValueError("two operators have the same name")
    for operator in operators:
        for tenant in operator.tenants:
            if tenant not in tenants:
                raise ValueError(f"operator {operator.name} is for a tenant that there is not: {tenant}")
    for tenant in tenants:
        if sum(operator.possession != "none" and operator.serves(tenant) for operator in operators) > 1:
            raise ValueError(f"two operators would see the tokens of the people of {tenant}: leave possession to one")


def read_client_key(path: Path) -> DevicePrivateKey:
    """The key of ``key_file``; ``ValueError`` says what is wrong with it, and nothing of what is in it."""
    try:
        text = durable.read_private(path, _MAX_KEY_BYTES).decode("ascii", "replace").removesuffix("\n")
        return DevicePrivateKey.from_secret(Secret(ids.from_base64url(text)))
    except OSError as error:
        raise ValueError(
            f"cannot read the operator's client key in {path}: {error.strerror}. It must be a file that nobody else "
            f"can read: chmod 600 '{path}'"
        ) from error
    except ProtocolError as error:
        raise ValueError(f"there is no P-256 client key in {path}") from error
