"""Offline codes for tests: chains of phones that are numbers, and of phones in a world."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from builders import thumbprint
from ledger import Ledger
from pteri.core import wire
from pteri.core.acts import SetupOtp
from pteri.core.ids import AccountId, Thumbprint, to_base64url
from pteri.core.keys.secret import Secret
from pteri.core.offline import (
    SEED_BYTES,
    ChainTerms,
    chain_end,
    offline_code,
    parse_offline_code,
    verify_offline_code,
)
from pteri.domain import offline
from pteri.domain.decisions import Permit, Reason
from pteri.domain.events import SignedInOffline
from pteri.domain.rules import Rules

if TYPE_CHECKING:
    from world import Answered, Browser, Shown, SimPhone, Site

__all__ = [
    "DAY",
    "OFFERED",
    "STEP",
    "Chain",
    "chain_of",
    "enter",
    "offering",
    "prepare",
    "prepared",
    "preparing",
    "seed_of",
    "sign_in",
]

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


# --- an account and its time, without an application ----------------------------------------------------------------


def offering() -> Ledger:
    """A linked account of a tenant that takes offline codes."""
    ledger = Ledger(rules=OFFERED)
    ledger.bind()
    return ledger


def chain_of(ledger: Ledger, number: int, *, start: int | None = None) -> Chain:
    """A day of codes of phone ``number``."""
    begins = ledger.at if start is None else start
    return Chain(ChainTerms(ledger.now().id, thumbprint(number), begins, STEP, DAY // STEP), seed_of(f"{number}"))


def preparing(ledger: Ledger, number: int) -> SetupOtp:
    terms, account = (chain := chain_of(ledger, number)).terms, ledger.settled()[0]
    return SetupOtp(
        account.id,
        thumbprint(number),
        account.epoch,
        chain.end,
        length=terms.length,
        start=terms.start,
        step=terms.step,
    )


def prepare(ledger: Ledger, number: int) -> Chain:
    assert ledger.submit(preparing(ledger, number)) == Permit(Reason.BOTH_KEYS)
    return chain_of(ledger, number)


def sign_in(ledger: Ledger, number: int) -> Ledger:
    """The code of now is typed, and it is right."""
    account, lapsed = ledger.settled()
    known = offline.chain_of(account, thumbprint(number))
    assert known is not None
    code = parse_offline_code(Chain(known.terms, seed_of(f"{number}")).shown(ledger.at))
    spent = verify_offline_code(
        code, expected_terms=known.terms, expected_end=known.end, spent=known.spent, at=ledger.at
    )
    assert isinstance(offline.sign_in(thumbprint(number), account, ledger.rules), Permit)
    typed = SignedInOffline(
        ledger.at, ledger.next_request(), thumbprint(number), spent.slot, spent.element, ledger.rules.digest()
    )
    for event in (*lapsed, typed):
        ledger.record(event)
    return ledger


# --- phones in a world ----------------------------------------------------------------------------------------------


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
