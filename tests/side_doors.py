"""Addresses, the link in a mail, and codes of a phone without a network, for machines that try everything.

The link and the code are no statements: what counts there is decided beside the policy, and ``Doors`` says by what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from builders import digest, thumbprint
from chains import Chain, seed_of
from ledger import DAY, MINUTE, Ledger
from pteri.core.acts import ChangeChannels, SetupOtp
from pteri.core.errors import ProtocolError
from pteri.core.offline import ChainTerms, SpentElement, parse_offline_code, verify_offline_code
from pteri.domain import offline
from pteri.domain.decisions import Decision, Permit
from pteri.domain.events import Event, FrozenByLink, SignedInOffline
from pteri.domain.guards import freeze_by_link

if TYPE_CHECKING:
    from pteri.core.ids import Thumbprint
    from pteri.domain.account import Account
    from pteri.domain.rules import Rules

__all__ = ["SAFE", "Doors", "enter_offline", "preparing", "stop_by_link", "warning_at"]

STEP: Final = 10 * MINUTE
LENGTH: Final = 3 * DAY // STEP


class Doors(NamedTuple):
    """How the service decides at these; mutants have others."""

    links: Callable[[Account, int, Rules], Decision]
    sign_in: Callable[[Thumbprint, Account, Rules], Decision]
    verify: Callable[..., SpentElement]


SAFE: Final = Doors(freeze_by_link, offline.sign_in, verify_offline_code)


def warning_at(ledger: Ledger, by: int, *names: str) -> ChangeChannels:
    """Warnings shall go to the addresses of these people."""
    account = ledger.now()
    channels = tuple(sorted(digest(f"address of {name}") for name in names))
    return ChangeChannels(account.id, thumbprint(by), account.epoch, channels)


def stop_by_link(ledger: Ledger, doors: Doors = SAFE) -> tuple[Account, FrozenByLink] | None:
    """Somebody uses the link of a mail: the account before it, and what happened."""
    account, lapsed = ledger.settled()
    if not isinstance(doors.links(account, ledger.at, ledger.rules), Permit):
        return None
    until = ledger.at + ledger.rules.freeze_s
    event = FrozenByLink(ledger.at, ledger.next_request(), digest("link"), ledger.rules.digest(), until)
    _record(ledger, lapsed, event)
    return account, event


def preparing(ledger: Ledger, by: int) -> SetupOtp:
    """Offline codes of this phone, from now on."""
    account = ledger.now()
    chain = _chain(ledger.now(), by, ledger.at)
    terms = chain.terms
    return SetupOtp(
        account.id, thumbprint(by), account.epoch, chain.end, length=terms.length, start=terms.start, step=terms.step
    )


def enter_offline(ledger: Ledger, number: int, doors: Doors = SAFE) -> tuple[Account, SignedInOffline] | None:
    """The code that this phone shows now is typed: the account before it, and what happened."""
    account, lapsed = ledger.settled()
    known = offline.chain_of(account, thumbprint(number))
    if known is None or ledger.at >= known.terms.ends_at:
        return None
    typed = parse_offline_code(Chain(known.terms, seed_of(f"{number}")).shown(ledger.at))
    shown: dict[str, Any] = {"expected_terms": known.terms, "expected_end": known.end, "spent": known.spent}
    try:
        spent = doors.verify(typed, **shown, at=ledger.at)
    except ProtocolError:
        return None
    if not isinstance(doors.sign_in(thumbprint(number), account, ledger.rules), Permit):
        return None
    event = SignedInOffline(
        ledger.at, ledger.next_request(), thumbprint(number), spent.slot, spent.element, ledger.rules.digest()
    )
    _record(ledger, lapsed, event)
    return account, event


def _chain(account: Account, number: int, start: int) -> Chain:
    return Chain(ChainTerms(account.id, thumbprint(number), start, STEP, LENGTH), seed_of(f"{number}"))


def _record(ledger: Ledger, lapsed: tuple[Event, ...], event: Event) -> None:
    for each in (*lapsed, event):
        ledger.record(each)
