"""A real TS.43 entitlement server as one operator's, phones with SIMs that speak with it, and the join to CAMARA.

The server decides who gets a temporary token (EAP-AKA) and what a token is good for. :class:`EntitledNetwork` is the
rest of that operator: it redeems tokens by asking the server, and counts swaps by the ICCID that the server hands out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
from ts43ecs.tools.ecs_client.client import EcsClient
from ts43ecs.tools.ecs_testbed import EcsServerError, EcsServerHandle

from operators import Joined
from pteri.adapters.telecom.camara.operator import Possession
from pteri.adapters.telecom.simulated import Line, SimulatedNetwork
from pteri.core.errors import ProtocolError
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber

__all__ = ["Carrier", "EntitledNetwork", "Phone", "Sim", "running_server"]

_OPC: Final = "0f0e0d0c0b0a09080706050403020100"
_NUMBERS: Final = "ap2014"  # phone number information
_SIMS: Final = "ap2009"  # on-device service activation of the phone's own SIM
_VERSION: Final = "13.0"
_TRANSFER: Final = 3
_ICCIDS: Final = (
    "8999901000000000013",
    "8999901000000000021",
    "8999901000000000039",
    "8999901000000000047",
    "8999901000000000054",
    "8999901000000000062",
)


@contextmanager
def running_server(folder: Path) -> Iterator[EcsServerHandle]:
    """The server on a free port of loopback; its process ends here, whatever happens."""
    server = _started(folder)
    try:
        yield server
    finally:
        server.stop()


def _started(folder: Path) -> EcsServerHandle:
    for attempt in range(3):
        # What people would click through on a web page is the operator's affair.
        server = EcsServerHandle(folder / str(attempt), env_overrides={"ECS_ODSA_SUBSCRIBE_WEBSHEET": "false"})
        try:
            return server.start()
        except EcsServerError as failed:
            # Somebody may take the port before it does.
            said = failed
    raise said


class EntitledNetwork(SimulatedNetwork):
    """One operator's lines, where the entitlement server at ``server_url`` decides whose a temporary token is."""

    def __init__(self, server_url: str) -> None:
        super().__init__()
        self.server_url = server_url

    def temporary_token(self, phone: str, secret: str, *, at: int) -> str:
        raise NotImplementedError("here phones get tokens from the entitlement server alone")

    def redeem(self, token: str, *, at: int) -> PhoneNumber | None:  # noqa: ARG002 - the server has its own clock
        """The number of the SIM that the token was given to; ``None`` for whatever the server refuses."""
        form = {"app": _NUMBERS, "operation": "GetPhoneNumber", "temporary_token": token}
        try:
            # In the body: what stands in an address is logged on the way.
            answer = httpx.post(
                self.server_url,
                json={**form, "entitlement_version": _VERSION},
                headers={"accept": "application/json"},
                timeout=10,
                trust_env=False,
            )
            if answer.status_code != 200:
                return None
            told = answer.json()[_NUMBERS]
            number = PhoneNumber(told["MSISDN"]) if told["OperationResult"] == "1" else None
        except (httpx.HTTPError, ValueError, KeyError, ProtocolError):
            return None
        return number if number in self._lines else None

    def registered(self, number: PhoneNumber, phone: str, iccid: str, *, at: int) -> Line:
        """A phone with this profile comes into the network: another ICCID is a swap, another phone a device swap."""
        known = self._lines.get(number)
        if known is None:
            return self._set(number, Line(iccid, phone, at, at, at))
        sim_at = known.sim_at if known.iccid == iccid else at
        phone_at = known.phone_at if known.phone == phone else at
        return self._set(number, replace(known, iccid=iccid, phone=phone, sim_at=sim_at, phone_at=phone_at))


@dataclass(frozen=True)
class Sim:
    """A subscriber's credentials; ``key``: 16 bytes in hex, as the SIM and the operator share it."""

    imsi: str
    key: str = field(repr=False)


