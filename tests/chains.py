"""Offline codes for tests: chains of phones that are numbers, and of phones in a world."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pteri.core import wire
from pteri.core.ids import AccountId, Thumbprint, to_base64url
from pteri.core.keys.secret import Secret
from pteri.core.offline import SEED_BYTES, ChainTerms, chain_end, offline_code
from pteri.domain.rules import Rules

if TYPE_CHECKING:
    from world import Answered, Browser, Shown, SimPhone, Site

__all__ = ["DAY", "OFFERED", "Chain", "enter", "prepared", "seed_of"]

DAY: Final = 86_400
OFFERED: Final = Rules(offline_codes_s=30 * DAY)
STEP: Final = 30


def seed_of(label: str) -> Secret:
    return Secret(hashlib.sha256(f"seed of {label}".encode()).digest()[:SEED_BYTES])


class Chain:
    """The offline codes of one phone. ``shown`` needs no network."""

    def __init__(self, terms: ChainTerms, seed: Secret) -> None:
        self.terms, self.seed, self.end = terms, seed, chain_end(terms, seed)

    def shown(self, at: int) -> str:
        return offline_code(self.terms, self.seed, at)


def prepared(phone: SimPhone, label: str = "chain", *, days: int = 1, start: int | None = None) -> tuple[Chain, Shown]:
    """The phone prepares codes from now on, and what the service says to that."""
    start = phone.world.clock.now() if start is None else start
    account = AccountId((phone.known or phone.look()).account)
    chain = Chain(ChainTerms(account, Thumbprint(phone.thumbprint), start, STEP, days * DAY // STEP), seed_of(label))
    wish = wire.PrepareOfflineCodes(chain.end, start, STEP, chain.terms.length)
    return chain, phone.answered(phone.post("/offline-codes", wish))


def enter(
    site: Site, started: wire.Started, code: str, browser: Browser, *, idempotency_key: str | None = None, qr: str = ""
) -> Answered:
    """The code typed in this browser."""
    message = wire.EnterOfflineCode(qr or started.qr, code, to_base64url(browser.secret))
    return site.call("POST", f"/logins/{started.id}/offline-code", message, idempotency_key=idempotency_key)
