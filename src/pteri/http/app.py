"""The whole web side of one deployment: routes, health, description, and what the URI of a statement says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core.acts import ACTS
from pteri.core.ids import crockford
from pteri.http.admission import Limits
from pteri.http.api import api_routes, partner_api_routes
from pteri.http.asgi import Application, build_asgi
from pteri.http.docs import documented
from pteri.http.door import Readiness
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.routing import AnyRoute, Auth, Call, Reply, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from starlette.types import Lifespan

    from pteri.app.deployment import Deployment
    from pteri.app.ports import Entropy

__all__ = ["Health", "PurposeExplained", "build_app", "build_partner_app", "service_routes"]

_TITLE: Final = "PTERI"
_ENDINGS: Final = tuple(crockford((number << 6).to_bytes(2, "big"), 2) for number in range(1024))
_EXPLAINED: Final = {
    "bind": "You link this account to your wallet and to this phone. It happens once, while you are signed in.",
    "authenticate": "You sign in on another screen. Compare its two-digit number; if you did not start this, decline.",
    "migrate": "You let another phone sign for your account. Do it only with that phone in your hands.",
    "accept": "The new phone shows that it holds your wallet and its own key. Then it is a verified phone.",
    "recover": "A new phone asks for your account because the others are lost. It waits; every phone can stop it.",
    "revoke": "You remove a phone for ever.",
    "setup-otp": "A phone and the service check that they compute the same sign-in codes. It grants nothing.",
    "rotate": "You replace the wallet of your account. The old one counts for nothing from then on.",
    "protect": "You say which guardians and recovery codes help you when your phones are lost. Others count no more.",
    "freeze": "You stop all sign-ins and changes, because something is wrong. It takes others to start them again.",
    "unfreeze": "You end a freeze early, with your phone, your wallet and a recovery code.",
    "veto": "You object to a change of your account that waits. Do it only if you did not start that change yourself.",
    "vouch": "You say, as a guardian, that a phone belongs to the person whose account it asks for. Look at it first.",
    "attest": "An officer says that a person has proved who they are, as when they joined. Two officers must.",
    "backup-verified": "You record that a backup of your wallet was opened and is right. It grants nothing.",
    "notify": "You say which addresses hear what happens to your account. One that you leave out hears for three more "
    "days.",
    "rebind-esim": "You say which mobile line your account goes with. For a while your wallet alone waits longer.",
    "announce-move": "You say that your SIM will move to another phone, so that it is no alarm. It grants nothing.",
}


class Health(msgspec.Struct, frozen=True):
    """``ready``: the process answers."""

    status: str


class PurposeExplained(msgspec.Struct, frozen=True):
    """What signing a statement of this purpose means, for a person who follows its URI."""

    purpose: str
    meaning: str


def service_routes(deployment: Deployment, *, version: str, readiness: Readiness | None = None) -> tuple[AnyRoute, ...]:
    """All routes, described. ``readiness`` is what ``/readyz`` tells."""
    state = Readiness() if readiness is None else readiness

    async def healthy(_: Call[None]) -> Reply:
        return Reply(200, Health("ready"))

    async def ready(_: Call[None]) -> Reply:
        if state.draining:
            raise ProblemError(
                Kind.UNAVAILABLE,
                code="UNAVAILABLE",
                detail="This process is about to stop. Another one answers.",
                retry_after_s=1,
            )
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
            summary="Whether the process answers",
            tags=("service",),
            always=True,
        ),
        Route(
            method="GET",
            path="/readyz",
            endpoint=ready,
            replies={200: Health},
            auth=Auth.NONE,
            summary="Whether requests should come here",
            description="It says no from the moment that the process is told to stop.",
            tags=("service",),
            always=True,
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
) -> Application:
    """The application. Every purpose of the protocol is explained, or it does not start."""
    missing = ACTS.keys() - _EXPLAINED.keys()
    if missing:
        raise ValueError(f"no words for {sorted(missing)}")
    readiness = Readiness()
    return build_asgi(
        service_routes(deployment, version=version, readiness=readiness),
        public_origin=deployment.public_origin,
        limits=limits,
        request_id=_request_ids(deployment.entropy),
        clock=lambda: float(deployment.clock.now()),
        readiness=readiness,
        lifespan=lifespan,
    )


def build_partner_app(deployment: Deployment, *, limits: Limits) -> Application:
    """What SM-DP+ partners reach on the port that is theirs: ES2+, and nothing else."""
    return build_asgi(
        partner_api_routes(deployment),
        public_origin=deployment.public_origin,
        limits=limits,
        request_id=_request_ids(deployment.entropy),
        clock=lambda: float(deployment.clock.now()),
    )


def _request_ids(entropy: Entropy) -> Callable[[], str]:
    """Ids of requests, 1024 from one draw: they name a request in a log, and open nothing."""

    def numbered() -> Iterator[str]:
        while True:
            beginning = "req_" + crockford(entropy.draw(9), 14)
            yield from (beginning + ending for ending in _ENDINGS)

    return numbered().__next__