class Phone:
    """A phone with a SIM in it. ``terminal`` is its IMEI."""

    def __init__(self, server_url: str, sim: Sim, terminal: str) -> None:
        self.sim = sim
        self.terminal = terminal
        self._client = EcsClient(server_url)

    async def enters(self, app: str = _NUMBERS) -> str:
        """EAP-AKA with the SIM's key; the token that the phone goes on with."""
        found = await self._client.authenticate(
            imsi=self.sim.imsi, ki=self.sim.key, opc=_OPC, app=app, terminal_id=self.terminal
        )
        assert found.document is not None
        assert found.document.token is not None
        return found.document.token

    async def asks(self, app: str, operation: str, **more: object) -> dict[str, Any]:
        """What the server says to an operation, after EAP-AKA."""
        found = await self._client.fetch_entitlement(
            imsi=self.sim.imsi,
            terminal_id=self.terminal,
            token=await self.enters(app),
            app=app,
            entitlement_version=_VERSION,
            extra_params={"operation": operation, **more},
        )
        assert found.document is not None
        return found.document.applications[app]

    async def temporary_token(self, *, purpose: str = "GetPhoneNumber") -> Secret:
        """A token that somebody else may show in this SIM's name, once, for this purpose."""
        answer = await self.asks(_NUMBERS, "AcquireTemporaryToken", operation_targets=purpose)
        return Secret(answer["TemporaryToken"].encode("ascii"))


class Carrier:
    """An operator: entitlement server, SIMs and lines."""

    def __init__(self, server: EcsServerHandle, network: EntitledNetwork) -> None:
        self.server = server
        self.network = network
        self._sims = itertools.count(1)

    def joined(self, possession: Possession = Possession.CIBA) -> Joined:
        """Our client at this operator."""
        made = Joined(possession=possession)
        made.network = made.camara.network = self.network
        return made

    def sells(self, number: PhoneNumber, phone: str, *, at: int) -> Phone:
        """A new subscription, with a SIM in a phone that is in use."""
        bought = self._equipped(number)
        self.network.registered(number, phone, f"physical SIM {bought.sim.imsi}", at=at)
        return bought

    async def moves(self, old: Phone, number: PhoneNumber, phone: str, *, at: int) -> Phone:
        """The old phone transfers its subscription (TS.43 section 8.11): a new profile, and the old one is over."""
        new_terminal = f"35{next(self._sims):013d}"
        answer = await old.asks(
            _SIMS,
            "ManageSubscription",
            operation_type=_TRANSFER,
            target_terminal_id=new_terminal,
            old_terminal_id=old.terminal,
        )
        iccid = answer["DownloadInfo"]["ProfileIccid"]
        # Home subscriber register: the new profile brings keys of its own, and those of the old one end.
        with self.server.admin_client() as desk:
            desk.delete(f"/admin/api/subscribers/{old.sim.imsi}").raise_for_status()
        self.network.registered(number, phone, iccid, at=at)
        return self._equipped(number, new_terminal)

    def stocks(self) -> None:
        """Profiles that a transfer may hand out."""
        profiles = [{"iccid": iccid} for iccid in _ICCIDS]
        with self.server.admin_client() as desk:
            desk.post("/admin/api/profiles/bulk", json={"profiles": profiles}).raise_for_status()

    def ages_tokens(self, phone: Phone) -> None:
        """Every token of this SIM is too old from now on."""
        with self.server.admin_client() as desk:
            desk.post("/admin/api/tokens/expire", json={"imsi": phone.sim.imsi}).raise_for_status()

    def _equipped(self, number: PhoneNumber, terminal: str = "") -> Phone:
        made = next(self._sims)
        sim = Sim(f"00101{made:010d}", f"{made:032x}")
        self.server.seed([{"imsi": sim.imsi, "ki": sim.key, "opc": _OPC, "msisdn": number.reveal()}])
        return Phone(self.server.base_url, sim, terminal or f"35{made:013d}")
