"""A simulated operator on a socket, and the desk where its lines are changed. THIS IS A SIMULATOR.

The routes of CAMARA and OAuth are ``simulated_camara``'s; here are bytes, real slowness and the desk. The desk has no
lock: whoever reaches it may swap every SIM there is, so it is for loopback, and says so in every answer.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import Response
from starlette.routing import Route

from pteri.adapters.telecom.camara.exchange import NoReply, Request, Transport
from pteri.adapters.telecom.simulated import Lie, NoSuchLine, Outage, SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import SimulatedCamara
from pteri.app.ports import Clock, Entropy
from pteri.core.errors import ProtocolError
from pteri.core.ids import to_base64url
from pteri.core.phone_number import PhoneNumber

__all__ = ["SAYS_SO", "DeskOrder", "bring_events", "simulator_app", "take_order"]

SAYS_SO: Final = {"x-simulator": "PTERI operator simulator: nothing here is a real operator"}
_MAX_BODY: Final = 65_536
_TAKEN: Final = 204
_AGAIN: Final = frozenset({0, 429, 500, 502, 503, 504})
_ON_LOOPBACK: Final = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?/")
_MAX_SLOW_S: Final = 60
_ACTS: Final = "connect swap transfer move port-out recycle token weather subscriptions"


class DeskOrder(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What somebody does at the desk. ``number`` and ``phone`` for a line, the rest for ``weather``."""

    number: str = ""
    phone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    outage: Outage | None = None
    slow_s: Annotated[float, msgspec.Meta(ge=0, le=_MAX_SLOW_S)] = 0.0
    lie: Lie | None = None
    cap_h: Annotated[int, msgspec.Meta(ge=1, le=2400)] | None = None
    monitored_days: Annotated[int, msgspec.Meta(ge=1)] | None = None


def take_order(network: SimulatedNetwork, act: str, order: DeskOrder, *, at: int, random: bytes) -> dict[str, Any]:
    """Do it. ``LookupError`` for an act that there is not, :class:`NoSuchLine` and ``ProtocolError`` for a number."""
    if act == "weather":
        network.outage, network.slow_s, network.lie = order.outage, order.slow_s, order.lie
        network.cap_h, network.monitored_days = order.cap_h, order.monitored_days
        return {}
    if act == "token":
        return {"token": network.temporary_token(order.phone, to_base64url(random), at=at)}
    number = PhoneNumber(order.number)
    if act == "port-out":
        network.port_out(number)
        return {}
    acts = {
        "connect": network.connect,
        "swap": network.swap,
        "transfer": network.transfer,
        "move": network.move,
        "recycle": network.recycle,
    }
    line = acts[act](number, order.phone, at=at)
    return {"iccid": line.iccid, "phone": line.phone}


async def bring_events(camara: SimulatedCamara, carrier: Transport, *, at: int) -> int:
    """Bring the events of now, and those of before that nobody took; how many were taken.

    Only to this machine: a simulator asks nobody else anything, whatever it was told.
    """
    subscriptions = camara.subscriptions
    subscriptions.look(at=at)
    waiting, taken = list(subscriptions.pending), 0
    subscriptions.pending.clear()
    for event in waiting:
        if not _ON_LOOPBACK.match(event.url):
            continue
        try:
            status = (await carrier.send(event)).status
        except NoReply:
            status = 0
        taken += status == _TAKEN
        if status in _AGAIN:
            subscriptions.pending.append(event)
    return taken


def simulator_app(
    camara: SimulatedCamara, clock: Clock, entropy: Entropy, carrier: Transport | None = None
) -> Starlette:
    """The web side: ``POST /desk/{act}`` is the desk, everything else the operator.

    ``carrier`` brings events to those who have subscribed, before the desk says that it is done.
    """

    async def desk(web: WebRequest) -> Response:
        # A form of a page in some browser cannot send this type without asking first.
        if web.headers.get("content-type") != "application/json":
            return _told(415, {"error": "send application/json"})
        try:
            order = msgspec.json.decode(await _body(web) or b"{}", type=DeskOrder)
            if (act := web.path_params["act"]) == "subscriptions":
                return _told(200, {"subscriptions": camara.subscriptions.told_of(PhoneNumber(order.number))})
            done = take_order(camara.network, act, order, at=clock.now(), random=entropy.draw(24))
        except (msgspec.MsgspecError, ProtocolError):
            return _told(400, {"error": "not an order: see docs/guide/operators.md"})
        except NoSuchLine:
            return _told(404, {"error": "no such line, or no phone with a working SIM"})
        except LookupError:
            return _told(404, {"error": f"no such act: {_ACTS}"})
        if carrier is not None:
            await bring_events(camara, carrier, at=clock.now())
        return _told(200, done)

    async def operator(web: WebRequest) -> Response:
        # The one place where simulated slowness takes time.
        await asyncio.sleep(camara.network.slow_s)
        headers = dict(web.headers.items())
        request = Request(web.method, camara.issuer + web.url.path, headers, await _body(web))
        try:
            reply = camara.handle(request, at=clock.now())
        except NoReply:
            return Response(status_code=500, headers=SAYS_SO)
        return Response(reply.body, reply.status, {**reply.headers, **SAYS_SO})

    return Starlette(
        routes=[
            Route("/desk/{act}", desk, methods=["POST"]),
            Route("/{path:path}", operator, methods=["GET", "POST", "DELETE"]),
        ]
    )


def _told(status: int, said: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(said), status, {"content-type": "application/json", **SAYS_SO})


async def _body(web: WebRequest) -> bytes:
    body = bytearray()
    async for chunk in web.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return b"too large"
    return bytes(body)
