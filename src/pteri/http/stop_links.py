"""The page behind the link in a mail, and the one button on it (docs/spec section 6.11).

Whoever scans mail fetches every link in it, so looking does nothing, and looks the same whatever the link is. The page
is for people, and the only one here that a browser may send a form from: to itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from pteri.app import linking
from pteri.app.deployment import Deployment
from pteri.core.statement import instant_text
from pteri.http.docs import Html
from pteri.http.markup import Markup, element
from pteri.http.problems import Kind
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Reply, Route

__all__ = ["POLICY", "stop_link_routes"]

BodyT = TypeVar("BodyT")

_STYLE: Final = """
body { margin: 3rem auto; max-width: 34rem; padding: 0 1rem; font: 1.1rem/1.5 system-ui, sans-serif; }
button { font: inherit; padding: .6rem 1.2rem; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Its own style by hash, a form to itself, and nothing else: no script, no picture, no frame around it."""
_HEADERS: Final = {"content-security-policy": POLICY}
_USED: Final = Rate("links used", burst=20, per_s=3600)


class Telling(Protocol):
    """Turns refusals of the application into problems."""

    def __call__(
        self, endpoint: Callable[[Call[BodyT]], Awaitable[Reply]], deployment: Deployment
    ) -> Callable[[Call[BodyT]], Awaitable[Reply]]:
        """The endpoint with its refusals told."""
        ...


def _page(*children: Markup) -> Html:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", "Stop an account"),
        element("style", Markup(_STYLE)),
    )
    document = element("html", head, element("body", element("main", *children)), lang="en")
    return Html(f"<!doctype html>\n{document}\n".encode())


_ASKED: Final = _page(
    element("h1", "Stop your account?"),
    element(
        "p",
        "Nobody will be able to sign in or to change anything for a while, you neither, and what waits is stopped, "
        "unless guardians or officers speak for it. This page can do nothing else.",
    ),
    # Without an action it is sent to where it came from.
    element("form", element("button", "Stop it now", type="submit"), method="post"),
    element("p", "It was you, and all is well? Then close this page."),
)
_NOTHING: Final = _page(
    element("h1", "Nothing was changed"),
    element(
        "p",
        "This link has been used, is too old or is not complete; or the account is stopped already, or was stopped "
        "this way as often as it may be in a week. Open your wallet on a phone of yours: it shows what happened, and "
        "stops it. Without a phone, the words of your wallet or a recovery code stop your account from any computer.",
    ),
)


def _stopped(until: int) -> Html:
    return _page(
        element("h1", "The account is stopped"),
        element(
            "p",
            f"It stays so until {instant_text(until)}. Use that time: open your wallet on a phone of yours and look "
            "what happened. If somebody has your words, replace your wallet. Then a recovery code opens the account "
            "earlier.",
        ),
    )


def stop_link_routes(deployment: Deployment, told: Telling) -> Sequence[AnyRoute]:
    """The rows of the table."""

    async def look(_: Call[None]) -> Reply:
        return Reply(200, _ASKED, _HEADERS)

    async def stop(call: Call[None]) -> Reply:
        tenant = deployment.tenant(call.path["tenant"])
        until = await linking.use_link(deployment, tenant, call.path["token"], deployment.clock.now())
        return Reply(200, _NOTHING if until is None else _stopped(until), _HEADERS)

    def row(
        method: str, endpoint: Callable[[Call[None]], Awaitable[Reply]], summary: str, rate: Rate | None = None
    ) -> AnyRoute:
        return Route(
            method=method,
            path="/v1/{tenant}/stop-links/{token}",
            endpoint=told(endpoint, deployment),
            replies={200: Html},
            auth=Auth.NONE,
            summary=summary,
            tags=("mail",),
            problems=(Kind.NOT_FOUND, Kind.UNAVAILABLE),
            rate=rate,
        )

    return (
        row("GET", look, "The page behind the link of a mail"),
        row("POST", stop, "Stop the account that the link is for", _USED),
    )
