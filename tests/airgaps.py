"""A sign-in by a phone that has no network: its code is scanned, and the browser's camera brings the answer back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import ids, wire
from pteri.core.airgap import AirgapAnswer, sign_answer
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.message import SignatureType
from world import ORIGIN, Answered, Browser, SimPhone, World

if TYPE_CHECKING:
    from pteri.core.statement import Statement
    from pteri.core.verify import Invited

EMAIL: Final = "alice@example.com"


@dataclass(frozen=True)
class Offline:
    """A browser session with its invitation, and the phone that has scanned it."""

    world: World
    phone: SimPhone
    started: wire.Started
    browser: Browser
    statement: Statement
    invited: Invited

    def answer(self, *, statement: Statement | None = None, at: int | None = None) -> AirgapAnswer:
        """What the phone shows; had it signed another statement, or at another time of its clock."""
        said = statement or self.statement
        return sign_answer(
            said,
            wallet_signature=self.phone.wallet.sign(said.encode()),
            signature_type=SignatureType.P2PKH,
            invited=self.invited,
            origin=ORIGIN,
            tenant=ids.tenant_id(self.phone.tenant),
            key=self.phone.key.private,
            created_at=self.world.clock.now() if at is None else at,
        )

    def message(
        self, answer: AirgapAnswer | str | None = None, *, qr: str | None = None, browser: Browser | None = None
    ) -> wire.BringAnswer:
        said = self.answer() if answer is None else answer
        text = said if isinstance(said, str) else said.encode()
        return wire.BringAnswer(qr or self.started.qr, text, ids.to_base64url((browser or self.browser).secret))

    def bring(
        self,
        answer: AirgapAnswer | str | None = None,
        *,
        qr: str | None = None,
        browser: Browser | None = None,
        to: str | None = None,
        key: str | None = None,
        token: str | None = None,
    ) -> Answered:
        """The site brings it; with another invitation, from another browser, or to another sign-in."""
        site = self.world.site(self.phone.tenant)
        path = f"/logins/{to or self.started.id}/answer"
        return site.call("POST", path, self.message(answer, qr=qr, browser=browser), idempotency_key=key, token=token)

    def request(self, answer: AirgapAnswer | str | None = None, *, key: str | None = None) -> SignedRequest:
        """The same as a request, to be sent with others."""
        return self.world.sites[self.phone.tenant].request(
            "POST",
            f"/v1/{self.phone.tenant}/logins/{self.started.id}/answer",
            msgspec.json.encode(self.message(answer)),
            at=self.world.clock.now(),
            tag=Tag.CLIENT,
            idempotency_key=key,
        )

    def by(self, phone: SimPhone) -> Offline:
        """The same invitation in front of another phone."""
        statement, invited = phone.scanned(self.started)
        return replace(self, phone=phone, statement=statement, invited=invited)


def offline(world: World, phone: SimPhone, label: str = "desk", *, login: str = EMAIL, prompt: bool = False) -> Offline:
    """A sign-in whose code this phone has scanned."""
    browser = Browser(label)
    started = world.site(phone.tenant).start_sign_in(login, browser, prompt=prompt)
    statement, invited = phone.scanned(started)
    return Offline(world, phone, started, browser, statement, invited)
