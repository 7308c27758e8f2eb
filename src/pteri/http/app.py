"""The whole web side of one deployment: routes, health, description, and what the URI of a statement says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core.acts import ACTS
from pteri.core.ids import crockford
from pteri.http.admission import Limits
from pteri.http.api import api_routes
from pteri.http.asgi import build_asgi
from pteri.http.docs import documented
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.routing import AnyRoute, Auth, Call, Reply, Route

if TYPE_CHECKING:
    from typing import Any

    from starlette.types import ASGIApp, Lifespan

    from pteri.app.deployment import Deployment

__all__ = ["Health", "PurposeExplained", "build_app", "service_routes"]

_TITLE: Final = "PTERI"
_EXPLAINED: Final = {
    "bind": "You link this account to your wallet and to this phone. It happens once, while you are signed in.",
    "authenticate": "You sign in on another screen. Compare its two-digit number; if you did not start this, decline.",
    "migrate": "You let another phone sign for your account. Do it only with that phone in your hands.",
    "accept": "The new phone shows that it holds your wallet and its own key. Then it is a verified phone.",
    "recover": "A new phone asks for your account because the others are lost. It waits; every phone can stop it.",
    "revoke": "You remove a phone for ever.",
    "setup-otp": "A phone and the service check that they compute the same sign-in codes. It grants nothing.",
}


class Health(msgspec.Struct, frozen=True):
    """``ready``: the database answers."""

    status: str


class PurposeExplained(msgspec.Struct, frozen=True):
    """What signing a statement of this purpose means, for a person who follows its URI."""

    purpose: str
    meaning: str


def service_routes(deployment: Deployment, *, version: str) -> tuple[AnyRoute, ...]:
    """All routes, described."""

    async def healthy(_: Call[None]) -> Reply:
        return Reply(200, Health("ready"))

    async def explained(call: Call[None]) -> Reply:
        purpose = call.path["purpose"]
        if purpose not in _EXPLAINED:
            raise ProblemError(Kind.NOT_FOUND, code=HttpCode.NOT_FOUND)
        return Reply(200, PurposeExplained(purpose, _EXPLAINED[purpose]))

    own: tuple[AnyRoute, ...] = (
        Route(
            method="GET",
            path="/healthz",
            endpoint=healthy,
            replies={200: Health},
            auth=Auth.NONE,
            summary="Whether the service is ready",
            tags=("service",),
        ),
        Route(
            method="GET",
            path="/.well-known/pteri/v1/{purpose}",
            endpoint=explained,
            replies={200: PurposeExplained},
            auth=Auth.NONE,
            summary="What a statement's purpose means",
            tags=("service",),
        ),
    )
    routes = (*api_routes(deployment), *own)
    return documented(routes, title=_TITLE, version=version, server_url=deployment.public_origin)


def build_app(
    deployment: Deployment, *, version: str, limits: Limits, lifespan: Lifespan[Any] | None = None
) -> ASGIApp:
    """The ASGI application. Every purpose of the protocol is explained, or it does not start."""
    missing = ACTS.keys() - _EXPLAINED.keys()
    if missing:
        raise ValueError(f"no words for {sorted(missing)}")
    return build_asgi(
        service_routes(deployment, version=version),
        public_origin=deployment.public_origin,
        limits=limits,
        request_id=lambda: "req_" + crockford(deployment.entropy.draw(10), 16),
        clock=lambda: float(deployment.clock.now()),
        lifespan=lifespan,
    )
