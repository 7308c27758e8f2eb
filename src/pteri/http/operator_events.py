"""Where operators tell the events that they were asked to tell (docs/spec/operator.md section 6).

The door is public and nobody signs here: an operator shows the token that its subscription gave it. Everything that is
not the event of an operator gets the one denial, so that nobody who tries learns how far he has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Final

from pteri.app import unasked
from pteri.app.deployment import Deployment
from pteri.app.subscription_ports import EventMessage
from pteri.http.mailboxes import Telling
from pteri.http.problems import Kind
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Reply, Route

__all__ = ["operator_event_routes"]

_TOLD: Final = Rate("operator events", burst=120, per_s=60.0)
"""For each network. An operator comes from few, and whoever guesses comes from one."""


def operator_event_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """The row of the table."""

    async def hear(call: Call[None]) -> Reply:
        tenant = deployment.tenant(call.path["tenant"])
        message = EventMessage(_one(call, "authorization"), _one(call, "content-type"), call.raw)
        await unasked.hear_event(deployment, tenant, call.path["sealed"], message, deployment.clock.now())
        return Reply(204)

    return (
        Route(
            method="POST",
            path="/v1/{tenant}/operator-events/{sealed}",
            endpoint=told(hear, deployment),
            raw_body="application/cloudevents+json",
            replies={204: NoneType},
            auth=Auth.NONE,
            summary="A mobile operator tells of a line",
            description="A CloudEvent 1.0 as `application/cloudevents+json`, at most 16384 bytes, with the bearer "
            "token of its subscription.",
            tags=("operator",),
            problems=(Kind.DENIED, Kind.NOT_FOUND, Kind.CONFLICT, Kind.UNAVAILABLE),
            rate=_TOLD,
        ),
    )


def _one(call: Call[None], name: str) -> str:
    """The header that came once. Twice, it has two readings, and counts for none."""
    values = call.header(name)
    return values[0] if len(values) == 1 else ""
